"""What every strategy must be, whichever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from tcproxy.interfaces import IBalancingStrategy, IFarmStrategy, IPicker
from tcproxy.model.proxy import HashType
from tcproxy.plugins import strategies
from tests.balance.farms import FakeFarm, FakeServer
from tests.balance.strategies import HASHES, KEYED, STRATEGIES, farm

each = pytest.mark.parametrize("name", STRATEGIES)


@each
def test_the_menu_offers_it(name: str) -> None:
    """The menu has the strategy under its name, complete."""
    offered = {plugin.name: plugin for plugin in vars(strategies).values() if IBalancingStrategy.providedBy(plugin)}
    assert set(offered) == set(STRATEGIES) | set(KEYED)
    interface = IFarmStrategy if IFarmStrategy.providedBy(offered[name]) else IBalancingStrategy
    assert verifyObject(interface, offered[name])


@each
@pytest.mark.parametrize("method", ["map-based", "consistent"])
def test_its_pickers_are_complete(name: str, method: str) -> None:
    """Pickers of both groups provide all that a farm asks of them."""
    for _, picker in farm(name, 1, 2, hashing=HashType(method)).groups:
        assert verifyObject(IPicker, picker)


@each
def test_words_behind_it(name: str) -> None:
    """Words that follow are ignored, as the reference does; an argument in parentheses is random's only."""
    strategy = STRATEGIES[name]
    strategy.parse(["more", "words"])
    if name != "random":
        with pytest.raises(ValueError, match="parentheses"):
            strategy.parse(["(2)"])


scripts = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["up", "down", "come", "go"]), st.integers(0, 9)), max_size=40
)


@given(
    name=st.sampled_from(sorted(STRATEGIES)), script=scripts, hashing=st.sampled_from(HASHES), all_backups=st.booleans()
)
def test_it_picks_usable_servers_only(
    name: str, script: list[tuple[int, str, int]], hashing: HashType, all_backups: bool
) -> None:
    """Whatever comes and goes: a usable server of the right group, and one whenever there is any."""
    servers = [FakeServer("abcde"[n], n + 1, n % 3 + 1, backup=n > 2) for n in range(5)]
    ours = FakeFarm(STRATEGIES[name], servers, hashing, all_backups=all_backups)
    held: list[FakeServer] = []
    for index, what, number in script:
        if what in ("up", "down"):
            ours.change("abcde"[index], up=what == "up")
        elif what == "go" and held:
            ours.leave(held.pop(number % len(held)))
        else:
            usable = [s for s in servers if s.usable and not s.backup] or [s for s in servers if s.usable]
            found = ours.take(bytes([10, number, index, number]))
            assert found in usable if usable else found is None
            held += [found] if found else []
