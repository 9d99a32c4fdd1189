"""Numbers of proxies and servers, and limits that follow from others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.fullconn import with_limits
from tcproxy.model.numbers import numbered
from tcproxy.model.process import Configuration, Global
from tcproxy.model.proxy import Proxy, UseBackend
from tcproxy.model.server import Server

ADDRESS = Address(Family.INET, "127.0.0.1", 80)


@pytest.mark.parametrize(
    ("given_numbers", "numbers"),
    [
        ([], []),
        ([0, 0, 0], [1, 2, 3]),
        ([2, 0, 0], [2, 3, 4]),
        ([7, 0, 0, 0], [7, 2, 3, 4]),
        ([0, 3, 0, 0], [1, 3, 4, 5]),
    ],
)
def test_places_are_counted_too(given_numbers: list[int], numbers: list[int]) -> None:
    """A number that is given takes its place in the count, as HAProxy's `show stat` shows."""
    assert numbered(given_numbers) == numbers


def test_a_silent_place_is_not_counted() -> None:
    """The frontend of the command sockets takes a number, and the next proxy the next free one."""
    assert numbered([0, 0, 0], frozenset({0})) == [1, 2, 3]
    assert numbered([0, 1, 0], frozenset({0})) == [2, 1, 3]


@given(st.lists(st.integers(0, 8), max_size=12))
def test_no_number_comes_twice(numbers: list[int]) -> None:
    """Whatever is given (each number once), no two places share a number, and given ones stay."""
    seen: set[int] = set()
    wanted = [0 if number in seen else seen.add(number) or number for number in numbers]
    found = numbered(wanted)
    assert len(set(found)) == len(found)
    assert all(number in (0, result) for number, result in zip(wanted, found, strict=True))


def test_fullconn_is_a_tenth_of_what_may_come() -> None:
    """Limits of frontends add up, each once for a backend; the numbers are those of HAProxy's `slim` column."""
    server = (Server("s", ADDRESS),)
    proxies = (
        Proxy("frontend", "f", maxconn=101, use_backends=(UseBackend("b"), UseBackend("b")), default_backend="c"),
        Proxy("listen", "l", servers=server),
        Proxy("listen", "m", maxconn=70, servers=server, default_backend="c"),
        Proxy("backend", "b"),
        Proxy("backend", "c"),
        Proxy("backend", "d"),
        Proxy("backend", "e", fullconn=3),
    )
    limited = with_limits(Configuration(Global(), proxies), 500).proxies
    assert [proxy.maxconn for proxy in limited] == [101, 500, 70, 0, 0, 0, 0]
    assert [proxy.fullconn for proxy in limited] == [0, 50, 1, 11, 18, 1, 3]
