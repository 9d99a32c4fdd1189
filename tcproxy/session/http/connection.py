"""An HTTP session's connections: what they tell by themselves, how long it waits for them, tunnels, and the end.

The rules are the reference's: a client that leaves while its request is answered is answered all the same, unless
`option abortonclose` says otherwise; a kept client whose next request meets a server that closes hears nothing and
repeats it. A tunnel (upgrade, CONNECT) is a connection of bytes from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.report.counters import UNCOUNTED
from tcproxy.session.http import endings, silence
from tcproxy.session.http.session import HttpSession
from tcproxy.session.stages import (
    CLIENT_TIMEOUT,
    LETTERS,
    NEVER,
    SERVER_ERROR,
    SERVER_TIMEOUT,
    Stage,
)

if TYPE_CHECKING:
    from tcproxy.session.ends import End


class HttpConnection(HttpSession):
    """A session over its connections."""

    __slots__ = ()

    # between and behind requests

    def nothing_more(self) -> None:
        """The client's next request is not there yet."""
        if self.client_done and self.request is None:
            endings.client_left(self)
        else:
            self.rearm()

    def _leave(self) -> None:
        """Close the client's connection as soon as all is sent."""
        self.leaving = True
        self.request = None
        self.told = True
        self.expires = NEVER
        if self.client.waiting and not self.broken:
            self.rearm()
        else:
            self.end()

    # what the connections tell

    def heard(self, end: End) -> None:
        """Bytes came that nobody takes: a greeting waits for them."""
        if self.tunnelled or self.stage == Stage.GREETING:
            super().heard(end)

    def ended(self, end: End) -> None:
        """FIN came from this side."""
        if self.tunnelled:
            super().ended(end)
        elif end is self.client:
            self.client_done = True
            endings.client_ended(self)
        elif end is self.link:
            endings.server_ended(self)

    def broke(self, end: End | None, errno: int) -> None:
        """A connection failed."""
        if self.tunnelled or self.stage == Stage.GREETING:
            super().broke(end, errno)
        elif self.stage == Stage.CLOSED:
            return
        elif end is self.client:
            endings.client_broke(self)
        elif end is self.link:
            endings.server_reset(self)

    def drained(self) -> None:
        """More of a request's body came after its link failed; if that is not the rest of it, it is enough."""
        self.decide(SERVER_ERROR, "D")
        if not self.client.whole:
            self.abort()

    def unsendable(self, end: End, errno: int) -> None:
        """Bytes could not be sent to this side."""
        if end is self.client:
            endings.client_lost(self)
        else:
            self.broke(end, errno)

    def emptied(self, end: End) -> None:
        """All that was to be sent to this side is sent."""
        if self.tunnelled:
            super().emptied(end)
        elif self.leaving and not self.client.waiting:
            self.end()

    def shut(self, cause: str) -> None:
        """End on command."""
        if self.tunnelled:
            super().shut(cause)
        elif self.stage != Stage.CLOSED:
            endings.shut(self, cause)

    def retire(self) -> None:
        """The proxy stops softly: a client that waits for nothing is let go, unless it may ask once more."""
        if "idle-close-on-response" in self.frontend.model.options:
            return
        idle = not self.tunnelled and self.stage == Stage.CHOOSING and self.request is None
        if idle and not self.first and not self.client.begun:
            self.end()

    # time

    def settle(self) -> None:
        """See that the alarm strikes in time; in a tunnel, pass on what ends."""
        if self.tunnelled or self.stage == Stage.GREETING:
            super().settle()
        elif self.stage != Stage.CLOSED:
            self.rearm()

    def rearm(self) -> None:
        """See that the alarm strikes no later than anything that can be due."""
        if self.tunnelled or self.stage == Stage.GREETING:
            super().rearm()
            return
        alarm = self.alarm
        if alarm is not None and alarm.at <= self.client.stamp + self.soonest:
            return  # nothing that begins now can be due before that
        if self.request is None and not self.leaving:
            at = silence.waits_until(self)
        else:
            at = self.expires
            limit = self.server_limit if self.stage == Stage.RELAYING else 0.0
            if self.client_limit and (self.client_limit < limit or not limit):
                limit = self.client_limit
            if limit:
                at = min(at, self.frontend.world.clock.seconds() + limit)
        self._strike_by(at)

    def alarmed(self) -> None:
        """The deadline struck: see what is really due, and wait on."""
        if self.tunnelled or self.stage == Stage.GREETING:
            super().alarmed()
            return
        self.alarm = None
        now = self.frontend.world.clock.seconds()
        waits = self.request is None and not self.leaving
        if now >= (silence.waits_until(self) if waits else self.expires):
            silence.expired(self)
        elif not waits:
            silence.check(self, now)
        if self.stage != Stage.CLOSED and not self.tunnelled:
            self._strike_by(silence.next_deadline(self, now))

    def decide(self, error: str, phase: str = "") -> None:
        """Note why the exchange ends, unless that is known already."""
        if self.error:
            return
        self.error = error
        if self.phase or phase:
            self.phase = self.phase or phase
        elif self.tunnelled:
            self.phase = "D"
        elif self.request is None:
            self.phase = "R"
        elif self.stage == Stage.RELAYING:
            self.phase = "H" if self.response is None else "D"
        else:
            self.phase = LETTERS[self.stage]

    # tunnels and the end of the connection

    def _tunnel(self) -> None:
        """Leave HTTP: the two connections are one from now on."""
        self.tunnelled = True
        tunnel = self.backend.tunnel
        if tunnel:
            self.client_limit = self.server_limit = tunnel
        client, link = self.client, self.link
        client.tunnel()
        link.tunnel()
        client.join(link)
        if self.stage == Stage.RELAYING:
            client.listen()
            link.listen()
            self.settle()

    @property
    def _switched(self) -> bool:
        """True in the tunnel of an upgrade, which ends with its server, as in the reference; none of CONNECT does."""
        return self.tunnelled and self.response is not None and self.response.status == 101

    def _shut_server(self) -> None:
        if self._switched and self.server_done and self.error in (CLIENT_TIMEOUT, SERVER_TIMEOUT):
            self.server_shut = True
            self.close_link(reset=True)
        else:
            super()._shut_server()

    def _shut_client(self) -> None:
        if self._switched:
            self.client.mute()
            self.client_done = True
            if not self.server_shut:
                self._shut_server()
        super()._shut_client()

    def close_client(self) -> None:
        """Close the client's connection; as in the reference `option nolinger` makes a difference in tunnels only."""
        if self.tunnelled or not self.frontend.nolinger:
            super().close_client()
            return
        if not self.client_done and not self.client_shut:
            self.client.finish()
        self.client_done = self.client_shut = True
        self.client.close()

    def _account_and_tell(self) -> None:
        if not self.leaving:
            self._leave_servers()

    def end(self) -> None:
        """Close whatever is open, and tell of an exchange that is under way."""
        if self.stage == Stage.CLOSED:
            return
        if self.stage == Stage.GREETING:
            self.status = UNCOUNTED
        if self.request is None:
            self.told = True
        if self.kept is not None:
            self.kept.close()
            self.kept = None
        super().end()
