"""The connections of health checks: one short conversation each, told to the check by four events.

What is said, and how long it may take, is decided in health (see tcproxy/health/dialling.py).
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from twisted.python.failure import Failure

from tcproxy.grammar.addresses import Family
from tcproxy.health.dialling import CheckEvents, CheckTarget, Dial
from tcproxy.model.proxy import Proxy
from tcproxy.model.server import Server
from tcproxy.session.ends import LinkFailure
from tcproxy.transport.links import PENDING, STREAM, outcome, resolve
from tcproxy.transport.options import Tune, delay_ack, server_tunes
from tcproxy.transport.pairs import connect_pair
from tcproxy.transport.relay import errno_of
from tcproxy.transport.sockets import Poll, StreamSocket, poll_of
from tcproxy.transport.sources import SourceBinder
from tcproxy.wire.proxy_protocol import encode_v1, encode_v2
from tcproxy.wire.socks4 import SocksRefused, SocksReplyParser, encode_request


class CheckDial:
    """Connects for health checks (tcproxy.health.dialling.Dial).

    tune: the `tune.*` words of the global section. never_local: `pp2-never-send-local`. tunes: what is set on new
    sockets.
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

    def towards(self, model: Server, proxy: Proxy) -> Dial:
        """Return the dial that sets on its sockets what links to this server have."""
        tunes = server_tunes(model, proxy, self.tune)
        if "tcp-smart-connect" in proxy.options:
            tunes.append(delay_ack)
        return CheckDial(self.reactor, self.tune, self.never_local, tunes)

    def __call__(self, target: CheckTarget, events: CheckEvents) -> CheckConnection:
        """Connect; tells `events.failed` at once where that cannot even begin."""
        return CheckConnection(self, target, events)


class CheckConnection:
    """One connection of a check: the protocol of its transport, and its producer while it connects."""

    def __init__(self, dial: CheckDial, target: CheckTarget, events: CheckEvents) -> None:
        self.dial = dial
        self.target = target
        self.events: CheckEvents | None = events
        self.transport: StreamSocket | None = None
        self._reply: SocksReplyParser | None = None
        self._binder = SourceBinder(target.source) if target.source is not None else None
        self._port = 0
        try:
            self._begin(dial.poll)
        except OSError as error:
            self._fail(error.errno or 0)
        except LinkFailure as failure:
            self._fail(failure.errno)

    def _begin(self, poll: Poll) -> None:
        sock, name = self._connect()
        self.transport = transport = StreamSocket(poll, sock, name)
        transport.protocol = self
        transport.producer = self
        transport.streaming = True
        # even a connection that stands at once is told from the loop, as the check expects
        transport.startWriting()

    def _connect(self) -> tuple[socket.SocketType, Any]:
        """Return a socket that connects, and the name it connects to."""
        towards = self.target.socks4 or self.target.address
        if towards.family is Family.SOCKPAIR:
            return connect_pair(int(towards.host)), ""
        family, name, _ = resolve(towards, towards.port, None)
        sock = socket.SocketType(family, STREAM, 0)
        try:
            for tune in self.dial.tunes if family != socket.AF_UNIX else ():
                tune(sock)
            if self._binder is not None:
                self._port = self._binder.bind(sock, None)
            code = sock.connect_ex(name)
            if code and code not in PENDING:
                raise OSError(code, "connect")
        except BaseException:
            sock.close()
            raise
        return sock, name

    # the transport's producer: called when the socket is writable

    def resumeProducing(self) -> None:
        """The connection stands, or failed."""
        transport = self.transport
        assert transport is not None
        code = outcome(transport)
        if code is None:
            return
        if code:
            self._fail(code)
            return
        transport.producer = None
        transport.stopWriting()
        try:
            self._speak_first(transport)
        except SocksRefused:
            self._fail(errno.EAFNOSUPPORT)

    def _speak_first(self, transport: StreamSocket) -> None:
        if self.target.socks4 is not None:
            self._reply = SocksReplyParser()
            transport.write(encode_request(self.target.address.host, self.target.address.port))
            transport.startReading()
        else:
            self._stands(transport)

    def _stands(self, transport: StreamSocket) -> None:
        if self.target.send_proxy:
            transport.write(self._proxy_header(transport))
        if self.events is not None:
            self.events.connected(transport.write)
        if self.events is not None:
            transport.startReading()

    def _proxy_header(self, transport: StreamSocket) -> bytes:
        """Return the header of a connection of our own: version 1 has no word for that, and tells its addresses."""
        ends = (transport.socket.getsockname(), transport.socket.getpeername())
        near, far = (name[:2] if isinstance(name, tuple) else None for name in ends)
        if self.target.send_proxy == 1:
            return encode_v1(near, far)
        return encode_v2(near, far) if self.dial.never_local else encode_v2(None, None)

    def pauseProducing(self) -> None:
        """Nothing to do: there is no source of bytes."""

    def stopProducing(self) -> None:
        """The protocol's side hears of the loss."""

    # the transport's protocol

    def dataReceived(self, data: bytes) -> None:
        """Bytes of the server, or of the SOCKS server before it."""
        if self._reply is not None:
            try:
                if not self._reply.feed(data):
                    return
            except SocksRefused:
                self._fail(errno.ECONNREFUSED)
                return
            data, self._reply = self._reply.rest, None
            assert self.transport is not None
            self._stands(self.transport)
        if data and self.events is not None:
            self.events.received(data)

    def connectionLost(self, reason: Failure) -> None:
        """The server closed (a FIN ends a check's connection, too), or the connection broke."""
        events, self.events = self.events, None
        self._release()
        if events is None:
            return
        code = errno_of(reason)
        if code or self._reply is not None or (self.transport is not None and self.transport.producer is self):
            events.failed(code or errno.ECONNREFUSED)
        else:
            events.ended()

    def _fail(self, code: int) -> None:
        events = self.events
        self.cancel()
        if events is not None:
            events.failed(code)

    def cancel(self) -> None:
        """Drop it at once, with a reset; no event follows."""
        self.events = None
        if self.transport is not None:
            self.transport.drop(reset=True)
            self.transport.release()
        self._release()

    def _release(self) -> None:
        if self._binder is not None:
            self._binder.release(self._port)
            self._port = 0
