"""No expression and no value raises anything out of a converter but the refusal of a configuration."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.kinds import INT64_MAX, INT64_MIN, Kind, Sample, cast_sample
from tcproxy.samples.table import CONVERTERS, FETCHES
from tcproxy.samples.variables import SCOPES, Store
from tests.rules.world import client

INTEGERS = st.integers(INT64_MIN, INT64_MAX) | st.sampled_from((0, 1, -1, INT64_MIN, INT64_MAX, 1 << 55))
SAMPLES = st.one_of(
    st.builds(Sample, st.sampled_from((Kind.STR, Kind.BIN, Kind.METH)), st.binary(max_size=40)),
    st.builds(Sample, st.just(Kind.SINT), INTEGERS),
    st.builds(Sample, st.just(Kind.BOOL), st.booleans()),
    st.builds(Sample, st.just(Kind.IPV4), st.binary(min_size=4, max_size=4)),
    st.builds(Sample, st.just(Kind.IPV6), st.binary(min_size=16, max_size=16)),
)
WORDS = st.sampled_from(
    ("", "0", "1", "-1", "9" * 25, "txn.a", "txn.b", "res.a", "x", ":", "24", "ifset", "a|b", "%Y%", "s", "-", "g")
)
NAMES = st.sampled_from(sorted(CONVERTERS))
LINKS = st.builds(lambda name, words: f"{name}({','.join(words)})", NAMES, st.lists(WORDS, max_size=4))


@settings(max_examples=400, deadline=None)
@given(SAMPLES, SAMPLES, st.lists(LINKS, min_size=1, max_size=4))
def test_values_of_all_kinds_pass_through_chains(one: Sample, two: Sample, links: list[str]) -> None:
    """Whatever a variable holds, each chain of converters gives a value or none."""
    stores = {scope: Store(scope=scope) for scope in SCOPES}
    stores["txn"].update(a=one, b=two)
    try:
        expression = parse_expression(",".join(["var(txn.a)", *links]), "f")
    except ValueError:
        return  # it is refused
    expression.take(client(variables=stores.get))  # type: ignore[arg-type]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from((*FETCHES, *CONVERTERS, *"(),'\"\\ ]%.-", "txn.a", "int(5)", "str(a)")), max_size=9))
def test_no_text_raises(pieces: list[str]) -> None:
    """Every text is an expression, or refused."""
    with contextlib.suppress(ValueError):
        parse_expression("".join(pieces), "f")


@given(SAMPLES, st.sampled_from([kind for kind in Kind if kind is not Kind.ANY]))
def test_casts_give_what_they_say(sample: Sample, wanted: Kind) -> None:
    """A cast gives a value of the form of the kind wanted, or none."""
    found = cast_sample(sample, wanted)
    forms = {Kind.BOOL: int, Kind.SINT: int}
    assert found is None or isinstance(found, forms.get(wanted, bytes))
    if found is not None and wanted in (Kind.IPV4, Kind.IPV6):
        assert len(found) == (4 if wanted is Kind.IPV4 else 16)  # type: ignore[arg-type]
