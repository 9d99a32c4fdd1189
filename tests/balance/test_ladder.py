"""The ladder beside a plain list that is sorted anew at each look."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tcproxy.balance.ladder import Ladder

moves = st.lists(st.tuples(st.sampled_from(["add", "remove", "move"]), st.integers(0, 5), st.integers(0, 50)))


@given(moves)
def test_order_is_by_key_then_by_arrival(script: list[tuple[str, int, int]]) -> None:
    """Whatever comes, goes and moves: the lowest key is first, and of equal keys who came first."""
    ladder: Ladder[int] = Ladder()
    model: list[tuple[int, int]] = []
    rungs: dict[int, tuple[int, int, int]] = {}
    for number, (what, key, which) in enumerate(script):
        if what == "add" or not model:
            model.append((key, number))
            rungs[number] = ladder.add(key, number)
        else:
            _, thing = model.pop(which % len(model))
            if what == "remove":
                ladder.remove(rungs.pop(thing))
            else:
                model.append((key, thing))
                rungs[thing] = ladder.move(rungs[thing], key)
        assert list(ladder) == [thing for _, thing in sorted(model, key=lambda pair: pair[0])]
