"""Rise and fall in one number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tcproxy.health.observation import Observation
from tcproxy.health.tally import Tally

COUNTS = st.integers(1, 6)


def test_a_walk_down_and_up() -> None:
    """Three failures bring a healthy server down, two successes up again; each step has its fraction."""
    tally = Tally(rise=2, fall=3)
    assert (tally.passed(), tally.progress()) == (True, "3/3")
    seen = []
    for step in (tally.failed, tally.failed, tally.failed, tally.passed, tally.passed):
        assert step()
        seen.append((tally.progress(), tally.healthy, tally.health))
    assert seen == [("2/3", True, 3), ("1/3", True, 2), ("0/2", False, 0), ("1/2", False, 1), ("3/3", True, 4)]


def test_nothing_new_at_the_ends() -> None:
    """More failures of a dead server, or successes of a healthy one, change nothing."""
    tally = Tally(2, 3)
    tally.passed()
    assert not tally.passed()
    for _ in range(3):
        tally.failed()
    assert not tally.failed()


def test_a_fresh_server_falls_at_once() -> None:
    """Until its first success one failure is enough: it is taken for up, not known to be."""
    tally = Tally(2, 3)
    tally.failed()
    assert (tally.health, tally.healthy) == (0, False)


@given(COUNTS, COUNTS, st.lists(st.booleans(), max_size=40))
def test_the_number_is_the_runs_rule(rise: int, fall: int, results: list[bool]) -> None:
    """One number does what `rise` successes, or `fall` failures, in a row do to a server known to be up."""
    tally = Tally(rise, fall)
    tally.passed()
    up, successes, failures = True, 0, 0
    for passed in results:
        (tally.passed if passed else tally.failed)()
        assert 0 <= tally.health <= tally.top
        if up:
            failures = 0 if passed else failures + 1
        else:
            successes = successes + 1 if passed else 0
        if up and failures >= fall:
            up, successes = False, 0
        elif not up and successes >= rise:
            up, failures = True, 0
        assert tally.healthy == up


@given(st.integers(1, 5), st.lists(st.booleans(), max_size=60))
def test_errors_in_a_row(limit: int, results: list[bool]) -> None:
    """Too many errors are told once for every full row of them, and success ends a row."""
    observation = Observation(limit, "fail-check")
    row = told = 0
    for ok in results:
        row = 0 if ok else row + 1
        expected = row == limit
        assert observation.count(ok) == expected
        if expected:
            row, told = 0, told + 1
    assert observation.errors == row


def test_what_each_mode_does_to_the_tally() -> None:
    """fastinter counts nothing; sudden-death leaves one failure; mark-down leaves none."""
    outcomes = {}
    for mode in ("fastinter", "fail-check", "sudden-death", "mark-down"):
        tally = Tally(2, 3)
        tally.passed()
        if Observation(1, mode).prepare(tally):
            tally.failed()
        outcomes[mode] = tally.progress()
    assert outcomes == {"fastinter": "3/3", "fail-check": "2/3", "sudden-death": "1/3", "mark-down": "0/2"}
