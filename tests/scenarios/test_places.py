"""Addresses: where clients come from, where links go out, and families of sockets: as haproxy and tcproxy tell it."""

from __future__ import annotations

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences

STORIES = Stories()
story = STORIES.story

FIELDS = "    log-format %ci:%cp,%fi:%fp,%bi:%bp,%si:%sp,%s,%ts,%B,%U\n"


def hello(scene: Scene, *clients: dict[str, object], port: int | str = 2000) -> None:
    """Let each client say Hello to the server there, which notes whom it sees."""
    door = scene.listen(port)
    for client in clients:
        actor = scene.connect(**client).send(b"Hello")  # type: ignore[arg-type]
        server = door.accept(peer=True).reads(5).send(b"world")
        actor.reads(5).close()
        server.ends().close()
        scene.logged()


@story("listen {name}\n    bind {host}:1000\n    server s {host}:2000\n" + FIELDS)
def four_addresses(scene: Scene) -> None:
    """The line can name the addresses of all four ends."""
    hello(scene, {}, {"source": "127.0.0.77"})


@story("listen {name}\n    bind unix@{dir}/front\n    server s {host}:2000\n" + FIELDS)
def unix_client(scene: Scene) -> None:
    """A client of a UNIX socket."""
    hello(scene, {"port": "front"})


@story("listen {name}\n    bind {host}:1000\n    server s unix@{dir}/back\n" + FIELDS)
def unix_server(scene: Scene) -> None:
    """A server behind a UNIX socket."""
    hello(scene, {}, port="back")


@story("listen {name}\n    bind unix@{dir}/front\n    server s unix@{dir}/back\n")
def unix_both(scene: Scene) -> None:
    """UNIX sockets on both sides, with the line of `tcplog`."""
    hello(scene, {"port": "front"}, port="back")


@story("listen {name}\n    bind {host}:1000\n    server s unix@{dir}/nobody\n    retries 0\n", apart=("smax", "stot"))
def unix_nobody(scene: Scene) -> None:
    """Nobody listens at the path."""
    scene.connect().ends().close()
    scene.logged()


@story("listen {name}\n    bind abns@{name}{host}\n    server s {host}:2000\n")
def abstract_client(scene: Scene) -> None:
    """A client of an abstract UNIX socket."""
    door = scene.listen()
    client = scene.connect(("\0" + scene.name + scene.host).ljust(108, "\0")).send(b"Hello")
    door.accept().reads(5).close()
    client.ends().close()
    scene.logged()


@story("listen {name}\n    bind ::1:{free}\n    server s [::1]:{free2}\n" + FIELDS)
def ipv6(scene: Scene) -> None:
    """IPv6 on both sides."""
    door = scene.listen(scene.free[1], host="::1")
    client = scene.connect(scene.free[0], host="::1").send(b"Hello")
    door.accept(peer=True).reads(5).close()
    client.ends().close()
    scene.logged()


@story("listen {name}\n    bind :::{free} v4v6\n    server s {host}:2000\n" + FIELDS)
def ipv4_through_ipv6(scene: Scene) -> None:
    """A client of IPv4 at a listener of both families."""
    hello(scene, {"port": scene.free[0], "host": "127.0.0.1"}, {"port": scene.free[0], "host": "::1"})


@story("listen {name}\n    bind {host}:1000\n    source 127.0.0.5\n    server s {host}:2000\n" + FIELDS)
def source_of_the_backend(scene: Scene) -> None:
    """`source` of the section: links come from there."""
    hello(scene, {})


SOURCES = "    source 127.0.0.5\n    server s {host}:2000 source {host}:4000-4003\n"


@story("listen {name}\n    bind {host}:1000\n" + SOURCES + FIELDS)
def source_of_the_server(scene: Scene) -> None:
    """`source` of the server wins; its ports are used in turn."""
    hello(scene, {}, {})


@story(
    "listen {name}\n    bind {host}:1000\n    server s {host}:2000 source {host}:4100\n    retries 0\n",
    apart=("smax", "stot"),
)
def source_ports_run_out(scene: Scene) -> None:
    """The one source port is taken: the second session fails, and the line and a message say how."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5)
    scene.connect(name="second").ends().close()
    scene.logged(1)
    client.close()
    server.ends().close()
    scene.logged()


@story("listen {name}\n    bind {host}:1000 transparent\n    server s {host}:2000\n" + FIELDS)
def transparent(scene: Scene) -> None:
    """A transparent listener still serves its own address."""
    hello(scene, {})


@story("listen {name}\n    bind {host}:1000\n    bind {host}:1001-1003\n    server s {host}:+1000\n" + FIELDS)
def port_of_the_client(scene: Scene) -> None:
    """A server's port relative to the one that the client came to, at a range of ports."""
    doors = {port: scene.listen(port + 1000, f"server{port}") for port in (1000, 1002, 1003)}
    for port, door in doors.items():
        client = scene.connect(port).send(b"Hello")
        door.accept().reads(5).close()
        client.ends().close()
        scene.logged()


@story("listen {name}\n    bind 0.0.0.0:{free}\n    server s 0.0.0.0:2000\n" + FIELDS)
def address_of_the_client(scene: Scene) -> None:
    """A server at 0.0.0.0 is at the address that the client came to."""
    hello(scene, {"port": scene.free[0]})


@story("listen {name}\n    bind {host}:1000\n    balance source\n    server s {host}:2000\n    server t {host}:2001\n"
       "    server u {host}:2002\n")  # fmt: skip
def balanced_by_source(scene: Scene) -> None:
    """`balance source` picks the same servers for the same clients."""
    doors = {name: scene.listen(2000 + number, name) for number, name in enumerate("stu")}
    for last in range(1, 8):
        client = scene.connect(source=f"127.0.0.{last}").send(b"Hello")
        scene.until("BACKEND", scur=1)
        name = next(name for name in "stu" if scene.row(name)["scur"] == "1")
        doors[name].accept().reads(5).close()
        client.ends().close()
        scene.logged()


@pytest.mark.reference
@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Clients, servers, log lines and counters of the story are the same with haproxy and with tcproxy."""
    assert differences(told[name]) == []
