"""Two callers that connect to servers: LinkDial for sessions, CheckDial for health checks.

opening.py makes the connections; server_links.py says what those of sessions have in common. What a check says, and
how long it may take, is decided in health (see tcproxy/health/dialling.py).
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from twisted.python.failure import Failure

from tcproxy.grammar.addresses import Family
from tcproxy.health.dialling import CheckDialler, CheckEvents, CheckTarget
from tcproxy.model.proxy import Proxy
from tcproxy.model.server import Server
from tcproxy.session.ends import LinkFailure
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
from tcproxy.transport.protocols import with_servers
from tcproxy.transport.relay import BUFFER_SIZE, SocketEnd
from tcproxy.transport.server_links import ServerLinkFactory
from tcproxy.transport.socket_options import Tune, acknowledge, delay_ack, server_tunes
from tcproxy.transport.sources import SourceBinder
from tcproxy.transport.stream_socket import StreamSocket, errno_of
from tcproxy.transport.transports import poll_of
from tcproxy.wire.proxy_protocol import encode_v1, encode_v2


class LinkDial:
    """Connects for sessions (session.settings.LinkDialler): keeps one ServerLinkFactory a server.

    limit: bytes a direction may hold (tune.bufsize). pipes: where relays borrow pipes, None for no splicing.
    tune: the `tune.*` words of the global section.
    """

    def __init__(
        self, reactor: Any, limit: int = BUFFER_SIZE, pipes: PipePool | None = None,
        tune: Mapping[str, int] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self.poll = poll_of(reactor)
        self.limit = limit
        self.pipes = pipes
        self.tune = tune
        self._factories: dict[object, ServerLinkFactory] = {}

    def __call__(self, session: Stream, server: Any) -> SocketEnd:
        """Begin to connect to a live server, or to a backend's `dispatch` address. Raises LinkFailure."""
        live = session.server
        factory = self._factories.get(live or session.backend)
        if factory is None:
            factory = self._make(session, live.model if live is not None else server)
        if live is None:
            return factory.link(session, server.address, server.address.port)
        if live.address is None:
            raise LinkFailure(errno.EADDRNOTAVAIL, "the server's name has no address")
        return factory.link(session, live.address, live.port)

    def _make(self, session: Stream, model: Server) -> ServerLinkFactory:
        assert session.backend is not None
        proxy = session.backend.model
        factory = with_servers(proxy).links(self.poll, model, proxy, self.limit, self.pipes, self.tune)
        self._factories[session.server or session.backend] = factory
        return factory


class CheckDial:
    """Connects for health checks (tcproxy.health.dialling.CheckDialler).

    tune: the `tune.*` words of the global section. never_local: `pp2-never-send-local`. tunes: what is set on new
    sockets that are not UNIX sockets.
    """

    def __init__(
        self, reactor: Any, tune: Mapping[str, int] = MappingProxyType({}), never_local: bool = False,
        tunes: Sequence[Tune] = (),
    ) -> None:  # fmt: skip
        self.reactor = reactor
        self.poll = poll_of(reactor)
        self.tune = tune
        self.never_local = never_local
        self.tunes = tunes

    def towards(self, model: Server, proxy: Proxy) -> CheckDialler:
        """Return a dial for one server, which sets the same options on its sockets as links to that server have."""
        return CheckDial(self.reactor, self.tune, self.never_local, server_tunes(model, proxy, self.tune))

    def __call__(self, target: CheckTarget, events: CheckEvents) -> CheckConnection:
        """Begin to connect; `events.failed` may be called before this returns."""
        return CheckConnection(self, target, events)


class CheckConnection:
    """One connection of a check: an Opening first, then the protocol of the transport.

    The kernel is kept from acknowledging the server's SYN by itself: a check that only connects is over before that,
    and its reset (SYN, SYN-ACK, RST) is all that the server's kernel sees; accept() there never returns.
    """

    def __init__(self, dial: CheckDial, target: CheckTarget, events: CheckEvents) -> None:
        self.dial = dial
        self.target = target
        self.events: CheckEvents | None = events
        self.transport: StreamSocket | None = None
        self._spoke = target.send_proxy > 0 or target.socks4 is not None
        try:
            stages = self._stages()
            self.transport = transport = self._connect()
        except LinkFailure as failure:
            self._fail(failure.errno)
            return
        Opening(transport, stages, self._stands, self._fail).start()

    def _stages(self) -> list[OpeningStage]:
        # a check expects to be told from the loop, even if the connection stands at once
        stages: list[OpeningStage] = [CONNECT]
        if self.target.socks4 is not None:
            stages.append(SocksTunnel(self.target.address.host, self.target.address.port))
        if self.target.send_proxy:
            stages.append(ProxyHeaderStage(self._proxy_header))
        return stages

    def _connect(self) -> StreamSocket:
        target, dial = self.target, self.dial
        towards = target.socks4 or target.address
        binder = SourceBinder(target.source) if target.source is not None else None
        if towards.family is Family.SOCKPAIR:
            return Outgoing(dial.poll).pair(int(towards.host))
        family, name = socket_name(towards, towards.port)
        if family == socket.AF_UNIX:
            return Outgoing(dial.poll, (), binder).begin(family, name)[0]
        return Outgoing(dial.poll, dial.tunes, binder).begin(family, name, also=delay_ack)[0]

    def _proxy_header(self, transport: StreamSocket) -> bytes:
        """Return the PROXY header of a check: LOCAL in version 2, the check's own addresses in version 1."""
        ends = (transport.local_name(), transport.peer_name())
        near, far = (name[:2] if isinstance(name, tuple) else None for name in ends)
        if self.target.send_proxy == 1:
            return encode_v1(near, far)
        return encode_v2(near, far) if self.dial.never_local else encode_v2(None, None)

    def _stands(self) -> None:
        """The connection is ready: let the check speak."""
        transport = self.transport
        assert transport is not None and self.events is not None
        transport.protocol = self
        transport.doRead = transport.read_for_protocol
        self.events.connected(self._write)
        if self.events is not None:
            if not self._spoke and transport.socket.family != socket.AF_UNIX:
                acknowledge(transport.socket)  # the server is to speak first, once the connection stands there, too
            transport.startReading()

    def _write(self, data: bytes) -> None:
        self._spoke = True
        assert self.transport is not None
        self.transport.write(data)

    def _fail(self, code: int) -> None:
        events = self.events
        self.cancel()
        if events is not None:
            events.failed(code)

    def cancel(self) -> None:
        """Drop it at once, with a reset; no event follows."""
        self.events = None
        if self.transport is not None:
            self.transport.close(reset=True)

    # the transport's protocol, once the connection stands

    def dataReceived(self, data: bytes) -> None:
        """The server sent these bytes."""
        if self.events is not None:
            self.events.received(data)

    def connectionLost(self, reason: Failure) -> None:
        """The server closed (a FIN ends a check's connection, too), or the connection broke."""
        events, self.events = self.events, None
        if events is None:
            return
        code = errno_of(reason)
        if code:
            events.failed(code)
        else:
            events.ended()
