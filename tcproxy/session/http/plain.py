"""The plain exchange, which most are: a request whose head is all of it, to a link that stands, answered by a response
of a known length.

Nothing is decided here that the general way (session.py, steps.py, attempts.py) would decide otherwise: these
functions are that way with its calls written out, for a request is worth some fifteen microseconds of the kernel's
time and each call costs a tenth of one. Whatever is not plain is left to the general way, before anything is done.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any

from tcproxy.servers.state import LiveServer
from tcproxy.session import attempts
from tcproxy.session.http.private import ASK_WHO
from tcproxy.session.http.reuse import give_back
from tcproxy.session.http.telling import account, account_plain, tell, tell_plain
from tcproxy.session.stages import CHOOSING, CLOSED, CONNECTING, NEVER, RELAYING

if TYPE_CHECKING:
    from tcproxy.servers.state import Ticket
    from tcproxy.session.http.session import HttpSession
    from tcproxy.session.http.ways import Way
    from tcproxy.wire.http1 import RequestHead
    from tcproxy.wire.http1.response import PlainResponse


def ask(session: HttpSession, head: RequestHead, way: Way) -> None:
    """Send a request to a server, as `HttpSession.requested` does where frontend and backend ask for nothing more."""
    client, frontend = session.client, session.frontend
    now = client.stamp
    if now < session.idle_from:
        now = session.idle_from  # it came before the last one was answered
    if not client.told:
        session.began = now
        if frontend.outlet is not None:
            session.accepted = time()
    session.asked_at = now
    counters = frontend.counters
    if now >= counters.request_rate.until:
        counters.request_rate.turn(now, counters.requests)
    counters.requests += 1
    session.request = head
    session.expires = NEVER
    backend = session.backend = way.backend
    session.way = way
    session.server_limit = backend.server
    farm = backend.farm
    counters = farm.counters  # `begin` without the call
    if now >= counters.session_rate.until:
        counters.session_rate.turn(now, counters.total)
    counters.total += 1
    current = counters.current = counters.current + 1
    if current > counters.highest:
        counters.highest = current
    got = farm.assign(session)
    if not isinstance(got, LiveServer):
        _wait(session, got)
        return
    session.server = got
    session.queued_until = now
    link: Any = got.links.take(session)  # a ServerEnd
    if link is None:
        _connect(session)
        return
    link.session = session
    got.counters.reuses += 1
    counters.reuses += 1
    got.sessions.add(session)
    session.link = link
    session.short = True
    session.stage = RELAYING
    session.connected_at = link.stamp = now
    session.soonest = way.soonest
    link.ask(head, client, False)
    if session.stage is not CLOSED:
        _see_to_alarm(session, now + way.soonest)


def _wait(session: HttpSession, got: Ticket | None) -> None:
    """Take a place in a queue, or the news that there is none."""
    session.soonest = 0.0
    session.at = session.entrance.steps.index(attempts.find_server) + 1
    attempts.seated(session, got)
    if session.stage is not CLOSED:
        session.settle()


def _connect(session: HttpSession) -> None:
    """Make a new link: none is idle."""
    session.soonest = 0.0
    session.stage = CONNECTING
    session.at = len(session.entrance.steps) - 1  # the request is sent by the last of them
    if attempts.connect_anew(session):
        session.run()
    elif session.stage is not CLOSED:
        session.settle()


def answered(session: HttpSession, plain: PlainResponse, data: bytes) -> bool:
    """Pass on a response, or its beginning, which is all of `data`. False: nothing is done, its exchange is not plain.

    What is to come of its body is left to the link.
    """
    client, link, server, request = session.client, session.link, session.server, session.request
    status = plain.status
    if server is None or request is None or not (request.minor and client.quiet) or status in ASK_WHO:
        return False
    session.answered_at = link.stamp
    session.status = status
    server.counters.answered[status // 100] += 1
    session.response = plain
    keep = session.keep = request.keep_alive and not session.frontend.world.stopping
    came = len(data) - plain.end
    link.moved += plain.counted + came  # more than nothing where a 1xx response came before
    client.send_now((plain.wire if keep else plain.wire[:-2] + CLOSE) + data[plain.end :])
    if session.link is not link:
        return True  # the client is lost, and all that is told
    if came < plain.length:
        link.await_rest(plain.length - came)
        session.rearm()
        return True
    session.response_whole = link.whole = True
    if client.waiting or not (keep and plain.keep_alive):
        session.finish()
    else:
        close(session)
    return True


CLOSE = b"connection: close\r\n\r\n"


def may_close(session: HttpSession) -> bool:
    """Say whether an exchange whose client is kept may end the short way."""
    link = session.link
    return (
        link is not None
        and session.server is not None
        and session.response_whole
        and not session.error
        and not session.way.closes
        and session.response.keep_alive  # type: ignore[union-attr]
        and link.clean
        and session.client.quiet
    )


def close(session: HttpSession) -> None:
    """End an exchange: count it, tell it, give the link back, and wait for the next request."""
    client, link, server, farm = session.client, session.link, session.server, session.backend.farm
    assert server is not None
    now = link.stamp
    counters = farm.counters
    if session.short:
        account_plain(session, counters, server.counters, now)
        counters.current -= 1
        if session.settings.lines is not None:
            tell_plain(session)
    else:
        account(session)
        counters.current -= 1
        tell(session)
    link.session = None
    link.rest()
    if link.private or session.response.status in ASK_WHO:  # type: ignore[union-attr]  # it is answered
        give_back(session, server, link)
    else:
        server.links.put(link)
    session.backend = session.server = session.link = None
    server.sessions.discard(session)
    farm.release(server)
    if session.short:
        _renew(session, now)
    else:
        session.renew(now)
    client.rest()
    _see_to_alarm(session, now + session.soonest)


def _see_to_alarm(session: HttpSession, at: float) -> None:
    """See that an alarm strikes by `at`, before which nothing can be due: most often one does."""
    alarm = session.alarm
    if alarm is None:
        if not session.frontend.world.newcomers.see(session.number, at):
            session.rearm()
    elif alarm.at > at:
        session.rearm()


def _renew(session: HttpSession, now: float) -> None:
    """Be as a session is before a request: `HttpSession.renew`, less what the short way never sets."""
    session.request = session.response = None
    session.first = session.short = session.response_whole = session.keep = False
    session.status = -1
    session.queued_until = session.connected_at = session.asked_at = session.answered_at = 0.0
    session.stage = CHOOSING
    session.began = session.idle_from = now
    wait = session.settings.keep_alive
    session.expires = now + wait if wait else NEVER
