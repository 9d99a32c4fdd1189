"""One TCP session: an accepted connection and its one way to a server, up to the relay of their bytes.

    greeting.py   the PROXY header in front of it
    steps.py      what is done in order; attempts.py: the way to a server
    relay.py      the two joined ends, from the moment that the link stands

Here stand: events of the ends before the relay, deadlines, and the end of the session.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tcproxy.report.formats import Moment
from tcproxy.samples.variables import Store
from tcproxy.session import accounting, attempts, crashes
from tcproxy.session.attempts import observe
from tcproxy.session.ends import End
from tcproxy.session.greeting import screen
from tcproxy.session.log_lines import write
from tcproxy.session.relay import Relay
from tcproxy.session.settings import BackendSettings, LiveBind
from tcproxy.session.stages import (
    CHOOSING,
    CLIENT_ERROR,
    CLIENT_TIMEOUT,
    CLOSED,
    CONNECTING,
    GREETING,
    INSPECTING,
    LETTERS,
    NEVER,
    RELAYING,
    SERVER_ERROR,
)
from tcproxy.session.state import CONNECTION_FIELDS, STREAM_FIELDS, Connection, Stream
from tcproxy.session.steps import run

FIRST = (0, 0)

if TYPE_CHECKING:
    from tcproxy.session.inspection import Inspection


class TcpSession(Connection, Stream):
    """One client of a frontend in TCP mode, from the accept to the end of the relay.

    captured: what rules have captured (rule_sets.py), None for nothing. inspection: rules about contents that are not
    through yet (inspection.py), None outside them. level: of the log line, -1 for no line, None for the usual one.
    priority: in queues, the class and the milliseconds to add.
    """

    __slots__ = (*CONNECTION_FIELDS, *STREAM_FIELDS, "captured", "inspection", "level", "priority")

    def __init__(self, bind: LiveBind) -> None:
        frontend = bind.frontend
        self.bind = bind
        self.frontend = frontend
        self.client_limit = frontend.client
        self.server_limit = 0.0
        self.steps = bind.steps
        self.alarm = self.greeting = self.front = self.moved = self.relay = self.packed_source = None
        self.kept_variables = self.scopes = None
        self.inspection: Inspection | None = None
        self.captured: Any = None
        self.level: int | None = None
        self.priority = FIRST
        self.link = self.backend = self.server = self.previous = self.avoid = self.ticket = None
        self.persistence = self.local = self.remote = self.unique = None
        self.stage = CHOOSING
        self.expires = NEVER
        self.queued_until = self.connected_at = 0.0
        self.handshake = self.next_step = self.retries = 0
        self.error = self.phase = ""
        self.redispatched = self.logged = self.client_done = self.client_shut = False

    @property
    def connection(self) -> TcpSession:  # type: ignore[override]  # of an exchange it is a field
        """Return itself: a TCP session is its own connection."""
        return self

    def variables(self, scope: str) -> Store | None:
        """Return the variables of a scope, None while there is none."""
        return Connection.variables(self, scope) if self.stage is GREETING else Stream.variables(self, scope)

    @property
    def wait_over(self) -> bool:
        """Return False while a condition may be answered by "not known yet"."""
        return self.inspection is None or self.inspection.known

    def begin(self, client: End) -> None:
        """The client's connection stands: count it and take the first steps."""
        accounting.enter(self, client)
        if self.bind.screened:
            self.stage = GREETING
            screen(self)
        else:
            client.listen()
            run(self)

    def greeted(self) -> None:
        """Go on: it has passed rules about connections, and a PROXY header is read."""
        self.stage = CHOOSING
        run(self)

    def refused(self) -> TcpSession:
        """Return itself: the log line of a refused connection tells of this stream."""
        return self

    def run(self) -> None:
        """Take steps until one has to wait."""
        run(self)

    def give_up(self) -> None:
        """End for want of a server; `error` and `phase` already say why."""
        self.end()

    def retire(self) -> None:
        """The proxy stops softly: sessions go on to their end."""

    def relay_bytes(self) -> None:
        """The link stands: pass bytes from now on."""
        backend: BackendSettings = self.backend  # type: ignore[assignment]  # it was chosen
        frontend, server, link = self.frontend, self.server, self.link
        if backend.abort_on_close and self.client_done and not self.client.held:
            self.end()
            return
        self.stage = RELAYING
        self.connected_at = link.last_progress = frontend.world.clock.seconds()
        self.expires = NEVER
        if server is not None and server.watch is not None:
            observe(server, True)
        relay = Relay(self, self) if backend.relay_of is None else backend.relay_of(self)
        if frontend.outlet is not None:
            write(self, Moment.ESTABLISHED)
        relay.join()

    # events of the client's end before the relay

    def heard(self, end: End) -> None:
        """Bytes came that wait for the server, and for rules that look at them."""
        if self.stage is INSPECTING:
            run(self)

    def emptied(self, end: End) -> None:
        """Nothing to do: nothing was sent yet."""

    def ended(self, end: End) -> None:
        """FIN came from the client."""
        self.client_done = True
        if self.client_shut:
            self.close_client()
        if self.stage is INSPECTING:
            run(self)
        else:
            self.settle()

    def broke(self, end: End | None, errno: int) -> None:
        """The client's connection failed. (A link that is being established tells by `connect_failed`.)"""
        if self.stage is CLOSED:
            return
        if end is self.client:
            if self.stage is CHOOSING and self.backend is None:
                # found by `look`, the first step: the backend is still chosen, and counts the abort
                self.decide(CLIENT_ERROR, "R")
                self.close_client()
                return
            if self.stage is INSPECTING:
                self._lose_client(CLIENT_ERROR)
                return
            accounting.aborted_by_client(self)
            self.decide(CLIENT_ERROR, "D")
            self.close_client()
        elif end is self.link:
            accounting.broken_by_server(self)
            self.decide(SERVER_ERROR, "D")
            end.close(True)
        self.settle()

    def shut(self, cause: str) -> None:
        """End on command: `cause` is K, D or U. What a relay has read already is still passed."""
        if self.relay is not None:
            self.relay.shut(cause)
        elif self.stage is not CLOSED:
            if not self.error:
                self.error, self.phase = cause, LETTERS[self.stage]
            self.end()

    def decide(self, error: str, phase: str = "") -> None:
        """Note why the session ends, unless that is known already."""
        if not self.error:
            self.error = error
            self.phase = self.phase or phase or LETTERS[self.stage]

    def settle(self) -> None:
        """Act on an end or a timeout of the client, and set the alarm."""
        if self.relay is not None:
            self.relay.settle()
        elif self.stage is not CLOSED:
            self._settle_early()

    def _settle_early(self) -> None:
        """End if the client left before there was a server, unless it sent something to deliver."""
        backend = self.backend
        if self.client_shut:
            return self.end()
        if not self.client_done or self.stage is CHOOSING:
            return self.rearm()
        if self.error == CLIENT_TIMEOUT and self.stage is CONNECTING:
            # HAProxy does not give up a connection attempt because the client is silent
            return self.rearm()
        if self.error or not self.client.held or (backend is not None and backend.abort_on_close):
            self.decide(CLIENT_ERROR)
            return self.end()
        return self.rearm()

    def close_client(self) -> None:
        """Close the client's connection: from now on both of its directions have ended."""
        self._close_client(self.frontend.nolinger)

    # time

    def alarmed(self) -> None:
        """The deadline struck: act on what is really due, and set it anew."""
        self.alarm = None
        now = self.now()
        if self.stage is GREETING:
            self.greeting.alarmed(now)
        elif self.relay is not None:
            self.relay.alarmed(now)
        else:
            self._alarmed_early(now)

    def _alarmed_early(self, now: float) -> None:
        if now >= self.expires:
            self.expires = NEVER
            if self.stage is INSPECTING:
                run(self)
            else:
                attempts.expired(self)
        else:
            self._check_client(now)
        if self.relay is not None:
            self.relay.wait_on(now)
        elif self.stage is not CLOSED:
            at = self.expires
            if self.client_limit:
                silent_at = self.client.last_progress + self.client_limit
                at = min(at, silent_at if silent_at > now else now + self.client_limit)
            self.strike_by(at)
            self.settle()

    def _check_client(self, now: float) -> None:
        """Treat a client that is silent for too long like one that sent FIN; the attempt to connect goes on."""
        client, limit = self.client, self.client_limit
        if limit and not self.client_done and client.reading and now >= client.last_progress + limit:
            if self.stage is INSPECTING:
                self._lose_client(CLIENT_TIMEOUT)
                return
            if not self.error:
                self.decide(CLIENT_TIMEOUT)
                accounting.aborted_by_client(self)
            client.mute()
            self.finish_client()

    def _lose_client(self, cause: str) -> None:
        """End since the client was reset, or silent, while rules waited for its bytes."""
        self.decide(cause)
        self.frontend.counters.request_errors += 1
        accounting.aborted_by_client(self)
        home = self.frontend.home
        if self.backend is None and home is not None:
            # HAProxy gives such a client to the section itself at last
            home.enter()
            home.counters.aborts_client += 1
            home.leave()
        self.end()

    def rearm(self) -> None:
        """See that the alarm strikes no later than anything that can be due from now on (relay.py has the reason)."""
        at = self.expires
        limit = self.client_limit
        world = self.frontend.world
        if limit:
            due = world.clock.seconds() + limit
            if due < at:
                at = due
        # inlined `strike_by` of newcomers (hot path; see docs/performance)
        newcomers = world.newcomers
        if self.alarm is not None or at < newcomers.at or self.number <= newcomers.seen:
            self.strike_by(at)

    # the end

    def end(self) -> None:
        """Close whatever is open, give back what was taken, and write the log line."""
        if self.stage is CLOSED:
            return
        self.stage = CLOSED
        self.cancel_alarm()
        if self.ticket is not None and self.ticket.waiting:
            self._leave_queue()
        self._close_link()
        accounting.account(self)
        self._leave_backend()
        self._leave_server()
        if not (self.client_shut and self.client_done):
            self.close_client()
        accounting.leave(self)
        self._cut()

    def crashed(self, error: BaseException, end: End | None = None) -> None:
        """Code of this session raised an exception: tell it, and end (crashes.py)."""
        crashes.tell(self, self, error)
        if not crashes.is_open(self):
            return
        counted = self.stage is CLOSED
        crashes.mark(self)
        self.stage = CLOSED
        crashes.carry_out(
            (
                self.cancel_alarm,
                self._leave_queue,
                self._close_link,
                self._reset_link,
                self._nothing_to_count if counted else partial(accounting.account, self),
                self._leave_backend,
                self._leave_server,
                partial(self._close_client, False),
                partial(accounting.leave, self),
                self._cut,
            )
        )

    # its parts; each does nothing where there is nothing left to do

    def _leave_queue(self) -> None:
        if self.ticket is not None and self.ticket.waiting:
            self.ticket.cancel()
            if self.error != CLIENT_TIMEOUT:
                # HAProxy dates the end of the wait, but where the client fell silent
                self.queued_until = self.now()

    def _close_link(self) -> None:
        if self.relay is not None:
            self.relay.close()
        elif self.link is not None:
            self.link.close(True)

    def _reset_link(self) -> None:
        """Close a link that the relay takes for closed: it may have crashed on the way to that."""
        if self.link is not None:
            self.link.close(True)

    def _leave_backend(self) -> None:
        """Leave the backend, and write the line: before the slot goes to who waits for it, and is not counted in it."""
        server, backend = self.server, self.backend
        if server is not None:
            server.sessions.discard(self)
        if backend is not None:
            backend.farm.leave()
        try:
            if self.frontend.outlet is not None:
                write(self)
        finally:
            self.backend = None

    def _leave_server(self) -> None:
        server, self.server = self.server, None
        if server is not None:
            server.farm.release(server)

    def _nothing_to_count(self) -> None:
        """It is counted already."""

    def _cut(self) -> None:
        """Cut the references in both directions, so that memory is freed without the garbage collector."""
        self.client.session = None
        if self.link is not None:
            self.link.session = None
            self.link = None
        self.relay = None

    # what the link tells while it is established

    def connected(self) -> None:
        """The link that was being established stands."""
        run(self)

    def connect_failed(self, errno: int, cause: str) -> None:
        """The link that was being established failed."""
        attempts.connect_failed(self, errno, cause)

    # events of the farm


# steps


def look(stream: Any) -> bool:
    """Read once before the first decision, so that data or a FIN that came with the connection is seen."""
    stream.client.look()
    return stream.stage is not CLOSED


def log_accepted(stream: Stream) -> bool:
    """Write the log line of a frontend that logs its clients as they come; a PROXY header is known by now."""
    write(stream, Moment.ACCEPT)
    return True


def relay(stream: Any) -> bool:
    """The link stands: bytes move from now on. The last step."""
    stream.relay_bytes()
    return False
