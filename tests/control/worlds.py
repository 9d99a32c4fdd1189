"""A running proxy without a network: the live parts of a configuration, on a clock that tests turn."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from tcproxy import language
from tcproxy.control.command_rows import Level, Talk
from tcproxy.control.commands import table
from tcproxy.control.conversation import Conversation
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.servers.farm import Farm
from tcproxy.servers.tracking import link_tracks
from tcproxy.session.frontend import Backend, Frontend
from tcproxy.session.settings import World

CONFIGURATION = """
global
    maxconn 1000
    stats socket /run/a.sock level admin
    stats socket 127.0.0.1:1999
    stats socket ::1:1999 level user
    stats socket abns@name
defaults
    mode tcp
    timeout client 1s
    timeout server 1s
    timeout connect 1s
listen web
    bind 127.0.0.1:8001 name one
    bind [::1]:8002
    bind /run/web.sock
    option socket-stats
    maxconn 70
    server s1 127.0.0.1:9001 check weight 30 maxconn 5 maxqueue 2
    server s2 [::1]:9002 backup cookie "x,\\"y"
    server s3 127.0.0.1:9003 disabled
frontend front
    bind 127.0.0.1:8003
    rate-limit sessions 100
    default_backend back
backend back
    balance leastconn
    fullconn 50
    server x1 127.0.0.1:9004 track web/s1
    server x2 127.0.0.1:9005 slowstart 10s
"""


class Listener:
    """What a frontend's listener was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pause(self) -> None:
        """Note it."""
        self.told.append("pause")

    def resume(self) -> None:
        """Note it."""
        self.told.append("resume")

    def close(self) -> None:
        """Note it."""
        self.told.append("close")


class Play:
    """One world and one conversation with it."""

    def __init__(self, folder: Path, text: str = CONFIGURATION, level: Level = Level.ADMIN) -> None:
        self.clock: Any = Clock()  # an IClock, which Twisted does not know
        self.clock.advance(1000.0)
        self.told: list[tuple[int, str]] = []
        self.world = self._world(folder, text)
        self.talk = Talk(self.world, table(), level, level)
        self.conversation = Conversation(self.talk)

    def _world(self, folder: Path, text: str) -> World:
        path = folder / "play.cfg"
        path.write_text(text)
        said = io.StringIO()
        configuration = language.read([str(path)], Environment({"HOME": "/home/me"}), Diagnostics(1, said))
        assert configuration is not None, said.getvalue()

        def announce(level: int, message: str) -> None:
            self.told.append((level, message))

        world = World(
            configuration, self.clock, started=1795375735.0, birth=900.0, announce=announce,
            maxconn=configuration.process.maxconn,
        )  # fmt: skip
        for proxy in configuration.backends():
            world.farms[proxy.name] = Farm(proxy, self.clock, announce)
        link_tracks(world.farms)
        backends = {name: Backend(farm) for name, farm in world.farms.items()}
        for proxy in configuration.frontends():
            frontend = world.frontends[proxy.name] = Frontend(proxy, world)
            frontend.route(backends)
            for bind in frontend.binds:
                bind.listener = Listener()
        return world

    def say(self, line: str) -> str:
        """Say a line in a fresh conversation of the same level; return the answer without its empty line."""
        talk = Talk(self.world, self.talk.table, self.talk.level, self.talk.entered)
        answer = Conversation(talk).feed(f"{line}\n".encode()).decode()
        assert answer.endswith("\n"), answer
        return answer[:-1]
