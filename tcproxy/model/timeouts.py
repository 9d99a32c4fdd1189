"""The `timeout` words of proxies (manual 4.2): how long each wait may last, in milliseconds."""

from __future__ import annotations

from tcproxy.grammar.rows import BACK, FRONT, PROXY, Draft, Reading, Row, Status, Where, gone
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.grammar.units import Time


def parse_timeout(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `timeout NAME TIME` into the mapping `timeouts`; a second one in the same section warns."""
    words = statement.words
    name = words[1]
    if len(words) < 3:
        raise Refused(f"'timeout {name}' needs a time behind it, such as '30s'; a bare number counts milliseconds")
    if len(words) > 3:
        raise Refused(f"'timeout {name}' cannot take the argument '{words[3]}' behind '{words[2]}'", 3)
    kind = Time()
    try:
        value = kind.read(words[2])
    except ValueError as wrong:
        raise Refused(f"'timeout {name}' : {wrong}", 2) from None
    if kind.doubt(words[2]):
        reading.warn(statement, f"'timeout {name}' : {kind.doubt(words[2])}")
    if name in draft.get("timeouts_said", ()):
        reading.warn(statement, f"'timeout {name}' was said before in this section; the last one holds")
    draft.append("timeouts_said", name)
    draft.put("timeouts", name, value)


def _row(name: str, where: frozenset[Where], help: str, status: Status = Status.DONE) -> Row:
    return Row(f"timeout {name}", where, help, parse=parse_timeout, status=status, manual="4.2")


WORDS = (
    _row("check", BACK, "Limit how long a health check may read, once connected."),
    _row("client", FRONT, "Limit how long a client may stay silent."),
    _row("client-fin", FRONT, "Limit how long a client may stay silent on a half-closed connection."),
    _row("connect", BACK, "Limit how long a connection to a server may take."),
    _row("http-keep-alive", PROXY, "Limit the wait for another request."),
    _row("http-request", PROXY, "Limit the wait for a whole request."),
    _row("queue", BACK, "Limit how long a client waits for a free server."),
    _row("server", BACK, "Limit how long a server may stay silent."),
    _row("server-fin", BACK, "Limit how long a server may stay silent on a half-closed connection."),
    _row("tarpit", PROXY, "Set how long tarpitted clients are held."),
    _row("tunnel", BACK, "Limit how long both sides of a tunnel may stay silent."),
    *gone(PROXY, {
        "clitimeout": "write 'timeout client'",
        "contimeout": "write 'timeout connect'",
        "srvtimeout": "write 'timeout server'",
    }),
)  # fmt: skip
