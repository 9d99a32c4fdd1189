"""What an exchange leaves behind: its share of the counters, and its log line.

Bytes are counted as the reference does, which counts its own form of a head: 20 bytes, then the start line's words,
names and values, and 1 for the end; behind a chunked body 1 more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.report.outlets import NO_DATA
from tcproxy.session.stages import PROXY
from tcproxy.session.telling import ERROR_LEVEL, INFO_LEVEL, awaited, unique_id

if TYPE_CHECKING:
    from tcproxy.report.counters import Counters
    from tcproxy.session.http.lines import Line
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
            passed = [session.frontend.world.farms[session.frontend.name].counters]
            if session.previous is not None:
                passed.append(session.previous.counters)
            for counters in passed:
                counters.bytes_in += received
                counters.bytes_out += sent
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
    answered_at = int(session.answered_at * 1000 + 0.001)
    answered = answered_at - connected
    # the wait for the request belongs to it
    idle, now = int(session.idle_from * 1000 + 0.001), int(session.frontend.world.clock.seconds() * 1000 + 0.001)
    lasted = now - idle
    session.marks = (idle, connected, answered_at, now)
    farm.timed(queued, connecting, lasted, answered)
    if server is not None:
        server.timed(queued, connecting, lasted, answered)


def account_plain(session: HttpSession, farm: Counters, server: Counters, now: float) -> None:
    """Do what `account` does, for an exchange that went the short way (plain.py) and ended at `now`."""
    client, link = session.client, session.link
    received, sent = client.moved, link.moved
    client.moved = 0
    session.sizes = (received, sent)
    place = session.status // 100
    session.frontend.counters.answered[place] += 1
    for counters in session.entrance.passed:
        counters.bytes_in += received
        counters.bytes_out += sent
    farm.bytes_in += received
    farm.bytes_out += sent
    farm.answered[place] += 1
    server.bytes_in += received
    server.bytes_out += sent
    idle, connected = int(session.idle_from * 1000 + 0.001), int(session.connected_at * 1000 + 0.001)
    answered_at = session.answered_at
    answered = over = int(now * 1000 + 0.001)
    if answered_at != now:
        answered = int(answered_at * 1000 + 0.001)
    session.marks = (idle, connected, answered, over)
    lasted, waited = over - idle, answered - connected
    farm.timed(0, 0, lasted, waited)
    server.timed(0, 0, lasted, waited)


def _sent(session: HttpSession) -> int:
    return session.sent or (session.link.moved if session.link is not None else 0)


def tell(session: HttpSession) -> None:
    """Write the exchange's log line."""
    lines = session.settings.lines
    if lines is None or session.told:
        return
    session.told = True
    if session.request is not None:
        _write(session, lines.whole)
        return
    if not (session.client.begun or session.error == PROXY):
        # the reference gives each line a number of a request
        session.frontend.world.counters.requests += 1
    _write(session, lines.bare)


def tell_plain(session: HttpSession) -> None:
    """Write the log line of a plain exchange over a link that stood."""
    lines = session.settings.lines
    if lines is None:
        return
    frontend = session.frontend
    line, data = lines.plain
    if session.status >= 500 or frontend.skip_normal or data is not None:
        _write(session, lines.plain)
        return
    text = line(session)
    frontend.lines += 1
    frontend.outlet.send(INFO_LEVEL, text)  # type: ignore[union-attr]  # there are lines


def tell_early(session: HttpSession) -> None:
    """Write the line of a frontend that does not wait for the end: when the request came, or the response's head."""
    lines = session.settings.lines
    if lines is None or lines.early is None or (session.told and not lines.twice):
        return
    # what tells of the request alone has had its moment, wanted or not
    session.told = _write(session, lines.early) or lines.twice


def tell_request(session: HttpSession) -> bool:
    """Write the line of a frontend whose lines tell of nothing but the request; its id is made before."""
    if session.frontend.id_form is not None:
        unique_id(session)
    tell_early(session)
    return True


def tell_client(session: HttpSession) -> bool:
    """Write the line of a frontend that chose no format."""
    frontend = session.frontend
    outlet, form = frontend.outlet, frontend.form
    if outlet is not None and form is not None:
        frontend.lines += 1
        outlet.send(INFO_LEVEL, form.render(session.settings.record(session, form.needs)))
    return True


def _write(session: HttpSession, lines: tuple[Line, Line | None]) -> bool:
    """Write a line; False where it is not wanted (`option dontlog-normal`)."""
    frontend, error = session.frontend, session.error
    failed = session.status >= 500 or (error != "L" if error else session.retries > 0) or session.redispatched
    if frontend.skip_normal and not failed:
        return False
    line, data = lines
    text = line(session)
    said = NO_DATA if data is None else data(session)
    frontend.lines += 1
    frontend.outlet.send(ERROR_LEVEL if failed and frontend.separate_errors else INFO_LEVEL, text, said)  # type: ignore[union-attr]  # there are lines
    return True
