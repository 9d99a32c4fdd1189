"""An exchange at work: what it does with the messages of its link, and how it ends.

The rules are HAProxy's. An answer may come before its request is whole, and the exchange lasts until both are.
A request finds its server by session/attempts.py, as a TCP session does. connection.py has the client's connection,
link_events.py the end and the failure of the link.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from tcproxy.report.counters import UNCOUNTED
from tcproxy.session import attempts
from tcproxy.session.ends import End
from tcproxy.session.http import crashes, fast, link_events, observing, pages, response_body
from tcproxy.session.http.accounting import account
from tcproxy.session.http.captured_errors import keep_response
from tcproxy.session.http.changes import Muted
from tcproxy.session.http.inner import respond
from tcproxy.session.http.log_lines import write_early, write_line
from tcproxy.session.http.messages import LinkEvents
from tcproxy.session.http.pages import Page
from tcproxy.session.http.retries import JUNK, again
from tcproxy.session.http.reuse import give_back
from tcproxy.session.http.state import EXCHANGE_FIELDS, NOT_COUNTED, ClientConnection, Exchange
from tcproxy.session.stages import CHOOSING, CLOSED, LETTERS, NEVER, PROXY, RELAYING, SERVER_ERROR
from tcproxy.session.steps import run
from tcproxy.wire.http1 import BadMessage, ResponseHead
from tcproxy.wire.http1.whole import BODYLESS

NO_CONTENT = 204


class HttpExchange(Exchange):
    """One exchange of a client's connection."""

    __slots__ = EXCHANGE_FIELDS

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.client = connection.client
        self.frontend = connection.frontend
        self.settings = connection.settings
        self.began = connection.began
        self.idle_from = connection.idle_from
        self.first = connection.first
        # one statement each: that is a third faster than a chain of targets
        self.bytes_ahead = 0
        self.answered_at = 0.0
        self.asked_at = 0.0
        self.avoid = None
        self.backend = None
        self.byte_counts = NOT_COUNTED
        self.captured = None
        self.changes = None
        self.connected_at = 0.0
        self.error = ""
        self.expires = NEVER
        self.fast = False
        self.handshake = 0
        self.inner = None
        self.keep = False
        self.kept = connection.kept
        self.link = None
        self.local = None
        self.logged = False
        self.looking = False
        self.moved = None
        self.next_step = 0
        self.number = 0
        self.persistence = None
        self.phase = ""
        self.previous = None
        self.queued_until = 0.0
        self.redispatched = False
        self.remote = None
        self.replay = None
        self.request = None
        self.response = None
        self.response_whole = False
        self.retries = 0
        self.scopes = None
        self.sent = 0
        self.server = None
        self.server_limit = 0.0
        self.stage = CHOOSING
        self.status = -1
        self.ticket = None
        self.times_ms = (0, 0, 0, 0)
        self.unique = None

    def run(self) -> None:
        """Take steps until one has to wait."""
        run(self)

    def settle(self) -> None:
        """See that the alarm strikes in time."""
        if not self.connection.closed:
            self.connection.rearm()

    def decide(self, error: str, phase: str = "") -> None:
        """Note why the exchange ends, unless that is known already."""
        if self.error:
            return
        self.error = error
        if self.phase or phase:
            self.phase = self.phase or phase
        elif self.request is None:
            self.phase = "R"
        elif self.stage is RELAYING:
            self.phase = "H" if self.response is None else "D"
        else:
            self.phase = LETTERS[self.stage]

    def end(self) -> None:
        """End the connection, and with it this exchange."""
        self.connection.end()

    # the server

    def reused(self) -> Any:
        """Return an idle link to the server for this request, None without one."""
        server, backend = self.server, self.backend
        if server is None or backend is None:
            return None
        link: Any = server.links.take(self)
        if link is None:
            return None
        link.session = self
        server.counters.reuses += 1
        backend.farm.counters.reuses += 1
        server.sessions.add(self)
        return link

    def give_up(self) -> None:
        """There is no server for the request; `error` and `phase` already say why."""
        if self.request is None:
            self.end()
        else:
            if self.backend is None:
                self.asked_at = 0.0  # HAProxy's line has no times for a request without a server
            self.answer(503)

    def connected(self) -> None:
        """The link that was being established stands."""
        run(self)

    def connect_failed(self, errno: int, cause: str) -> None:
        """The link that was being established failed."""
        attempts.connect_failed(self, errno, cause)

    # events of the link (messages.LinkEvents)

    def interim(self, head: ResponseHead) -> None:
        """Pass a 1xx response on. The link's end drops those that a client of HTTP/1.0 would not know."""
        assert self.request is not None
        if self.server is not None:
            self.server.counters.answered[head.status // 100] += 1
        if self.replay is not None:
            self.replay.allowed = False
        if self.route.observes:
            observing.answered(self, head.status)
        self.link.bytes_read += self.client.respond(head, self.request, None)
        self.client.flush()

    def responded(self, head: ResponseHead) -> bool:
        """The response's head came. Return False if its body is not to be passed on."""
        request = self.request
        if request is None or (self.replay is not None and again(self, head.status, head)):
            return False
        self.response = head
        self.fast = False
        self.answered_at = self.link.last_progress
        self.status = head.status
        if self.server is not None:
            self.server.counters.answered[head.status // 100] += 1
        if self.route.observes:
            observing.answered(self, head.status)
        if self.route.holds:
            return response_body.begin(self, head)
        for edit in self.route.responses:
            edit(self, head)
            if self.connection.exchange is not self:
                return False  # it was answered in the server's place
        return self.forward(head)

    def forward(self, head: ResponseHead) -> bool:
        """Send the client a response's head, as rules have made it. Return False if its body is not to be passed on."""
        request = self.request
        assert request is not None
        if head.tunnels(request):
            self._begin_tunnel(head)
            return False
        if head.status == NO_CONTENT:
            head.remove(b"content-length")  # rules may have made it one without a body
        self.keep = not self.settings.closes and not self.world.stopping and head.client_keeps(request)
        self.link.bytes_read += self.client.respond(head, request, self.keep)
        muted = head.status in BODYLESS or (self.changes is not None and self.changes.mutes(request))
        if muted and head.has_body:
            self.link.sink = Muted(self.client)
        if self.settings.early:
            write_early(self)
        return True

    def _begin_tunnel(self, head: ResponseHead) -> None:
        assert self.request is not None
        self.link.bytes_read += self.client.respond(head, self.request, None)
        self.client.flush()
        if self.link is None:
            return  # the client is lost
        if self.settings.early:
            write_early(self)
        self.connection.tunnel(self)

    def bad_response(self, error: BadMessage) -> None:
        """The server sent bytes that are no response, or no body of one."""
        self.count_response_error()
        keep_response(self, error)
        if self.route.observes:
            observing.failed(self, observing.HEAD if self.response is None else observing.BODY)
        if self.response is None and self.replay is not None and again(self, JUNK):
            return
        wait = response_body.held(self)
        if wait is not None:
            wait.bad()
            return
        self.decide(PROXY if self.response is None else SERVER_ERROR)
        self.fail_response(502)

    def response_ended(self) -> None:
        """The response's body is whole."""
        if self.route.holds:
            wait = response_body.held(self)
            if wait is not None and not wait.go_on():
                return
        self.response_whole = True
        if self.client.whole:
            self.finish()
            return
        if not self.keep:
            self.client.hang_up()
        self.connection.rearm()

    def heard(self, end: End) -> None:
        """Bytes came behind the response: the link will not carry another request."""

    def emptied(self, end: End) -> None:
        """The request is sent."""

    def ended(self, end: End) -> None:
        """FIN came from the server."""
        if end is self.link and not self.looking:
            link_events.server_ended(self)

    def broke(self, end: End | None, errno: int) -> None:
        """The link was reset or could not be read (not a FIN)."""
        if end is self.link and not self.looking and not self.connection.closed:
            link_events.server_reset(self)

    def unsendable(self, end: End | None, errno: int) -> None:
        """Bytes could not be sent to the server: read once more, since it may have answered before it closed."""
        if end is None or end is not self.link or self.looking:
            return
        self.looking = True
        end.look()
        self.looking = False
        if end is self.link and not self.connection.closed:
            link_events.server_deaf(self)

    # failures of the response

    def count_response_error(self) -> None:
        """Count that the server gave no response, or a bad one."""
        assert self.backend is not None
        self.backend.farm.counters.response_errors += 1
        if self.server is not None:
            self.server.counters.response_errors += 1

    def fail_response(self, status: int) -> None:
        """The response cannot be had: answer in its place, if nothing of it is with the client yet."""
        if self.response is None:
            self.answer(status)
        else:
            self.abort()

    def shut(self, cause: str) -> None:
        """End on command, or because of the server's state: the client sees what it sees when a server closes."""
        if self.connection.relay is not None:
            self.connection.relay.shut(cause)
        elif not self.connection.closed:
            link_events.shut(self, cause)

    # the end of an exchange

    def answer(self, status: int, page: Page | None = None) -> None:
        """Answer in the server's place: with the page of this status, or another one."""
        request = self.request
        assert request is not None
        if not (self.connected_at or self.connection.client_shut):
            self.client.count_request(request)
        whole = pages.response_of(self, page or pages.page_for(self, status), status)
        if whole is not None and fast.may_answer(self, whole):
            fast.answer(self, whole)
            return
        respond(self, whole)
        self.sent += self.bytes_ahead
        self.bytes_ahead = 0
        if self.link is not None:
            self.sent += self.link.bytes_read
        self.close_own_link()
        self.client.flush()
        if not self.connection.closed and self.connection.exchange is self:
            self.finish()

    def abort(self) -> None:
        """Close both connections: the exchange cannot be completed."""
        self.keep = False
        self.close_own_link()
        self.finish()

    def stay_silent(self) -> None:
        """Close without an answer, when a server closed an idle link: a kept client then sends its request again."""
        self.logged = True
        self.status = UNCOUNTED
        self.abort()

    def close_own_link(self) -> None:
        """Give up the link of this exchange."""
        link = self.link
        if link is not None:
            if self.response is not None and not self.sent:
                self.sent = link.bytes_read
            link.close(not link.ended)
            link.session = None
            self.link = None

    def finish(self) -> None:
        """The exchange is over: count it, log it, and go on with the connections."""
        if self.keep and fast.may_close(self):
            fast.close(self)
            return
        self.leave_servers()
        self.connection.go_on_from(self)

    def leave_servers(self) -> None:
        """Count and log the exchange, and give back what it holds of its server."""
        account(self)
        if self.ticket is not None and self.ticket.waiting:
            self.ticket.cancel()
            self.queued_until = self.now()
        self._leave_backend()
        self._give_link_back()
        self._leave_server()
        if self.inner is not None:
            self.inner.given_up()

    def _leave_backend(self) -> None:
        """Leave the backend, and write the line, which does not count the exchange there any more."""
        if self.backend is not None:
            self.backend.farm.leave()
        try:
            write_line(self)
        finally:
            self.backend = None

    def _leave_server(self) -> None:
        server, self.server = self.server, None
        if server is not None:
            server.sessions.discard(self)
            server.farm.release(server)

    def _give_link_back(self) -> None:
        """Keep the link for other requests, if it may carry them."""
        link, server, response = self.link, self.server, self.response
        if link is None:
            return
        link.session = None
        if (
            response is None
            or server is None
            or self.route.closes
            or not (self.response_whole and self.client.whole and response.keep_alive and link.clean)
            or response.ends_by_close
        ):
            link.close(not link.ended)
        else:
            link.go_idle()
            give_back(self, server, link)
        self.link = None

    # an exception in the code of the exchange (session/crashes.py)

    def crashed(self, error: BaseException, end: End | None = None) -> None:
        """Code of this exchange raised an exception: end its connection."""
        self.connection.crashed(error, end)

    def parts_of_crash(self) -> tuple[Callable[[], None], ...]:
        """Return all that is to be done when an exchange ends so; each does nothing where nothing is left to do."""
        over = self.backend is None and (self.logged or (self.fast and self.byte_counts is not NOT_COUNTED))
        return (
            partial(crashes.answer, self),
            self._leave_queue,
            self._close_link,
            self._count,
            *(() if over else (self._leave_backend,)),
            self._drop_link,
            self._leave_server,
            self._leave_inner,
        )

    def _leave_queue(self) -> None:
        self.stage = CLOSED
        if self.ticket is not None and self.ticket.waiting:
            self.ticket.cancel()
            self.queued_until = self.now()

    def _close_link(self) -> None:
        if self.link is not None:
            self.link.close(True)

    def _count(self) -> None:
        if self.byte_counts is NOT_COUNTED:
            account(self)

    def _leave_inner(self) -> None:
        if self.inner is not None:
            self.inner.given_up()

    def _drop_link(self) -> None:
        if self.link is not None:
            self.link.session = None
            self.link = None


if TYPE_CHECKING:
    _told_by_links: type[LinkEvents] = HttpExchange
