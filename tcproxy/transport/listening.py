"""The listeners of all frontends, as one service: opened before privileges are dropped, started, paused, closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import IAddress

from tcproxy.grammar.addresses import Family
from tcproxy.session.frontend import Frontend
from tcproxy.session.settings import World
from tcproxy.transport.binding import BindError, listen, publish, withdraw
from tcproxy.transport.listeners import MOST_AT_ONCE, FrontendFactory, Listener
from tcproxy.transport.pipes import PipePool
from tcproxy.transport.socket_options import client_tune

LONGEST_BACKLOG = 4096


class Listeners(Service):
    """The listeners of all frontends."""

    name = "listeners"

    def __init__(self, world: World, reactor: Any, limit: int, pipes: PipePool | None) -> None:
        self.world = world
        self.reactor = reactor
        self.limit = limit
        self.pipes = pipes
        self.all: list[Listener] = []

    def open(self, inherited: Mapping[str, int] | None = None) -> list[str]:
        """Listen on every address; return what went wrong. Once open, it stays so."""
        if self.all:
            return []
        errors: list[str] = []
        for frontend in self.world.frontends.values():
            frontend.state = "open"
            errors += self._open_frontend(frontend, inherited)
        return errors

    def _open_frontend(self, frontend: Frontend, inherited: Mapping[str, int] | None) -> list[str]:
        errors: list[str] = []
        smart = "tcp-smart-accept" in frontend.model.options
        tuning = self.world.configuration.process.tune
        for bind in frontend.binds:
            try:
                sock = listen(bind.model, backlog(frontend, bind.model.backlog), inherited, smart)
            except BindError as error:
                errors.append(f"Starting {frontend.kind} {frontend.name}: {error} [{error.origin}]")
                continue
            factory = FrontendFactory(bind, self.limit, self.pipes)
            tune = client_tune(frontend.model, tuning, sock.family)
            self.all.append(Listener(self.reactor, sock, factory, tune, most=_most_accepted(tuning)))
        return errors

    def publish(self) -> list[str]:
        """Give UNIX sockets their paths; return what went wrong."""
        errors: list[str] = []
        for listener in self.all:
            frontend = listener.bind.frontend
            try:
                publish(listener.bind.model, listener.socket)
            except BindError as error:
                errors.append(f"Starting {frontend.kind} {frontend.name}: {error} [{error.origin}]")
        return errors

    def withdraw(self) -> None:
        """Close every listener of a start that failed, and leave no file behind."""
        for listener in self.all:
            withdraw(listener.bind.model, listener.socket)
        self.close()

    def startService(self) -> None:
        """Accept clients."""
        super().startService()  # type: ignore[no-untyped-call]
        for listener in self.all:
            listener.startListening()

    def stopService(self) -> None:
        """Accept no more."""
        super().stopService()  # type: ignore[no-untyped-call]
        self.close()

    def addresses(self, name: str) -> list[IAddress]:
        """Return the addresses that the frontend of this name listens on, in the order of its `bind` lines."""
        frontend = self.world.frontends[name]
        return [_address(one) for one in self.all if one.bind.frontend is frontend and one.fd >= 0]

    def retire(self) -> None:
        """Close every listener, and serve the clients who wait there already."""
        for listener in self.all:
            listener.retire()
        self.close()

    def close(self) -> None:
        """Close every listener."""
        for listener in self.all:
            listener.close()
        self.all.clear()
        for frontend in self.world.frontends.values():
            frontend.state = "stopped"

    def pause(self) -> list[Frontend]:
        """Stop listening for a while; return the frontends that did."""
        frontends = self.world.frontends.values()
        paused = [frontend for frontend in frontends if frontend.binds and frontend.state == "open"]
        for listener in self.all:
            listener.pause()
        for frontend in paused:
            frontend.state = "paused"
        return paused

    def resume(self) -> tuple[list[Frontend], list[str]]:
        """Listen again, also where a command said to pause; return the frontends that do, and what went wrong."""
        resumed = [frontend for frontend in self.world.frontends.values() if frontend.state == "paused"]
        errors: list[str] = []
        for listener in self.all:
            try:
                listener.resume()
            except OSError as error:
                errors.append(f"cannot listen again on {listener}: {error.strerror}")
        for frontend in resumed:
            frontend.state = "open"
        return resumed, errors


def _address(listener: Listener) -> IAddress:
    address = listener.bind.model.address
    if address.family is Family.UNIX:
        return UNIXAddress(address.host)  # the socket was made under another name, which is the one it knows
    found: IAddress = listener.getHost()
    return found


def backlog(frontend: Frontend, asked: int) -> int:
    """Return how many clients may wait at a listener: `backlog` of the bind or the proxy, else maxconn."""
    return asked or frontend.model.backlog or min(frontend.maxconn or LONGEST_BACKLOG, LONGEST_BACKLOG)


def _most_accepted(tuning: Mapping[str, int]) -> int:
    """Return how many clients are accepted in a row, at the most; -1 asks for no limit."""
    most = tuning.get("tune.maxaccept") or MOST_AT_ONCE
    return most if most > 0 else LONGEST_BACKLOG
