"""The way to a server: the backend, assignment, the queue, attempts to connect, retries and redispatch.

The farm decides which server a stream gets, and which streams wait. The rules of retries are HAProxy's (manual,
`retries` and `option redispatch`): before another attempt on the same server there is a pause, unless the last one
failed at once or by a timeout; a redispatched stream is not counted as redispatched unless its server changed.
"""

from __future__ import annotations

from typing import Any

from tcproxy.interfaces import ServerState
from tcproxy.servers.state import LiveServer, Ticket
from tcproxy.session import accounting
from tcproxy.session.ends import LinkFailure
from tcproxy.session.persistence import take_slot
from tcproxy.session.settings import BackendSettings
from tcproxy.session.stages import (
    CHOOSING,
    CLIENT_ERROR,
    CONNECTING,
    NEVER,
    QUEUED,
    SERVER_ERROR,
    SERVER_TIMEOUT,
    TURNAROUND,
)
from tcproxy.session.state import Stream


def chosen_backend(stream: Stream) -> BackendSettings | None:
    """Return the first backend whose condition holds, or the default one (`use_backend`, `default_backend`)."""
    return stream.frontend.choose(stream)


def choose_backend(stream: Stream) -> bool:
    """Take the backend that rules choose, and its persistence steps."""
    frontend = stream.frontend
    backend = chosen_backend(stream)
    if backend is None:
        stream.decide(SERVER_ERROR, "C")
        stream.give_up()
        return False
    stream.server_limit = backend.server
    backend.farm.enter()
    stream.backend = backend
    if backend.contents is None:
        for lead in backend.persistence_steps:
            lead(stream)
    if stream.connection.client_shut and (backend.http is None or frontend.model.mode == "http"):
        left_early(stream)
        return False
    return True


def inspect_for_backend(stream: Stream) -> bool:
    """Take the rules of the chosen backend about the client's bytes; then those of its persistence."""
    backend: BackendSettings = stream.backend  # type: ignore[assignment]  # it was chosen
    if backend.contents is None:
        return True
    if not backend.contents(stream):
        return False
    for lead in backend.persistence_steps:
        lead(stream)
    return True


def left_early(stream: Stream) -> None:
    """End a stream whose client left before it had a server: its backend counts the abort."""
    stream.decide(CLIENT_ERROR, "R")
    stream.frontend.counters.request_errors += 1
    accounting.aborted_by_client(stream)
    stream.end()


def find_server(stream: Stream) -> bool:
    """Let the farm assign a server, or wait in its queue."""
    backend: BackendSettings = stream.backend  # type: ignore[assignment]  # it was chosen
    lead = stream.persistence
    if lead is not None and lead.server is not None:
        return take_result(stream, take_slot(stream, lead.server))
    if backend.dispatch is not None:
        stream.queued_until = stream.now()
        return True
    preferred = stream.kept.preferred(stream) if stream.kept is not None else None
    if preferred is not None:
        return take_result(stream, backend.farm.take(stream, preferred))
    got = backend.farm.assign(stream, stream.avoid)
    if isinstance(got, LiveServer) and stream.previous is None:
        # inlined `take_result` (hot path; see docs/performance)
        stream.server = got
        stream.queued_until = stream.now()
        return True
    return take_result(stream, got)


def take_result(stream: Stream, got: LiveServer | Ticket | None) -> bool:
    """Go on with the farm's answer: a server, a place in a queue, or None (no server is left)."""
    backend, lead = stream.backend, stream.persistence
    assert backend is not None
    if isinstance(got, LiveServer):
        _assigned(stream, got)
        return True
    if got is None:
        backend.farm.counters.connect_errors += 1
        if not backend.farm.available and (lead is None or lead.server is None):
            return fail(stream, SERVER_ERROR, "C")
        stream.previous = backend.farm.refuser
        return fail(stream, SERVER_ERROR, "Q")
    stream.ticket = got
    stream.stage = QUEUED
    stream.expires = stream.now() + backend.queue if backend.queue else NEVER
    return False


def _assigned(stream: Stream, server: LiveServer) -> None:
    """Note the server whose slot the stream holds. If another server was tried before, count a redispatch."""
    stream.server = server
    stream.stage = CHOOSING
    stream.queued_until = stream.now()
    before, stream.previous = stream.previous, None
    if before is None:
        return
    farm = stream.backend.farm  # type: ignore[union-attr]
    if before is server:
        server.counters.retries += 1
        farm.counters.retries += 1
    else:
        stream.redispatched = True
        before.counters.redispatches += 1
        farm.counters.redispatches += 1


def connect(stream: Stream) -> bool:
    """Begin to connect; True when the link stands already."""
    stream.stage = CONNECTING
    stream.expires = NEVER
    if stream.backend.http is not None:  # type: ignore[union-attr]  # it was chosen
        link = stream.reused()
        if link is not None:
            stream.link = link
            if stream.frontend.notes_links:
                note_addresses(stream, link)
            return True
    return connect_anew(stream)


def connect_anew(stream: Stream) -> bool:
    """Begin to connect by a new link; True when it stands already."""
    backend: BackendSettings = stream.backend  # type: ignore[assignment]  # it was chosen
    server = stream.server
    backend.farm.counters.connections += 1
    if server is not None:
        server.counters.connections += 1
        server.sessions.add(stream)
        if stream.replay is not None:
            stream.replay.count_again(server.counters, backend.farm.counters)
    try:
        stream.link = link = stream.frontend.world.dial(stream, server or backend.dispatch)  # type: ignore[misc]
    except LinkFailure as failure:
        stream.local, stream.remote = failure.local, failure.remote
        if backend.http is not None and server is not None:
            server.links.missed()
        message = failure.cause if failure.resource else ""
        return failed(stream, SERVER_ERROR, pause=failure.answered, message=message)
    if backend.http is not None and server is not None:
        server.links.opened(stream, link)  # type: ignore[arg-type]  # in HTTP mode: an Exchange, and a ServerEnd
    if stream.frontend.notes_links:
        note_addresses(stream, link)
    if link.connected:
        return True
    if backend.connect:
        stream.expires = stream.now() + backend.connect
    return False


def note_addresses(stream: Stream, link: Any) -> None:
    """Note the link's addresses, where log lines name them: a link that has failed has none."""
    needs = stream.frontend.needs
    if "local" in needs:
        stream.local = link.destination()
    if "remote" in needs:
        stream.remote = link.source()


def _drop_link(stream: Stream, reset: bool = False) -> None:
    """Give up the link of an attempt that failed."""
    link, stream.link = stream.link, None
    if link is not None:
        link.close(reset)


# the ends of waits


def connect_failed(stream: Stream, errno: int, cause: str) -> None:
    """The attempt failed: try again after a pause, or elsewhere, or give up."""
    _drop_link(stream)
    if failed(stream, SERVER_ERROR, pause=True):
        stream.run()
    else:
        stream.settle()


def expired(stream: Stream) -> None:
    """`expires` has passed: the timeout of the queue or of the attempt, the end of a pause, or a slot was granted."""
    if stream.stage is QUEUED:
        _leave_queue(stream)
    elif stream.stage is CONNECTING:
        _drop_link(stream, reset=True)
        if failed(stream, SERVER_TIMEOUT, pause=False):
            stream.run()
    elif stream.stage is TURNAROUND:
        stream.stage = CHOOSING
        _try_again(stream)
        stream.run()
    elif stream.stage is CHOOSING:
        _go_on(stream)


def _leave_queue(stream: Stream) -> None:
    stream.queued_until = stream.now()
    counters = stream.backend.farm.counters  # type: ignore[union-attr]
    counters.connect_errors += 1
    if stream.ticket is not None and stream.ticket.server is not None:
        stream.ticket.server.counters.connect_errors += 1
    stream.decide(SERVER_TIMEOUT, "Q")
    stream.give_up()


def _go_on(stream: Stream) -> None:
    """Leave the queue: with the server that was granted, or to an error if none is left."""
    if stream.server is None:
        fail(stream, SERVER_ERROR, "C")
        return
    _assigned(stream, stream.server)
    stream.run()


def failed(stream: Stream, letter: str, pause: bool, message: str = "") -> bool:
    """An attempt failed. True: the next may be made at once. False: the stream waits, or has ended.

    letter: the first letter of the termination state, if this was the last attempt.
    """
    backend, server = stream.backend, stream.server
    assert backend is not None
    if message:
        backend.farm.announce(3, f"Connect() failed for backend {backend.name}: {message}.")
    if server is not None:
        server.sessions.discard(stream)
        observe(server, False)
    if stream.retries >= backend.connect_retries:
        return _give_up(stream, letter)
    stream.retries += 1
    elsewhere = server is not None and _redispatch(stream, server)
    if server is None:
        backend.farm.counters.retries += 1
    stream.next_step = stream.steps.at_server if elsewhere else stream.steps.at_connect
    if pause and (not elsewhere or backend.farm.active <= 1):
        stream.stage = TURNAROUND
        stream.expires = stream.now() + backend.turnaround
        return False
    stream.stage = CHOOSING
    _try_again(stream)
    return True


def repeat(stream: Stream) -> None:
    """Begin another attempt because of a server's answer (`retry-on`): at once, on this server or another."""
    backend, server = stream.backend, stream.server
    assert backend is not None
    # HAProxy counts this retry twice at the backend: here, and below
    backend.farm.counters.retries += 1
    elsewhere = False
    if server is not None:
        server.sessions.discard(stream)
        server.counters.retries += 1
        elsewhere = _redispatch(stream, server)
    else:
        backend.farm.counters.retries += 1
    stream.next_step = stream.steps.at_server if elsewhere else stream.steps.at_connect
    stream.stage = CHOOSING
    _try_again(stream)
    stream.run()


def _try_again(stream: Stream) -> None:
    """Count the attempt that follows on a slot that is kept."""
    if stream.server is not None:
        stream.backend.farm.again(stream.server)  # type: ignore[union-attr]  # it was chosen


def _redispatch(stream: Stream, server: LiveServer) -> bool:
    """Give the slot back if the next attempt may go elsewhere; else count a retry on the slot that is kept."""
    backend = stream.backend
    assert backend is not None
    lead = stream.persistence
    free = backend.rotates and backend.farm.active > 1 and (lead is None or not lead.direct)
    # HAProxy still trusts a server that is stopping, and not yet one in slow start
    doubtful = server.state is ServerState.STOPPED or server.state is ServerState.STARTING
    forced = lead is not None and lead.forced
    if backend.redispatches and not forced and (free or doubtful or backend.redispatch_due(stream.retries)):
        if lead is not None:
            lead.release()
        stream.previous = stream.avoid = server
        stream.server = None
        backend.farm.release(server)
        return True
    server.counters.retries += 1
    backend.farm.counters.retries += 1
    return False


def _give_up(stream: Stream, letter: str) -> bool:
    backend, server = stream.backend, stream.server
    assert backend is not None
    backend.farm.counters.connect_errors += 1
    if server is not None:
        server.counters.connect_errors += 1
    return fail(stream, letter, "C")


def fail(stream: Stream, error: str, phase: str) -> bool:
    """Give up for want of a server."""
    stream.decide(error, phase)
    stream.give_up()
    return False


def observe(server: LiveServer, passed: bool) -> None:
    """Tell the server's health watch how connecting went (`observe`). For layer 7 only a failure counts here."""
    observe = server.model.observe
    if server.watch is not None and (observe == "layer4" or (observe == "layer7" and not passed)):
        watch: Any = server.watch
        watch.observed(passed)
