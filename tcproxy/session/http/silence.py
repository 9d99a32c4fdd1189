"""Time in exchanges: what is due when, and what a wait that is over, or a side that is silent too long, leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.session import attempts
from tcproxy.session.http import observing
from tcproxy.session.http.retries import SILENT, again
from tcproxy.session.stages import CLIENT_TIMEOUT, NEVER, SERVER_TIMEOUT, Stage

if TYPE_CHECKING:
    from tcproxy.session.http.session import HttpSession


def expired(session: HttpSession) -> None:
    """The present wait is over: for a request, in a queue, for a link."""
    if session.request is not None:
        session.expires = NEVER
        attempts.expired(session) if session.awaited is None else session.awaited.late()
        return
    session.expires = NEVER
    if not session.first and not session.client.begun:
        session.told = True
        session.refuse(0, silent=True)
        return
    session.decide(CLIENT_TIMEOUT)
    silent = session.settings.probes and not session.client.begun
    session.told = silent or (session.frontend.skip_null and not session.client.begun)
    if not silent:
        session.count_request_error()
        session.frontend.counters.unbegun += not session.client.begun
    session.refuse(408, silent=silent)


def _silences(session: HttpSession) -> tuple[float, float, float, float]:
    """Return when the client is silent or stalled, and when the server is; NEVER where that is not in force."""
    client, link = session.client, session.link
    last = client.stamp if link is None else max(client.stamp, link.stamp)
    late = [NEVER] * 4
    limit = session.client_limit
    if limit:
        # while an answer is waited for, only the server may be late
        waits = session.response is not None or session.awaited is not None
        if waits and not client.whole and client.reading:
            late[0] = last + limit
        if (since := client.stalled_since) is not None:
            late[1] = since + limit
    limit = session.server_limit
    if limit and link is not None and session.stage == Stage.RELAYING:
        if not session.response_whole and link.reading:
            late[2] = last + limit
        if (since := link.stalled_since) is not None:
            late[3] = since + limit
    return late[0], late[1], late[2], late[3]


def waits_until(session: HttpSession) -> float:
    """Return when the wait for a request is over: by its own timeout, or because the client is silent for too long."""
    limit = session.client_limit
    if not limit:
        return session.expires
    silent_since: float = max(session.client.stamp, session.idle_from)
    return min(session.expires, silent_since + limit)


def next_deadline(session: HttpSession, now: float) -> float:
    """Return when the next thing may be due."""
    if session.request is None and not session.leaving:
        return waits_until(session)
    at = min(session.expires, *_silences(session))
    limit = min(session.client_limit or NEVER, session.server_limit or NEVER)
    return min(at if at > now else NEVER, now + limit, session.expires)


def check(session: HttpSession, now: float) -> None:
    """End the exchange if a side is silent, or takes nothing, too long."""
    client_silent, client_stalled, server_silent, server_stalled = _silences(session)
    if now >= server_silent or now >= server_stalled:
        if session.response is None and session.replay is not None and again(session, SILENT):
            return
        if now >= server_stalled and not session.client.whole:
            # it takes no more of the request
            session.decide(SERVER_TIMEOUT, "D")
            session.frontend.aborted_by_server(session)
            session.abort()
            return
        session.decide(SERVER_TIMEOUT)
        if session.response is None:
            session.count_response_error()
            if session.way.observes:
                observing.failed(session, observing.SILENT)
        else:
            session.frontend.aborted_by_server(session)
        session.fail_response(504)
    elif now >= client_silent and session.awaited is not None:
        session.awaited.late()
    elif now >= client_silent or now >= client_stalled:
        session.decide(CLIENT_TIMEOUT)
        session.frontend.aborted_by_client(session)
        if session.leaving:
            session.end()
        else:
            session.abort()
