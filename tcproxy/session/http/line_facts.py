"""The facts that a log line of an exchange may name, and the expression that finds each.

Expressions over the exchange `s`, over constants (line_functions.py) and over facts before them: it puts those that a
format names into local variables of one function. `r_NAME` is the fact that a Record calls NAME.
"""

from __future__ import annotations

from collections.abc import Mapping


def _moment(name: str) -> str:
    # whole milliseconds of the clock, as HAProxy's tick counts them; the fraction forgives a float's last bit
    return f"int(s.{name} * 1000 + 0.001)"


_LINE = "(asked.method, asked.target, asked.version) if s.changes is None else s.changes.line_of(asked)"
"""The request line as it came."""
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
    "r_client": "s.connection.peer or peer_of(s)",
    "r_front": "front_of(s)",
    "r_local": "s.local or nowhere",
    "r_remote": "s.remote or nowhere",
    "r_begun": "s.connection.accepted",
    "r_handshake": "s.handshake",
    "r_idle": "m_began - m_idle",
    "r_accepted": "r_begun - (r_idle + r_handshake) / 1000",
    "r_frontend": "front.name",
    "r_mode": "front.model.mode",
    "r_tls": "False",
    "r_backend": "front.name if s.backend is None else s.backend.name",
    "r_server": "(nobody if s.inner is None else s.inner.title) if live is None else live.name",
    "r_request": "m_asked - m_began if s.asked_at else -1",
    # a request that was never asked waited in a tarpit, for which HAProxy counts one millisecond too many
    "r_queue": "(m_queued - m_asked if s.asked_at else m_queued - m_idle + s.handshake + 1) if s.queued_until else -1",
    "r_connect": "m_connected - m_queued if s.connected_at else -1",
    "r_response": "m_answered - m_connected if s.answered_at else -1",
    "r_total": "m_now - m_idle + s.handshake",
    "r_bytes_in": "s.byte_counts[0]",
    "r_bytes_out": "s.byte_counts[1]",
    "r_termination": "(s.error or '-') + (s.phase or '-')",
    "shows": "s.settings if s.backend is None else s.backend.http",
    "r_cookie": "cookie_letters(s) if asked is not None and shows.shows_cookie else '--'",
    "r_active": "process.current",
    "r_frontend_active": "counters.current",
    "r_backend_active": "0 if s.backend is None else s.backend.farm.counters.current",
    # the slot is given back after the line is written, and does not count in it
    "r_server_active": "0 if live is None else live.counters.current - (s.server is not None)",
    "r_retries": "s.retries",
    "r_redispatched": "s.redispatched or (s.ticket is not None and s.ticket.redispatched)",
    "r_server_queue": "0 if s.ticket is None else s.ticket.server_queue",
    "r_backend_queue": "0 if s.ticket is None else s.ticket.backend_queue",
    "r_sequence": "front.lines",
    "r_number": "s.number",
    "r_unique_id": "'' if asked is None else unique_id(s)",
    "r_status": "s.status",
    "r_line": f"b'' if asked is None else (b'%b %b %b' % ({_LINE}))[:longest]",
    "captured": "s.captured",
    "r_request_captures": "() if captured is None else captured.request",
    "r_response_captures": "() if captured is None else captured.response",
    "r_request_cookie": "None if captured is None else captured.request_cookie",
    "r_response_cookie": "None if captured is None else captured.response_cookie",
    "r_facts": "s",
}
"""Local variables of a line's function, by what they are made of: the exchange `s`, constants, those before them."""

EARLY: Mapping[str, str] = {
    **FACTS,
    "r_bytes_in": "0",
    "r_bytes_out": "arrived(s)",
    "r_server_active": "0 if live is None else live.counters.current",
}
"""Of a line that is written while the exchange goes on."""
BARE: Mapping[str, str] = {**FACTS, "r_number": "numbered()"}
"""Of a line about bytes that never became a request."""
_MARKS = {
    "marks": "s.times_ms",
    "m_idle": "marks[0]",
    "m_asked": "marks[1]",
    "m_began": f"m_asked if s.began == s.asked_at else {_moment('began')}",
    "m_answered": "marks[2]",
    "m_now": "marks[3]",
}
FAST: Mapping[str, str] = {
    **_MARKS,
    **{name: text for name, text in FACTS.items() if name not in _MARKS},
    "live": "s.server",
    "r_server": "live.name",
    "r_request": "m_asked - m_began",
    "r_queue": "0",
    "r_connect": "0",
    "r_response": "m_answered - m_asked",
    "r_termination": "'--'",
    "r_backend": "s.backend.name",
    "r_backend_active": "s.backend.farm.counters.current",
    "r_server_active": "live.counters.current - 1",
    "r_retries": "0",
    "r_redispatched": "False",
    "r_server_queue": "0",
    "r_backend_queue": "0",
    "r_line": f"(b'%b %b %b' % ({_LINE}))[:longest]",
}
"""Of an exchange that took the fast path (fast.py): over a link that stood, and nothing went wrong."""
IDENTITY: Mapping[str, str] = {**EARLY, "r_unique_id": "''"}
"""Of a unique id, which cannot name itself."""
FIRST_IDENTITY: Mapping[str, str] = {**IDENTITY, "r_request": "-1", "r_queue": "-1", "r_total": "0"}
"""Of the unique id of a request that is about to look for a server: none of its times is counted."""
