"""One client of a frontend in HTTP mode: its connection, over which one exchange follows another.

Here stand: events of the client's end, tunnels, and the end of the connection. How it waits between exchanges, and what
becomes of a client that leaves then, stands in waits.py; one that leaves while an exchange is under way is the subject
of client_events.py. A tunnel (upgrade, CONNECT) is a relay from then on (session/relay.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import time
from typing import TYPE_CHECKING, Any

from tcproxy.report.counters import UNCOUNTED
from tcproxy.servers.state import LiveServer
from tcproxy.session import accounting, crashes
from tcproxy.session.ends import End
from tcproxy.session.greeting import Greeting, screen
from tcproxy.session.http import client_events, fast, pages, timeouts, waits
from tcproxy.session.http.captured_errors import keep_request
from tcproxy.session.http.exchange import HttpExchange
from tcproxy.session.http.messages import ClientEnd, ClientEvents
from tcproxy.session.http.state import ClientConnection, Exchange
from tcproxy.session.http.tunnel import Tunnel
from tcproxy.session.settings import BackendSettings, LiveBind
from tcproxy.session.stages import (
    CHOOSING,
    CLIENT_TIMEOUT,
    CLOSED,
    NEVER,
    PROXY,
    RELAYING,
    Stage,
)
from tcproxy.session.state import CONNECTION_FIELDS
from tcproxy.session.steps import run
from tcproxy.wire.http1 import BadMessage, RequestHead


class HttpConnection(ClientConnection):
    """One client's connection."""

    __slots__ = (
        *CONNECTION_FIELDS, "broken", "choice", "closed", "exchange", "expires", "first", "idle_from", "kept",
        "leaving", "peer", "settings", "soonest", "unread",
    )  # fmt: skip

    def __init__(self, bind: LiveBind) -> None:
        frontend = bind.frontend
        assert frontend.http is not None
        self.bind = bind
        self.frontend = frontend
        self.settings = frontend.http
        self.client_limit = frontend.client
        self.exchange: HttpExchange | None = None
        self.alarm = self.greeting = self.front = self.moved = self.relay = self.packed_source = None
        self.kept_variables = None
        self.kept = self.peer = self.choice = None
        self.client_done = self.client_shut = self.broken = self.closed = self.leaving = self.unread = False
        self.first = True
        self.handshake = 0
        self.expires = NEVER
        self.soonest = self.idle_from = 0.0

    def begin(self, client: ClientEnd) -> None:
        """The client's connection stands: count it, and wait for its first request."""
        accounting.enter(self, client)
        if self.bind.screened:
            screen(self)
        else:
            client.listen()
            self.greeted()

    def greeted(self) -> None:
        """Wait for the first request: it has passed rules about connections, and a PROXY header is read."""
        self.idle_from = self.began = self.now()
        if self.settings.request:
            self.expires = self.began + self.settings.request
        self.client.start()
        if not self.closed:
            self.rearm()

    def refused(self) -> HttpExchange:
        """Return an exchange that never was, for the log line of a connection that is refused."""
        exchange = self.exchange = HttpExchange(self)
        exchange.status = UNCOUNTED
        return exchange

    # requests (messages.ClientEvents)

    def request_began(self) -> None:
        """The first bytes of a request came."""
        self._begin_at(self.now())
        if self.settings.request:
            self.expires = self.began + self.settings.request
        self.rearm()

    def _begin_at(self, now: float) -> None:
        self.began = now
        if self.frontend.outlet is not None:
            self.accepted = time()

    def requested(self, head: RequestHead) -> None:
        """A request came: find a server for it."""
        client = self.client
        now = client.last_progress
        if now < self.idle_from:
            now = self.idle_from  # the request came before the last one was answered
        if not client.announced:
            self.began = now
            if self.frontend.outlet is not None:
                self.accepted = time()
        exchange = self.exchange = self.new_exchange()
        exchange.request = head
        exchange.asked_at = now
        counters = self.frontend.counters  # inlined `Counters.count_request` (hot path; see docs/performance)
        if now >= counters.request_rate.until:
            counters.request_rate.turn(now, counters.requests)
        counters.requests += 1
        settings = self.settings
        if settings.fast and self.kept is None:
            fast.ask(self, exchange, now)
            return
        self.soonest = 0.0
        exchange.steps = settings.steps
        run(exchange)

    def bad_request(self, error: BadMessage) -> None:
        """The client sent bytes that are no request, or no body of one."""
        exchange = self.exchange
        keep_request(self, error)
        if exchange is None:
            self._refuse_request(error.status)
            return
        inner = exchange.inner
        if inner is not None and inner.holds:
            self.client.mute()
            return
        self.count_request_error()
        exchange.decide(PROXY, "R" if inner is not None else "")
        exchange.inner = None
        if exchange.response is None:
            exchange.keep = False
            exchange.answer(400)
        else:
            exchange.abort()

    def _refuse_request(self, status: int) -> None:
        self.count_request_error()
        if not self.client.announced:
            self._begin_at(max(self.client.last_progress, self.idle_from))
        exchange = self.without_request()
        exchange.decide(PROXY)
        self.refuse(exchange, status)

    def new_exchange(self) -> HttpExchange:
        """Return the exchange of a request."""
        exchange = HttpExchange(self)
        if self.handshake:
            exchange.handshake, self.handshake = self.handshake, 0
        return exchange

    def without_request(self) -> HttpExchange:
        """Return an exchange for bytes that never become a request, or for none."""
        exchange = self.exchange = self.new_exchange()
        return exchange

    def refuse(self, exchange: Exchange, status: int, silent: bool = False) -> None:
        """Answer that there is no request, or say nothing, and close."""
        if silent:
            exchange.status = UNCOUNTED
        else:
            self.frontend.counters.count_request(self.now())  # one that is none, or was not sent, as HAProxy does
            exchange.status = status
            if not self.broken:
                self.client.say(pages.early(self.settings, status))
                self.client.flush()
        if self.closed:
            return
        self.client.bytes_read = 0
        exchange.keep = False
        exchange.finish()

    def request_ended(self) -> None:
        """The request's body is whole."""
        exchange = self.exchange
        if exchange is None:
            return
        if exchange.response_whole:
            exchange.finish()
        elif exchange.inner is not None:
            exchange.inner.over()
        else:
            self.rearm()

    # between and behind requests

    def nothing_more(self) -> None:
        """The client's next request is not there yet."""
        if self.client_done and self.exchange is None:
            waits.client_left(self)
        else:
            self.rearm()

    def go_on_from(self, exchange: Exchange) -> None:
        """An exchange is over and counted: wait for the next one, or close as soon as all is sent."""
        self.exchange = None
        if exchange.keep:
            self.first = False
            self.wait_from(self.now())
            self.client.next()
            return
        self.leaving = True
        self.unread = exchange.response is not None and not self.client.whole
        self.expires = NEVER
        if self.client.waiting and not self.broken:
            self.rearm()
        else:
            self.end()

    def wait_from(self, now: float) -> None:
        """Wait for the next request: the last one was answered at `now`, monotonic seconds."""
        self.began = self.idle_from = now
        wait = self.settings.keep_alive
        self.expires = now + wait if wait else NEVER

    # events of the client's end

    def heard(self, end: End) -> None:
        """Nothing to do: an end of messages calls `requested` instead."""

    def ended(self, end: End) -> None:
        """FIN came from the client."""
        if self.closed:
            return
        self.client_done = True
        if self.leaving:
            return
        if self.exchange is None:
            waits.client_left(self)
        else:
            client_events.client_ended(self.exchange)

    def broke(self, end: End | None, errno: int) -> None:
        """The client's connection failed."""
        if self.closed:
            return
        exchange = self.exchange
        if exchange is None or client_events.notices(exchange):
            self._client_lost()
        else:
            self.client_done = True
            self.client.mute()

    def unsendable(self, end: End | None, errno: int) -> None:
        """Bytes could not be sent to the client."""
        if not self.closed:
            self._client_lost()

    def _client_lost(self) -> None:
        """Nothing can be sent to the client any more."""
        self.client_done = self.broken = True
        if self.leaving:
            self.end()
        elif self.exchange is None:
            waits.client_left(self)
        else:
            client_events.client_aborted(self.exchange)

    def emptied(self, end: End) -> None:
        """All that was to be sent to the client is sent."""
        if self.exchange is not None and self.exchange.inner is not None:
            self.exchange.inner.room()
        elif self.leaving and not self.client.waiting:
            self.end()

    def shut(self, cause: str) -> None:
        """End on command."""
        if self.exchange is not None:
            self.exchange.shut(cause)
        elif not self.closed:
            self.end()

    def retire(self) -> None:
        """The proxy stops softly: close an idle connection, unless `option idle-close-on-response` is set."""
        if "idle-close-on-response" in self.frontend.model.options:
            return
        if self.exchange is None and not self.first and not self.client.begun:
            self.end()

    def decide(self, error: str, phase: str = "") -> None:
        """Note why the exchange under way ends."""
        if self.exchange is not None:
            self.exchange.decide(error, phase)

    # time

    def rearm(self) -> None:
        """Set the alarm no later than the first thing that can be due."""
        alarm = self.alarm
        if alarm is not None and alarm.at <= self.client.last_progress + self.soonest:
            return  # nothing that begins now can be due before that
        exchange = self.exchange
        if exchange is None:
            if self.leaving:
                at = self.now() + self.client_limit if self.client_limit else NEVER
            else:
                at = waits.waits_until(self)
        else:
            at = exchange.expires
            limit = exchange.server_limit if exchange.stage is RELAYING else 0.0
            if self.client_limit and (self.client_limit < limit or not limit):
                limit = self.client_limit
            if limit:
                at = min(at, self.now() + limit)
        self.strike_by(at)

    def alarmed(self) -> None:
        """The deadline struck: act on what is really due, and set it anew."""
        self.alarm = None
        now = self.now()
        if isinstance(self.greeting, Greeting):
            self.greeting.alarmed(now)
        elif self.relay is not None:
            self.relay.alarmed(now)
        elif self.exchange is not None:
            self._alarmed_within(self.exchange, now)
        elif self.leaving:
            waits.alarmed_leaving(self, now)
        else:
            waits.alarmed(self, now)

    def _alarmed_within(self, exchange: HttpExchange, now: float) -> None:
        if now >= exchange.expires:
            timeouts.expired(exchange)
        else:
            timeouts.check(exchange, now)
        if self.closed or self.relay is not None:
            return
        after = self.exchange
        if after is None:
            self.rearm()
        else:
            self.strike_by(timeouts.next_deadline(after, now))

    # tunnels and the end of the connection

    def tunnel(self, exchange: Exchange) -> None:
        """Leave HTTP: the client and the exchange's link are one connection of bytes from now on."""
        client, link = self.client, exchange.link
        client.tunnel()
        link.tunnel()
        relay = Tunnel(self, exchange)
        relay.join()
        if not relay.over:
            client.listen()
            relay.settle()

    def close_client(self) -> None:
        """Close the client's connection; as in HAProxy `option nolinger` makes a difference in tunnels only."""
        self._close_client(self.frontend.nolinger and self.relay is not None)

    def end(self) -> None:
        """Close whatever is open, and log an exchange that is under way."""
        if self.closed:
            return
        self.closed = True
        self.cancel_alarm()
        exchange = self.exchange
        if exchange is None and not self.leaving:
            exchange = self.without_request()
        if exchange is not None and exchange.request is None:
            exchange.logged = True
        self._close_kept()
        if exchange is not None:
            self._end_exchange(exchange)
        if not (self.client_shut and self.client_done):
            self.close_client()
        accounting.leave(self)
        self._cut()

    def _cut(self) -> None:
        """Cut the references in both directions, so that memory is freed without the garbage collector."""
        self.client.session = None
        self.exchange = self.relay = None

    def crashed(self, error: BaseException, end: End | None = None) -> None:
        """Code of this connection or its exchange raised an exception: tell it, answer if that can be, and end."""
        exchange = self.exchange
        crashes.tell(self, exchange, error)
        if not crashes.is_open(self):
            return
        self.closed = True
        self.client.session = self  # the PROXY header is awaited no more
        if exchange is None and not self.leaving:
            exchange = self._exchange_of_crash()
        parts: list[Callable[[], None]] = [self.cancel_alarm]
        if exchange is not None:
            crashes.mark(exchange)
            parts += exchange.parts_of_crash()
        if self.relay is not None:
            parts.append(self.relay.close)
        parts += [self._close_kept, partial(self._close_client, False), partial(accounting.leave, self), self._cut]
        crashes.carry_out(parts)

    def _exchange_of_crash(self) -> HttpExchange | None:
        """Return an exchange for the log line of a client that crashed between requests."""
        try:
            return self.new_exchange()
        except Exception:  # it may be what failed
            return None

    def _close_kept(self) -> None:
        """Close the links that only this client may use."""
        kept, self.kept = self.kept, None
        if kept is not None:
            kept.close()

    def _end_exchange(self, exchange: HttpExchange) -> None:
        exchange.stage = CLOSED
        if exchange.ticket is not None and exchange.ticket.waiting:
            exchange.ticket.cancel()
            if exchange.error != CLIENT_TIMEOUT:
                # as in HAProxy, the wait for a slot ends here, except where the client was silent for too long
                exchange.queued_until = self.now()
        if self.relay is not None:
            self.relay.close()
        elif exchange.link is not None:
            exchange.link.close(True)
        exchange.leave_servers()

    # facts for runtime commands and statistics: those of the exchange under way

    @property
    def request(self) -> RequestHead | None:  # type: ignore[override]  # of an exchange it is a field
        """Return the request under way."""
        return self.exchange.request if self.exchange is not None else None

    @property
    def backend(self) -> BackendSettings | None:
        """Return the backend of the exchange under way."""
        return self.exchange.backend if self.exchange is not None else None

    @property
    def server(self) -> LiveServer | None:
        """Return the server of the exchange under way."""
        return self.exchange.server if self.exchange is not None else None

    @property
    def link(self) -> Any:
        """Return the link of the exchange under way."""
        return self.exchange.link if self.exchange is not None else None

    @property
    def error(self) -> str:
        """Return the first letter of the termination state of the exchange under way."""
        return self.exchange.error if self.exchange is not None else ""

    @property
    def phase(self) -> str:
        """Return the second letter of the termination state of the exchange under way."""
        return self.exchange.phase if self.exchange is not None else ""

    @property
    def stage(self) -> Stage:
        """Return how far the exchange under way has come."""
        return self.exchange.stage if self.exchange is not None else CHOOSING

    @property
    def retries(self) -> int:
        """Return the retries of the exchange under way."""
        return self.exchange.retries if self.exchange is not None else 0


if TYPE_CHECKING:
    _told_by_clients: type[ClientEvents] = HttpConnection
