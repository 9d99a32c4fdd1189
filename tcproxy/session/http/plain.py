"""The plain exchange, which most are: a request whose head is all of it, to a link that stands, answered by a response
of a known length.

Nothing is decided here that the general way (session.py, steps.py, attempts.py) would decide otherwise: these
functions are that way with its calls written out, for a request is worth some fifteen microseconds of the kernel's
time and each call costs a tenth of one. Whatever is not plain is left to the general way, before anything is done.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from tcproxy.servers.live import LiveServer
from tcproxy.session import attempts
from tcproxy.session.http.private import ASK_WHO
from tcproxy.session.http.telling import account, tell
from tcproxy.session.stages import CHOOSING, CLOSED, NEVER, RELAYING
from tcproxy.wire.http1.known import BODYLESS

if TYPE_CHECKING:
    from tcproxy.session.http.session import HttpSession
    from tcproxy.session.http.ways import Way
    from tcproxy.wire.http1 import RequestHead
    from tcproxy.wire.http1.known import KnownResponse


def ask(session: HttpSession, head: RequestHead, way: Way) -> None:
    """Send a request to a server, as `HttpSession.requested` does where frontend and backend ask for nothing more."""
    now = session.client.stamp
    if now < session.idle_from:
        now = session.idle_from  # it came before the last one was answered
    if session.expires == NEVER or session.began == session.idle_from:
        session.began = now
        if session.frontend.outlet is not None:
            session.accepted = time()
    session.asked_at = now
    counters = session.frontend.counters
    if now >= counters.request_rate.until:
        counters.request_rate.turn(now, counters.requests)
    counters.requests += 1
    session.soonest = 0.0
    session.request = head
    session.expires = NEVER
    backend = session.backend = way.backend
    session.way = way
    session.server_limit = backend.server
    farm = backend.farm
    farm.counters.begin(now)
    got = farm.assign(session)
    if not isinstance(got, LiveServer):
        session.at = session.entrance.steps.index(attempts.find_server) + 1
        attempts.seated(session, got)
        if session.stage is not CLOSED:
            session.settle()
        return
    session.server = got
    session.queued_until = now
    link = session.reused()
    if link is None:
        session.at = session.entrance.steps.index(attempts.connect)
        session.run()
        return
    session.link = link
    session.stage = RELAYING
    session.connected_at = link.stamp = now
    session.soonest = way.soonest
    session.plain = head.minor > 0 and head.method not in BODYLESS
    link.ask(head, session.client, False)
    alarm = session.alarm
    if (alarm is None or alarm.at > now + way.soonest) and session.stage is not CLOSED:
        session.settle()


def may_end(session: HttpSession, way: Way) -> bool:
    """Say whether an exchange that went the general way to its link may end the short way."""
    request = session.request
    return (
        way is session.settings.plain
        and request is not None
        and request.minor > 0
        and request.method not in BODYLESS
        and session.server is not None
        and not (session.retries or session.ticket or session.previous or session.local or session.greeting)
    )


def answered(session: HttpSession, known: KnownResponse, data: bytes, end: int) -> bool:
    """Pass on a response, or its beginning, which is all of `data`. False: nothing is done, it is not plain.

    end: where its head ends. What is to come of its body is left to the link.
    """
    client, link, server, request, head = session.client, session.link, session.server, session.request, known.head
    if (
        server is None
        or request is None
        or not (head.keep_alive and request.keep_alive and client.quiet)
        or session.frontend.world.stopping
        or head.status in ASK_WHO
    ):
        return False
    session.answered_at = link.stamp
    session.status = head.status
    server.counters.answered[head.status // 100] += 1
    session.response = head
    session.keep = True
    came = len(data) - end
    link.moved = known.counted + came
    client.send_now(known.wire + data[end:])
    if session.link is not link:
        return True  # the client is lost, and all that is told
    if came < known.length:
        link.await_rest(known.length - came)
        session.rearm()
        return True
    session.response_whole = link.whole = True
    if client.waiting:
        session.finish()
    else:
        close(session)
    return True


def may_close(session: HttpSession) -> bool:
    """Say whether an exchange whose messages are whole may end the short way."""
    link = session.link
    return session.keep and not session.error and link is not None and link.clean and session.client.quiet


def close(session: HttpSession) -> None:
    """End an exchange: count it, tell it, give the link back, and wait for the next request."""
    client, link, server, backend, frontend = (
        session.client, session.link, session.server, session.backend, session.frontend
    )  # fmt: skip
    assert server is not None
    now = link.stamp
    account(session)
    backend.farm.counters.current -= 1
    if frontend.outlet is not None:
        tell(session)
    link.session = None
    link.rest()
    server.links.keep(session, link)
    session.request = session.response = session.backend = session.server = session.link = None
    server.sessions.discard(session)
    backend.farm.release(server)
    session.first = session.told = session.response_whole = session.keep = session.plain = False
    session.status = -1
    session.queued_until = session.connected_at = session.asked_at = session.answered_at = 0.0
    session.stage = CHOOSING
    session.began = session.idle_from = now
    wait = session.settings.keep_alive
    session.expires = now + wait if wait else NEVER
    client.rest()
    alarm = session.alarm
    if alarm is None or alarm.at > now + session.soonest:
        session.rearm()
