"""What an exchange leaves behind: its share of the counters, and its log line.

Bytes are counted as the reference does, which counts its own form of a head: 20 bytes, then the start line's words,
names and values, and 1 for the end; behind a chunked body 1 more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.report.formats import Moment
from tcproxy.report.outlets import NO_DATA
from tcproxy.session.persistence import letters
from tcproxy.session.stages import Stage
from tcproxy.session.telling import ERROR_LEVEL, INFO_LEVEL, awaited, milliseconds, record_of

if TYPE_CHECKING:
    from tcproxy.report.counters import Counters
    from tcproxy.report.record import Record
    from tcproxy.session.http.session import HttpSession


def account(session: HttpSession) -> None:
    """Add the exchange's bytes and times to the counters of all it passed through."""
    backend, client = session.backend, session.client
    received, sent = client.moved, _sent(session)
    client.moved = 0
    session.sizes = (received, sent)
    place = session.status // 100
    session.frontend.counters.answered[place] += 1
    for counters in session.entrance.passed:
        counters.bytes_in += received
        counters.bytes_out += sent
    if backend is None:
        if session.frontend.model.is_backend:
            # a `listen` section is its own backend until another one is chosen
            own = session.frontend.world.farms[session.frontend.name].counters
            own.bytes_in += received
            own.bytes_out += sent
        return
    farm = backend.farm.counters
    farm.bytes_in += received
    farm.bytes_out += sent
    farm.answered[place] += 1
    live = session.server or awaited(session)
    server = live.counters if live is not None else None
    if server is not None:
        server.bytes_in += received
        server.bytes_out += sent
    if session.answered_at:
        _time(session, farm, server)


def _time(session: HttpSession, farm: Counters, server: Counters | None) -> None:
    # whole milliseconds of the clock, as `milliseconds` has them; written out, since every exchange passes here
    connected_at, queued_until = session.connected_at, session.queued_until
    connected = int(connected_at * 1000 + 0.001)
    queued = connecting = 0
    if queued_until != connected_at or session.asked_at != connected_at:
        until = int(queued_until * 1000 + 0.001)
        queued = until - int(session.asked_at * 1000 + 0.001)
        connecting = connected - until
    answered = int(session.answered_at * 1000 + 0.001) - connected
    # the wait for the request belongs to it
    lasted = int(session.frontend.world.clock.seconds() * 1000 + 0.001) - int(session.idle_from * 1000 + 0.001)
    farm.timed(queued, connecting, lasted, answered)
    if server is not None:
        server.timed(queued, connecting, lasted, answered)


def _sent(session: HttpSession) -> int:
    return session.sent or (session.link.moved if session.link is not None else 0)


def tell(session: HttpSession) -> None:
    """Write the exchange's log line."""
    frontend = session.frontend
    form, outlet = frontend.form, frontend.outlet
    if outlet is None or form is None or session.told:
        return
    if form.moment is Moment.ACCEPT:
        return
    session.told = True
    failed = bool(session.error and session.error != "L") or session.redispatched or session.status >= 500
    failed = failed or (not session.error and session.retries > 0)
    if frontend.skip_normal and not failed:
        return
    level = ERROR_LEVEL if failed and frontend.separate_errors else INFO_LEVEL
    record = record_exchange(session, frontend.needs)
    frontend.lines += 1
    data = frontend.data_form.render(record) if frontend.data_form is not None else NO_DATA
    outlet.send(level, form.render(record), data)


def record_exchange(session: HttpSession, needs: frozenset[str]) -> Record:
    """Return the facts that a line, or an answer, may name, of addresses those that it needs."""
    record = record_of(session, needs, Moment.END)
    record.bytes_in, record.bytes_out = session.sizes
    began, asked = session.began, session.asked_at
    record.status = session.status
    record.idle = milliseconds(session.idle_from, began)
    record.total += record.idle
    request = session.request
    if request is not None and (session.settings if session.backend is None else session.backend.http).shows_cookie:
        record.cookie = letters(session)
    if asked:
        record.request = milliseconds(began, asked)
    else:
        record.queue = -1
    if session.answered_at:
        record.response = milliseconds(session.connected_at, session.answered_at)
    if request is not None:
        record.method, record.target = request.method, request.target
        record.version = request.version
    # the slot is given back behind the line: it does not count here
    if session.server is not None and session.stage != Stage.CLOSED:
        record.server_active -= 1
    return record
