"""A relay: two joined ends, whose bytes pass both ways, until both sides have ended.

The rules of ends and timeouts are those of HAProxy's two channels: a FIN is passed on when what came before it is
passed; a side that failed is closed, and the other one once all that was read for it is written. Reading and writing
are two timeouts, which may strike together: a timeout of reading counts as a FIN from that side, one of writing closes
it. What is passed to a side counts as its life, too, unless `option independent-streams` says otherwise.

A TCP session has a relay once its link stands, an HTTP connection in a tunnel (Upgrade, CONNECT). The ends move bytes
by themselves; they tell the relay what happens to them, and it ends the connection.
"""

from __future__ import annotations

from typing import Any

from tcproxy.session.accounting import aborted_by_client, aborted_by_server, broken_by_server
from tcproxy.session.ends import End
from tcproxy.session.settings import BackendSettings
from tcproxy.session.stages import CLIENT_ERROR, CLIENT_TIMEOUT, SERVER_ERROR, SERVER_TIMEOUT
from tcproxy.session.state import Connection, Stream


class Relay:
    """Two joined ends.

    connection: the owner of the client's end. stream: the owner of the link.
    server_done: the server will send no more. server_shut: we send it no more. server_limit: seconds of silence
    allowed to the server, 0 for no limit. over: the connection has ended.
    """

    __slots__ = (
        "backend", "client", "connection", "link", "over", "server_done", "server_limit", "server_shut", "stream",
    )  # fmt: skip

    def __init__(self, connection: Connection, stream: Stream) -> None:
        backend, link = stream.backend, stream.link
        assert backend is not None and link is not None
        self.connection = connection
        self.stream = stream
        self.client = connection.client
        self.link: End = link
        self.backend: BackendSettings = backend
        self.server_limit = stream.server_limit
        tunnel = stream.tunnel_limit or backend.tunnel
        if tunnel:
            connection.client_limit = self.server_limit = tunnel
        self.server_done = self.server_shut = self.over = False

    def join(self) -> None:
        """Pass bytes from now on; bytes held go first."""
        client, link = self.client, self.link
        self.connection.relay = self
        client.session = link.session = self
        client.join(link)
        if not self.over:
            link.listen()

    # events of the ends

    def heard(self, end: End) -> None:
        """Nothing to do: an end that is joined passes its bytes by itself."""

    def ended(self, end: End) -> None:
        """FIN came from this side."""
        if self.over:
            return
        connection = self.connection
        if end is self.client:
            connection.finish_client()
        else:
            self.server_done = True
            if self.server_shut:
                self.close_link()
            # only the last data is left for the client: `timeout client-fin` holds from now on
            fin = connection.frontend.client_fin
            if fin:
                connection.client_limit = fin
                self.rearm()
        # an event of a side only moves deadlines away, so the alarm may stay where it is
        self.pass_ends_on()

    def emptied(self, end: End) -> None:
        """All that this side sent before its FIN is passed."""
        self.settle()

    def broke(self, end: End | None, errno: int) -> None:
        """A connection failed."""
        if self.over:
            return
        if end is self.client:
            aborted_by_client(self.stream)
            self.stream.decide(CLIENT_ERROR, "D")
            self.connection.close_client()
        elif end is self.link:
            broken_by_server(self.stream)
            self.stream.decide(SERVER_ERROR, "D")
            self.close_link()
        self.settle()

    def crashed(self, error: BaseException, end: Any = None) -> None:
        """Code of the relay raised an exception: end the connection."""
        self.connection.crashed(error, end)

    unsendable = broke
    """Bytes could not be sent to a side of a tunnel."""

    def shut(self, cause: str) -> None:
        """End on command: `cause` is K, D or U. What was read already is still passed."""
        if self.server_shut or self.over:
            return
        stream, connection = self.stream, self.connection
        if not stream.error:
            stream.error, stream.phase = cause, "-"
        self.client.mute()
        connection.client_done = True
        self.link.mute()
        self.server_done = True
        self.settle()

    # the two channels

    def settle(self) -> None:
        """Act on an end or a timeout of one side, and set the alarm."""
        if self.over:
            return
        connection = self.connection
        if connection.client_done or self.server_done or connection.client_shut or self.server_shut:
            self.pass_ends_on()
        if not self.over:
            self.rearm()

    def pass_ends_on(self) -> None:
        """Pass a FIN or a failure of one side on to the other; end when both are closed."""
        connection = self.connection
        if connection.client_done and not self.server_shut and self.client.empty:
            self._shut_server()
        if self.server_done:
            if not connection.client_shut and self.link.empty:
                self._shut_client()
        elif connection.client_shut:
            self.link.mute()
            self.server_done = True
            if self.server_shut:
                self.close_link()
        if self.server_shut:
            if not connection.client_done:
                self.client.mute()
                connection.finish_client()
            if connection.client_shut and self.server_done:
                connection.end()

    def _shut_server(self) -> None:
        """Send FIN to the server, or close the link if nothing more can come of it, or `option nolinger` wants that."""
        self.server_shut = True
        if self.server_done or self.stream.error == CLIENT_ERROR or self.backend.nolinger:
            self.close_link()
            return
        self.link.finish()
        fin = self.backend.server_fin
        if fin:
            self.server_limit = fin
            self.link.last_progress = self.connection.now()
            self.rearm()

    def _shut_client(self) -> None:
        """Send FIN to the client, or close its connection if nothing more can come of it."""
        connection = self.connection
        connection.client_shut = True
        if connection.client_done:
            connection.close_client()
            return
        self.client.finish()
        fin = connection.frontend.client_fin
        if fin:
            connection.client_limit = fin
            self.client.last_progress = connection.now()
            self.rearm()

    def close_link(self, reset: bool = False) -> None:
        """Close the link: from now on both of its directions have ended."""
        self.server_shut = True
        # without its FIN the server is reset, as HAProxy does it: no TIME_WAIT uses up our ports
        self.link.close(reset or not self.server_done)
        self.server_done = True

    def close(self) -> None:
        """Close the link, unless both sides have closed it already: the connection has ended."""
        self.over = True
        # a side that sent and got its FIN is closed already
        if not (self.server_shut and self.server_done):
            self.close_link()

    # time

    def alarmed(self, now: float) -> None:
        """The deadline struck: end a side that is silent, or takes nothing, for too long, or set the deadline anew."""
        self._check(now)
        if not self.over:
            self.wait_on(now)

    def wait_on(self, now: float) -> None:
        """Set the alarm anew, by the times of the last bytes, and act on what has ended."""
        self.connection.strike_by(self._next_deadline(now))
        self.settle()

    def rearm(self) -> None:
        """See that the alarm strikes no later than anything that can be due from now on.

        What happens moves deadlines away, and the alarm, once set, is left where it is: it strikes early, and
        what is due is worked out then.
        """
        connection = self.connection
        limit, other = connection.client_limit, self.server_limit
        if other and (other < limit or not limit):
            limit = other
        if limit:
            world = connection.frontend.world
            at = world.clock.seconds() + limit
            # inlined `strike_by` of newcomers (hot path; see docs/performance)
            newcomers = world.newcomers
            if connection.alarm is not None or at < newcomers.at or connection.number <= newcomers.seen:
                connection.strike_by(at)

    def _check(self, now: float) -> None:
        connection, client, link = self.connection, self.client, self.link
        limit = connection.client_limit
        if limit and not connection.client_done and client.reading and now >= self._last_activity(client) + limit:
            self._time_out(CLIENT_TIMEOUT)
            client.mute()
            connection.finish_client()
        if limit and not connection.client_shut and _stalled(client, limit, now):
            self._time_out(CLIENT_TIMEOUT)
            connection.client_done = True
            connection.close_client()
        limit = self.server_limit
        if not limit:
            return
        if not self.server_done and link.reading and now >= self._last_activity(link) + limit:
            self._server_silent()
        if not self.server_shut and _stalled(link, limit, now):
            self._time_out(SERVER_TIMEOUT)
            self.close_link(reset=True)

    def _server_silent(self) -> None:
        self._time_out(SERVER_TIMEOUT)
        self.link.mute()
        if self.server_shut:
            self.close_link()
        self.server_done = True

    def _time_out(self, letter: str) -> None:
        """Note a timeout, and count it as an abort of its side: only the first one, as HAProxy does."""
        stream = self.stream
        if stream.error:
            return
        stream.decide(letter)
        if letter == CLIENT_TIMEOUT:
            aborted_by_client(stream)
        else:
            aborted_by_server(stream)

    def _next_deadline(self, now: float) -> float:
        """Return when something may be due, monotonic seconds: never later than it is, sometimes earlier."""
        client, server = self.connection.client_limit, self.server_limit
        at = self._silence_of(self.client, client, now) if client else float("inf")
        return min(at, self._silence_of(self.link, server, now)) if server else at

    def _silence_of(self, end: End, limit: float, now: float) -> float:
        """Return when the end will be silent, or stalled, too long; a full limit later where neither is in force."""
        since = end.stalled_since
        at = self._last_activity(end) + limit
        if at <= now:
            at = now + limit
        return at if since is None or since + limit <= now else min(at, since + limit)

    def _last_activity(self, end: End) -> float:
        """Return the monotonic seconds since when a side is silent."""
        if self.connection.frontend.independent if end is self.client else self.backend.independent:
            return end.last_progress
        return max(self.client.last_progress, self.link.last_progress)


def _stalled(end: End, limit: float, now: float) -> bool:
    since = end.stalled_since
    return since is not None and now >= since + limit
