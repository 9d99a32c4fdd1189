"""The same clients in HAProxy and here: served by the same servers, with the same queue numbers in the log."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.running import EchoServer, wait_for
from tests.servers.playing import Client, Play, model
from tests.servers.reference import Reference, reference

pytestmark = [pytest.mark.reference]


@dataclass
class Story:
    """A farm, and what happens: a number is a client that leaves, `come` one that comes, anything else an order.

    servers: options of each server, as written and as fields. any_order: HAProxy wakes those whom it balances again
    in an order of its own; only what becomes of them all is compared.
    """

    balance: str
    servers: Sequence[tuple[str, dict[str, Any]]]
    plot: Sequence[int | str]
    options: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    any_order: bool = False


COME: list[int | str] = ["come"]
ONE = ("maxconn 1", {"maxconn": 1})
TWO = ("maxconn 2", {"maxconn": 2})
REDISPATCH: dict[str, Any] = {"options": " option redispatch\n", "fields": {"redispatch": -1}}
STORIES = {
    "the backend's queue, first come first served": Story(
        "roundrobin", [ONE, TWO], COME * 7 + [1, 0, 2, 3, 4, 5, 6],
    ),
    "a server's own queue": Story("source", [ONE], COME * 4 + [2, 0, 1, 3]),
    "a client in the queue gives up": Story("roundrobin", [ONE], COME * 5 + [1, 3, 0, 2, 4]),
    "leastconn fills maxqueue first": Story(
        "leastconn", [("maxconn 1 maxqueue 1", {"maxconn": 1, "maxqueue": 1})], COME * 4 + [0, 1, 2, 3],
    ),
    "who waits stays without redispatch": Story(
        "source", [ONE], COME * 3 + ["set server b/s1 state drain", 0, 1, 2],
    ),
    "who waits moves with redispatch": Story(
        "source", [ONE, TWO], COME * 5 + ["set server b/s2 state maint", "set server b/s1 state maint"],
        any_order=True, **REDISPATCH,
    ),
    "a server comes up": Story(
        "roundrobin", [ONE, ONE],
        ["set server b/s2 health down", *["come"] * 4, "set server b/s2 health up", 0, 2, 3, 1],
    ),
    "a higher maxconn": Story("roundrobin", [ONE], COME * 3 + ["set maxconn server b/s1 2", 0, 1, 2]),
    "backups": Story(
        "roundrobin", [ONE, ("backup maxconn 1", {"backup": True, "maxconn": 1})],
        ["come", "set server b/s1 state maint", *["come"] * 3, "set server b/s1 state ready", "come", 0, 1, 2, 3, 4],
    ),
    "minconn grows with the backend": Story(
        "roundrobin", [("minconn 1 maxconn 4", {"minconn": 1, "maxconn": 4})], COME * 6 + [0, 1, 2, 3, 4, 5],
        options=" fullconn 4\n", fields={"fullconn": 4},
    ),
}  # fmt: skip


def order_here(play: Play, order: str) -> None:
    """Do what the runtime socket does."""
    words = order.split()
    if words[1] == "maxconn":
        server = play.farms["b"].server(words[3].partition("/")[2])
        assert server is not None
        server.set_maxconn(int(words[4]))
    else:
        server = play.farms["b"].server(words[2].partition("/")[2])
        assert server is not None
        {"state": server.set_state, "health": server.set_health}[words[3]](words[4])


def told_here(client: Client, ticket: Any) -> tuple[str, int, int]:
    """Return who served a client and the two queue numbers, as a log line has them."""
    waited = ticket.server if ticket else None
    server = client.server or (waited if ticket and ticket.waiting else None)
    name = server.name if server else "<NOSRV>"
    return (name, ticket.server_queue, ticket.backend_queue) if ticket else (name, 0, 0)


def numbers_here(play: Play) -> dict[str, tuple[str, ...]]:
    """Return the sessions and the queue of each server, and the backend's queue."""
    farm = play.farms["b"]
    numbers = {f"b/{server.name}": (str(server.served), str(server.queued)) for server in farm.servers}
    return {**numbers, "b/BACKEND": (str(len(farm.queue)),)}


def numbers_there(there: Reference) -> dict[str, tuple[str, ...]]:
    """Return the same of the reference."""
    table = there.table("show stat")
    numbers = {name: (row["scur"], row["qcur"]) for name, row in table.items() if name.startswith("b/s")}
    return {**numbers, "b/BACKEND": (table["b/BACKEND"]["qcur"],)}


def play_here(story: Story) -> tuple[dict[int, tuple[str, int, int]], list[dict[str, tuple[str, ...]]]]:
    """Return what is told of each client that left or was turned away, and the numbers after each scene."""
    play = Play()
    servers = [model(f"s{i}", **fields) for i, (_, fields) in enumerate(story.servers, 1)]
    farm = play.farm(*servers, balance=story.balance, kind="listen", **story.fields)
    clients: list[Client] = []
    tickets: list[Any] = []
    told: dict[int, tuple[str, int, int]] = {}
    numbers: list[dict[str, tuple[str, ...]]] = []

    def end(number: int) -> None:
        client, ticket = clients[number], tickets[number]
        if ticket is not None and ticket.waiting:
            name = ticket.server.name if ticket.server else "<NOSRV>"
            ticket.cancel()
            told[number] = (name, ticket.server_queue, ticket.backend_queue)
        else:
            told[number] = told_here(client, ticket)
        client.leave()
        farm.leave()

    for scene in story.plot:
        play.clock.advance(0.01)
        if scene == "come":
            farm.enter()
            clients.append(Client(farm).arrive())
            tickets.append(clients[-1].ticket)
        elif isinstance(scene, int):
            end(scene)
        else:
            order_here(play, scene)
        for number, client in enumerate(clients):
            if client.away and number not in told:
                end(number)
        numbers.append(numbers_here(play))
    return told, numbers


def play_there(story: Story, folder: Path) -> dict[int, tuple[str, int, int]]:
    """Return the same of the reference."""
    with EchoServer() as echo, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        lines = "".join(f" server s{i} 127.0.0.1:{echo.port} {o}\n" for i, (o, _) in enumerate(story.servers, 1))
        sections = f'listen b\n bind 127.0.0.1:{port}\n balance {story.balance}\n log-format "%cp %s %sq %bq"\n'
        with reference(folder, sections + story.options + lines) as there:
            return _act(story, there, port)


def _act(story: Story, there: Reference, port: int) -> dict[int, tuple[str, int, int]]:
    told: dict[int, tuple[str, int, int]] = {}
    clients: list[socket.socket] = []
    ports: dict[int, int] = {}

    def listen() -> dict[int, tuple[str, int, int]]:
        for level, text in there.said():
            if level == 6:
                cp, server, *queues = text.split()
                told[ports[int(cp)]] = (server, int(queues[0]), int(queues[1]))
        return told

    try:
        for scene, numbers in zip(story.plot, play_here(story)[1], strict=True):
            if scene == "come":
                client = socket.create_connection(("127.0.0.1", port), 5)
                ports[client.getsockname()[1]] = len(clients)
                clients.append(client)
            elif isinstance(scene, int):
                clients[scene].close()
                wait_for(lambda scene=scene: scene in listen(), what=f"the end of client {scene}")  # type: ignore[misc]
            else:
                there.say(scene)
            settled = f"{numbers} after {scene}"
            wait_for(lambda numbers=numbers: numbers_there(there) == numbers, what=settled)  # type: ignore[misc]
        expected = len(play_here(story)[0])
        wait_for(lambda: len(listen()) == expected, what=f"the ends of {expected} clients")
    finally:
        for client in clients:
            client.close()
    return told


@pytest.mark.parametrize("name", STORIES)
def test_same_servers_same_queues(name: str, tmp_path: Path) -> None:
    """Each client ends at the same server, after as many others in each queue, as with HAProxy; all numbers agree."""
    story = STORIES[name]
    here, there = play_here(story)[0], play_there(story, tmp_path)
    if story.any_order:
        assert sorted(here.values()) == sorted(there.values())
    else:
        assert here == there
