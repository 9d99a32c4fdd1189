"""Turns: shares by weight, smoothness, and what changes at run time do."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.balance.strategies import farm, weights


@given(weights, st.integers(1, 3))
def test_a_window_gives_each_server_its_weight(given_weights: list[int], windows: int) -> None:
    """As many picks as the sum of weights give each server its weight, give or take one a window."""
    ours = farm("roundrobin", *given_weights)
    shares = Counter(ours.names(windows * sum(given_weights)))
    for server in ours.servers:
        assert abs(shares[server.name] - windows * server.user_weight) <= windows


@given(weights)
def test_turns_are_smooth(given_weights: list[int]) -> None:
    """A server's turns stand apart by its share of the window, give or take a few positions of others."""
    ours = farm("roundrobin", *given_weights)
    total = sum(given_weights)
    picks = ours.names(4 * total)
    for server in ours.servers:
        places = [place for place, name in enumerate(picks) if name == server.name]
        gaps = [after - before for before, after in pairwise(places)]
        assert all(gap <= 2 * total / server.user_weight + len(given_weights) for gap in gaps)


changes = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([True, False]), st.integers(0, 40), st.integers(0, 12)), max_size=20
)


@given(changes)
def test_no_change_brings_disorder(script: list[tuple[int, bool, int, int]]) -> None:
    """Whatever weights and states do, a usable server is picked while there is one, and never another."""
    ours = farm("roundrobin", 1, 2, 3, 4)
    for index, up, weight, picks in script:
        ours.change("abcd"[index], up=up, user_weight=weight)
        usable = [server for server in ours.servers if server.usable]
        for _ in range(picks):
            found = ours.pick()
            assert found in usable if usable else found is None


def test_slow_start_takes_part_in_small_steps() -> None:
    """A server at a sixteenth of its weight gets a seventeenth of the clients beside one of full weight."""
    ours = farm("roundrobin", 1, 1)
    ours.change("b", scale=1)
    assert Counter(ours.names(170))["b"] in (10, 11)


def test_the_server_to_avoid_is_the_last_resort() -> None:
    """A server that failed a client is not picked again for it, unless it is the only one."""
    ours = farm("roundrobin", 9, 1)
    assert [server and server.name for server in (ours.pick(avoid=ours["a"]) for _ in range(5))] == ["b"] * 5
    ours.change("b", up=False)
    assert ours.pick(avoid=ours["a"]) is ours["a"]


@given(st.lists(st.booleans(), min_size=1, max_size=6), st.integers(0, 20))
def test_saturated_servers_lose_their_turn(full: list[bool], start: int) -> None:
    """A pick returns a server with a free slot whenever there is one, and the turns go on afterwards."""
    ours = farm("roundrobin", *range(1, len(full) + 1), maxconn=1)
    ours.names(start)
    for server, is_full in zip(ours.servers, full, strict=True):
        server.served = int(is_full)
    found = ours.pick()
    assert (found is None) == all(full)
    assert found is None or not found.saturated
    for server in ours.servers:
        server.served = 0
    assert set(ours.names(60)) == {server.name for server in ours.servers}


def test_an_empty_farm_has_nobody() -> None:
    """No server, no pick."""
    assert farm("roundrobin").pick() is None
