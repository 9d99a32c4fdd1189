"""The targets hold for the corpus, and for some hundred changes of it; `python -m tests.fuzz` goes on from there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzz import targets
from tests.fuzz.mutation import Mutation
from tests.fuzz.seeds import WORDS, seeds
from tests.fuzz.targets import Target

INPUTS = {"requests": 400, "responses": 400, "bodies": 400, "session": 400}
NUMBER = 20260


@pytest.fixture(params=INPUTS)
def named(request: pytest.FixtureRequest) -> Iterator[tuple[str, Target]]:
    """Yield a target with its name."""
    name = str(request.param)
    if name == "session":
        with targets.sessions() as session:
            yield name, session
    else:
        yield name, getattr(targets, name)


def test_targets_hold(named: tuple[str, Target]) -> None:
    """No property breaks with the seeds, nor with changes of them, which are always the same ones."""
    name, target = named
    for seed in seeds(name):
        target(seed)
    mutation = Mutation(seeds(name), WORDS, NUMBER)
    for _ in range(INPUTS[name]):
        data = mutation.next()
        try:
            target(data)
        except Exception as error:
            raise AssertionError(f"{name}: {data!r}") from error
