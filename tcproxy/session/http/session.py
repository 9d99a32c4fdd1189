"""One client and its exchanges, one after another: what each message leads to.

The rules are the reference's. An answer may come before its request is whole, and the exchange lasts until both are.
How a request finds its server is told in attempts.py, as for a connection; what connections tell by themselves, time
and tunnels are connection.py's.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any

from tcproxy.report.counters import UNCOUNTED
from tcproxy.session.http import observing, pages, plain, reuse
from tcproxy.session.http.retries import JUNK, again
from tcproxy.session.http.telling import account, tell, tell_early
from tcproxy.session.session import Session
from tcproxy.session.stages import (
    NEVER,
    PROXY,
    SERVER_ERROR,
    Stage,
)
from tcproxy.wire.http1 import Framing

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tcproxy.servers.state import LiveServer
    from tcproxy.session.ends import Address
    from tcproxy.session.frontend import Entrance
    from tcproxy.session.http.blocking import Tarpit
    from tcproxy.session.http.body import Wait
    from tcproxy.session.http.captures import Captured
    from tcproxy.session.http.pages import Page
    from tcproxy.session.http.private import PrivateLinks
    from tcproxy.session.http.retries import Replay
    from tcproxy.session.http.settings import HttpFrontend
    from tcproxy.session.http.ways import Way
    from tcproxy.wire.http1 import BadMessage, RequestHead, ResponseHead


class HttpSession(Session):
    """One client of a frontend in HTTP mode.

    request, response: the heads of the exchange under way. status: what the client was answered, -1 for nothing.
    idle_from: monotonic seconds when the wait for this request began; began: when its first byte came, or idle_from;
    asked_at: when its head was whole; answered_at: when the response's head was (0.0: never).
    first: the request is the connection's first. keep: the client's connection lasts. kept: links
    that only this client may use. replay: the request, where it may be sent again (retries.py).
    tunnelled: bytes pass both ways.
    broken: nothing can be sent to the client any more.
    soonest: seconds of the shortest timeout that may begin, 0 while that is not known.
    leaving: the connection is closed as soon as all is sent. sent: bytes of pages of ours.
    captured: headers and cookies for the log (captures.py). peer: who the client is, once a line named it.
    stream: number of the request in the process, where lines name that. sizes, marks: what telling.py has counted:
    bytes of both sides; milliseconds of the clock when the wait began, the link stood, the answer came, all was over.
    way: of the frontend to the backend, once that is chosen.
    short: the request went the short way, and so did its response, as far as that came (plain.py).
    awaited: the wait for the request's body (body.py), or in a tarpit (blocking.py), None without one.
    ahead: bytes sent ahead of the response, which are counted with it.
    """

    __slots__ = (
        "ahead", "answered_at", "asked_at", "awaited", "broken", "captured", "first", "first_step", "idle_from", "keep",
        "kept", "leaving", "marks", "peer", "replay", "request", "response", "response_whole", "sent", "settings",
        "short", "sizes", "soonest", "status", "stream", "tunnelled", "way",
    )  # fmt: skip

    client: Any
    link: Any
    backend: Any
    settings: HttpFrontend
    way: Way

    def __init__(self, entrance: Entrance) -> None:
        super().__init__(entrance)
        assert entrance.frontend.http is not None
        self.settings = entrance.frontend.http
        self.request: RequestHead | None = None
        self.response: ResponseHead | None = None
        self.first = True
        self.keep = self.broken = self.tunnelled = self.leaving = self.response_whole = self.short = False
        self.captured: Captured | None = None
        self.peer: Address | None = None
        self.stream = 0
        self.kept: PrivateLinks | None = None
        self.awaited: Wait | Tarpit | None = None
        self.ahead = 0
        self.replay: Replay | None = None
        self.status = -1
        self.sent = 0
        self.sizes = (0, 0)
        self.marks = (0, 0, 0, 0)
        self.soonest = 0.0
        self.first_step = 0
        self.idle_from = self.asked_at = self.answered_at = 0.0

    # waiting for a request

    def await_request(self) -> None:
        """Wait for the first request of the connection."""
        self.stage = Stage.CHOOSING
        self.idle_from = self.began = self.frontend.world.clock.seconds()
        if self.settings.request:
            self.expires = self.began + self.settings.request
        self.client.start()

    def request_began(self) -> None:
        """The first bytes of a request came."""
        self._begin_at(self.frontend.world.clock.seconds())
        if self.settings.request:
            self.expires = self.began + self.settings.request
        self.rearm()

    def _begin_at(self, now: float) -> None:
        self.began = now
        if self.frontend.outlet is not None:
            self.accepted = time()

    def requested(self, head: RequestHead) -> None:
        """A request came: find a server for it."""
        way = self.settings.plain
        if way is not None and self.kept is None:
            plain.ask(self, head, way)
            return
        now = self.client.stamp
        if now < self.idle_from:
            now = self.idle_from  # it came before the last one was answered
        self.asked_at = now
        counters = self.frontend.counters
        if now >= counters.request_rate.until:
            counters.request_rate.turn(now, counters.requests)
        counters.requests += 1
        self.soonest = 0.0
        if not self.client.told:
            self._begin_at(now)
        self.request = head
        self.expires = NEVER
        self.at = self.first_step
        self.run()

    def bad_request(self, error: BadMessage) -> None:
        """The client sent what is no request, or no body of one."""
        if self.awaited is not None and self.awaited.holds:
            self.client.mute()
            return
        self.count_request_error()
        self.decide(PROXY, "R" if self.awaited is not None else "")
        self.awaited = None
        if self.request is None:
            if not self.client.told:
                self._begin_at(max(self.client.stamp, self.idle_from))
            self.refuse(error.status)
        elif self.response is None:
            self.keep = False
            self.answer(400)
        else:
            self.abort()

    def refuse(self, status: int, silent: bool = False) -> None:
        """Tell that there is no request, and close."""
        if silent:
            self.status = UNCOUNTED
        else:
            self._count_no_request()
            self.status = status
            if not self.broken:
                self.client.say(pages.early(self, status))
                self.client.flush()
        if self.stage == Stage.CLOSED:
            return
        self.client.moved = 0
        self.keep = False
        self.finish()

    def count_request_error(self) -> None:
        """Count that the client sent no request, or a bad one."""
        self.frontend.counters.request_errors += 1
        self.entrance.counters.request_errors += 1

    def _count_no_request(self) -> None:
        """Count as a request what never became one."""
        counters = self.frontend.counters
        now = self.frontend.world.clock.seconds()
        if now >= counters.request_rate.until:
            counters.request_rate.turn(now, counters.requests)
        counters.requests += 1

    # the server

    def reused(self) -> Any:
        """Return an idle link to the server for this request, None without one."""
        server, backend = self.server, self.backend
        if server is None:
            return None
        link = server.links.take(self)
        if link is None:
            return None
        link.session = self
        server.counters.reuses += 1
        backend.farm.counters.reuses += 1
        server.sessions.add(self)
        return link

    def link_key(self) -> Hashable:
        """Return what a link to this session's server tells the server about the client, or depends on."""
        return reuse.link_key(self)

    def observed(self, server: LiveServer) -> None:
        """Tell the watch that a connection stands (`observe layer4`)."""
        if server.model.observe == "layer4":
            watch: Any = server.watch
            watch.observed(True)

    def give_up(self) -> None:
        """There is no server for the request."""
        if self.request is None:
            self.end()
        else:
            if self.backend is None:
                self.asked_at = 0.0  # as the reference: of a request that leads nowhere it tells no times
            self.answer(503)

    def interim(self, head: ResponseHead) -> None:
        """A 1xx response: pass it on, to who knows such."""
        assert self.request is not None
        if self.server is not None:
            self.server.counters.answered[head.status // 100] += 1
        if self.replay is not None:
            self.replay.allowed = False
        if self.way.observes:
            observing.answered(self, head.status)
        self.link.moved += self.client.respond(head, self.request, None)
        self.client.flush()

    def responded(self, head: ResponseHead) -> bool:
        """The response's head came."""
        request = self.request
        if request is None or (self.replay is not None and again(self, head.status, head)):
            return False
        self.response = head
        self.short = False
        self.answered_at = self.link.stamp
        self.status = head.status
        if self.server is not None:
            self.server.counters.answered[head.status // 100] += 1
        if self.way.observes:
            observing.answered(self, head.status)
        for edit in self.way.responses:
            edit(self, head)
            if self.response is not head:
                return False  # it was answered in the server's place
        if head.tunnels(request):
            self.link.moved += self.client.respond(head, request, None)
            self.client.flush()
            if self.link is None:
                return False  # the client is lost
            if self.settings.early:
                tell_early(self)
            self._tunnel()
            return False
        self.keep = not self.settings.closes and not self.frontend.world.stopping and head.client_keeps(request)
        self.link.moved += self.client.respond(head, request, self.keep)
        if self.settings.early:
            tell_early(self)
        return True

    def bad_response(self, error: BadMessage) -> None:
        """The server sent what is no response, or no body of one."""
        self.count_response_error()
        if self.way.observes:
            observing.failed(self, observing.HEAD if self.response is None else observing.BODY)
        if self.response is None and self.replay is not None and again(self, JUNK):
            return
        self.decide(PROXY if self.response is None else SERVER_ERROR)
        self.fail_response(502)

    def count_response_error(self) -> None:
        """Count that the server gave no response, or a bad one."""
        self.backend.farm.counters.response_errors += 1
        if self.server is not None:
            self.server.counters.response_errors += 1

    def fail_response(self, status: int) -> None:
        """The response cannot be had: answer in its place, if nothing of it is with the client yet."""
        if self.response is None:
            self.answer(status)
        else:
            self.abort()

    def request_ended(self) -> None:
        """The request's body is whole."""
        if self.response_whole:
            self.finish()
        elif self.awaited is not None:
            self.awaited.over()
        else:
            self.rearm()

    def response_ended(self) -> None:
        """The response's body is whole."""
        self.response_whole = True
        if self.client.whole:
            self.finish()
            return
        if not self.keep:
            self.client.hang_up()
        self.rearm()

    # what strategies ask of a request (interfaces.IRequest)

    def uri(self) -> bytes | None:
        """Return what is asked for, as it is forwarded."""
        assert self.request is not None
        return self.request.target

    def header(self, name: bytes) -> bytes | None:
        """Return the value of the first header of this name, in lower case; None without one."""
        assert self.request is not None
        return self.request.value(name)

    def body(self) -> bytes | None:
        """Return what is there of a POST's body, None of any other request."""
        assert self.request is not None
        return b"".join(self.client.pieces) if self.request.method == b"POST" else None

    def data(self) -> bytes:
        """Return nothing: there are messages, and no bytes."""
        return b""

    # the end of an exchange

    def answer(self, status: int, page: Page | None = None) -> None:
        """Answer in the server's place: with the page of this status, or another one."""
        request = self.request
        assert request is not None
        if not (self.connected_at or self.client_shut):
            self.client.count_request(request)
        pages.send(self, page or pages.page_for(self, status), status)
        self.sent += self.ahead
        self.ahead = 0
        if self.link is not None:
            self.sent += self.link.moved
        self.close_own_link()
        self.client.flush()
        if self.stage != Stage.CLOSED:
            self.finish()

    def abort(self) -> None:
        """Nothing good can come of the exchange: close both connections."""
        self.keep = False
        self.close_own_link()
        self.finish()

    def stay_silent(self) -> None:
        """A server closed instead of answering a kept client, who repeats its request when it hears nothing."""
        self.told = True
        self.status = UNCOUNTED
        self.abort()

    def close_own_link(self) -> None:
        """Give up the link of this exchange."""
        link = self.link
        if link is not None:
            if self.response is not None and not self.sent:
                self.sent = link.moved
            link.close(not link.ended)
            link.session = None
            self.link = None

    def finish(self) -> None:
        """The exchange is over: count it, tell it, and go on with the connections."""
        if self.keep and plain.may_close(self):
            plain.close(self)
            return
        keep = self.keep
        self._leave_servers()
        if keep:
            self._wait_for_next()
        else:
            self._leave()

    def _leave_servers(self) -> None:
        account(self)
        server, backend = self.server, self.backend
        if backend is not None:
            backend.farm.leave()
        if self.ticket is not None and self.ticket.waiting:
            self.ticket.cancel()
            self.queued_until = self.frontend.world.clock.seconds()
        tell(self)
        self._give_link_back()
        self.backend = self.server = None
        if server is not None:
            server.sessions.discard(self)
            backend.farm.release(server)

    def _give_link_back(self) -> None:
        """Keep the link for other requests, if it may carry them."""
        link, self.link = self.link, None
        if link is None:
            return
        response, server = self.response, self.server
        link.session = None
        if (
            response is None
            or server is None
            or self.way.closes
            or not (self.response_whole and self.client.whole and response.keep_alive and link.clean)
            or response.framing is Framing.CLOSE
        ):
            link.close(not link.ended)
            return
        link.rest()
        reuse.give_back(self, server, link)

    def _wait_for_next(self) -> None:
        """Begin anew, for the next request."""
        self.renew(self.frontend.world.clock.seconds())
        self.client.next()

    def renew(self, now: float) -> None:
        """Be as a session is before a request: the last one was answered at `now`, monotonic seconds."""
        self.request = self.response = None
        self.first = self.told = self.redispatched = self.response_whole = self.keep = self.short = False
        self.status = -1
        self.error = self.phase = ""
        self.persistence = self.replay = self.captured = self.ticket = self.previous = self.avoid = None
        self.local = self.remote = self.unique = None
        self.queued_until = self.connected_at = self.asked_at = self.answered_at = 0.0
        self.retries = self.sent = self.handshake = 0
        self.stage = Stage.CHOOSING
        self.began = self.idle_from = now
        wait = self.settings.keep_alive
        self.expires = now + wait if wait else NEVER

    # what the connections make of it (connection.py)

    def _leave(self) -> None:
        """Close the client's connection as soon as all is sent."""
        raise NotImplementedError

    def _tunnel(self) -> None:
        """Leave HTTP: the two connections are one from now on."""
        raise NotImplementedError
