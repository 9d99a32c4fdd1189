"""The words of proxies (manual 4.2) that mean something in HTTP mode only: options without arguments, and few others.

In TCP mode they are taken with a warning, as HAProxy does (consistency.py).
"""

from __future__ import annotations

from tcproxy.grammar.rows import BACK, FRONT, PROXY, Draft, Reading, Row, Where, no_effect
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.grammar.units import listed
from tcproxy.model.options import parse_log_option, parse_option

CONNECTIONS = frozenset({"httpclose", "http-server-close", "http-keep-alive"})
"""What becomes of connections behind a response: one of these ways."""
NAME_POLICIES = ("preserve", "delete", "reject")
"""What becomes of a request's headers whose names are unusual: X_A, which some programs mix up with X-A."""


def parse_connections(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `[no] option httpclose|http-server-close|http-keep-alive`: the last one said holds."""
    name = statement.words[1]
    if len(statement.words) > 2:
        raise Refused(f"'option {name}' cannot take the argument '{statement.words[2]}'", 2)
    options = draft.get("options", frozenset())
    if statement.negation:
        draft["options"] = options - {name}
    else:
        draft["options"] = options - CONNECTIONS | {name}


def parse_send_name_header(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `http-send-name-header NAME`; HAProxy does not mind words that follow."""
    if len(statement.words) < 2 or not statement.words[1]:
        raise Refused("'http-send-name-header' needs the name of a header behind it")
    draft["send_name_header"] = statement.words[1].lower()


def parse_restrict(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `option http-restrict-req-hdr-names preserve|delete|reject`."""
    policy = statement.words[2] if len(statement.words) > 2 else ""
    if policy not in NAME_POLICIES:
        raise Refused(f"'{' '.join(statement.words[:2])}' supports {listed(NAME_POLICIES)}, and not '{policy}'", 2)
    if len(statement.words) > 3:
        raise Refused(f"'{' '.join(statement.words[:3])}' cannot take the argument '{statement.words[3]}'", 3)
    draft["restrict_names"] = policy


def _option(name: str, where: frozenset[Where], help: str) -> Row:
    return Row(f"option {name}", where, help, parse=parse_option, negatable=True, mode="http", manual="4.2")


def _connections(name: str, help: str) -> Row:
    return Row(f"option {name}", PROXY, help, parse=parse_connections, negatable=True, manual="4.2", core=True)


WORDS = (
    _option("accept-invalid-http-request", FRONT, "Take requests with characters that HTTP forbids."),
    _option("accept-invalid-http-response", BACK, "Take responses with characters that HTTP forbids."),
    _option("checkcache", BACK, "Block responses that caches could keep with their cookies."),
    _option("http-buffer-request", PROXY, "Wait for the body of a request before anything is done with it."),
    _option("http-ignore-probes", FRONT, "Say nothing of connections that end without a request."),
    _option("http-use-proxy-header", FRONT, "Ask for a name (407) and read one as a proxy does."),
    _option("idle-close-on-response", FRONT, "Let idle clients ask once more during a soft stop."),
    _option("http-pretend-keepalive", BACK, "Do not tell servers that their connection will be closed."),
    _connections("http-keep-alive", "Keep connections on both sides open for further requests."),
    _connections("http-server-close", "Close the server's connection behind each response."),
    _connections("httpclose", "Close both connections behind each response."),
    *no_effect(PROXY, "option http-no-delay", "No effect: nothing is held back for a fuller packet.", negatable=True,
               mode="http", manual="4.2"),
    *no_effect(FRONT, "option disable-h2-upgrade", "No effect: no connection becomes one of HTTP/2.",
               negatable=True, mode="http", manual="4.2"),
    Row("http-send-name-header", BACK, "Tell each server its own name in a header.", parse=parse_send_name_header,
        mode="http", manual="4.2", core=True),
    Row("option http-restrict-req-hdr-names", PROXY, "Leave out or refuse headers with unusual names.",
        parse=parse_restrict, mode="http", manual="4.2", core=True),
    Row("option httplog", FRONT, "Log requests with timers, states and headers; `clf` or `json` choose other forms.",
        parse=parse_log_option, manual="4.2", core=True),
)  # fmt: skip
