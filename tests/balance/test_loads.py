"""The strategies that look at loads or slots: leastconn and first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.model.proxy import HashType
from tests.balance.farms import FakeFarm, FakeServer
from tests.balance.strategies import STRATEGIES, farm, weights


@given(weights, st.lists(st.integers(-1, 30), max_size=60))
def test_leastconn_picks_a_least_load(given_weights: list[int], script: list[int]) -> None:
    """Whoever came and went, nobody's load for its weight is below that of the server picked."""
    ours = farm("leastconn", *given_weights)
    held: list[FakeServer] = []
    for step in script:
        if step >= 0 and held:
            ours.leave(held.pop(step % len(held)))
            continue
        server = ours.pick()
        assert server is not None
        loads = [0 if not s.served else (s.served + 1) * 4096 // s.weight for s in ours.servers]
        assert loads[list(ours.servers).index(server)] == min(loads)
        ours.enter(server)
        held.append(server)


def test_leastconn_takes_turns_among_equals() -> None:
    """Idle servers are used in turn, and so are equally loaded ones."""
    ours = farm("leastconn", 1, 1, 1)
    assert ours.names(7) == "abcabca"
    names = []
    for _ in range(6):
        server = ours.take()
        assert server is not None
        names.append(server.name)
    assert "".join(names) == "bcabca"


def test_leastconn_follows_weights() -> None:
    """A new weight takes effect at the next pick; weight 0 takes the server out."""
    ours = farm("leastconn", 1, 1)
    for server in ours.servers:
        for _ in range(3):
            ours.enter(server)
    ours.change("b", user_weight=5)
    assert ours.pick() is ours["b"]
    ours.change("b", user_weight=0)
    assert ours.pick() is ours["a"]
    ours.leave(ours["b"])
    ours.change("b", user_weight=1)
    assert ours.pick() is ours["b"]


@pytest.mark.parametrize("maxconn", [0, 9])
def test_leastconn_takes_out_a_server_whose_load_has_just_changed(maxconn: int) -> None:
    """Weight 0 takes a server out that got a session since the last pick; back again, it counts with its sessions."""
    ours = farm("leastconn", 1, 1, maxconn=maxconn)
    ours.enter(ours["a"])
    ours.enter(ours["b"])
    ours.enter(ours["b"])
    ours.change("a", user_weight=0)
    assert ours.pick() is ours["b"]
    ours.change("a", user_weight=1)
    assert ours.pick() is ours["a"]


def test_leastconn_uses_queues_that_have_a_limit() -> None:
    """Without maxqueue a saturated server is passed over; with it, a place in its queue is a place."""
    for maxqueue, expected in ((0, None), (1, "a")):
        ours = farm("leastconn", 1, maxconn=1, maxqueue=maxqueue)
        ours.take()
        found = ours.pick()
        assert (found and found.name) == expected
    ours.servers[0].queued = 1
    assert ours.pick() is None


def test_leastconn_avoids_unless_alone() -> None:
    """A server that failed a client is not picked again for it, unless it is the only one."""
    ours = farm("leastconn", 1, 1)
    assert ours.pick(avoid=ours["a"]) is ours["b"]
    ours.change("b", up=False)
    assert ours.pick(avoid=ours["a"]) is ours["a"]


def test_first_fills_servers_by_id() -> None:
    """The lowest id is filled first, wherever it stands in the configuration; then the next."""
    servers = [FakeServer("a", 30, maxconn=1), FakeServer("b", 10, maxconn=2), FakeServer("c", 20, maxconn=1)]
    ours = FakeFarm(STRATEGIES["first"], servers, HashType())
    assert [server and server.name for server in (ours.take() for _ in range(5))] == ["b", "b", "c", "a", None]
    ours.leave(ours["c"])
    ours.change("b", up=False)
    assert ours.pick(avoid=ours["c"]) is ours["c"]
