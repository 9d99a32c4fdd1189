"""Links: connections to servers, made for sessions one by one.

A ServerLinkFactory knows all that is the same for every link to one server: address, source, options, and what is
said first (a SOCKS request, a PROXY header). How a connection is made stands in opening.py. Which server, how long to
wait, and what a failure means is decided in session.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from functools import partial
from typing import Any

from twisted.internet.protocol import ClientFactory

from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.proxy import Proxy
from tcproxy.model.server import Server
from tcproxy.session.log_lines import unique_id
from tcproxy.session.state import Stream
from tcproxy.transport.opening import (
    CONNECT,
    Opening,
    OpeningStage,
    Outgoing,
    ProxyHeaderStage,
    SocksTunnel,
    socket_name,
)
from tcproxy.transport.pipes import PipePool
from tcproxy.transport.relay import SocketEnd
from tcproxy.transport.socket_options import LOCAL, delay_ack, server_tunes
from tcproxy.transport.sources import SourceBinder
from tcproxy.transport.stream_socket import StreamSocket
from tcproxy.transport.transports import Poll
from tcproxy.wire.proxy_protocol import Tlv, TlvType, encode_v1, encode_v2


class ServerLinkFactory(ClientFactory):
    """Makes the links to one server (or to the `dispatch` address of a backend).

    tunnel: asks the SOCKS server for the way to the server, None without one. spoofs: `source` presents the client's
    own address. smart: the first acknowledgement waits for data to send (`option tcp-smart-connect`). early: what the
    client has said already may go to the server before the session knows of the link.
    """

    noisy = False

    def __init__(
        self, poll: Poll, model: Server, proxy: Proxy, limit: int, pipes: PipePool | None,
        tune: Mapping[str, int],
    ) -> None:  # fmt: skip
        self.model = model
        self.limit = limit
        self.pipes = pipes
        self.tunnel: SocksTunnel | None = None
        source = model.source or proxy.source
        self.outgoing = Outgoing(poll, server_tunes(model, proxy, tune), SourceBinder(source) if source else None)
        self._begin = self.outgoing.begin
        self.spoofs = source is not None and source.usesrc in ("client", "clientip")
        self.smart = "tcp-smart-connect" in proxy.options and model.address.family not in LOCAL
        greets = model.send_proxy or model.socks4 is not None
        self.early = proxy.mode == "tcp" and not greets and "abortonclose" not in proxy.options
        self._known: tuple[Address | None, int, int, Any] = (None, 0, 0, None)

    def buildProtocol(self, addr: Any) -> Any:
        """Return an end without a session, for a host that connects with connectTCP()."""
        return self.new_end(None)

    def new_end(self, session: Stream | None) -> SocketEnd:
        """Return an end for a link of the session."""
        return SocketEnd(session, self.limit, self.pipes)

    def link(self, session: Stream, address: Address, port: int) -> SocketEnd:
        """Begin to connect to the address for the session. Raises LinkFailure."""
        if address.family is Family.SOCKPAIR:
            return self.open(session, self.outgoing.pair(int(address.host)), standing=True)
        known, known_port, family, name = self._known
        if known is not address or known_port != port:
            family, name = self._target(session, address, port)
        client: Any = session.client
        first = client if self.early and 0 < len(client.held) < client.limit else None
        late = delay_ack if self.smart and (self.model.send_proxy or client.held) else None
        spoofed = session.client_address if self.spoofs else None
        transport, standing = self._begin(family, name, spoofed, first, late, "local" in session.frontend.needs)
        return self.open(session, transport, standing)

    def open(self, session: Stream, transport: StreamSocket, standing: bool) -> SocketEnd:
        """Return a link over this transport. If it is not `standing` yet, the session is told when it is, or failed."""
        end = self.new_end(session)
        end.makeConnection(transport)
        try:
            if standing and self.tunnel is None:
                if self.model.send_proxy:
                    transport.write(proxy_header(self.model, session))
                return end
            end.connected = False
            stages = self._stages(session, standing)
            Opening(transport, stages, partial(_stands, end), partial(_failed, end), partial(_crashed, end)).start()
        except Exception:  # the session has no link that it could close
            end.close(reset=True)
            raise
        return end

    def _stages(self, session: Stream, standing: bool) -> list[OpeningStage]:
        stages: list[OpeningStage] = [] if standing else [CONNECT]
        if self.tunnel is not None:
            stages.append(self.tunnel)
        if self.model.send_proxy:
            stages.append(ProxyHeaderStage(lambda transport: proxy_header(self.model, session)))
        return stages

    def _target(self, session: Stream, address: Address, port: int) -> tuple[int, Any]:
        """Return the socket family and the name to connect to; keep what does not depend on the client."""
        family, name, fixed = resolve(address, port, session)
        if self.model.socks4 is not None:
            self.tunnel = SocksTunnel(name[0], name[1])
            family, name, fixed = resolve(self.model.socks4, self.model.socks4.port, session)
        elif fixed:
            self._known = (address, port, family, name)
        return family, name


def _stands(end: SocketEnd) -> None:
    """The link is ready: the session may use it."""
    end.makeConnection(end.transport)
    end.session.connected()


def _failed(end: SocketEnd, code: int) -> None:
    """The link could not be made."""
    end.session.connect_failed(code, errno.errorcode.get(code, str(code)))


def _crashed(end: SocketEnd, error: Exception) -> None:
    """Code of the session, or what is said first for it, raised an exception: that ends the session."""
    end.crash(end.session, error)


def resolve(address: Address, port: int, session: Stream) -> tuple[int, Any, bool]:
    """Return socket family, name, and whether it is the same for every client.

    A missing or relative port follows the port the client connected to, an empty host the address.
    """
    if address.family in LOCAL:
        return *socket_name(address, port), True
    host, fixed = address.host, True
    if address.relative or not port:
        port, fixed = session.front_address[1] + port, False
    if host in ("", "0.0.0.0", "::"):
        host, fixed = session.front_address[0], False
    return int(socket.AF_INET6 if ":" in host else socket.AF_INET), (host, port), fixed


def proxy_header(model: Server, session: Stream) -> bytes:
    """Return the PROXY header that tells the server who the client is."""
    source, destination = session.client_address, session.front_address
    if model.send_proxy == 1:
        return encode_v1(source, destination)
    options, said = model.proxy_v2_options, session.proxy_header
    tlvs = []
    if "authority" in options and said is not None and said.authority:
        tlvs.append(Tlv(TlvType.AUTHORITY, said.authority))
    if "unique-id" in options and (name := unique_id(session)):
        tlvs.append(Tlv(TlvType.UNIQUE_ID, name.encode("utf-8", "surrogateescape")))
    return encode_v2(source, destination, tlvs, "crc32c" in options)
