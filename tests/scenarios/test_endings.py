"""How sessions end once bytes move: FIN, RST and silence, on either side, as haproxy and tcproxy tell it."""

from __future__ import annotations

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences, tell

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


@story(PLAIN)
def server_ends(scene: Scene) -> None:
    """The server closes first: the client reads all and FIN, the line says `--`."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).send(b"world")
    server.close()
    client.ends().close()
    scene.logged()


@story(PLAIN)
def client_ends(scene: Scene) -> None:
    """The client closes first: the server reads all and FIN, the line says `--` with the bytes of both."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).send(b"world")
    client.reads(5).close()
    server.ends().close()
    scene.logged()


@story(PLAIN)
def client_half_closes(scene: Scene) -> None:
    """After the client's FIN the server's answer still arrives."""
    door = scene.listen()
    client = scene.connect().send(b"Hello").finish()
    server = door.accept().ends().send(b"world")
    client.reads(5)
    server.close()
    client.ends().close()
    scene.logged()


@story(PLAIN)
def server_half_closes(scene: Scene) -> None:
    """After the server's FIN the client's bytes still arrive."""
    door = scene.listen()
    client = scene.connect()
    server = door.accept().send(b"world").finish()
    client.ends().send(b"Hello")
    server.reads(5)
    client.finish()
    server.ends().close()
    scene.logged()


@story(PLAIN)
def both_half_close(scene: Scene) -> None:
    """FIN from both sides, one after the other, and nothing said."""
    door = scene.listen()
    client = scene.connect()
    server = door.accept()
    client.finish()
    server.ends().finish()
    client.ends()
    scene.logged()


@story(PLAIN)
def client_resets(scene: Scene) -> None:
    """RST of the client: CD, and the server is told."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).send(b"world")
    client.reads(5).reset()
    scene.logged()
    server.ends()


@story(PLAIN)
def server_resets(scene: Scene) -> None:
    """RST of the server: SD, and the client is told."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).send(b"world")
    client.reads(5)
    server.reset()
    client.ends()
    scene.logged()


@story(PLAIN)
def client_resets_in_the_middle(scene: Scene) -> None:
    """RST of a client that reads no more, while the server still sends: CD."""
    door = scene.listen()
    client = scene.connect(buffer=4096).send(b"Hello")
    server = door.accept().reads(5)
    server.flood()
    scene.timed = False
    client.reset()
    server.ends()
    scene.logged()


@story(PLAIN)
def server_resets_in_the_middle(scene: Scene) -> None:
    """RST of a server that reads no more, while the client still sends: SD."""
    door = scene.listen(buffer=4096)
    client = scene.connect()
    server = door.accept()
    client.flood()
    scene.timed = False
    server.reset()
    client.ends()
    scene.logged()


@story(PLAIN)
def server_resets_after_the_clients_end(scene: Scene) -> None:
    """The client has sent FIN when the server resets."""
    door = scene.listen()
    client = scene.connect().send(b"Hello").finish()
    server = door.accept().ends()
    server.reset()
    client.ends()
    scene.logged()


@story(PLAIN)
def client_resets_after_the_servers_end(scene: Scene) -> None:
    """The server has sent FIN when the client resets."""
    door = scene.listen()
    client = scene.connect()
    server = door.accept().send(b"world").finish()
    client.ends().reset()
    server.ends()
    scene.logged()


@story(PLAIN)
def much_both_ways(scene: Scene) -> None:
    """A megabyte each way arrives whole, and the line counts it."""
    door = scene.listen()
    client = scene.connect().send(b"0123456789abcdef" * 4)
    server = door.accept().reads(64)
    server.send(b"x" * 100_000)
    client.reads(100_000)
    client.send(b"y" * 150_000)
    server.reads(150_000).send(b"z" * 1_000)
    server.close()
    client.ends().close()
    scene.logged()


# silence


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


# told to end


@story(PLAIN)
def sessions_shut_by_command(scene: Scene) -> None:
    """`shutdown sessions server`: the line says K, and both sides are closed."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5)
    scene.note(scene.order(f"shutdown sessions server {scene.name}/s"))
    client.ends()
    server.ends()
    scene.logged()


@story(
    """
listen {name}
    bind {host}:1000
    server s {host}:2000 on-marked-down shutdown-sessions
"""
)
def sessions_shut_with_their_server(scene: Scene) -> None:
    """`on-marked-down shutdown-sessions`: the line says D, beside those of the server's state."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5)
    scene.note(scene.order(f"set server {scene.name}/s health down"))
    client.ends()
    server.ends()
    scene.logged(3)


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest) -> dict[str, Told]:
    """Tell the stories that were asked for, all together."""
    return tell(STORIES.asked(request))


@pytest.mark.reference
@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Clients, servers, log lines and counters of the story are the same with haproxy and with tcproxy."""
    assert differences(told[name]) == []
