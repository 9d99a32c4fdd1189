"""Backends: which one, which of its servers, and what when there is none: as haproxy and tcproxy tell it."""

from __future__ import annotations

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences

STORIES = Stories()
story = STORIES.story

ONE = """
listen {name}
    bind {host}:1000
    timeout connect 250ms
    server s {host}:2000
"""


@story("listen {name}\n    bind {host}:1000\n")
def no_server_at_all(scene: Scene) -> None:
    """A section without servers: SC and <NOSRV>."""
    scene.connect().ends()
    scene.logged()


@story("frontend {name}\n    bind {host}:1000\n")
def no_backend(scene: Scene) -> None:
    """A frontend that leads nowhere: SC, its own name and <NOSRV>."""
    scene.connect().ends()
    scene.logged()


@story(ONE + "    default-server disabled\n    server t {host}:2001\n")
def servers_in_maintenance(scene: Scene) -> None:
    """Servers that may not be used are none; the one declared before still is."""
    door = scene.listen()
    client = scene.connect()
    door.accept().close()
    client.ends().close()
    scene.logged()
    scene.note(scene.order(f"disable server {scene.name}/s").strip())
    scene.logged(2)
    scene.connect().ends()
    scene.logged()


@story(
    """
frontend {name}
    bind {host}:1000
    use_backend {name}.right if {{ src 127.0.0.7 }}
    default_backend {name}.left
backend {name}.left
    server l {host}:2000
backend {name}.right
    server r {host}:2001
"""
)
def switched_by_source(scene: Scene) -> None:
    """`use_backend` with a condition, and the default one."""
    left, right = scene.listen(2000, "left"), scene.listen(2001, "right")
    for source, door in (("127.0.0.7", right), ("127.0.0.8", left)):
        client = scene.connect(source=source).send(b"Hello")
        door.accept(peer=True).reads(5).close()
        client.ends().close()
        scene.logged()


BACKUPS = """
listen {name}
    bind {host}:1000
    server a {host}:2000
    server b {host}:2001 backup
    server c {host}:2002 backup
"""


@story(BACKUPS)
def backups_in_order(scene: Scene) -> None:
    """The first backup serves alone when no active server can; and the states are told alike."""
    doors = [scene.listen(2000 + number, "abc"[number]) for number in range(3)]
    for out in ("", "a", "b"):
        if out:
            scene.note(scene.order(f"disable server {scene.name}/{out}").strip())
            scene.logged()
        for _ in range(2):
            client = scene.connect()
            doors["ab".find(out) + 1 if out else 0].accept().close()
            client.ends().close()
            scene.logged()


@story(BACKUPS + "    option allbackups\n")
def all_backups(scene: Scene) -> None:
    """`option allbackups` balances over all of them."""
    doors = [scene.listen(2000 + number, "abc"[number]) for number in range(3)]
    scene.note(scene.order(f"disable server {scene.name}/a").strip())
    scene.logged()
    for number in (1, 2, 1, 2):
        client = scene.connect()
        doors[number].accept().close()
        client.ends().close()
        scene.logged()


@story("listen {name}\n    bind {host}:1000\n    dispatch {host}:2000\n    retries 1\n    timeout connect 200ms\n")
def dispatched(scene: Scene) -> None:
    """`dispatch`: a server without a name, and retries on it."""
    scene.connect().ends()
    scene.logged()
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    door.accept().reads(5).close()
    client.ends().close()
    scene.logged()


@story(ONE.replace("server s", "server s 127.0.0.1:9 disabled\n    server t") + "    option persist\n")
def disabled_server_is_passed_over(scene: Scene) -> None:
    """A server that is disabled in the configuration gets nobody."""
    door = scene.listen()
    client = scene.connect()
    door.accept().close()
    client.ends().close()
    scene.logged()


@story(ONE + "    server t {host}:2001\n")
def two_servers_in_turn(scene: Scene) -> None:
    """Round robin, with the numbers of sessions that are open: those of server and backend in the line."""
    doors = [scene.listen(2000, "s"), scene.listen(2001, "t")]
    clients = [scene.connect(name=f"client{number}") for number in range(4)]
    servers = [doors[number % 2].accept() for number in range(4)]
    for client, server in zip(clients, servers, strict=True):
        server.close()
        client.ends().close()
        scene.logged()


@pytest.mark.reference
@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Clients, servers, log lines and counters of the story are the same with haproxy and with tcproxy."""
    assert differences(told[name]) == []
