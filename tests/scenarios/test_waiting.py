"""Limits and those who wait: queues of servers and backends, maxconn, rates: as haproxy and tcproxy tell it."""

from __future__ import annotations

import time

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences

STORIES = Stories()
story = STORIES.story

QUEUE = """
listen {name}
    bind {host}:1000
    server s {host}:2000 maxconn 1
"""
TWO = """
listen {name}
    bind {host}:1000
    balance roundrobin
    server one {host}:2000 maxconn 1
    server two {host}:2001 maxconn 1
"""


@story(QUEUE)
def one_after_the_other(scene: Scene) -> None:
    """Two wait while one is served: each line has its place in the queue and the time there."""
    door = scene.listen()
    clients = []
    for number in range(3):
        clients.append(scene.connect(name=f"client{number}").send(b"Hello"))
        scene.until("FRONTEND", scur=number + 1)
        scene.until("BACKEND", scur=number + 1)
    for client in clients:
        door.accept().reads(5).close()
        client.ends().close()
        scene.logged()


@story(QUEUE + "    timeout queue 200ms\n")
def queue_timeout(scene: Scene) -> None:
    """`timeout queue` passes: sQ, and the other goes on."""
    door = scene.listen()
    first = scene.connect(name="first")
    server = door.accept()
    with scene.lasting():
        scene.connect(name="second").send(b"Hello").ends().close()
    scene.logged()
    server.close()
    first.ends().close()
    scene.logged()


@story(QUEUE + "    timeout queue 200ms\n    balance source\n")
def queue_timeout_at_a_server(scene: Scene) -> None:
    """Who waits for one server only is told with it, and counts there."""
    queue_timeout(scene)


@story(QUEUE + "    timeout connect 200ms\n")
def queue_timeout_by_connect(scene: Scene) -> None:
    """Without `timeout queue` that of connecting counts."""
    door = scene.listen()
    first = scene.connect(name="first")
    server = door.accept()
    with scene.lasting():
        scene.connect(name="second").ends().close()
    scene.logged()
    server.close()
    first.ends().close()
    scene.logged()


@story(QUEUE)
def leaves_the_queue(scene: Scene) -> None:
    """FIN from one who waits and said nothing: CQ."""
    door = scene.listen()
    first = scene.connect(name="first")
    server = door.accept()
    second = scene.connect(name="second")
    scene.until("BACKEND", scur=2)
    second.finish().ends()
    scene.logged()
    server.close()
    first.ends().close()
    scene.logged()


@story(QUEUE)
def leaves_the_queue_by_reset(scene: Scene) -> None:
    """RST from one who waits."""
    door = scene.listen()
    first = scene.connect(name="first")
    server = door.accept()
    second = scene.connect(name="second").send(b"Hello")
    scene.until("BACKEND", scur=2)
    second.reset()
    scene.logged()
    server.close()
    first.ends().close()
    scene.logged()


@story(QUEUE)
def speaks_leaves_and_is_served(scene: Scene) -> None:
    """FIN from one who waits and said something: it is served in its turn."""
    door = scene.listen()
    first = scene.connect(name="first")
    server = door.accept()
    second = scene.connect(name="second").send(b"Hello").finish()
    scene.until("BACKEND", scur=2)
    server.close()
    first.ends().close()
    scene.logged()
    door.accept().ends().send(b"late").close()
    second.ends()
    scene.logged()


@story(QUEUE + "    option abortonclose\n")
def leaves_the_queue_abortonclose(scene: Scene) -> None:
    """With `option abortonclose` it leaves the queue: CQ."""
    door = scene.listen()
    first = scene.connect(name="first")
    server = door.accept()
    second = scene.connect(name="second").send(b"Hello")
    scene.until("BACKEND", scur=2, bin=0)
    second.finish().ends()
    scene.logged()
    server.close()
    first.ends().close()
    scene.logged()


@story(QUEUE + "    timeout client 250ms\n")
def silent_in_the_queue(scene: Scene) -> None:
    """`timeout client` passes in the queue: cQ."""
    door = scene.listen()
    first = scene.connect(name="first")
    server = door.accept()
    second = scene.connect(name="second")
    for _ in range(2):
        server.quiet(0.15).send(b".")
        first.reads(1)
    second.ends().close()
    scene.logged()
    server.close()
    first.ends().close()
    scene.logged()


@story(QUEUE.replace("maxconn 1", "maxconn 1 maxqueue 1") + "    balance source\n")
def queue_is_full(scene: Scene) -> None:
    """`maxqueue` is reached: SQ at once."""
    door = scene.listen()
    first = scene.connect(name="first")
    server = door.accept()
    second = scene.connect(name="second")
    scene.until("s", qcur=1)
    scene.connect(name="third").ends().close()
    scene.logged()
    server.close()
    first.ends().close()
    scene.logged()
    door.accept().close()
    second.ends().close()
    scene.logged()


@story(TWO)
def whoever_is_free(scene: Scene) -> None:
    """Who waits for the backend goes to the server that is free first."""
    one, two = scene.listen(2000, "one"), scene.listen(2001, "two")
    first, second, third = (scene.connect(name=name).send(b"Hello") for name in ("first", "second", "third"))
    scene.until("BACKEND", scur=3)
    busy, free = one.accept().reads(5), two.accept().reads(5)
    free.close()
    second.ends().close()
    scene.logged()
    two.accept().reads(5).close()
    third.ends().close()
    scene.logged()
    busy.close()
    first.ends().close()
    scene.logged()


@story(TWO.replace("roundrobin", "source") + "    hash-type consistent\n")
def each_in_its_own_queue(scene: Scene) -> None:
    """A strategy that ties clients to servers has them wait for their own, and the line says where."""
    doors = [scene.listen(2000, "one"), scene.listen(2001, "two")]
    first = scene.connect(name="first", source="127.0.0.11")
    scene.until("BACKEND", scur=1)
    second = scene.connect(name="second", source="127.0.0.11").send(b"Hello")
    scene.until("BACKEND", scur=2, qcur=0)
    door = doors[0] if scene.row("one")["scur"] == "1" else doors[1]
    door.accept().close()
    first.ends().close()
    scene.logged()
    door.accept().reads(5).close()
    second.ends().close()
    scene.logged()


@story(QUEUE.replace("maxconn 1", "maxconn 10 minconn 1") + "    fullconn 4\n")
def dynamic_limit(scene: Scene) -> None:
    """`minconn` and `fullconn`: the limit follows the load."""
    door = scene.listen()
    clients = []
    for number in range(4):
        clients.append(scene.connect(name=f"client{number}"))
        scene.until("BACKEND", scur=number + 1)
    scene.note(str({column: scene.row("s").get(column) for column in ("scur", "qcur", "smax", "qmax")}))
    for client in clients:
        door.accept().close()
        client.ends().close()
        scene.logged()


@story(QUEUE + "    retries 1\n    timeout connect 1s\n")
def refused_out_of_the_queue(scene: Scene) -> None:
    """One leaves the queue for a server that refuses meanwhile."""
    door = scene.listen()
    first = scene.connect(name="first")
    server = door.accept()
    second = scene.connect(name="second")
    scene.until("BACKEND", scur=2)
    door.close()
    server.close()
    first.ends().close()
    scene.logged()
    second.ends().close()
    scene.logged()


@story(QUEUE + "    timeout queue 700ms\n")
def server_leaves_its_queue(scene: Scene) -> None:
    """The only server goes into maintenance while one waits for it."""
    door = scene.listen()
    first = scene.connect(name="first")
    server = door.accept()
    second = scene.connect(name="second")
    scene.until("BACKEND", scur=2)
    scene.note(scene.order(f"disable server {scene.name}/s").strip())
    scene.logged(2)
    server.close()
    first.ends().close()
    scene.logged()
    with scene.lasting():
        second.ends().close()
    scene.logged()


# limits of frontends


@story("listen {name}\n    bind {host}:1000\n    maxconn 2\n    server s {host}:2000\n")
def frontend_maxconn(scene: Scene) -> None:
    """`maxconn` of a frontend: the third waits in the backlog until another has ended."""
    door = scene.listen()
    clients = [scene.connect(name=f"client{number}").send(b"Hello") for number in range(3)]
    servers = [door.accept().reads(5) for _ in range(2)]
    door.accept_if()
    for client in clients:
        servers.pop(0).close()
        client.ends().close()
        scene.logged()
        if len(servers) == 1 and client is clients[0]:
            servers.append(door.accept().reads(5))


@story("listen {name}\n    bind {host}:1000 maxconn 1\n    bind {host}:1001\n    server s {host}:2000\n")
def bind_maxconn(scene: Scene) -> None:
    """`maxconn` of one listener: the other listener still accepts."""
    door = scene.listen()
    first = scene.connect(1000, "first").send(b"1")
    one = door.accept().reads(1)
    second = scene.connect(1000, "second").send(b"2")
    door.accept_if()
    third = scene.connect(1001, "third").send(b"3")
    three = door.accept().reads(1)
    one.close()
    first.ends().close()
    scene.logged()
    two = door.accept().reads(1)
    for server, client in ((two, second), (three, third)):
        server.close()
        client.ends().close()
        scene.logged()


@story("listen {name}\n    bind {host}:1000\n    server s {host}:2000\n", settings="    maxconn 2\n")
def global_maxconn(scene: Scene) -> None:
    """`maxconn` of the process: the third waits in the backlog, and the lines count all that are here."""
    door = scene.listen()
    clients = [scene.connect(name=f"client{number}").send(b"Hello") for number in range(3)]
    servers = [door.accept().reads(5) for _ in range(2)]
    door.accept_if()
    for client in clients:
        servers.pop(0).close()
        client.ends().close()
        scene.logged()
        if len(servers) == 1 and client is clients[0]:
            servers.append(door.accept().reads(5))


@story("listen {name}\n    bind {host}:1000\n    rate-limit sessions 5\n    server s {host}:2000\n")
def rate_limit(scene: Scene) -> None:
    """`rate-limit sessions`: eight at five a second take their time."""
    door = scene.listen()
    begin = time.monotonic()
    clients = [scene.connect(name=f"client{number}") for number in range(8)]
    scene.until("s", scur=5)
    for client in clients:
        door.accept().close()
        client.ends().close()
        scene.logged()
    # how long exactly depends on when in the current second they came
    assert 0.5 < time.monotonic() - begin < 3
    scene.timed = False


@story("listen {name}\n    bind {host}:1000\n    server s {host}:2000\n", alone=True)
def numbers_of_connections(scene: Scene) -> None:
    """With several clients the line counts those of process, frontend, backend and server."""
    door = scene.listen()
    clients = [scene.connect(name=f"client{number}") for number in range(5)]
    servers = [door.accept() for _ in clients]
    for client, server in zip(clients, servers, strict=True):
        server.close()
        client.ends().close()
        scene.logged()


@pytest.mark.reference
@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Clients, servers, log lines and counters of the story are the same with haproxy and with tcproxy."""
    assert differences(told[name]) == []
