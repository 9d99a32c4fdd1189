"""The picks are HAProxy's picks: the same clients, farms, weights and failures for both, and who served whom.

Each script is played twice: with haproxy beside our pickers, which proves the pickers, and with the whole of tcproxy
beside them, which proves that it asks and tells them at the right moments.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.balance.farms import FakeServer
from tests.balance.reference import Case, NamedServers, Pair, packed, playing
from tests.balance.strategies import STRATEGIES
from tests.running import HAPROXY, TCPROXY

pytestmark = pytest.mark.reference

Play = Callable[[Case], Pair]


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """Eight running servers, by name."""
    servers = NamedServers()
    yield servers.ports
    servers.close()


@pytest.fixture(params=[HAPROXY, TCPROXY], ids=["haproxy", "tcproxy"])
def play(request: pytest.FixtureRequest, ports: dict[str, int]) -> Iterator[Play]:
    """Return a function that starts the program and our farm for a case; they end with the test."""
    running: list[AbstractContextManager[Pair]] = []
    # pytest's own folders are too long for the path of a UNIX socket
    with tempfile.TemporaryDirectory() as folder:

        def start(case: Case) -> Pair:
            strategy = STRATEGIES[case.balance.partition("(")[0]]
            pair = playing(Path(folder, str(len(running))), ports, case, strategy, request.param)
            running.append(pair)
            return pair.__enter__()

        yield start
        for pair in running:
            pair.__exit__(None, None, None)


def source(number: int) -> str:
    """Return one of many addresses of the loopback network."""
    return f"127.{number % 3}.{number * 7 % 256}.{number % 250 + 1}"


WEIGHTS = ("1 1 1", "3 1 2", "10 4 6", "256 1 30", "7 5 3")
"""Weights of a, b and c: equal, small, with a common divisor, far apart, coprime."""


def three(weights: str, *, options: str = "") -> dict[str, str]:
    """Return the servers a, b and c with these weights."""
    return {name: f"weight {weight} {options}" for name, weight in zip("abc", weights.split(), strict=True)}


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("balance", ["roundrobin", "static-rr", "leastconn", "first"])
def test_turns_by_weight(play: Play, balance: str, weights: str) -> None:
    """Clients that come and go one by one meet the same servers, while one of them goes, drains and returns."""
    pair = play(Case(balance, three(weights)))
    pair.go(40)
    for state in ("maint", "ready", "drain", "ready"):
        pair.state("a", state)
        pair.go(11)
    pair.state("b", "maint")
    pair.state("a", "maint")
    pair.go(3)
    pair.state("b", "ready")
    pair.go(30)


@pytest.mark.parametrize("balance", ["roundrobin", "leastconn"])
def test_weights_change(play: Play, balance: str) -> None:
    """Weights set at run time, up, down, to zero and back, take effect at the same client."""
    pair = play(Case(balance, three("3 1 2")))
    for name, weight in (("b", 5), ("a", 1), ("c", 256), ("a", 0), ("c", 2), ("a", 9), ("b", 0), ("b", 1)):
        pair.go(13)
        pair.weight(name, weight)
    pair.go(25)


@pytest.mark.parametrize("balance", ["static-rr", "source"])
def test_static_weights_are_on_or_off(play: Play, balance: str) -> None:
    """A strategy with fixed weights takes weight 0 as a server that is away."""
    pair = play(Case(balance, three("2 4 6")))
    for weight in (0, 4):
        pair.go(9)
        pair.weight("b", weight)
    pair.go(9)


def test_a_slow_start_begins_with_a_sixteenth(play: Play) -> None:
    """A server that just came back takes part with the first step of its slow start."""
    pair = play(Case("roundrobin", three("2 1 1", options="slowstart 300s")))
    pair.go(10)
    pair.state("a", "maint")
    pair.go(5)
    pair.farm["a"].scale = 1
    pair.state("a", "ready")
    pair.go(80)
    assert pair.theirs[-80:].count("a") in (4, 5)


HASH_TYPES = [
    f"{method} {function}{modifier}".strip()
    for method in ("map-based", "consistent")
    for function, modifier in (("", ""), ("sdbm", ""), ("djb2", " avalanche"), ("wt6", ""), ("crc32", " avalanche"))
]


@pytest.mark.parametrize("hash_type", HASH_TYPES)
def test_sources_keep_their_servers(play: Play, hash_type: str) -> None:
    """Each address meets the same server, whatever the hash, ids and weights, and as servers go and come."""
    servers = {"a": "weight 3 id 70", "b": "weight 1", "c": "weight 2 id 5", "d": "weight 1 disabled"}
    pair = play(Case("source", servers, hash_type))
    for change in (("b", "maint"), ("d", "ready"), ("a", "maint"), ("b", "ready")):
        for number in range(25):
            pair.go(1, source(number))
        pair.state(*change)
    for number in range(8):
        pair.go(1, f"2001:db8:{number}::{number * 7919:x}")
    pair.go(3, "")


def test_consistent_hash_follows_weights(play: Play) -> None:
    """Weights set at run time move clients of a consistent hash, those without an address included."""
    pair = play(Case("source", three("3 1 2"), "consistent"))
    for name, weight in (("b", 40), ("a", 1), ("c", 0), ("b", 2)):
        for number in range(20):
            pair.go(1, source(number))
        pair.go(5, "")
        pair.weight(name, weight)
    pair.go(20, "")


def test_bounded_loads(play: Play) -> None:
    """With hash-balance-factor a client passes on to the next server of the ring at the same loads."""
    pair = play(Case("source", three("3 1 2"), "consistent", factor=120))
    for number in range(60):
        pair.hold(source(number % 11))
        if number % 3 == 2:
            pair.free(number % len(pair.held))
    pair.weight("b", 4)
    for number in range(20):
        pair.hold(source(number % 5))


@pytest.mark.parametrize("all_backups", [False, True], ids=["first", "all"])
@pytest.mark.parametrize("balance", ["roundrobin", "static-rr", "leastconn", "first", "source"])
def test_backups(play: Play, balance: str, all_backups: bool) -> None:
    """When the last active server goes, backups serve: the first one, or all; and the active ones again after."""
    servers = {"a": "weight 6", "b": "weight 2 backup", "c": "weight 4", "d": "weight 8 backup", "e": "backup id 77"}
    pair = play(Case(balance, servers, all_backups=all_backups))
    changes = (("a", "maint"), ("c", "maint"), ("b", "maint"), ("b", "ready"), ("d", "maint"), ("c", "ready"))
    for change in changes:
        for number in range(10):
            pair.go(1, source(number))
        pair.state(*change)
    pair.go(15)


def test_leastconn_under_load(play: Play) -> None:
    """Sessions that stay and leave in a script's order, with weights that change on the way."""
    pair = play(Case("leastconn", {**three("3 1 2"), "d": "weight 1"}))
    chance = random.Random(11)
    for step in range(120):
        if pair.held and chance.random() < 0.45:
            pair.free(chance.randrange(len(pair.held)))
        else:
            pair.hold()
        if step in (30, 60, 90):
            pair.weight("b", step // 10)


@pytest.mark.parametrize("balance", ["roundrobin", "static-rr", "leastconn", "first"])
def test_saturated_servers_are_skipped(play: Play, balance: str) -> None:
    """Servers at their maxconn are passed over, and take part again when sessions leave."""
    servers = {"a": "weight 3 maxconn 2", "b": "weight 1 maxconn 1 id 90", "c": "weight 2", "d": "maxconn 1"}
    pair = play(Case(balance, servers))
    chance = random.Random(5)
    for _ in range(90):
        if len(pair.held) > 12 or (pair.held and chance.random() < 0.45):
            pair.free(chance.randrange(len(pair.held)))
        else:
            pair.hold()


@pytest.mark.parametrize("balance", ["roundrobin", "static-rr", "leastconn", "source", "source consistent"])
def test_the_server_that_refused_is_avoided(play: Play, balance: str) -> None:
    """A client whose server refuses the connection is sent on by `option redispatch` to the same other server."""
    name, _, method = balance.partition(" ")
    servers = {"a": "weight 2", "b": "weight 1 refuses", "c": "weight 3"}
    pair = play(Case(name, servers, method, lines=["option redispatch", "timeout connect 50ms"]))
    for number in range(12):
        client = pair.reference.client(source(number))
        pair.theirs.append(client.recv(1).decode() or "-")
        pair.ours.append(_redispatched(pair, source(number)))
        assert pair.theirs == pair.ours
        client.close()
        pair.settle()


def _redispatched(pair: Pair, address: str) -> str:
    """Return who serves a client in our farm if server b refuses: one retry, elsewhere if possible."""
    server: FakeServer | None = pair.farm.take(packed(address))
    if server is not None and server.name == "b":
        pair.farm.leave(server)
        server = pair.farm.take(packed(address), server)
    assert server is not None
    pair.farm.leave(server)
    return "-" if server.name == "b" else server.name


@pytest.mark.parametrize(("balance", "rounds"), [("random(1)", 600), ("random", 600)])
def test_random_shares_alike(play: Play, balance: str, rounds: int) -> None:
    """Clients that come and go are spread over servers in the same proportions."""
    pair = play(Case(balance, three("1 5 2")))
    theirs: Counter[str] = Counter()
    for _ in range(rounds):
        with pair.reference.client("127.0.0.1") as client:
            theirs[client.recv(1).decode()] += 1
    ours = Counter(pair.farm.names(20 * rounds))
    for name, count in ours.items():
        expected = count / 20
        # six standard deviations: once in half a thousand million runs
        assert abs(theirs[name] - expected) < 6 * (expected * (1 - expected / rounds)) ** 0.5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("balance", ["roundrobin", "static-rr", "leastconn", "source"])
def test_any_script(play: Play, balance: str, seed: int) -> None:
    """Farms, weights, states and clients thrown together, the same ones in every run."""
    chance = random.Random(f"{balance} {seed}")
    names = "abcdef"[: chance.randint(2, 6)]
    weights = {name: chance.choice([1, 1, 2, 3, 7, 16, 40, 256]) for name in names}
    servers = {
        name: f"weight {weight}" + (" backup" if name != "a" and chance.random() < 0.2 else "")
        for name, weight in weights.items()
    }
    hash_type = chance.choice(HASH_TYPES) if balance == "source" else ""
    pair = play(Case(balance, servers, hash_type, all_backups=chance.random() < 0.5))
    static = balance == "static-rr" or hash_type.startswith("map")
    for _ in range(25):
        name = chance.choice(names)
        if chance.random() < 0.5:
            pair.state(name, chance.choice(["ready", "ready", "maint", "drain"]))
        else:
            pair.weight(name, chance.choice([0, weights[name]] if static else [0, 1, 5, 90]))
        if any(server.usable for server in pair.farm.servers):
            for _ in range(chance.choice([1, 2, 9])):
                pair.go(1, source(chance.randrange(250)))
    assert pair.theirs == pair.ours
    assert pair.theirs
