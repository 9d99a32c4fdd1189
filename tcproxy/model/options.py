"""The `option` words of proxies (manual 4.2) that need no arguments, and `option redispatch`.

Options of health checks stand in checks of their own plugins, those that only HTTP knows in http_options.py.
"""

from __future__ import annotations

from tcproxy.grammar.rows import BACK, FRONT, PROXY, Draft, Reading, Row, Status, Where, gone, refused
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.grammar.units import read_integer
from tcproxy.model.proxy import LOG_OPTIONS


def parse_option(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `[no|default] option NAME`: put the name into the set `options`, or take it out."""
    name = statement.words[1]
    if len(statement.words) > 2:
        raise Refused(f"'option {name}' cannot take the argument '{statement.words[2]}'", 2)
    options = draft.get("options", frozenset())
    draft["options"] = options - {name} if statement.negation else options | {name}


def parse_tcpka(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `option tcpka`: keep-alive on whichever sides the section has."""
    if len(statement.words) > 2:
        raise Refused(f"'option tcpka' cannot take the argument '{statement.words[2]}'", 2)
    draft["options"] = draft.get("options", frozenset()) | {"clitcpka", "srvtcpka"}


def parse_redispatch(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `option redispatch [N]` into `redispatch` (see Proxy); HAProxy ignores further words."""
    if statement.negation:
        draft["redispatch"] = 0
        return
    word = statement.words[2] if len(statement.words) > 2 else "-1"
    try:
        draft["redispatch"] = read_integer(word)
    except ValueError as wrong:
        raise Refused(f"'option redispatch' : {wrong}", 2) from None


def parse_log_option(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `option tcplog [json]` or `option httplog [clf|json]`: that format, instead of any one before it."""
    name, end = statement.words[1], 2
    if " ".join(statement.words[1:3]) in LOG_OPTIONS:
        name, end = " ".join(statement.words[1:3]), 3
    if len(statement.words) > end:
        raise Refused(f"'option {name}' cannot take the argument '{statement.words[end]}'", end)
    if reading.section == "defaults":
        _tell_replaced(statement, draft, reading, name)
    draft["options"] = draft.get("options", frozenset()) - LOG_OPTIONS | {name}
    draft["log_option_origin"] = statement.origin
    draft.pop("log_format", None)


def _tell_replaced(statement: Statement, draft: Draft, reading: Reading, name: str) -> None:
    before = [f"option {one}" for one in sorted(LOG_OPTIONS & draft.get("options", frozenset()))]
    for word in ["log-format"] if "log_format" in draft else before:
        reading.warn(statement, f"'option {name}' takes the place of the '{word}' before it")


def _option(name: str, where: frozenset[Where], help: str, status: Status = Status.DONE) -> Row:
    return Row(f"option {name}", where, help, parse=parse_option, negatable=True, status=status, manual="4.2")


_DONE = (
    _option("abortonclose", BACK, "Drop a session whose client left before its server answered."),
    _option("allbackups", BACK, "Use all backup servers at once when no other is left."),
    _option("clitcpka", FRONT, "Send TCP keep-alive packets to clients."),
    _option("contstats", FRONT, "Count bytes while sessions run.", Status.NO_EFFECT),
    _option("dontlog-normal", FRONT, "Log only what went wrong."),
    _option("dontlognull", FRONT, "Do not log connections on which nothing was sent."),
    _option("independent-streams", PROXY, "Count silence of each direction by itself."),
    _option("log-health-checks", BACK, "Log each change of a health check's result."),
    _option("log-separate-errors", FRONT, "Log what went wrong at level err."),
    _option("logasap", FRONT, "Log a session as soon as its server is known."),
    _option("nolinger", PROXY, "Close connections at once, with a reset."),
    _option("persist", BACK, "Stay with a server that is down."),
    _option("socket-stats", FRONT, "Count for each listening socket."),
    _option("splice-auto", PROXY, "Let the kernel move data where that is faster."),
    _option("splice-request", PROXY, "Let the kernel move what clients send."),
    _option("splice-response", PROXY, "Let the kernel move what servers send."),
    _option("srvtcpka", BACK, "Send TCP keep-alive packets to servers."),
    _option("tcp-smart-accept", FRONT, "Save a packet on accepted connections."),
    _option("tcp-smart-connect", BACK, "Save a packet on connections to servers."),
)

WORDS = (
    *_DONE,
    Row("option redispatch", BACK, "Let a retry go to another server.", parse=parse_redispatch, negatable=True,
        manual="4.2", core=True),
    Row("option tcpka", PROXY, "Send TCP keep-alive packets on both sides.", parse=parse_tcpka, manual="4.2",
        core=True),
    Row("option tcplog", FRONT, "Log sessions with timers and states; `json` behind it chooses another form.",
        parse=parse_log_option, manual="4.2", core=True),
    *refused(BACK, "option transparent", negatable=True, manual="4.2"),
    *gone(PROXY, {
        "option forceclose": "leave it out, or write 'option httpclose'",
        "option http-tunnel": "leave it out",
    }),
)  # fmt: skip
