"""The consistent-hash ring, with `balance source` and `balance random` on it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.balance.draws import Random
from tcproxy.model.proxy import HashType
from tests.balance.farms import FakeFarm, FakeServer
from tests.balance.strategies import HASHES, farm, weights

CONSISTENT = HashType("consistent", "sdbm", True)
SOURCES = [bytes([127, 0, number, number * 7 % 256]) for number in range(200)]


def owners(ours: FakeFarm) -> dict[bytes, str]:
    """Return who serves each of the sources."""
    return {source: server.name for source in SOURCES if (server := ours.pick(source)) is not None}


@given(weights, st.integers(0, 5))
def test_a_server_that_goes_takes_nobody_along(given_weights: list[int], which: int) -> None:
    """Only the clients of the server that goes move; when it returns, all is as before."""
    ours = farm("source", *given_weights, hashing=CONSISTENT)
    before = owners(ours)
    gone = ours.servers[which % len(given_weights)].name
    ours.change(gone, up=False)
    after = owners(ours)
    assert all(after[source] == name for source, name in before.items() if name != gone and after)
    assert gone not in after.values()
    ours.change(gone, up=True)
    assert owners(ours) == before


@given(weights, st.integers(1, 40))
def test_weight_moves_clients_one_way(given_weights: list[int], weight: int) -> None:
    """A server whose weight grows only gains clients, one whose weight shrinks only loses some."""
    ours = farm("source", *given_weights, hashing=CONSISTENT)
    before = owners(ours)
    grows = weight >= given_weights[0]
    ours.change("a", user_weight=weight)
    moved = {source: name for source, name in owners(ours).items() if name != before[source]}
    assert all((name == "a") is grows for name in moved.values())


def test_one_source_one_server() -> None:
    """With every kind of hash a source keeps its server; all are used where near addresses do not stay near."""
    for hashing in HASHES:
        ours = farm("source", 3, 2, 1, hashing=hashing)
        first = owners(ours)
        assert owners(ours) == first
        assert set(first.values()) == {"a", "b", "c"} or (hashing.method == "consistent" and not hashing.avalanche)


def test_ids_decide_where_points_stand() -> None:
    """Farms with the same ids share clients out alike, in whatever order their servers are written."""
    one = FakeFarm(farm("source").strategy, [FakeServer("a", 7), FakeServer("b", 9)], CONSISTENT)
    two = FakeFarm(farm("source").strategy, [FakeServer("b", 9), FakeServer("a", 7)], CONSISTENT)
    assert owners(one) == owners(two)


@given(st.lists(st.integers(0, 199), min_size=1, max_size=80), st.sampled_from([101, 125, 200]))
def test_the_balance_factor_bounds_loads(clients: list[int], factor: int) -> None:
    """No server of equal weights serves more than the factor's part of the average, rounded up twice."""
    ours = farm("source", 1, 1, 1, hashing=HashType("consistent", "sdbm", True, factor))
    for number, client in enumerate(clients, 1):
        ours.take(SOURCES[client])
        slots = -(-number * factor // 100)
        assert max(server.served for server in ours.servers) <= -(-slots // 3)


def test_the_server_to_avoid_yields_to_the_next() -> None:
    """A client whose server failed goes to another one of the ring; to the same where it is alone."""
    ours = farm("source", 1, 1, hashing=CONSISTENT)
    one = ours.pick()
    two = ours.pick(avoid=one)
    assert {one, two} == set(ours.servers)
    assert two is not None
    ours.change(two.name, up=False)
    assert ours.pick(avoid=one) is one


def test_clients_without_address_take_turns() -> None:
    """Over a UNIX socket there is nothing to hash: everybody is used."""
    for hashing in (HashType(), CONSISTENT):
        ours = farm("source", 1, 2, hashing=hashing)
        shares = Counter(ours.names(96, source=b""))
        assert shares == {"a": 32, "b": 64}


def test_random_follows_weights_and_loads() -> None:
    """Draws fall by weight; of two servers drawn the less loaded is taken."""
    ours = farm("random", 3, 1)
    shares = Counter(ours.names(4000))
    assert 0.5 < shares["a"] / 4000 < 0.9
    ours["a"].served = 1000
    busy = Counter(ours.names(4000))
    assert busy["a"] < shares["a"]


def test_random_draws_as_often_as_told() -> None:
    """`random(N)` draws N numbers for each client, `random` two; a saturated winner makes the client wait."""
    drawn: list[int] = []

    def number(bits: int) -> int:
        drawn.append(bits)
        return len(drawn) * 0x9E3779B1 % 2**32

    for words, draws in (((), 2), (("(1)",), 1), (("(5)", "more"), 5)):
        drawn.clear()
        ours = FakeFarm(Random(number), [FakeServer("a", 1, maxconn=1)], HashType(), words)
        assert ours.take() is ours["a"]
        assert drawn == [32] * draws
        assert ours.pick() is None


@pytest.mark.parametrize("word", ["(0)", "(-1)", "(2x)", "(2", "(2)x", "(1,2)"])
def test_random_refuses_what_is_no_number_of_draws(word: str) -> None:
    """The number of draws is 1 or more, in parentheses that are closed."""
    with pytest.raises(ValueError, match=r"draws|parenthesis"):
        Random().parse([word])
