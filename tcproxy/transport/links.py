"""Links: connections to servers, made for sessions one by one.

A ServerLinkFactory knows all that is the same for every link to one server: address, source, options, and what is
said first (a SOCKS request, a PROXY header). Which server, how long to wait, and what a failure means is
decided in session.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from functools import partial
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from tcproxy.grammar.addresses import Address, Family, abstract_name
from tcproxy.model.proxy import Proxy
from tcproxy.model.server import Server
from tcproxy.session.ends import LinkFailure
from tcproxy.session.log_lines import unique_id
from tcproxy.transport.options import LOCAL, delay_ack, server_tunes
from tcproxy.transport.pairs import connect_pair
from tcproxy.transport.pipes import PipePool
from tcproxy.transport.relay import AGAIN, BUFFER_SIZE, End, errno_of, pair_of
from tcproxy.transport.sockets import Poll, StreamSocket, poll_of
from tcproxy.transport.sources import NO_PORTS, SourceBinder
from tcproxy.wire.proxy_protocol import Tlv, TlvType, encode_v1, encode_v2
from tcproxy.wire.socks4 import SocksRefused, SocksReplyParser, encode_request

if TYPE_CHECKING:
    from tcproxy.session.state import Stream

STREAM = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
NO_PORT_LEFT = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EAGAIN)
PENDING = (errno.EINPROGRESS, errno.EALREADY, errno.EISCONN)
NO_PLACE = "can't connect to destination unix socket, check backlog size on the server side"
"""In the words of the reference, which monitoring may look for."""
OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class LinkEnd(End):
    """The server's end: an End that may still be connecting."""

    __slots__ = ()

    def connectionLost(self, reason: Failure) -> None:
        """The loop closed the transport, because of an error."""
        if self.connected:
            super().connectionLost(reason)
        else:
            code = errno_of(reason) or errno.ECONNREFUSED
            self.session.connect_failed(code, errno.errorcode.get(code, str(code)))


class Opening:
    """A link that is being made: waits for the connection, then for the SOCKS server's answer, if there is one.

    It stands in the place of the transport's producer, which is what a writable socket calls.
    """

    __slots__ = ("end", "factory", "reply")

    def __init__(self, factory: ServerLinkFactory, end: LinkEnd) -> None:
        self.factory = factory
        self.end = end
        self.reply: SocksReplyParser | None = None

    def resumeProducing(self) -> None:
        """The socket is writable: the connection stands, or failed."""
        if self.reply is not None:
            return
        transport = self.end.transport
        code = outcome(transport)
        if code:
            self._fail(code)
        elif code is not None:
            transport.stopWriting()
            self.stands()

    def stands(self) -> None:
        """The connection stands: speak SOCKS first, if the server is behind such a proxy."""
        if not self.factory.request:
            self.factory.greet(self.end)
            self.end.session.connected()
            return
        self.reply = SocksReplyParser()
        transport = self.end.transport
        transport.doRead = self.read_reply
        transport.write(self.factory.request)
        transport.startReading()

    def read_reply(self) -> None:
        """Read the SOCKS server's answer, and not a byte more."""
        end, reply = self.end, self.reply
        assert reply is not None
        try:
            data = end.recv(1)
            done = bool(data) and reply.feed(data)
        except SocksRefused:
            self._fail(errno.ECONNREFUSED)
            return
        except OSError as error:
            if error.errno not in AGAIN:
                self._fail(error.errno or 0)
            return
        if not data:
            self._fail(errno.ECONNRESET)
        elif done:
            end.transport.stopReading()
            end.transport.doRead = end.hold
            self.factory.greet(end)
            end.session.connected()

    def _fail(self, code: int) -> None:
        self.end.session.connect_failed(code, errno.errorcode.get(code, str(code)))

    def pauseProducing(self) -> None:
        """Nothing to do: there is no source of bytes yet."""

    def stopProducing(self) -> None:
        """The session hears of the loss by itself."""


def outcome(transport: StreamSocket) -> int | None:
    """Return how connecting ended: 0 it stands, an errno it failed, None it goes on.

    Asked by another connect(): a writable socket alone may be an event of one that had the number before.
    """
    if not transport.remote:
        return 0
    code = transport.socket.connect_ex(transport.remote)
    if code == errno.EALREADY:
        return None
    return 0 if code == errno.EISCONN else code


class ServerLinkFactory(ClientFactory):
    """Makes the links to one server (or to the `dispatch` address of a backend).

    request: what asks the SOCKS server for the tunnel, b"" without one. tune: what is set on each new socket.
    smart: whether the first acknowledgement waits for data to send (`option tcp-smart-connect`). early: whether what
    the client has said already may go to the server before the session knows of the link.
    """

    noisy = False

    def __init__(
        self, poll: Poll, model: Server, proxy: Proxy, limit: int, pipes: PipePool | None,
        tune: Mapping[str, int],
    ) -> None:  # fmt: skip
        self.poll = poll
        self.model = model
        self.limit = limit
        self.pipes = pipes
        self.request = b""
        source = model.source or proxy.source
        self.binder = SourceBinder(source) if source is not None else None
        self.tune = server_tunes(model, proxy, tune)
        self.smart = "tcp-smart-connect" in proxy.options and model.address.family not in LOCAL
        greets = model.send_proxy or model.socks4 is not None
        self.early = proxy.mode == "tcp" and not greets and "abortonclose" not in proxy.options
        self._known: tuple[Address | None, int, int, Any] = (None, 0, 0, None)

    def buildProtocol(self, addr: Any) -> Any:
        """Return an end without a session, for whoever connects by a reactor's own means."""
        return self.new_end(None)

    def new_end(self, session: Stream | None) -> LinkEnd:
        """Return an end for a link of the session."""
        return LinkEnd(session, self.limit, self.pipes)

    def link(self, session: Stream, address: Address, port: int) -> LinkEnd:
        """Begin to connect to the address for the session. Raises LinkFailure."""
        if address.family is Family.SOCKPAIR:
            return self._link_pair(session, int(address.host))
        known, known_port, family, name = self._known
        if known is not address or known_port != port:
            family, name = self._target(session, address, port)
        end = self.new_end(session)
        try:
            sock = socket.SocketType(family, STREAM, 0)
        except OSError as error:
            raise LinkFailure(error.errno or 0, str(error.strerror), resource=True) from error
        try:
            for tune in self.tune:
                tune(sock)
            if self.smart and (self.model.send_proxy or session.client.held):
                delay_ack(sock)
            if self.binder is not None:
                port = self.binder.bind(sock, session.client_address if self.binder.wants_client else None)
                end.lent = partial(self.binder.release, port)
            answered, local = False, None
            code = sock.connect_ex(name)
            if code == errno.EINPROGRESS:
                answered = True
                if "local" in session.frontend.needs:
                    local = pair_of(sock.getsockname())
                code = self._stands(session.client, sock, name)
        except OSError as error:
            sock.close()
            end.give_back()
            raise _failure(error.errno or 0) from error
        except LinkFailure:
            sock.close()
            raise
        if code and code not in PENDING:
            failure = _failure(code, answered, family)
            failure.local, failure.remote = local, pair_of(name)
            sock.close()
            end.give_back()
            raise failure
        self._open(end, StreamSocket(self.poll, sock, name), standing=not code or code == errno.EISCONN)
        return end

    def _stands(self, client: Any, sock: socket.SocketType, name: Any) -> int:
        """Ask how a connection that was begun goes: on a near network it stands, which spares a turn of the loop.

        Where the client has said something already, sending that is the question. Returned is what connect() would.
        """
        if not self.early or not 0 < len(client.held) < client.limit:
            return sock.connect_ex(name)
        try:
            sent = sock.send(client.held)
        except OSError as error:
            return errno.EINPROGRESS if error.errno in AGAIN else error.errno or 0
        client.held = client.held[sent:]
        client.stamp = monotonic()
        return errno.EISCONN

    def _link_pair(self, session: Stream, number: int) -> LinkEnd:
        try:
            sock = connect_pair(number)
        except OSError as error:
            raise _failure(error.errno or 0) from error
        end = self.new_end(session)
        self._open(end, StreamSocket(self.poll, sock, ""), standing=True)
        return end

    def _open(self, end: LinkEnd, transport: StreamSocket, standing: bool) -> None:
        end.makeConnection(transport)
        if standing and not self.request:
            if self.model.send_proxy:
                self.greet(end)
            return
        end.connected = False
        transport.producer = opening = Opening(self, end)
        transport.streaming = True
        if standing:
            opening.stands()
        else:
            transport.startWriting()

    def greet(self, end: LinkEnd) -> None:
        """Say first what the server expects: the PROXY header (`send-proxy`)."""
        end.connected = True
        end.transport.producer = None
        if self.model.send_proxy:
            end.transport.write(proxy_header(self.model, end.session))

    def _target(self, session: Stream, address: Address, port: int) -> tuple[int, Any]:
        """Return the socket family and the name to connect to; keep what does not depend on the client."""
        family, name, fixed = resolve(address, port, session)
        if self.model.socks4 is not None:
            try:
                self.request = encode_request(name[0], name[1])
            except SocksRefused as refused:
                raise LinkFailure(errno.EAFNOSUPPORT, str(refused)) from refused
            family, name, fixed = resolve(self.model.socks4, self.model.socks4.port, session)
        elif fixed:
            self._known = (address, port, family, name)
        return family, name


def _failure(code: int, answered: bool = False, family: int = socket.AF_INET) -> LinkFailure:
    if code in NO_PORT_LEFT and not answered:
        return LinkFailure(code, NO_PORTS if family != socket.AF_UNIX else NO_PLACE, resource=True)
    return LinkFailure(code, errno.errorcode.get(code, str(code)), code in OUT_OF_RESOURCES, answered)


class Links:
    """The way to every server of a proxy (session.ends.Dial): keeps one ServerLinkFactory a server.

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

    def __call__(self, session: Stream, server: Any) -> LinkEnd:
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
        make = ServerLinkFactory
        if session.backend.model.mode == "http":
            from tcproxy.transport.http1.adjusted import link_factory

            make = link_factory(session.backend.model)
        factory = make(self.poll, model, session.backend.model, self.limit, self.pipes, self.tune)
        self._factories[session.server or session.backend] = factory
        return factory


def resolve(address: Address, port: int, session: Stream | None) -> tuple[int, Any, bool]:
    """Return socket family, name, and whether it is the same for every client.

    A missing or relative port follows the port the client connected to, an empty host the address.
    """
    if address.family is Family.UNIX:
        return int(socket.AF_UNIX), address.host, True
    if address.family is Family.ABNS:
        return int(socket.AF_UNIX), abstract_name(address.host), True
    host, fixed = address.host, True
    if session is not None and (address.relative or not port):
        port, fixed = session.front_address[1] + port, False
    if session is not None and host in ("", "0.0.0.0", "::"):
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
