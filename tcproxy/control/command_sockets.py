"""The command sockets on Twisted: listen on every `stats socket`, carry bytes to and from conversations.

What is said is conversation.py and the commands; how a listening socket is made is transport/binding.py.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from time import monotonic
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol, IPullProducer, IReadDescriptor
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.tcp import Server as TcpTransport
from twisted.internet.unix import Server as UnixTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from tcproxy.control.command_rows import Level, Talk
from tcproxy.control.command_table import CommandTable
from tcproxy.control.commands import table
from tcproxy.control.conversation import Conversation
from tcproxy.model.bind import Bind
from tcproxy.session.settings import World
from tcproxy.transport.binding import BindError, listen, publish, withdraw

BACKLOG = 128
SLICE = 0.003
"""Seconds for which one turn of the loop makes pieces of an answer."""
BREATH = 0.1
"""Seconds without accepting when descriptors have run out."""


@implementer(IHalfCloseableProtocol, IPullProducer)
class CommandProtocol(Protocol):
    """One client of a command socket.

    A client that has said nothing is closed after `stats timeout`, and so is one that does not read its answers.
    One that has said something may be silent for as long as it likes, unless it has set a timeout of its own
    (`set timeout cli`), which counts while no beginning of a command is waiting. HAProxy 2.6 closes interactive
    clients after `stats timeout` in some runs and not in others.
    """

    def __init__(self, talk: Talk, clock: Any) -> None:
        self.conversation = Conversation(talk, self._go_on)
        self._clock = clock
        self._silence: IDelayedCall | None = None
        self._sending = self._heard = self._left = False

    def connectionMade(self) -> None:
        """Wait for commands, as long as the timeout says."""
        self._rearm()

    def dataReceived(self, data: bytes) -> None:
        """Obey, answer, and close when the conversation is over."""
        self._heard = True
        self.conversation.take(data)
        self._go_on()

    def _go_on(self) -> None:
        """Send what there is to be said: in pieces, each when the one before has left."""
        if self._sending or self.transport is None:
            return
        self._sending = True
        transport: Any = self.transport
        transport.pauseProducing()
        transport.registerProducer(self, False)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        """Send the next piece of an answer: what was sent before has left. At its end, read on."""
        if not self._sending:
            return
        transport: Any = self.transport
        until = monotonic() + SLICE
        piece = self.conversation.more(lambda: monotonic() >= until)
        self._rearm()
        if piece:
            transport.write(piece)
        else:
            self._said_all()

    def _said_all(self) -> None:
        """Wait for more commands, or for the answer of one, or close."""
        transport: Any = self.transport
        self._sending = False
        transport.unregisterProducer()
        if not self.conversation.waits:
            transport.resumeProducing()
        self._proceed()

    def stopProducing(self) -> None:
        """Drop what is unsent: the client is gone."""
        self.conversation.close()

    def readConnectionLost(self) -> None:
        """The client sends no more: close as soon as everything is answered."""
        self._left = True
        self._proceed()

    def writeConnectionLost(self) -> None:
        """Twisted tells of this after loseWriteConnection, which is never called here."""

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Forget the client."""
        self._disarm()
        self._sending = True  # nothing is sent any more
        self.conversation.close()
        factory: Any = self.factory
        factory.left(self)

    def _proceed(self) -> None:
        """Close where the conversation is over and answered, else wait for more."""
        if not self._sending and not self.conversation.waits and (self._left or self.conversation.talk.ended):
            transport: Any = self.transport
            transport.loseConnection()
        self._rearm()

    def _rearm(self) -> None:
        self._disarm()
        talk = self.conversation.talk
        waits = not self._heard or self._sending or (talk.timeout_is_own and not self.conversation.unfinished)
        if waits and talk.timeout > 0:
            self._silence = self._clock.callLater(talk.timeout, self._silent)

    def _disarm(self) -> None:
        if self._silence is not None and self._silence.active():
            self._silence.cancel()
        self._silence = None

    def _silent(self) -> None:
        """Close a client that asks nothing, and one that does not read its answer."""
        transport: Any = self.transport
        transport.abortConnection()


class CommandFactory(ServerFactory):
    """Makes the conversations of one command socket. limit: its clients at the most, 0 for no limit of its own."""

    noisy = False

    def __init__(
        self, world: World, commands: CommandTable, level: Level, severity: str, sockets: ControlSockets, limit: int = 0
    ) -> None:
        self.world = world
        self.limit = limit
        self.commands = commands
        self.level = level
        self.severity = severity
        self.sockets = sockets

    def buildProtocol(self, addr: Any) -> CommandProtocol:
        """Return the protocol of a client."""
        settings = self.world.configuration.process
        self.world.counters.requests += 1  # HAProxy numbers HTTP requests and conversations of command sockets together
        talk = Talk(
            self.world, self.commands, self.level, self.level,
            timeout=settings.stats_timeout / 1000, severity=self.severity,
        )  # fmt: skip
        protocol = CommandProtocol(talk, self.sockets.reactor)
        protocol.factory = self
        self.sockets.joined(protocol)
        return protocol

    def left(self, protocol: CommandProtocol) -> None:
        """Forget a client that is gone."""
        self.sockets.left(protocol)


@implementer(IReadDescriptor)
class CommandPort:
    """A listening command socket.

    Twisted's own UNIX port sets modes on the name that its socket was bound to; ours is moved after it was bound.
    """

    def __init__(self, reactor: Any, sock: socket.socket, factory: CommandFactory) -> None:
        self._reactor = reactor
        self._socket = sock
        self.factory = factory
        self._breath: IDelayedCall | None = None
        self.resume()

    def resume(self) -> None:
        """Accept clients."""
        self._reactor.addReader(self)

    def pause(self) -> None:
        """Stop accepting: clients wait in the backlog."""
        self._reactor.removeReader(self)

    def doRead(self) -> None:
        """Accept one client; the reactor comes back for others.

        The accepted descriptor itself carries the conversation: Twisted's adoptStreamConnection would need a second
        one for a moment, and the last free descriptor of a process must be enough to ask what is wrong with it.
        """
        try:
            accepted, peer = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # gone before it was accepted
        except OSError:
            # no descriptor is free: try again when somebody may have given one back
            self.pause()
            self._breath = self._reactor.callLater(BREATH, self.resume)
            return
        accepted.setblocking(False)
        protocol: Any = self.factory.buildProtocol(peer)
        transport: Any = UnixTransport if accepted.family == socket.AF_UNIX else TcpTransport
        protocol.makeConnection(transport(accepted, protocol, peer, None, 0, self._reactor))

    def close(self) -> None:
        """Close the listening socket for good."""
        self.pause()
        if self._breath is not None and self._breath.active():
            self._breath.cancel()
        self._socket.close()

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Return the name that stands in Twisted's log lines."""
        return "stats socket"

    def connectionLost(self, reason: Failure) -> None:
        """Close the socket: the reactor is being disconnected."""
        self._socket.close()


class ControlSockets(Service):
    """All command sockets of one proxy."""

    name = "control"

    def __init__(self, world: World, reactor: Any) -> None:
        self.world = world
        self.reactor = reactor
        self.clients: set[CommandProtocol] = set()
        self._open: list[tuple[Bind, socket.socket]] = []
        self._ports: list[CommandPort] = []

    def open(self, inherited: Mapping[str, int] | None = None) -> list[str]:
        """Listen on every address; return a sentence for each that failed. Later calls do nothing."""
        errors: list[str] = []
        if self._open:
            return errors
        for bind in self.world.configuration.process.stats_sockets:
            try:
                self._open.append((bind, listen(bind, bind.backlog or BACKLOG, inherited)))
            except BindError as error:
                errors.append(f"Starting stats socket: {error} [{error.origin}]")
        if errors:
            self.withdraw()
        return errors

    def publish(self) -> list[str]:
        """Give UNIX sockets their paths; return what went wrong."""
        errors: list[str] = []
        for bind, sock in self._open:
            try:
                publish(bind, sock)
            except BindError as error:
                errors.append(f"Starting stats socket: {error} [{error.origin}]")
        return errors

    def withdraw(self) -> None:
        """Close the sockets of a start that failed, and leave no file behind."""
        for bind, sock in self._open:
            withdraw(bind, sock)
        self._open.clear()

    def startService(self) -> None:
        """Answer clients."""
        super().startService()  # type: ignore[no-untyped-call]
        commands = table()
        for bind, sock in self._open:
            factory = CommandFactory(
                self.world, commands, Level.named(bind.level), bind.severity_output or "none", self, bind.maxconn
            )
            self._ports.append(CommandPort(self.reactor, sock, factory))

    def stopService(self) -> None:
        """Close sockets and conversations; a UNIX socket's name is left alone, for it may be the next process's."""
        super().stopService()  # type: ignore[no-untyped-call]
        for port in self._ports:
            port.close()
        self._ports.clear()
        self._close()
        for client in list(self.clients):
            transport: Any = client.transport
            transport.abortConnection()

    # limits of clients: `stats maxconn` on all sockets together, `maxconn` on each

    def joined(self, client: CommandProtocol) -> None:
        """Count a client."""
        self.clients.add(client)
        for port in self._ports:
            if self._full(port):
                port.pause()

    def left(self, client: CommandProtocol) -> None:
        """Count a client that is gone."""
        full = [port for port in self._ports if self._full(port)]
        self.clients.discard(client)
        for port in full:
            if not self._full(port):
                port.resume()

    def _full(self, port: CommandPort) -> bool:
        if len(self.clients) >= self.world.configuration.process.stats_maxconn:
            return True
        limit = port.factory.limit
        return 0 < limit <= sum(client.factory is port.factory for client in self.clients)

    def _close(self) -> None:
        for _, sock in self._open:
            sock.close()
        self._open.clear()
