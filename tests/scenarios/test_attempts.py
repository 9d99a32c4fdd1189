"""The way to a server, and what becomes of those who find none: as haproxy and tcproxy tell it."""

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
TWO = """
listen {name}
    bind {host}:1000
    timeout connect 100ms
    server one {host}:2000
    server two {host}:2001
"""


# refused


@story(ONE + "    retries 0\n")
def refused(scene: Scene) -> None:
    """Nobody listens, no retries: SC at once."""
    scene.connect().ends()
    scene.logged()


@story(ONE + "    retries 2\n")
def refused_with_retries(scene: Scene) -> None:
    """Two retries on the same server, each after a pause: SC, and the line counts them."""
    with scene.lasting():
        scene.connect().ends()
    scene.logged()


@story(ONE + "    retries 3\n")
def there_in_time(scene: Scene) -> None:
    """The server comes up while its client waits between attempts: `--`, and the line counts the retries."""
    client = scene.connect().send(b"Hello")
    scene.until("s", wretr=1)
    server = scene.listen().accept().reads(5).send(b"world")
    server.close()
    client.ends().close()
    scene.logged()


@story(ONE + "    retries 1\n    option redispatch\n")
def redispatch_with_one_server(scene: Scene) -> None:
    """With one server only, redispatching comes back to it."""
    with scene.lasting():
        scene.connect().ends()
    scene.logged()


@story(TWO + "    retries 3\n    option redispatch\n")
def redispatched(scene: Scene) -> None:
    """The last retry goes to another server, and the line says + behind their number."""
    door = scene.listen(2001)
    client = scene.connect().send(b"Hello")
    door.accept().reads(5).close()
    client.ends().close()
    scene.logged()


@story(TWO + "    retries 3\n    option redispatch 1\n")
def redispatched_at_every_retry(scene: Scene) -> None:
    """`option redispatch 1` goes elsewhere at the first retry, without a pause."""
    door = scene.listen(2001)
    with scene.lasting():
        client = scene.connect().send(b"Hello")
        door.accept().reads(5).close()
        client.ends().close()
    scene.logged()


@story(TWO + "    server three {host}:2002\n    server four {host}:2003\n    retries 3\n    option redispatch 2\n")
def redispatched_at_every_second_retry(scene: Scene) -> None:
    """`option redispatch 2` goes elsewhere at the second retry: four attempts, none answered."""
    with scene.lasting():
        scene.connect().ends()
    scene.logged()


@story(TWO + "    retries 3\n    option redispatch -1\n")
def redispatched_at_the_last_retry(scene: Scene) -> None:
    """`option redispatch -1` is the last retry."""
    with scene.lasting():
        scene.connect().ends()
    scene.logged()


@story(TWO + "    retries 2\n    balance source\n    option redispatch\n")
def redispatched_from_a_hash(scene: Scene) -> None:
    """A strategy that ties clients to servers keeps to the first until the redispatch."""
    with scene.lasting():
        scene.connect(source="127.0.0.9").ends()
    scene.logged()


@story(TWO + "    retries 0\n    option redispatch\n")
def redispatch_without_retries(scene: Scene) -> None:
    """`retries 0` leaves nothing to redispatch."""
    scene.connect().ends()
    scene.logged()


@story(TWO + "    retries 3\n")
def retries_without_redispatch(scene: Scene) -> None:
    """Without `option redispatch` the other server is never tried."""
    door = scene.listen(2001)
    with scene.lasting():
        scene.connect().ends()
    door.accept_if()
    scene.logged()


# no answer


@story(ONE + "    retries 0\n")
def connect_timeout(scene: Scene) -> None:
    """A server that never answers: sC after `timeout connect`."""
    scene.blackhole()
    with scene.lasting():
        scene.connect().ends()
    scene.logged()


@story(ONE + "    retries 1\n")
def connect_timeout_with_a_retry(scene: Scene) -> None:
    """The retry after a timeout comes at once."""
    scene.blackhole()
    with scene.lasting():
        scene.connect().ends()
    scene.logged()


@story(TWO + "    retries 1\n    option redispatch\n")
def connect_timeout_redispatched(scene: Scene) -> None:
    """After a timeout the session goes to the other server."""
    scene.blackhole()
    door = scene.listen(2001)
    with scene.lasting():
        client = scene.connect().send(b"Hello")
        door.accept().reads(5).close()
        client.ends().close()
    scene.logged()


# clients that leave


@story(ONE + "    retries 0\n    timeout connect 600ms\n")
def client_leaves_while_connecting(scene: Scene) -> None:
    """A client that sends FIN and nothing else before there is a server: CC."""
    scene.blackhole()
    with scene.lasting():
        client = scene.connect()
        scene.until("s", connect=1)
        client.finish().ends()
    scene.logged()


@story(ONE + "    retries 0\n    timeout connect 600ms\n")
def client_speaks_and_leaves_while_connecting(scene: Scene) -> None:
    """A client that sent something before its FIN waits for the server: sC."""
    scene.blackhole()
    with scene.lasting():
        client = scene.connect().send(b"Hello")
        scene.until("s", connect=1, scur=1)
        client.finish().ends()
    scene.logged()


@story(ONE + "    retries 0\n    timeout connect 600ms\n    option abortonclose\n")
def client_leaves_while_connecting_abortonclose(scene: Scene) -> None:
    """With `option abortonclose` it does not: CC."""
    scene.blackhole()
    with scene.lasting():
        client = scene.connect().send(b"Hello")
        scene.until("s", connect=1, scur=1)
        client.finish().ends()
    scene.logged()


@story(ONE + "    retries 0\n    timeout connect 600ms\n")
def client_resets_while_connecting(scene: Scene) -> None:
    """RST while connecting: CC, at once."""
    scene.blackhole()
    client = scene.connect()
    scene.until("s", connect=1)
    client.reset()
    scene.logged()


@story(ONE + "    retries 0\n    timeout connect 600ms\n")
def client_speaks_and_resets_while_connecting(scene: Scene) -> None:
    """RST after something was sent: CC too."""
    scene.blackhole()
    client = scene.connect().send(b"Hello")
    scene.until("s", connect=1)
    client.reset()
    scene.logged()


@story(ONE + "    retries 1\n    timeout connect 1s\n")
def client_leaves_between_attempts(scene: Scene) -> None:
    """FIN during the pause between two attempts."""
    client = scene.connect()
    scene.until("s", wretr=1)
    client.finish().ends()
    scene.logged()


@story(ONE + "    retries 0\n    timeout connect 500ms\n    timeout client 200ms\n")
def client_silent_while_connecting(scene: Scene) -> None:
    """`timeout client` passes while connecting."""
    scene.blackhole()
    with scene.lasting():
        scene.connect().ends()
    scene.logged()


@story(ONE + "    retries 2\n    timeout connect 300ms\n    timeout client 200ms\n")
def client_silent_between_attempts(scene: Scene) -> None:
    """`timeout client` passes during the pause between two attempts."""
    with scene.lasting():
        scene.connect().ends()
    scene.logged()


CAME_AND_WENT = """
listen {name}
    bind {host}:1000
    retries 0
    server s {host}:2000
listen {name}.refused
    bind {host}:1001
    retries 0
    server s {host}:2001
listen {name}.none
    bind {host}:1002
    retries 0
listen {name}.unix
    bind {host}:1003
    retries 0
    server s unix@{dir}/server
listen {name}.abort
    bind {host}:1004
    retries 0
    option abortonclose
    server s {host}:2000
"""


@story(CAME_AND_WENT, alone=True)
def came_and_went(scene: Scene) -> None:
    """Clients that sent something, FIN or RST before the program accepted them."""
    door, near = scene.listen(), scene.listen("server", "near")
    for port in range(1000, 1005):
        for data in (b"", b"Hello"):
            for leave in ("stays", "finish", "reset"):
                if (port, data, leave) == (1001, b"Hello", "reset"):
                    continue  # which of two errors the reference finds first is not sure
                with scene.frozen():
                    client = scene.connect(port).send(data)
                    if leave != "stays":
                        getattr(client, leave)()
                scene.note(f"{port} {data!r} {leave}")
                if port in (1000, 1003, 1004):
                    for actor in {1003: near}.get(port, door).accept_if(0.2):
                        actor.finish()
                        if leave != "stays":
                            actor.ends()
                if port in (1000, 1003, 1004) and leave == "stays":
                    client.quiet(0.03).finish()
                if leave != "reset":
                    client.ends().close()
                scene.logged()


@pytest.mark.reference
@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Clients, servers, log lines and counters of the story are the same with haproxy and with tcproxy."""
    assert differences(told[name]) == []
