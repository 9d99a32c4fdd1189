"""How sessions end once bytes move: FIN, RST and silence, on either side, as haproxy and tcproxy tell it."""

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


@story(
    """
listen {name}
    bind {host}:1000
    server a {host}:2000 on-marked-up shutdown-backup-sessions
    server b {host}:2001 backup
"""
)
def sessions_shut_when_backups_rest(scene: Scene) -> None:
    """`on-marked-up shutdown-backup-sessions`: the line says U."""
    door = scene.listen(2001)
    scene.note(scene.order(f"set server {scene.name}/a health down"))
    scene.logged()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5)
    scene.note(scene.order(f"set server {scene.name}/a health up"))
    client.ends()
    server.ends()
    scene.logged(2)


@story(PLAIN + "    option nolinger\n")
def nolinger(scene: Scene) -> None:
    """`option nolinger`: what each side sees of the other's end."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).send(b"world")
    client.reads(5).finish()
    server.ends().close()
    client.ends().close()
    scene.logged()


@story(PLAIN + "    option nolinger\n")
def nolinger_and_the_server_ends(scene: Scene) -> None:
    """`option nolinger`, and the server is the first to end."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).finish()
    client.ends().close()
    server.ends().close()
    scene.logged()


@story(PLAIN + "    option splice-auto\n    option splice-request\n    option splice-response\n")
def spliced(scene: Scene) -> None:
    """With the splice options every byte arrives, too."""
    door = scene.listen()
    client = scene.connect()
    server = door.accept()
    for number in range(20):
        server.send(b"%d" % number * 40_000)
        client.reads(40_000 * len(b"%d" % number))
    client.send(b"Hello").close()
    server.ends().close()
    scene.logged()


@pytest.mark.reference
@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Clients, servers, log lines and counters of the story are the same with haproxy and with tcproxy."""
    assert differences(told[name]) == []
