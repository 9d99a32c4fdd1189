"""One accepted connection: its two ends, its timers, and how it ends.

The rules of ends and timeouts are those of HAProxy's two channels: a FIN is passed on when what came before it is
passed; a timeout of reading counts as a FIN from that side; a side that failed is closed, and the other one once
all that was read for it is written. The way to a server stands in steps.py and attempts.py; what is told of
the end, in telling.py. Bytes are moved by the ends themselves (ends.py), which touch nothing here.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any

from tcproxy.session import attempts, silence
from tcproxy.session.asked import Asked
from tcproxy.session.ends import Address, End
from tcproxy.session.stages import (
    CHOOSING,
    CLIENT_ERROR,
    CLIENT_TIMEOUT,
    CLOSED,
    CONNECTING,
    GREETING,
    LETTERS,
    NEVER,
    RELAYING,
    SERVER_ERROR,
)
from tcproxy.session.telling import account, refuse, tell
from tcproxy.session.timers import Alarm

if TYPE_CHECKING:
    from tcproxy.servers.state import LiveServer, Ticket
    from tcproxy.session.backend import Backend
    from tcproxy.session.frontend import Entrance, Frontend
    from tcproxy.session.persistence import Persistence


class Session(Asked):
    """One client of a frontend.

    number: unique in the process. accepted: wall-clock seconds. began, queued_until, connected_at: monotonic seconds
    (0.0: never). expires: when the present wait (queue, turnaround, connect) ends, NEVER without one.
    error, phase: the two letters of the termination state. at: index of the next step.
    client_done: the client will send no more; client_shut: we send it no more; server_done, server_shut: likewise.
    client_limit, server_limit: seconds of silence allowed on each side now, 0 for no limit.
    persistence: what ties it to a server, None for nothing.
    unique: its unique id (telling.py), None until it was asked for. greeting: the PROXY header, or what reads it.
    """

    __slots__ = (
        "accepted", "alarm", "at", "avoid", "began", "client_done", "client_limit", "client_shut", "connected_at",
        "error", "expires", "handshake", "link", "local", "number", "persistence", "phase", "previous",
        "queued_until", "redispatched", "remote", "retries", "server", "server_done", "server_limit", "server_shut",
        "stage", "ticket", "told", "unique",
    )  # fmt: skip

    number: int
    # of HTTP mode only: links of its own that stand idle (http/private.py), and a request to send again (retries.py)
    kept: Any = None
    replay: Any = None

    def __init__(self, entrance: Entrance) -> None:
        frontend: Frontend = entrance.frontend
        self.entrance = entrance
        self.frontend = frontend
        self.client_limit = frontend.client
        self.server_limit = 0.0
        self.link: End | None = None
        self.backend: Backend | None = None
        self.server: LiveServer | None = None
        self.previous: LiveServer | None = None
        self.avoid: LiveServer | None = None
        self.ticket: Ticket | None = None
        self.persistence: Persistence | None = None
        self.alarm: Alarm | None = None
        self.greeting: Any = None
        self.front: Address | None = None
        self.local: Address | None = None
        self.remote: Address | None = None
        self.unique: str | None = None
        self.stage = CHOOSING
        self.expires = NEVER
        self.queued_until = self.connected_at = 0.0
        self.handshake = 0
        self.at = self.retries = 0
        self.error = self.phase = ""
        self.redispatched = self.told = False
        self.client_done = self.client_shut = self.server_done = self.server_shut = False

    def begin(self, client: End) -> None:
        """The client's connection stands: count it and take the first steps."""
        frontend = self.frontend
        self.client = client
        self.began = client.stamp = frontend.world.clock.seconds()
        self.accepted = time()
        if "front" in frontend.needs:
            self.front = client.destination()
        frontend.enter(self)
        client.listen()
        self.run()

    def run(self) -> None:
        """Take steps until one has to wait."""
        steps = self.entrance.steps
        while True:
            step = steps[self.at]
            self.at += 1
            if not step(self):
                break
        if self.stage is not CLOSED:
            self.settle()

    def reused(self) -> End | None:
        """Return a link that stands already and may be used for this; None: a new one is to be made."""
        return None

    def give_up(self) -> None:
        """No server is to be had, which `error` and `phase` tell: that is the end."""
        self.end()

    def retire(self) -> None:
        """The proxy stops softly: sessions go on to their end."""

    # what the ends tell

    def heard(self, end: End) -> None:
        """Bytes came that nobody takes yet: only a greeting waits for them."""
        if self.stage is GREETING:
            self.run()

    def ended(self, end: End) -> None:
        """FIN came from this side."""
        if end is self.client:
            self.client_done = True
            if self.client_shut:
                self.close_client()
        else:
            self.server_done = True
            if self.server_shut:
                self.close_link()
            # from here on it is the last data that the client has to take
            fin = self.frontend.client_fin
            if fin:
                self.client_limit = fin
                self.rearm()
        # deadlines only move away by what a side says, so that those of the relay need no second look
        if self.stage is RELAYING:
            self._pass_ends()
        else:
            self.settle()

    def emptied(self, end: End) -> None:
        """All that this side sent before its FIN is passed."""
        self.settle()

    def broke(self, end: End | None, errno: int) -> None:
        """A connection failed. A link that was being established tells by `connect_failed` instead."""
        if self.stage is CLOSED:
            return
        if end is self.client:
            if self.stage is CHOOSING and self.backend is None:
                # found by the first look: the backend is chosen all the same, and counts it
                self.decide(CLIENT_ERROR, "R")
                self.close_client()
                return
            if self.stage is GREETING:
                refuse(self, "Connection error while waiting for PROXY protocol header", left=True)
                return
            self.frontend.aborted_by_client(self)
            self.decide(CLIENT_ERROR, "D")
            self.close_client()
        elif end is self.link:
            self.frontend.broken_by_server(self)
            self.decide(SERVER_ERROR, "D")
            self.close_link()
        self.settle()

    def shut(self, cause: str) -> None:
        """End on command: `cause` is K, D or U. What was read already is still passed."""
        if self.server_shut or self.stage is CLOSED:
            return None
        if not self.error:
            self.error = cause
            self.phase = "-" if self.stage is RELAYING else LETTERS[self.stage]
        if self.link is None or self.stage < RELAYING:
            return self.end()
        self.client.mute()
        self.client_done = True
        self.link.mute()
        self.server_done = True
        return self.settle()

    # the two channels

    def decide(self, error: str, phase: str = "") -> None:
        """Note why the session ends, unless that is known already."""
        if not self.error:
            self.error = error
            self.phase = self.phase or phase or LETTERS[self.stage]

    def settle(self) -> None:
        """See what an end or a timeout of one side means for the other, and that the alarm strikes in time."""
        if self.stage is RELAYING:
            if self.client_done or self.server_done or self.client_shut or self.server_shut:
                self._pass_ends()
            if self.stage is RELAYING:
                self.rearm()
        elif self.stage is not CLOSED:
            self._settle_early()

    def _pass_ends(self) -> None:
        """Pass on, between two joined sides, what an end of one means for the other; end when both are closed."""
        if self.client_done and not self.server_shut and self.client.empty:
            self._shut_server()
        if self.server_done:
            if not self.client_shut and self.link.empty:  # type: ignore[union-attr]
                self._shut_client()
        elif self.client_shut:
            self.link.mute()  # type: ignore[union-attr]
            self.server_done = True
            if self.server_shut:
                self.close_link()
        if self.server_shut:
            if not self.client_done:
                self.client.mute()
                self.finish_client()
            if self.client_shut and self.server_done:
                self.end()

    def _settle_early(self) -> None:
        """A client that left before there was a server: nothing to wait for, unless it sent something to deliver."""
        backend = self.backend
        if self.client_shut:
            return self.end()
        if not self.client_done or self.stage is CHOOSING:
            return self.rearm()
        if self.stage is GREETING:
            if self.greeting.started:
                return refuse(self, "Truncated PROXY protocol header received")
            return refuse(self, "Connection closed while waiting for PROXY protocol header", left=True)
        if self.error == CLIENT_TIMEOUT and self.stage is CONNECTING:
            # as the reference: an attempt under way is not given up for a silent client
            return self.rearm()
        if self.error or not self.client.held or (backend is not None and backend.abort_on_close):
            self.decide(CLIENT_ERROR)
            return self.end()
        return self.rearm()

    def finish_client(self) -> None:
        """The client will send no more."""
        self.client_done = True
        if self.client_shut:
            self.close_client()

    def _shut_server(self) -> None:
        """Send FIN to the server, or close the link if nothing more can come of it, or `option nolinger` wants that."""
        assert self.link is not None
        self.server_shut = True
        if self.server_done or self.error == CLIENT_ERROR or (self.backend is not None and self.backend.nolinger):
            return self.close_link()
        self.link.finish()
        fin = self.backend.server_fin if self.backend else 0.0
        if fin:
            self.server_limit = fin
            self.link.stamp = self.frontend.world.clock.seconds()
            self.rearm()
        return None

    def _shut_client(self) -> None:
        """Send FIN to the client, or close its connection if nothing more can come of it."""
        self.client_shut = True
        if self.client_done:
            return self.close_client()
        self.client.finish()
        if self.frontend.client_fin:
            self.client_limit = self.frontend.client_fin
            self.client.stamp = self.frontend.world.clock.seconds()
            self.rearm()
        return None

    def close_client(self) -> None:
        """Close the client's connection: nothing comes of it any more, in either direction."""
        if not self.client_done and not self.client_shut and not self.frontend.nolinger:
            # a client whose bytes nobody read is reset by the kernel: let it hear the end before that
            self.client.finish()
        self.client_done = self.client_shut = True
        self.client.close(self.frontend.nolinger)

    def close_link(self, reset: bool = False) -> None:
        """Close the link, if there is one: nothing comes of it any more, in either direction."""
        self.server_shut = True
        if self.link is None:
            return
        # without its FIN the server is reset, as the reference does: no TIME_WAIT uses up our ports
        self.link.close(reset or not self.server_done)
        self.server_done = True

    # time

    def alarmed(self) -> None:
        """The deadline struck: see what is really due, and wait on."""
        self.alarm = None
        now = self.frontend.world.clock.seconds()
        if now >= self.expires:
            self.expires = NEVER
            attempts.expired(self)
        else:
            silence.check(self, now)
        if self.stage is not CLOSED:
            self._strike_by(silence.next_deadline(self, now))
            self.settle()

    def rearm(self) -> None:
        """See that the alarm strikes no later than anything that can be due from now on.

        What happens moves deadlines away, and the alarm, once set, is left where it is: it strikes early, and
        what is due is worked out then.
        """
        at = self.expires
        limit, other = self.client_limit, self.server_limit
        if other and (other < limit or not limit):
            limit = other
        world = self.frontend.world
        if limit:
            due = world.clock.seconds() + limit
            if due < at:
                at = due
        # `_strike_by` without the call, for newcomers: every connection passes here twice
        newcomers = world.newcomers
        if self.alarm is not None or at < newcomers.at or self.number <= newcomers.seen:
            self._strike_by(at)

    def _strike_by(self, at: float) -> None:
        world, alarm = self.frontend.world, self.alarm
        if alarm is None:
            newcomers = world.newcomers
            if at == NEVER or newcomers.see(self.number, at):
                return
            self.alarm = world.deadlines.set(at, self)
            if newcomers.at == NEVER:
                newcomers.expect()
        elif at < alarm.at:
            self.alarm = world.deadlines.advance(alarm, at)

    # the end

    def end(self) -> None:
        """Close whatever is open, give back what was taken, and tell."""
        if self.stage is CLOSED:
            return
        self.stage = CLOSED
        if self.alarm is not None:
            self.frontend.world.deadlines.cancel(self.alarm)
            self.alarm = None
        if self.ticket is not None and self.ticket.waiting:
            self.ticket.cancel()
            if self.error != CLIENT_TIMEOUT:
                # the reference dates the end of the wait, but where the client fell silent
                self.queued_until = self.frontend.world.clock.seconds()
        # a side that sent and got its FIN is closed already
        if not (self.server_shut and self.server_done):
            self.close_link()
        self._account_and_tell()
        if not (self.client_shut and self.client_done):
            self.close_client()
        self.frontend.leave(self)
        # cut the circle, so that memory is freed without a collection
        self.client.session = None
        if self.link is not None:
            self.link.session = None
            self.link = None

    def _account_and_tell(self) -> None:
        account(self)
        server, backend = self.server, self.backend
        if server is not None:
            server.sessions.discard(self)
        if backend is not None:
            backend.farm.leave()
        if self.frontend.outlet is not None:
            # before the slot goes to who waits for it: the line does not count that one
            tell(self)
        if server is not None and backend is not None:
            backend.farm.release(server)

    def connected(self) -> None:
        """The link that was being established stands."""
        self.run()

    def connect_failed(self, errno: int, cause: str) -> None:
        """The link that was being established failed."""
        attempts.connect_failed(self, errno, cause)

    # what a farm tells

    def granted(self, server: LiveServer) -> None:
        """A place in the queue has become a slot of this server: go on from the loop, not from another's end."""
        self.server = server
        self._go_on_soon()

    def turned_away(self) -> None:
        """No server is left that could take the place in the queue."""
        self._go_on_soon()

    def _go_on_soon(self) -> None:
        self.stage = CHOOSING
        self.expires = self.frontend.world.clock.seconds()
        self.rearm()
