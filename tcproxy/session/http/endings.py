"""What the end or the failure of a connection means for an exchange: the client's, or the link's to the server.

The rules are the reference's (session.py says which); how an exchange ends by time is silence.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcproxy.session.http import observing
from tcproxy.session.http.retries import EMPTY, again
from tcproxy.session.stages import CLIENT_ERROR, SERVER_ERROR, Stage
from tcproxy.wire.http1 import Framing

if TYPE_CHECKING:
    from tcproxy.session.http.session import HttpSession


def client_ended(session: HttpSession) -> None:
    """FIN came from the client: that is no matter while its request is being answered."""
    if session.stage == Stage.GREETING:
        session.settle()
    elif session.leaving:
        return
    elif session.request is None:
        client_left(session)
    elif not session.client.whole:
        client_aborted(session)
    elif session.awaited is not None:
        if session.awaited.looks:
            session.awaited.late()
    elif session.response is None and _aborts_on_close(session):
        client_aborted(session)


def client_left(session: HttpSession) -> None:
    """The client left instead of sending a request, or within one."""
    if not session.first and not session.client.begun:
        session.leaving = True
        session.end()
        return
    session.decide(CLIENT_ERROR)
    ignored = session.settings.probes and not session.client.begun
    session.told = ignored or (session.frontend.skip_null and not session.client.begun)
    if not ignored:
        session.count_request_error()
        session.frontend.counters.unbegun += not session.client.begun
    session.refuse(400, silent=ignored)


def client_aborted(session: HttpSession) -> None:
    """The client left within its exchange."""
    if session.awaited is not None:
        session.awaited.left()
        return
    if session.response is None and session.status >= 0:
        _unsent(session)
        return
    waits = _only_waits(session)
    if waits and session.stage < Stage.RELAYING:
        assert session.request is not None
        session.decide(CLIENT_ERROR)
        session.client.count_request(session.request)
        session.abort()  # as the reference: nothing is told, nor counted as an abort
        return
    session.frontend.aborted_by_client(session)
    session.decide(CLIENT_ERROR, "" if waits else "D" if session.stage == Stage.RELAYING else "")
    if waits and not session.broken:
        session.answer(400)
    else:
        session.abort()


def _unsent(session: HttpSession) -> None:
    """An answer in the server's place cannot be sent."""
    frontend = session.frontend
    frontend.aborted_by_client(session)
    if session.backend is None and frontend.model.is_backend:
        # a `listen` section is its own backend until another one is chosen
        frontend.world.farms[frontend.name].counters.aborts_client += 1
    session.abort()


def server_ended(session: HttpSession) -> None:
    """FIN came from the server: the end of a response, or the want of one."""
    response = session.response
    if response is None:
        server_failed(session, observing.CLOSED)
    elif response.framing is Framing.CLOSE:
        session.client.end_message()
        session.client.flush()
        session.response_ended()
    elif not session.response_whole:
        server_failed(session, observing.CLOSED)


def server_failed(session: HttpSession, cause: str) -> None:
    """The server gave no whole response; cause: what its health is told (observing.py)."""
    if session.response is None and session.replay is not None and again(session, EMPTY):
        return
    session.decide(SERVER_ERROR)
    if session.response is None and session.first and session.way.observes:
        observing.failed(session, cause)
    _unanswered(session)


def _unanswered(session: HttpSession) -> None:
    """No response comes any more, or no more of it."""
    if session.response is None and not session.first:
        session.stay_silent()
        return
    if session.response is not None:
        session.frontend.aborted_by_server(session)
    session.count_response_error()
    session.fail_response(502)


def shut(session: HttpSession, cause: str) -> None:
    """End on command, or because of its server's state: for the client the server has closed."""
    request = session.request
    if session.awaited is not None and session.awaited.holds:
        session.decide(cause, "T")  # as the reference: the client is held until its time is over
    elif request is None or session.stage < Stage.CONNECTING:
        session.decide(cause)
        session.end()
    elif session.stage == Stage.CONNECTING:
        session.decide(cause, "-")
        session.client.count_request(request)
        session.end()
    elif session.response is not None:
        session.decide(cause)
        session.frontend.aborted_by_server(session)
        session.abort()
    elif session.client.whole:
        session.decide(cause)
        _unanswered(session)
    else:
        session.decide(cause, "-")
        session.abort()


def server_reset(session: HttpSession) -> None:
    """The link failed, other than by its end."""
    if session.client.whole:
        if session.response is None:
            # once more, as the reference does
            session.count_response_error()
            if not session.first:
                session.frontend.aborted_by_server(session)
        server_failed(session, observing.READING)
        return
    session.frontend.broken_by_server(session)
    if session.response_whole:
        # the client may be sending still, and would lose its answer if it was closed
        session.close_own_link()
        session.client.drain()
        return
    session.decide(SERVER_ERROR, "D")
    session.abort()


def client_broke(session: HttpSession) -> None:
    """The client's connection failed."""
    client: Any = session.client
    looks = session.awaited is not None and session.awaited.looks
    if session.request is not None and client.whole and not (client.waiting or looks):
        session.client_done = True
        client.mute()  # as the reference: it is found out when there is something to send
    else:
        client_lost(session)


def client_lost(session: HttpSession) -> None:
    """Nothing can be sent to the client any more."""
    session.client_done = session.broken = True
    if session.leaving:
        session.end()
    elif session.request is None:
        client_left(session)
    else:
        client_aborted(session)


def _only_waits(session: HttpSession) -> bool:
    """Say whether nothing but the server's answer is waited for."""
    return session.response is None and bool(session.client.whole)


def _aborts_on_close(session: HttpSession) -> bool:
    return session.backend is not None and bool(session.backend.abort_on_close)
