"""Samples that may still change: what an expression says of them."""

from __future__ import annotations

from tcproxy.samples.kinds import Kind
from tcproxy.samples.rows import Fetch
from tests.rules.world import client


def test_a_row_says_whether_it_may_still_change() -> None:
    """`waits` serves all arguments, `build_waits` is made of them, and most rows have neither."""
    places = "Y" * 22
    facts = client()
    plain = Fetch("a", Kind.SINT, places, "One.", lambda facts: 1)
    assert not plain.may_wait and plain.compile_waits([]) is None
    one = Fetch("b", Kind.SINT, places, "One.", lambda facts: 1, waits=lambda facts: True)
    waits = one.compile_waits([3])
    assert one.may_wait and waits is not None and waits(facts)
    built = Fetch(
        "c", Kind.SINT, places, "One.", build=lambda size: lambda facts: 1,
        build_waits=lambda size: lambda facts: size > 5,
    )  # fmt: skip
    assert built.may_wait
    for size, expected in ((5, False), (6, True)):
        waits = built.compile_waits([size])
        assert waits is not None and waits(facts) is expected
