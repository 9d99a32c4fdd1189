"""The counters that a session adds to: those of its process, frontend, listening address, backend and server."""

from __future__ import annotations

from time import time

from tcproxy.report.counters import Counters, begin_all
from tcproxy.servers.state import LiveServer
from tcproxy.session.ends import End
from tcproxy.session.settings import FrontendSettings
from tcproxy.session.state import Connection, Stream


def enter(connection: Connection, client: End) -> None:
    """Date and count a connection whose client's end stands, and give it its number.

    One that is screened first is no session yet (greeted).
    """
    frontend, bind = connection.frontend, connection.bind
    world, counters = frontend.world, frontend.counters
    connection.client = client
    connection.began = client.last_progress = now = world.clock.seconds()
    connection.accepted = time()
    if "front" in frontend.needs:
        connection.front = client.destination()
    if bind.screened:
        begin_all((world.counters, bind.counters), now)
        counters.arrive()
    else:
        begin_all((world.counters, counters, bind.counters), now)
    if now >= counters.connection_rate.until:
        counters.connection_rate.turn(now, counters.connections)
    counters.connections += 1
    number = connection.number = world.counters.total
    world.sessions[number] = connection


def greeted(frontend: FrontendSettings) -> None:
    """Count a connection that has passed rules, or whose PROXY header came, as a session."""
    frontend.counters.count(frontend.world.clock.seconds())


def leave(connection: Connection) -> None:
    """Count the end of a connection, and wake the listeners that wait for that."""
    frontend, world = connection.frontend, connection.frontend.world
    # the first of all: who is not among them has left
    del world.sessions[connection.number]
    world.counters.current -= 1
    frontend.counters.current -= 1
    connection.bind.counters.current -= 1
    if world.waiting:
        waiting, world.waiting = world.waiting, []
        for bind in waiting:
            bind.wake()
    if world.release is not None and not frontend.counters.current:
        world.release()


def awaited(stream: Stream) -> LiveServer | None:
    """Return the server of a stream that holds no slot: that of the queue where it waits, or waited in vain, or the one
    that failed it.
    """
    ticket = stream.ticket
    if ticket is not None and ticket.server is not None and (ticket.waiting or ticket.cancelled):
        return ticket.server
    return stream.previous


def aborted_by_client(stream: Stream) -> None:
    """Count an abort by the client, at all that the stream passed through."""
    for counters in _passed(stream):
        counters.aborts_client += 1


def aborted_by_server(stream: Stream) -> None:
    """Count an abort by the server, at all that the stream passed through."""
    for counters in _passed(stream):
        counters.aborts_server += 1


def broken_by_server(stream: Stream) -> None:
    """Count a failed connection to a server: an abort, and a response that failed."""
    aborted_by_server(stream)
    for counters in _passed(stream)[1:]:
        counters.response_errors += 1


def _passed(stream: Stream) -> list[Counters]:
    passed = [stream.frontend.counters]
    if stream.backend is not None:
        passed.append(stream.backend.farm.counters)
    if stream.server is not None:
        passed.append(stream.server.counters)
    return passed


def account(stream: Stream) -> None:
    """Add the bytes and times of a TCP session to the counters of all it passed through."""
    frontend, backend, link = stream.frontend, stream.backend, stream.link
    passed = [frontend.world.counters, frontend.counters, stream.bind.counters]
    if backend is None:
        home = frontend.home
        if home is not None:
            passed.append(home.counters)
    else:
        farm = backend.farm.counters
        passed.append(farm)
        live = stream.server or awaited(stream)
        server = live.counters if live is not None else None
        if server is not None:
            passed.append(server)
        if stream.connected_at:
            # inlined `milliseconds` of three spans (hot path; see docs/performance)
            began, left_queue = int(stream.began * 1000 + 0.001), int(stream.queued_until * 1000 + 0.001)
            queued, connecting = left_queue - began, int(stream.connected_at * 1000 + 0.001) - left_queue
            lasted = int(frontend.world.clock.seconds() * 1000 + 0.001) - began
            farm.timed(queued, connecting, lasted)
            if server is not None:
                server.timed(queued, connecting, lasted)
    received, sent = stream.client.bytes_read, link.bytes_read if link is not None else 0
    if received or sent:
        for counters in passed:
            counters.bytes_in += received
            counters.bytes_out += sent


def milliseconds(begin: float, end: float) -> int:
    """Return how long something lasted, in whole milliseconds."""
    # HAProxy's tick counts whole milliseconds of the clock, too; the fraction forgives a float's last bit
    return int(end * 1000 + 0.001) - int(begin * 1000 + 0.001)
