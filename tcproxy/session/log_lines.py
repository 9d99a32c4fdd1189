"""The log line of a TCP session, and of a connection that never became a session.

The line's text is made in tcproxy/report; whether a line is wanted at all is decided here (`option dontlognull`,
`dontlog-normal`, `log-separate-errors`, `logasap`). Lines of exchanges stand in http/log_lines.py.
"""

from __future__ import annotations

from tcproxy.report.formats import Moment
from tcproxy.report.outlets import NO_DATA
from tcproxy.report.record import Record
from tcproxy.session.accounting import awaited, milliseconds
from tcproxy.session.crashes import tell
from tcproxy.session.stages import CLOSED, PROXY
from tcproxy.session.state import Connection, Stream

ERROR_LEVEL = 3
INFO_LEVEL = 6
NO_SERVER = "<NOSRV>"
LINE = "the log line of "
ID_LENGTH = 127
"""Bytes of a unique id at the most."""


def write(stream: Stream, moment: Moment = Moment.END) -> None:
    """Write the log line at the format's moment, or at the end if that moment never came."""
    frontend = stream.frontend
    form, outlet = frontend.form, frontend.outlet
    if outlet is None or form is None or stream.logged:
        return
    if moment is not form.moment and moment is not Moment.END:
        return
    stream.logged = True
    failed = bool(stream.error and stream.error != "L") or stream.redispatched
    failed = failed or (not stream.error and stream.retries > 0)
    if moment is not Moment.ACCEPT and _unwanted(stream, failed, moment):
        return
    level = ERROR_LEVEL if failed and frontend.separate_errors else INFO_LEVEL
    if stream.level is not None:
        level = stream.level
        if level < 0:
            return  # `set-log-level silent`
    try:
        record = record_of(stream, frontend.needs, moment)
        frontend.lines += 1
        data = frontend.data_form.render(record) if frontend.data_form is not None else NO_DATA
        outlet.send(level, form.render(record), data)
    except Exception as error:
        unwritten(stream, error)


def unwritten(stream: Stream, error: Exception) -> None:
    """Tell that a line could not be written; the session goes on as if it was."""
    tell(stream.connection, stream, error, LINE)


def _unwanted(stream: Stream, failed: bool, moment: Moment) -> bool:
    if stream.frontend.skip_normal and not failed:
        return True
    # a session that only begins may still carry bytes, so `dontlognull` does not know yet
    return stream.frontend.skip_null and not stream.client.bytes_read and moment is Moment.END


def refuse(connection: Connection, cause: str, left: bool = False, reset: bool = True) -> None:
    """End a connection before it became a session (a bad PROXY header), and write its line.

    left: the client went away or stayed silent: with `option dontlognull` there is no line. A client that sent
    something is reset: HAProxy leaves those bytes unread, which makes the kernel answer the close with RST.
    reset: False where they were read.
    """
    stream = connection.refused()
    stream.decide(PROXY, "R")
    connection.client.bytes_read = 0
    if not (left and connection.frontend.skip_null):
        _write_refusal(stream, cause)
    stream.logged = True
    if reset and not left:
        connection.client.close(reset=True)
    connection.end()


def _write_refusal(stream: Stream, cause: str) -> None:
    frontend = stream.frontend
    if frontend.outlet is None or frontend.refusal_form is None:
        return
    level = ERROR_LEVEL if frontend.separate_errors else INFO_LEVEL
    try:
        record = record_of(stream, frontend.refusal_form.needs, Moment.END)
        record.cause = cause
        record.status = 0
        frontend.outlet.send(level, frontend.refusal_form.render(record))
    except Exception as error:
        unwritten(stream, error)


def record_of(stream: Stream, needs: frozenset[str], moment: Moment) -> Record:
    """Return the facts that a line may name. needs: the addresses to ask for."""
    frontend, backend, connection = stream.frontend, stream.backend, stream.connection
    now = stream.connected_at if moment is Moment.ESTABLISHED else stream.now()
    record = Record(
        facts=stream,
        accepted=connection.accepted,
        frontend=frontend.name,
        bind=stream.bind.name,
        mode=frontend.model.mode,
        backend=backend.name if backend is not None else frontend.name,
        handshake=connection.handshake,
        total=milliseconds(connection.began, now),
        bytes_in=stream.client.bytes_read,
        bytes_out=stream.link.bytes_read if stream.link is not None else 0,
        termination=(stream.error or "-") + (stream.phase or "-"),
        active=frontend.world.counters.current,
        frontend_active=frontend.counters.current,
        backend_active=backend.farm.counters.current if backend is not None else 0,
        retries=stream.retries,
        redispatched=stream.redispatched,
        sequence=frontend.lines,
        number=connection.number - 1,
        request_captures=frontend.no_captures[0],
        response_captures=frontend.no_captures[1],
    )
    if stream.captured is not None:
        record.request_captures = stream.captured.request
    _add_server(stream, record)
    _add_addresses(stream, record, needs)
    if "unique_id" in needs:
        record.unique_id = unique_id(stream)
    return record


def unique_id(stream: Stream) -> str:
    """Return the unique id (`unique-id-format`), made when it is first asked for; "" without a format."""
    if stream.unique is None:
        stream.unique = ""  # its format may take a sample of it
        stream.unique = stream.frontend.identify(stream)
    return stream.unique


def identified(stream: Stream) -> str:
    """Return a new id of a session in TCP mode."""
    form = stream.frontend.id_form
    if form is None:
        return ""
    return cut(form.render(record_of(stream, form.needs - {"unique_id"}, Moment.END)))


def cut(unique: str) -> str:
    """Return a unique id without the bytes that are too many."""
    return unique.encode("utf-8", "surrogateescape")[:ID_LENGTH].decode("utf-8", "surrogateescape")


def _add_server(stream: Stream, record: Record) -> None:
    server = stream.server or awaited(stream)
    if server is not None:
        record.server = server.name
        # at the end it still holds its slot, which the line does not count
        ended = stream.stage is CLOSED and stream.server is not None
        record.server_active = server.counters.current - ended
    if stream.queued_until:
        record.queue = milliseconds(stream.began, stream.queued_until)
    if stream.connected_at:
        record.connect = milliseconds(stream.queued_until, stream.connected_at)
    if stream.ticket is not None:
        record.server_queue = stream.ticket.server_queue
        record.backend_queue = stream.ticket.backend_queue
        record.redispatched = record.redispatched or stream.ticket.redispatched


def _add_addresses(stream: Stream, record: Record, needs: frozenset[str]) -> None:
    try:
        if "client" in needs:
            record.client = stream.client_address
        if "front" in needs:
            record.front = stream.front_address
        if "local" in needs:
            record.local = stream.local or record.local
        if "remote" in needs:
            record.remote = stream.remote or record.remote
    except OSError:
        pass  # the socket knows its addresses no more: the line says `-`
