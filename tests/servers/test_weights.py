"""Weights and limits as numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.servers.weights import dynamic_limit, growing_limit, growing_weight, requested_weight, warming_seconds
from tests.servers.playing import Client, Play, model

ACCEPTED = [
    ("0", 0), ("5", 5), ("256", 256), ("10%", 1), ("1000%", 100), ("2560%", 256), ("99999999999%", 256),
    ("+5", 5), (" 5", 5), ("100%", 10), ("0%", 0),
]  # fmt: skip
REFUSED = ["", "257", "-1", "-5%", "x", "5x", "5%x", "0x10", "%", "300x"]


@pytest.mark.parametrize(("text", "weight"), ACCEPTED)
def test_weights_that_may_be_asked_for(text: str, weight: int) -> None:
    """Absolute and relative weights are read as HAProxy reads them (initial weight 10)."""
    assert requested_weight(text, 10, dynamic=True) == weight


@pytest.mark.parametrize("text", REFUSED)
def test_weights_that_are_refused(text: str) -> None:
    """Everything else is refused with a sentence, whatever the strategy."""
    for dynamic in (True, False):
        with pytest.raises(ValueError, match=r"\.$"):
            requested_weight(text, 10, dynamic)


@pytest.mark.parametrize("text", ["5", "256", "10%", "20"])
def test_static_strategies_accept_all_or_nothing(text: str) -> None:
    """A static strategy takes 0 and the initial weight, absolute or relative, and nothing between."""
    with pytest.raises(ValueError, match="static"):
        requested_weight(text, 10, dynamic=False)
    assert [requested_weight(t, 10, dynamic=False) for t in ("0", "0%", "10", "100%")] == [0, 0, 10, 10]


@given(st.text(max_size=8), st.integers(0, 256))
def test_any_text_is_read_or_refused(text: str, initial: int) -> None:
    """No text gives a weight out of range or another exception than ValueError."""
    try:
        weight = requested_weight(text, initial, dynamic=True)
    except ValueError as refused:
        assert str(refused)
    else:
        assert 0 <= weight <= 256


@given(st.integers(1, 256), st.integers(1, 600), st.data())
def test_slow_start_grows_and_never_stands_at_nothing(weight: int, duration: int, data: st.DataObject) -> None:
    """Weight and limit grow with time, are never 0, and never exceed the full ones."""
    elapsed = sorted(data.draw(st.lists(st.integers(0, duration - 1), min_size=2, max_size=5)))
    weights = [growing_weight(weight, second, duration) for second in elapsed]
    limits = [growing_limit(weight, second, duration) for second in elapsed]
    assert weights == sorted(weights) and weights[0] > 0 and weights[-1] <= 16 * weight
    assert limits == sorted(limits) and limits[0] > 0 and limits[-1] <= weight


@given(st.integers(1, 99), st.integers(0, 99), st.integers(0, 300), st.integers(0, 200))
def test_dynamic_limit_stays_between(minconn: int, more: int, sessions: int, fullconn: int) -> None:
    """The dynamic limit lies between minconn and maxconn."""
    assert minconn <= dynamic_limit(minconn, minconn + more, sessions, fullconn) <= minconn + more


def test_slowstart_is_rounded_up_to_seconds() -> None:
    """1 ms of slow start is a second of it; none is none."""
    assert [warming_seconds(ms) for ms in (0, 1, 1000, 1001)] == [0, 1, 1, 2]


def test_weight_of_the_backend() -> None:
    """The backend's weight is that of the group that serves now."""
    farm = Play().farm(model("s", weight=2), model("t", weight=3), model("k", weight=7, backup=True))
    assert farm.weight == 5 * 16
    farm.servers[0].set_weight("0")
    farm.servers[1].set_state("drain")
    assert farm.weight == 7 * 16
    farm.servers[2].down()
    assert farm.weight == 0


def test_a_refused_weight_changes_nothing() -> None:
    """The server keeps its weight, and a static strategy's farm refuses for it."""
    farm = Play().farm(model("s", weight=10), balance="static-rr")
    with pytest.raises(ValueError, match="static"):
        farm.servers[0].set_weight("11")
    assert (farm.servers[0].user_weight, Client(farm).arrive().at) == (10, "s")
