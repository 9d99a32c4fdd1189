"""The health checks of all farms, as one service."""

from __future__ import annotations

import random

from twisted.application.service import Service

from tcproxy.health.tcp import TcpCheck
from tcproxy.health.watch import Settings, Watch, start_all
from tcproxy.model.process import Configuration
from tcproxy.model.proxy import Proxy
from tcproxy.servers.state import LiveServer
from tcproxy.session.settings import World
from tcproxy.transport.dial import CheckDial


class HealthCheckService(Service):
    """The health checks of all farms."""

    name = "checks"

    def __init__(self, world: World, dial: CheckDial) -> None:
        self.world = world
        self.dial = dial
        for farm in world.farms.values():
            settings = check_settings(farm.model, world.configuration)
            for server in farm.servers:
                if server.model.check:
                    self._watch(server, settings)
        world.watch = self.add

    @property
    def watches(self) -> list[Watch]:
        """Return the watches of the servers that there are now."""
        servers = (server for farm in self.world.farms.values() for server in farm.servers)
        return [server.watch for server in servers if isinstance(server.watch, Watch)]

    def add(self, server: LiveServer) -> Watch:
        """Begin to check a server that was added at run time, at some moment of its first interval."""
        watch = self._watch(server, check_settings(server.farm.model, self.world.configuration))
        if self.running:
            watch.start(random.random() * watch.interval() / 1000)
        return watch

    def _watch(self, server: LiveServer, settings: Settings) -> Watch:
        farm = server.farm
        checker = farm.model.checker or TcpCheck()
        dial = self.dial.towards(server.model, farm.model)
        watch = Watch(server, checker, farm.model.check_options, settings, self.world.clock, dial, farm.announce)
        server.watch = watch
        return watch

    def startService(self) -> None:
        """Begin to check."""
        super().startService()  # type: ignore[no-untyped-call]
        start_all(self.watches, self.world.configuration.process.max_spread_checks)

    def stopService(self) -> None:
        """Check no more."""
        super().stopService()  # type: ignore[no-untyped-call]
        self.retire()

    def retire(self) -> None:
        """Check no more while the last sessions end: as in HAProxy, the next process checks the servers then."""
        for watch in self.watches:
            watch.stop()


def check_settings(proxy: Proxy, configuration: Configuration) -> Settings:
    """Return what a backend says about its checks."""
    timeouts = proxy.timeouts or {}
    return Settings(
        connect_timeout=timeouts.get("connect", 0),
        check_timeout=timeouts.get("check", 0),
        spread_checks=configuration.process.spread_checks,
        log_checks="log-health-checks" in proxy.options,
    )
