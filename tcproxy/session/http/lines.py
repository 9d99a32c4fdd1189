"""Log lines of exchanges: a format's expression over facts that are taken straight from the session.

A line costs as much as the facts that it names: `compiled` writes one function for each format of a frontend, which
puts them into local variables, in the order of FACTS, and into the format's template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from tcproxy.report.formats import Moment
from tcproxy.report.record import NOWHERE, Record
from tcproxy.report.views import all_requests
from tcproxy.session.persistence import letters
from tcproxy.session.telling import NO_SERVER, awaited, unique_id

if TYPE_CHECKING:
    from tcproxy.report.formats import Format
    from tcproxy.session.ends import Address
    from tcproxy.session.frontend import Frontend
    from tcproxy.session.http.session import HttpSession
    from tcproxy.session.world import World

Line = Callable[["HttpSession"], str]

LINE_LENGTH = 1023
"""Bytes of a request line that logs show, where `tune.http.logurilen` says nothing else."""


def _moment(name: str) -> str:
    # whole milliseconds of the clock, as the reference's tick counts them; the fraction forgives a float's last bit
    return f"int(s.{name} * 1000 + 0.001)"


FACTS: Mapping[str, str] = {
    "m_idle": _moment("idle_from"),
    "m_began": f"m_idle if s.began == s.idle_from else {_moment('began')}",
    "m_asked": f"m_began if s.asked_at == s.began else {_moment('asked_at')}",
    "m_queued": f"m_asked if s.queued_until == s.asked_at else {_moment('queued_until')}",
    "m_connected": f"m_queued if s.connected_at == s.queued_until else {_moment('connected_at')}",
    "m_answered": _moment("answered_at"),
    "m_now": "int(seconds() * 1000 + 0.001)",
    "live": "s.server or awaited(s)",
    "asked": "s.request",
    "r_client": "s.peer or peer_of(s)",
    "r_front": "front_of(s)",
    "r_local": "s.local or nowhere",
    "r_remote": "s.remote or nowhere",
    "r_begun": "s.accepted",
    "r_handshake": "s.handshake",
    "r_idle": "m_began - m_idle",
    "r_accepted": "r_begun - (r_idle + r_handshake) / 1000",
    "r_frontend": "front.name",
    "r_mode": "'http'",
    "r_tls": "False",
    "r_backend": "front.name if s.backend is None else s.backend.name",
    "r_server": "nobody if live is None else live.name",
    "r_request": "m_asked - m_began if s.asked_at else -1",
    "r_queue": "m_queued - m_began if s.queued_until and s.asked_at else -1",
    "r_connect": "m_connected - m_queued if s.connected_at else -1",
    "r_response": "m_answered - m_connected if s.answered_at else -1",
    "r_total": "m_now - m_idle + s.handshake",
    "r_bytes_in": "s.sizes[0]",
    "r_bytes_out": "s.sizes[1]",
    "r_termination": "(s.error or '-') + (s.phase or '-')",
    "shows": "s.settings if s.backend is None else s.backend.http",
    "r_cookie": "letters(s) if asked is not None and shows.shows_cookie else '--'",
    "r_active": "process.current",
    "r_frontend_active": "counters.current",
    "r_backend_active": "0 if s.backend is None else s.backend.farm.counters.current",
    # the slot is given back behind the line: it does not count
    "r_server_active": "0 if live is None else live.counters.current - (s.server is not None)",
    "r_retries": "s.retries",
    "r_redispatched": "s.redispatched or (s.ticket is not None and s.ticket.redispatched)",
    "r_server_queue": "0 if s.ticket is None else s.ticket.server_queue",
    "r_backend_queue": "0 if s.ticket is None else s.ticket.backend_queue",
    "r_sequence": "front.lines",
    "r_number": "s.stream",
    "r_unique_id": "'' if asked is None else unique_id(s)",
    "r_status": "s.status",
    "r_line": "b'' if asked is None else (b'%b %b %b' % (asked.method, asked.target, asked.version))[:longest]",
    "captured": "s.captured",
    "r_request_captures": "() if captured is None else captured.request",
    "r_response_captures": "() if captured is None else captured.response",
    "r_request_cookie": "None if captured is None else captured.request_cookie",
    "r_response_cookie": "None if captured is None else captured.response_cookie",
}
"""Local variables of a line's function, by what they are made of: the session `s`, constants, those before them."""

EARLY: Mapping[str, str] = {
    **FACTS,
    "r_bytes_in": "0",
    "r_bytes_out": "arrived(s)",
    "r_server_active": "0 if live is None else live.counters.current",
}
"""Of a line that is written while the exchange goes on."""

_FACT = re.compile(r"\br\.(?=\w)")
_LOCAL = re.compile(r"\b(?:r_|m_)\w+|\b(?:live|asked|captured|shows)\b")


BARE: Mapping[str, str] = {**FACTS, "r_number": "numbered()"}
"""Of a line about what never was a request."""
_NO_ID = {"r_unique_id": "''"}
IDENTITY: Mapping[str, str] = {**EARLY, **_NO_ID}
"""Of a unique id, which does not name itself."""
FIRST_IDENTITY: Mapping[str, str] = {**IDENTITY, "r_request": "-1", "r_queue": "-1", "r_total": "0"}
"""Of the unique id of a request that is about to look for a server: none of its times is counted."""


class Lines:
    """What writes the lines of a frontend, each with its structured data or None.

    whole, bare: of a request, and of what never was one. early: of an exchange that goes on, None where lines are
    written at the end; twice: of a request, and once more with its response.
    """

    __slots__ = ("bare", "early", "twice", "whole")

    def __init__(self, frontend: Frontend, form: Format, data: Format | None) -> None:
        self.whole = _pair(frontend, form, data, FACTS)
        self.bare = _pair(frontend, form.bare or form, data and (data.bare or data), BARE)
        self.early = None if form.moment is Moment.END else _pair(frontend, form, data, EARLY)
        self.twice = form.moment is Moment.REQUEST


def _pair(
    frontend: Frontend, form: Format, data: Format | None, facts: Mapping[str, str]
) -> tuple[Line, Line | None]:
    return compiled(form, frontend, facts), compiled(data, frontend, facts) if data is not None else None


def compiled(form: Format, frontend: Frontend, facts: Mapping[str, str]) -> Line:
    """Return what writes a format's lines of a frontend's exchanges."""
    shown = "".join(f"{_FACT.sub('r_', expression)}, " for expression in form.expressions)
    if not any(proxy.cookie for proxy in frontend.world.configuration.proxies):
        facts = {**facts, "r_cookie": "'--'"}
    names = {**_constants(frontend), **form.constants, "template": form.template}
    line: Line = _function(f"template % ({shown})", facts, names)
    return line


def recorder(frontend: Frontend, needs: frozenset[str]) -> Callable[[HttpSession], Record]:
    """Return what makes a Record of an exchange, of addresses those that are needed."""
    unneeded = {"client", "front", "local", "remote", "unique_id"} - needs
    fields = [name for name in Record.__slots__ if f"r_{name}" in FACTS and name not in unneeded]
    names = {**_constants(frontend), "Record": Record}
    record: Callable[[HttpSession], Record] = _function(
        f"Record({', '.join(f'{name}=r_{name}' for name in fields)})", FACTS, names
    )
    return record


def _function(expression: str, facts: Mapping[str, str], names: dict[str, object]) -> Any:
    """Return the function of a session `s` that returns an expression over facts."""
    wanted = _wanted(expression, facts)
    body = "".join(f"    {name} = {facts[name]}\n" for name in facts if name in wanted)
    # all that a user wrote stands in `names`
    exec(f"def made(s):\n{body}    return {expression}\n", names)
    return names["made"]


def _wanted(text: str, facts: Mapping[str, str]) -> set[str]:
    """Return the local variables that an expression needs, and those that they need."""
    found: set[str] = set()
    new = set(_LOCAL.findall(text))
    while new:
        found |= new
        new = {name for one in new for name in _LOCAL.findall(facts[one])} - found
    return found


def _constants(frontend: Frontend) -> dict[str, object]:
    world = frontend.world
    return {
        "nowhere": NOWHERE,
        "seconds": world.clock.seconds,
        "front": frontend,
        "counters": frontend.counters,
        "process": world.counters,
        "nobody": NO_SERVER,
        "longest": world.configuration.process.tune.get("tune.http.logurilen", LINE_LENGTH),
        "peer_of": _peer_of,
        "front_of": _front_of,
        "unique_id": unique_id,
        "awaited": awaited,
        "arrived": _arrived,
        "letters": letters,
        "numbered": partial(_numbered, world),
    }


def _arrived(session: HttpSession) -> int:
    """Return how many bytes of the response are there; its head has just come, if there is one."""
    link, head = session.link, session.response
    return session.sent if link is None or head is None else link.moved + link.at_hand(head)


def _peer_of(session: HttpSession) -> Address:
    """Find out who the client is: once a connection."""
    try:
        session.peer = session.client_address
    except OSError:
        return NOWHERE  # the socket knows its addresses no more
    return session.peer


def _front_of(session: HttpSession) -> Address:
    try:
        return session.front_address
    except OSError:
        return NOWHERE


def number(session: HttpSession) -> bool:
    """Give an exchange its number in the process, for lines that name it."""
    session.stream = _numbered(session.frontend.world)
    return True


def _numbered(world: World) -> int:
    """Return how many exchanges, and sessions of TCP mode and of commands, there were before this one."""
    return all_requests(world) - 1
