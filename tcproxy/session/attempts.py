"""The way to a server: assignment, the queue, attempts to connect, retries and redispatch, and the join.

Which server it is, and who waits, is decided by the farm. The rules of retries are the reference's (manual,
`retries` and `option redispatch`): before another attempt on the same server there is a pause, unless the last one
failed at once or by a timeout; a redispatched session is not counted as redispatched unless its server changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcproxy.interfaces import ServerState
from tcproxy.report.formats import Moment
from tcproxy.servers.state import LiveServer
from tcproxy.session import persistence
from tcproxy.session.ends import End, LinkFailure
from tcproxy.session.stages import (
    CHOOSING,
    CONNECTING,
    NEVER,
    QUEUED,
    RELAYING,
    SERVER_ERROR,
    SERVER_TIMEOUT,
    TURNAROUND,
)
from tcproxy.session.telling import tell

if TYPE_CHECKING:
    from tcproxy.servers.state import Ticket
    from tcproxy.session.backend import Backend
    from tcproxy.session.session import Session


def find_server(session: Session) -> bool:
    """Let the farm assign a server, or wait in its queue."""
    backend: Backend = session.backend  # type: ignore[assignment]  # it was chosen
    tie = session.persistence
    if tie is not None and tie.server is not None:
        return seated(session, persistence.take(session, tie.server))
    if backend.dispatch is not None:
        session.queued_until = _now(session)
        return True
    preferred = session.kept.preferred(session) if session.kept is not None else None
    if preferred is not None:
        return seated(session, backend.farm.take(session, preferred))
    got = backend.farm.assign(session, session.avoid)
    if isinstance(got, LiveServer) and session.previous is None:
        # `seated` without the call, for the way of most
        session.server = got
        session.queued_until = session.frontend.world.clock.seconds()
        return True
    return seated(session, got)


def seated(session: Session, got: LiveServer | Ticket | None) -> bool:
    """Take what the farm gave: a server, a place in a queue, or nothing."""
    backend, tie = session.backend, session.persistence
    assert backend is not None
    if isinstance(got, LiveServer):
        _assigned(session, got)
        return True
    if got is None:
        backend.farm.counters.connect_errors += 1
        if not backend.farm.available and (tie is None or tie.server is None):
            return fail(session, SERVER_ERROR, "C")
        session.previous = backend.farm.refuser
        return fail(session, SERVER_ERROR, "Q")
    session.ticket = got
    session.stage = QUEUED
    session.expires = _now(session) + backend.queue if backend.queue else NEVER
    return False


def _assigned(session: Session, server: LiveServer) -> None:
    """A slot of the server is ours. Coming from another one, the session counts as redispatched."""
    session.server = server
    session.stage = CHOOSING
    session.queued_until = session.frontend.world.clock.seconds()
    before, session.previous = session.previous, None
    if before is None:
        return
    farm = session.backend.farm  # type: ignore[union-attr]
    if before is server:
        server.counters.retries += 1
        farm.counters.retries += 1
    else:
        session.redispatched = True
        before.counters.redispatches += 1
        farm.counters.redispatches += 1


def connect(session: Session) -> bool:
    """Begin to connect; True when the link stands already."""
    session.stage = CONNECTING
    session.expires = NEVER
    if session.backend.http is not None:  # type: ignore[union-attr]  # it was chosen
        link = session.reused()
        if link is not None:
            session.link = link
            if session.frontend.notes_links:
                _note_addresses(session, link)
            return True
    return connect_anew(session)


def connect_anew(session: Session) -> bool:
    """Begin to connect by a new link; True when it stands already."""
    backend: Backend = session.backend  # type: ignore[assignment]  # it was chosen
    server = session.server
    backend.farm.counters.connections += 1
    if server is not None:
        server.counters.connections += 1
        server.sessions.add(session)
        if session.replay is not None:
            session.replay.count_again(server.counters, backend.farm.counters)
    try:
        session.link = link = session.frontend.world.dial(session, server or backend.dispatch)  # type: ignore[misc]
    except LinkFailure as failure:
        session.local, session.remote = failure.local, failure.remote
        if backend.http is not None and server is not None:
            server.links.missed()
        message = failure.cause if failure.resource else ""
        return failed(session, SERVER_ERROR, pause=failure.answered, message=message)
    if backend.http is not None and server is not None:
        server.links.opened(session, link)  # type: ignore[arg-type]  # an HttpSession, and a ServerEnd
    if session.frontend.notes_links:
        _note_addresses(session, link)
    if link.connected:
        return True
    if backend.connect:
        session.expires = _now(session) + backend.connect
    return False


def relay(session: Session) -> bool:
    """The link stands: bytes move from now on."""
    backend: Backend = session.backend  # type: ignore[assignment]  # it was chosen, and the link stands
    link: End = session.link  # type: ignore[assignment]
    frontend, server = session.frontend, session.server
    if backend.abort_on_close and session.client_done and not session.client.held:
        session.end()
        return False
    session.stage = RELAYING
    session.connected_at = link.stamp = frontend.world.clock.seconds()
    session.expires = NEVER
    if server is not None and server.watch is not None:
        _observe(server, True)
    if backend.tunnel:
        session.client_limit = session.server_limit = backend.tunnel
    if frontend.outlet is not None:
        tell(session, Moment.ESTABLISHED)
    session.client.join(link)
    if session.stage is RELAYING:
        link.listen()
    return False


def _note_addresses(session: Session, link: End) -> None:
    """Keep the link's addresses that log lines name, since a link that failed has none."""
    needs = session.frontend.needs
    if "local" in needs:
        session.local = link.destination()
    if "remote" in needs:
        session.remote = link.source()


def _drop_link(session: Session, reset: bool = False) -> None:
    """Give up the link of an attempt that failed."""
    link, session.link = session.link, None
    if link is not None:
        link.close(reset)


# what ends a wait


def connect_failed(session: Session, errno: int, cause: str) -> None:
    """The attempt failed: try again after a pause, or elsewhere, or give up."""
    _drop_link(session)
    if failed(session, SERVER_ERROR, pause=True):
        session.run()
    else:
        session.settle()


def expired(session: Session) -> None:
    """The present wait is over: the queue's or the attempt's timeout, the end of a pause, or a slot granted."""
    if session.stage is QUEUED:
        _leave_queue(session)
    elif session.stage is CONNECTING:
        _drop_link(session, reset=True)
        if failed(session, SERVER_TIMEOUT, pause=False):
            session.run()
    elif session.stage is TURNAROUND:
        session.stage = CHOOSING
        _try_again(session)
        session.run()
    elif session.stage is CHOOSING:
        _go_on(session)


def _leave_queue(session: Session) -> None:
    session.queued_until = _now(session)
    counters = session.backend.farm.counters  # type: ignore[union-attr]
    counters.connect_errors += 1
    if session.ticket is not None and session.ticket.server is not None:
        session.ticket.server.counters.connect_errors += 1
    session.decide(SERVER_TIMEOUT, "Q")
    session.give_up()


def _go_on(session: Session) -> None:
    """A place in a queue became a slot, or nothing at all."""
    if session.server is None:
        fail(session, SERVER_ERROR, "C")
        return
    _assigned(session, session.server)
    session.run()


def failed(session: Session, letter: str, pause: bool, message: str = "") -> bool:
    """An attempt failed. True: the next may be made at once. False: the session waits, or has ended.

    letter: what the session's end will be told by, if this was the last attempt.
    """
    backend, server = session.backend, session.server
    assert backend is not None
    if message:
        backend.farm.announce(3, f"Connect() failed for backend {backend.name}: {message}.")
    if server is not None:
        server.sessions.discard(session)
        _observe(server, False)
    if session.retries >= backend.connect_retries:
        return _give_up(session, letter)
    session.retries += 1
    elsewhere = server is not None and _redispatch(session, server)
    if server is None:
        backend.farm.counters.retries += 1
    session.at = session.entrance.steps.index(find_server if elsewhere else connect)
    if pause and (not elsewhere or backend.farm.active <= 1):
        session.stage = TURNAROUND
        session.expires = _now(session) + backend.turnaround
        return False
    session.stage = CHOOSING
    _try_again(session)
    return True


def repeat(session: Session) -> None:
    """The server was asked, and its answer will not do (`retry-on`): ask again at once, there or elsewhere."""
    backend, server = session.backend, session.server
    assert backend is not None
    # one more than the retry below counts by itself, as the reference does
    backend.farm.counters.retries += 1
    elsewhere = False
    if server is not None:
        server.sessions.discard(session)
        server.counters.retries += 1
        elsewhere = _redispatch(session, server)
    else:
        backend.farm.counters.retries += 1
    session.at = session.entrance.steps.index(find_server if elsewhere else connect)
    session.stage = CHOOSING
    _try_again(session)
    session.run()


def _try_again(session: Session) -> None:
    """Count the attempt that follows on a slot that is kept."""
    if session.server is not None:
        session.backend.farm.again(session.server)  # type: ignore[union-attr]  # it was chosen


def _redispatch(session: Session, server: LiveServer) -> bool:
    """Give the slot back if the next attempt may go elsewhere; else count a retry on the slot that is kept."""
    backend = session.backend
    assert backend is not None
    tie = session.persistence
    free = backend.rotates and backend.farm.active > 1 and (tie is None or not tie.direct)
    # as the reference: one that is stopping is still trusted, one in slow start not yet
    doubtful = server.state is ServerState.STOPPED or server.state is ServerState.STARTING
    forced = tie is not None and tie.forced
    if backend.redispatches and not forced and (free or doubtful or backend.redispatch_due(session.retries)):
        if tie is not None:
            tie.loose()
        session.previous = session.avoid = server
        session.server = None
        backend.farm.release(server)
        return True
    server.counters.retries += 1
    backend.farm.counters.retries += 1
    return False


def _give_up(session: Session, letter: str) -> bool:
    backend, server = session.backend, session.server
    assert backend is not None
    backend.farm.counters.connect_errors += 1
    if server is not None:
        server.counters.connect_errors += 1
    return fail(session, letter, "C")


def fail(session: Session, error: str, phase: str) -> bool:
    """Give up for want of a server."""
    session.decide(error, phase)
    session.give_up()
    return False


def _observe(server: LiveServer, passed: bool) -> None:
    """Tell the watch how the connection went (`observe`); one that stands is no answer yet."""
    observe = server.model.observe
    if server.watch is not None and (observe == "layer4" or (observe == "layer7" and not passed)):
        watch: Any = server.watch
        watch.observed(passed)


def _now(session: Session) -> float:
    return session.frontend.world.clock.seconds()
