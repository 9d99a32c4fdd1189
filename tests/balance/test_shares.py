"""The static table: the published rule, played naively, and what follows from it."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tcproxy.balance.shares import seats
from tests.balance.strategies import farm, weights


def by_score(given_weights: list[int], total: int) -> list[int]:
    """Share seats out by scores, looking at everybody for each seat."""
    if total == 1:
        return [0]
    scores = [0] * len(given_weights)
    table = []
    for _ in range(total):
        scores = [score + weight for score, weight in zip(scores, given_weights, strict=True)]
        wholes = [(score + total) // total for score in scores]
        best = wholes.index(max(wholes))
        scores[best] -= total
        table.append(best)
    return table


@given(weights)
def test_seats_follow_the_scores(given_weights: list[int]) -> None:
    """The heap of ranks gives the seats that the scores give, and to each server as many as its weight."""
    table = seats(given_weights, sum(given_weights))
    assert table == by_score(given_weights, sum(given_weights))
    assert Counter(table) == Counter(dict(enumerate(given_weights)))


@given(weights, st.integers(1, 20))
def test_seats_of_a_shorter_table(given_weights: list[int], total: int) -> None:
    """The same when there are fewer seats than weights, as for the first backup only."""
    assert seats(given_weights, total) == by_score(given_weights, total)


def test_weights_are_divided_by_what_they_share() -> None:
    """Weights of 20 and 10 need three seats, so the turns of both begin anew after three clients."""
    assert farm("static-rr", 20, 10).names(9) == "aabaabaab"


def test_a_server_that_comes_back_takes_part_at_once() -> None:
    """The table is made anew when a server goes or comes."""
    ours = farm("static-rr", 1, 1, 1)
    assert ours.names(4) == "abca"
    ours.change("b", up=False)
    assert ours.names(4) == "caca"
    ours.change("b", up=True)
    assert ours.names(4) == "bcab"


def test_weight_zero_is_a_server_that_is_away() -> None:
    """The weights 0 and the configured one are all that a static farm can have."""
    ours = farm("static-rr", 2, 1)
    ours.change("a", user_weight=0)
    assert ours.names(2) == "bb"
    ours.change("b", user_weight=0)
    assert ours.pick() is None


@given(st.lists(st.booleans(), min_size=1, max_size=6), st.integers(0, 5))
def test_saturated_servers_are_passed_over(full: list[bool], start: int) -> None:
    """A pick returns a server with a free slot whenever there is one, wherever the turn is."""
    ours = farm("static-rr", *[1] * len(full), maxconn=1)
    ours.names(start)
    for server, is_full in zip(ours.servers, full, strict=True):
        server.served = int(is_full)
    found = ours.pick()
    assert (found is None) == all(full)
    assert found is None or not found.saturated


def test_a_hash_returns_a_saturated_server() -> None:
    """A client bound to its server by a hash waits for it."""
    ours = farm("source", 1, 1, maxconn=1)
    server = ours.pick()
    assert server is not None
    server.served = 1
    assert ours.pick() is server
