"""What a session leaves behind: its share of the counters, and its log line.

The line's text is made in tcproxy/report; whether a line is wanted at all is decided here (`option dontlognull`,
`dontlog-normal`, `log-separate-errors`, `logasap`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.report.formats import Moment, blanked
from tcproxy.report.outlets import NO_DATA
from tcproxy.report.record import Record
from tcproxy.session.stages import CLOSED, PROXY

if TYPE_CHECKING:
    from tcproxy.servers.live import LiveServer
    from tcproxy.session.session import Session

ERROR_LEVEL = 3
INFO_LEVEL = 6
NO_SERVER = "<NOSRV>"


def awaited(session: Session) -> LiveServer | None:
    """Return the server of a session that has none: in whose queue it waits, or did in vain, or which failed it."""
    ticket = session.ticket
    if ticket is not None and ticket.server is not None and (ticket.waiting or ticket.cancelled):
        return ticket.server
    return session.previous


def account(session: Session) -> None:
    """Add the session's bytes and times to the counters of all it passed through."""
    frontend, backend, link = session.frontend, session.backend, session.link
    passed = [frontend.world.counters, frontend.counters, session.entrance.counters]
    if backend is not None:
        farm = backend.farm.counters
        passed.append(farm)
        live = session.server or awaited(session)
        server = live.counters if live is not None else None
        if server is not None:
            passed.append(server)
        if session.connected_at:
            # `milliseconds` of three spans, each moment counted once
            began, left_queue = int(session.began * 1000 + 0.001), int(session.queued_until * 1000 + 0.001)
            queued, connecting = left_queue - began, int(session.connected_at * 1000 + 0.001) - left_queue
            lasted = int(frontend.world.clock.seconds() * 1000 + 0.001) - began
            farm.timed(queued, connecting, lasted)
            if server is not None:
                server.timed(queued, connecting, lasted)
    received, sent = session.client.moved, link.moved if link is not None else 0
    if received or sent:
        for counters in passed:
            counters.bytes_in += received
            counters.bytes_out += sent


def tell(session: Session, moment: Moment = Moment.END) -> None:
    """Write the log line, if this is its moment or the session ends without having had it."""
    frontend = session.frontend
    form, outlet = frontend.form, frontend.outlet
    if outlet is None or form is None or session.told:
        return
    if moment is not form.moment and moment is not Moment.END:
        return
    session.told = True
    failed = bool(session.error and session.error != "L") or session.redispatched
    failed = failed or (not session.error and session.retries > 0)
    if moment is not Moment.ACCEPT and _unwanted(session, failed, moment):
        return
    level = ERROR_LEVEL if failed and frontend.separate_errors else INFO_LEVEL
    record = record_of(session, frontend.needs, moment)
    frontend.lines += 1
    data = frontend.data_form.render(record) if frontend.data_form is not None else NO_DATA
    outlet.send(level, form.render(record), data)


def _unwanted(session: Session, failed: bool, moment: Moment) -> bool:
    if session.frontend.skip_normal and not failed:
        return True
    # a session that only begins may still carry bytes
    return session.frontend.skip_null and not session.client.moved and moment is Moment.END


def refuse(session: Session, cause: str, left: bool = False) -> None:
    """End a connection before it became a session (a bad PROXY header), and write its line.

    left: the client went away or stayed silent by itself, of which `option dontlognull` says nothing. A client that
    sent something is reset: HAProxy leaves those bytes unread, which makes the kernel answer the close with RST.
    """
    session.decide(PROXY, "R")
    session.client.moved = 0
    if not (left and session.frontend.skip_null):
        _tell_refused(session, cause)
    session.told = True
    if not left:
        session.client.close(reset=True)
    session.end()


def _tell_refused(session: Session, cause: str) -> None:
    frontend = session.frontend
    if frontend.outlet is None or frontend.refusal_form is None:
        return
    record = record_of(session, frontend.refusal_form.needs, Moment.END)
    record.cause = cause
    record.status = 0
    level = ERROR_LEVEL if frontend.separate_errors else INFO_LEVEL
    frontend.outlet.send(level, frontend.refusal_form.render(record))


def record_of(session: Session, needs: frozenset[str], moment: Moment) -> Record:
    """Return the facts that a line may name, of addresses those that it needs."""
    frontend, backend = session.frontend, session.backend
    now = session.connected_at if moment is Moment.ESTABLISHED else frontend.world.clock.seconds()
    record = Record(
        accepted=session.accepted,
        frontend=frontend.name,
        bind=session.entrance.name,
        mode=frontend.model.mode,
        backend=backend.name if backend is not None else frontend.name,
        handshake=session.handshake,
        total=milliseconds(session.began, now),
        bytes_in=session.client.moved,
        bytes_out=session.link.moved if session.link is not None else 0,
        termination=(session.error or "-") + (session.phase or "-"),
        active=frontend.world.counters.current,
        frontend_active=frontend.counters.current,
        backend_active=backend.farm.counters.current if backend is not None else 0,
        retries=session.retries,
        redispatched=session.redispatched,
        sequence=frontend.lines,
        number=session.number - 1,
        request_captures=frontend.no_captures[0],
        response_captures=frontend.no_captures[1],
    )
    _add_server(session, record)
    _add_addresses(session, record, needs)
    if "unique_id" in needs:
        record.unique_id = unique_id(session)
    return record


def unique_id(session: Session) -> str:
    """Return the session's unique id (`unique-id-format`), made when it is first asked for; "" without a format."""
    if session.unique is None:
        session.unique = session.frontend.identify(session)
    return session.unique


def identified(session: Session) -> str:
    """Return a new id of a session in TCP mode."""
    form = session.frontend.id_form
    if form is None:
        return ""
    return form.render(blanked(record_of(session, form.needs - {"unique_id"}, Moment.END)))


def _add_server(session: Session, record: Record) -> None:
    server = session.server or awaited(session)
    if server is not None:
        record.server = server.name
        # at the end it holds its slot still, and is not counted
        ended = session.stage is CLOSED and session.server is not None
        record.server_active = server.counters.current - ended
    if session.queued_until:
        record.queue = milliseconds(session.began, session.queued_until)
    if session.connected_at:
        record.connect = milliseconds(session.queued_until, session.connected_at)
    if session.ticket is not None:
        record.server_queue = session.ticket.server_queue
        record.backend_queue = session.ticket.backend_queue
        record.redispatched = record.redispatched or session.ticket.redispatched


def _add_addresses(session: Session, record: Record, needs: frozenset[str]) -> None:
    try:
        if "client" in needs:
            record.client = session.client_address
        if "front" in needs:
            record.front = session.front_address
        if "local" in needs:
            record.local = session.local or record.local
        if "remote" in needs:
            record.remote = session.remote or record.remote
    except OSError:
        pass  # the socket knows its addresses no more: the line says `-`


def milliseconds(begin: float, end: float) -> int:
    """Return how long something lasted, in whole milliseconds."""
    # whole milliseconds of the clock, as the reference's tick counts them; the fraction forgives a float's last bit
    return int(end * 1000 + 0.001) - int(begin * 1000 + 0.001)
