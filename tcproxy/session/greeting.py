"""What lies between the accept of a connection and its session: rules, and headers in front of its bytes.

`tcp-request connection` rules are the first; then a PROXY header is read (`accept-proxy`, `expect-proxy`), and last
`tcp-request session` rules decide, who know the addresses in it. Waiting for the header is bounded by `timeout client`.
Until all that is done, the connection is no session.
"""

from __future__ import annotations

from typing import Any

from tcproxy.session.accounting import greeted
from tcproxy.session.ends import End
from tcproxy.session.log_lines import refuse
from tcproxy.session.settings import CLIENT_IP_HEADER, PROXY_HEADER
from tcproxy.session.state import Connection
from tcproxy.wire.netscaler_cip import BadMagic, Unhandled, read_client_ip
from tcproxy.wire.proxy_protocol import BadProxyHeader, Fault, ProxyHeader, ProxyHeaderParser

FAULTS = {
    Fault.STRANGE: "Received something which does not look like a PROXY protocol header",
    Fault.TRUNCATED: "Truncated PROXY protocol header received",
    Fault.UNHANDLED: "Received an unhandled protocol in the PROXY protocol header",
    Fault.INVALID: "Received an invalid PROXY protocol header",
}
"""The words of HAProxy's log lines, which tools look for."""

EXPECTED = {"proxy": PROXY_HEADER, "netscaler-cip": CLIENT_IP_HEADER}
"""Headers that rules may expect: bits of `Connection.greeting` until the wait for them begins."""


def screen(connection: Connection) -> None:
    """Let the rules about connections decide, then read the headers that are to come, and go on."""
    bind = connection.bind
    connection.greeting = bind.expected
    rules = bind.connection_rules
    if rules is not None and not rules(connection):
        return
    expected, connection.greeting = connection.greeting, None
    connection.client.listen()
    if expected & CLIENT_IP_HEADER:
        ClientIpGreeting(connection, bool(expected & PROXY_HEADER)).wait()
    elif expected:
        Greeting(connection).wait()
    else:
        rules = bind.session_rules
        if rules is None or rules(connection):
            connection.frontend.counters.count(connection.began)
            connection.greeted()


def admit(connection: Connection) -> None:
    """Let the rules about sessions decide, and count the connection as a session."""
    rules = connection.bind.session_rules
    if rules is None or rules(connection):
        greeted(connection.frontend)
        connection.greeted()


class Greeting:
    """Reads the PROXY header of one connection, and receives the events of its client's end meanwhile."""

    __slots__ = ("connection", "parser")

    title = "PROXY protocol header"
    late = f"Timeout while waiting for {title}"

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.parser = ProxyHeaderParser()

    @property
    def started(self) -> bool:
        """Return whether bytes came."""
        return self.parser.started

    def wait(self) -> None:
        """Wait for the header, which may be here already."""
        connection = self.connection
        connection.greeting = self
        connection.client.session = self
        self._rearm()
        if connection.client.held:
            self.heard(connection.client)

    def _rearm(self) -> None:
        connection = self.connection
        if connection.client_limit:
            connection.strike_by(connection.client.last_progress + connection.client_limit)

    # events of the client's end

    def heard(self, end: End) -> None:
        """Read what came of the header; a bad one closes the connection."""
        connection, client = self.connection, self.connection.client
        data, client.held = client.held, b""
        try:
            header = self.parser.feed(data)
        except BadProxyHeader as error:
            self._refuse(FAULTS[error.fault], header=error.header)
            return
        if header is None:
            return
        connection.greeting = header
        # rules about connections may have asked for the address before, or have set another
        connection.packed_source = None
        if connection.moved is not None and header.usable and header.source is not None:
            connection.moved.source = connection.moved.destination = None
        self._go_on(self.parser.rest)

    def _go_on(self, rest: bytes) -> None:
        """Go on with the bytes behind the header, which does not count as bytes of the client."""
        connection, client = self.connection, self.connection.client
        client.session = connection
        client.held = rest
        client.bytes_read = len(rest)
        # the session begins only now
        connection.handshake = int((connection.now() - connection.began) * 1000)
        admit(connection)

    def ended(self, end: End) -> None:
        """FIN came instead of a header, or within it."""
        self.connection.client_done = True
        if self.started:
            self._refuse(f"Truncated {self.title} received")
        else:
            self._refuse(f"Connection closed while waiting for {self.title}", left=True)

    def emptied(self, end: End) -> None:
        """Nothing to do: nothing was sent."""

    def broke(self, end: End, errno: int) -> None:
        """The client's connection failed."""
        self._refuse(f"Connection error while waiting for {self.title}", left=True)

    def crashed(self, error: BaseException, end: Any = None) -> None:
        """Code of the greeting raised an exception: end the connection."""
        self.connection.crashed(error, end)

    def alarmed(self, now: float) -> None:
        """The deadline struck: end the connection if the client is silent for too long."""
        connection = self.connection
        limit = connection.client_limit
        if limit and now >= connection.client.last_progress + limit:
            self._refuse(self.late, left=not self.started)
        else:
            self._rearm()

    def _refuse(self, cause: str, left: bool = False, header: ProxyHeader | None = None) -> None:
        """End the connection. header: what could be read of it, whose addresses the log line names."""
        self.connection.greeting = header
        self.connection.client.session = self.connection
        refuse(self.connection, cause, left)


class ClientIpGreeting(Greeting):
    """Reads the NetScaler Client IP header of one connection (`accept-netscaler-cip`, `expect-netscaler-cip`).

    followed: a PROXY header comes behind it. magic: the number that it must begin with.
    """

    __slots__ = ("data", "followed", "magic")

    title = "NetScaler Client IP header"
    late = f"Timeout while waiting for a {title}"

    def __init__(self, connection: Connection, followed: bool) -> None:
        super().__init__(connection)
        self.followed = followed
        self.magic = connection.bind.model.cip
        self.data = b""

    @property
    def started(self) -> bool:
        """Return whether bytes came."""
        return bool(self.data)

    def heard(self, end: End) -> None:
        """Read what came of the header; a bad one closes the connection."""
        connection, client = self.connection, self.connection.client
        self.data, client.held = self.data + client.held, b""
        try:
            found = read_client_ip(self.data, self.magic)
        except BadMagic:
            self._refuse("Received an invalid NetScaler Client IP magic number")
            return
        except Unhandled:
            self._refuse("Received an unhandled protocol in the NetScaler Client IP header")
            return
        if found is None or len(self.data) < found.size:
            return
        connection.greeting = None
        connection.move(found.source, found.destination, False)
        if self.followed:
            client.held = self.data[found.size :]
            Greeting(connection).wait()
        else:
            self._go_on(self.data[found.size :])
