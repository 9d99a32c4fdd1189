"""Silence and stalls: every timeout of a session that moves bytes: as haproxy and tcproxy tell it."""

from __future__ import annotations

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences

STORIES = Stories()
story = STORIES.story

PLAIN = """
listen {name}
    bind {host}:1000
    server s {host}:2000
"""
QUICK = """
listen {name}
    bind {host}:1000
    server s {host}:2000
    timeout client 200ms
"""
QUICK_SERVER = """
listen {name}
    bind {host}:1000
    server s {host}:2000
    timeout server 200ms
"""


@story(QUICK)
def client_silent(scene: Scene) -> None:
    """`timeout client` passes while both are silent: cD."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5)
    with scene.lasting():
        client.ends()
        server.ends()
    scene.logged()


@story(QUICK)
def client_says_nothing(scene: Scene) -> None:
    """`timeout client` passes for a client that never spoke: cD, no byte."""
    door = scene.listen()
    client = scene.connect()
    server = door.accept()
    with scene.lasting():
        client.ends()
    server.ends()
    scene.logged()


@story(QUICK)
def server_talks_to_a_silent_client(scene: Scene) -> None:
    """What the server says counts as activity for the client's timeout."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5)
    with scene.lasting():
        for _ in range(4):
            server.quiet(0.1).send(b".")
            client.reads(1)
        client.ends()
    server.ends()
    scene.logged()


@story(QUICK)
def client_half_closed_and_server_silent(scene: Scene) -> None:
    """After the client's FIN its timeout is no more: the server's is."""
    door = scene.listen()
    client = scene.connect().finish()
    server = door.accept().ends()
    client.quiet(0.4)
    server.send(b"late").close()
    client.ends()
    scene.logged()


@story(QUICK.replace("200ms", "500ms"))
def client_reads_no_more(scene: Scene) -> None:
    """A client that stops reading is a client timeout too, and the server is told."""
    door = scene.listen()
    client = scene.connect(buffer=4096).send(b"Hello")
    server = door.accept().reads(5)
    server.flood()
    server.ends()
    client.ends(count=False)
    scene.logged()


@story(QUICK_SERVER)
def server_silent(scene: Scene) -> None:
    """`timeout server` passes while both are silent: sD."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5)
    with scene.lasting():
        client.ends()
        server.ends()
    scene.logged()


@story(QUICK_SERVER)
def client_talks_to_a_silent_server(scene: Scene) -> None:
    """What the client says counts as activity for the server's timeout."""
    door = scene.listen()
    client = scene.connect()
    server = door.accept()
    with scene.lasting():
        for _ in range(4):
            client.quiet(0.1).send(b".")
            server.reads(1)
        client.ends()
    server.ends()
    scene.logged()


@story(QUICK_SERVER.replace("200ms", "500ms"))
def server_reads_no_more(scene: Scene) -> None:
    """A server that stops reading is a server timeout too."""
    door = scene.listen(buffer=4096)
    client = scene.connect()
    server = door.accept()
    client.flood()
    client.ends()
    server.ends(count=False)
    scene.logged()


@story(QUICK_SERVER)
def server_silent_after_the_clients_end(scene: Scene) -> None:
    """After the client's FIN the server's timeout still ends the session."""
    door = scene.listen()
    client = scene.connect().send(b"Hello").finish()
    server = door.accept().ends()
    with scene.lasting():
        client.ends()
    server.ends()
    scene.logged()


@story(PLAIN + "    timeout client-fin 200ms\n")
def client_fin(scene: Scene) -> None:
    """`timeout client-fin` replaces the client's timeout once the server has ended."""
    door = scene.listen()
    client = scene.connect()
    server = door.accept().send(b"world").finish()
    with scene.lasting():
        client.ends()
        server.ends()
    scene.logged()


@story(PLAIN + "    timeout server-fin 200ms\n")
def server_fin(scene: Scene) -> None:
    """`timeout server-fin` replaces the server's timeout once the client has ended."""
    door = scene.listen()
    client = scene.connect().send(b"Hello").finish()
    server = door.accept().ends()
    with scene.lasting():
        client.ends()
    server.ends()
    scene.logged()


@story(PLAIN + "    timeout client 150ms\n    timeout server 150ms\n    timeout tunnel 450ms\n")
def tunnel(scene: Scene) -> None:
    """`timeout tunnel` replaces both timeouts once bytes may move."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).send(b"world")
    with scene.lasting():
        client.reads(5).ends()
        server.ends()
    scene.logged()


@story(PLAIN + "    timeout client 150ms\n    timeout server 150ms\n    timeout tunnel 2s\n timeout client-fin 300ms\n")
def tunnel_then_client_fin(scene: Scene) -> None:
    """`timeout client-fin` holds after the server's end even with a longer tunnel timeout."""
    door = scene.listen()
    client = scene.connect()
    server = door.accept().send(b"world").finish()
    with scene.lasting():
        client.ends()
        server.ends()
    scene.logged()


@pytest.mark.reference
@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Clients, servers, log lines and counters of the story are the same with haproxy and with tcproxy."""
    assert differences(told[name]) == []
