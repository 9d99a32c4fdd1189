"""Conditions: names, braces, negation and alternatives, as the reference reads them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tcproxy.grammar.rows import Draft
from tcproxy.grammar.statements import Origin, Refused
from tcproxy.model.proxy import Proxy, UseBackend
from tcproxy.model.server import Server
from tcproxy.rules.acls import parse_acl
from tcproxy.rules.conditions import parse_condition
from tcproxy.rules.predefined import PREDEFINED, PREDEFINED_NOT_YET
from tcproxy.rules.words import read_condition, unresolved
from tcproxy.samples.places import Place
from tests.rules.cases import ACCEPTED, CONDITIONS, DECLARED, REFUSED, RESOLVED, UNRESOLVED
from tests.rules.world import ANY, client, condition, reading, statement, warnings


@pytest.mark.parametrize("case", CONDITIONS)
def test_holds_like_the_reference(case: str) -> None:
    """Each condition is met exactly when it is in HAProxy, and `unless` is its opposite."""
    found = condition(case[2:], *DECLARED)
    assert found.holds(client()) == (case[0] == "1")
    draft = Draft()
    for line in DECLARED:
        parse_acl(statement(line), draft, reading())
    opposite = parse_condition(statement(f"unless {case[2:]}"), 0, reading(), acls=draft["acls"])
    assert opposite is not None and opposite.holds(client()) == (case[0] == "0")


@pytest.mark.parametrize("case", [case for case in REFUSED if case.startswith("use_backend")])
def test_wrong_conditions_are_refused(case: str) -> None:
    """A wrong condition raises Refused with a sentence, and points at a word of the line."""
    line = statement(case)
    with pytest.raises(Refused) as caught:
        read_condition(line, 2, Draft(), reading())
    assert str(caught.value) and 2 <= caught.value.word < len(line.words)


@pytest.mark.parametrize("case", [case for case in ACCEPTED if case.startswith("use_backend")])
def test_good_conditions_are_accepted(case: str) -> None:
    """What HAProxy accepts, with a warning or without, is read."""
    found = read_condition(statement(case), 2, Draft(), reading())
    assert found is not None and repr(found) == f"Condition({case.split(' ', 2)[2]!r})"


def test_without_words_there_is_no_condition() -> None:
    """A rule without `if` has no condition; an empty word ends the line."""
    assert read_condition(statement("use_backend b"), 2, Draft(), reading()) is None
    assert read_condition(statement("use_backend b "), 2, Draft(), reading()) is None
    found = parse_condition(statement("if TRUE  x"), 0, reading())
    assert found is not None and found.text == "if TRUE"


@pytest.mark.parametrize("name", sorted(PREDEFINED))
def test_predefined_acls_work_as_soon_as_their_samples_do(name: str) -> None:
    """Each can be used, or is refused by name while its sample is not done; a declared one of the name goes before."""
    if name in PREDEFINED_NOT_YET:
        with pytest.raises(Refused, match=f"'{name}' is known .* not supported by tcproxy yet"):
            condition(name)
    else:
        assert len(list(condition(name).terms())) == 1
    assert condition(name, f"acl {name} always_true").holds(client())


def test_an_unknown_acl_is_suggested_for() -> None:
    """A misspelled name is answered with the nearest declared or predefined one."""
    with pytest.raises(Refused, match="did you mean 'internal'"):
        condition("internl", "acl internal src 10.0.0.0/8")
    with pytest.raises(Refused, match="did you mean 'LOCALHOST'"):
        condition("LOCALHOTS")


def test_an_acl_must_stand_above() -> None:
    """A condition sees the ACLs declared above it only, but later tests of a name count for it too."""
    with pytest.raises(Refused):
        condition("a", "acl b always_true")
    draft, here = Draft(), reading()
    parse_acl(statement("acl a always_false"), draft, here)
    found = read_condition(statement("use_backend b if a"), 2, draft, here)
    assert found is not None and not found.holds(client())
    parse_acl(statement("acl a always_true"), draft, here)
    assert found.holds(client())


def test_acls_of_defaults_stay_there() -> None:
    """HAProxy takes an ACL in named defaults, for rules of the same section: proxies do not inherit it."""
    draft = Draft()
    parse_acl(statement("acl a always_true"), draft, reading("defaults", "d"))
    assert "acls" not in draft


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("{ be_name b }", Place.FRONTEND_USE_BACKEND, "an acl will never match: 'be_name'"),
        ("{ srv_id 1 }", Place.FRONTEND_USE_BACKEND, "an acl will never match: 'srv_id'"),
        ("a", Place.FRONTEND_USE_BACKEND, "the acl 'a' will never match: 'be_name'"),
        ("ab", Place.FRONTEND_USE_BACKEND, "the acl 'ab' will not always match: 'be_name'"),
        ("{ be_name b }", Place.BACKEND_SET_SERVER, ""),
        ("{ src 1.2.3.4 }", Place.FRONTEND_CONNECTION, ""),
    ],
)
def test_samples_that_do_not_exist_yet_are_warned_of(text: str, place: Place, told: str) -> None:
    """A warning names the fetch that the place cannot know, and says whether the rest may match."""
    here = reading()
    acls = ("acl a be_name b", "acl ab be_name b", "acl ab src 1.2.3.4")
    condition(text, *acls, place=place, of=here)
    assert [message.split(" : ")[1].startswith(told) for message in warnings(here)] == [True] * bool(told)


def configuration(line: str) -> list[Proxy]:
    """Return a frontend `f` with this line, and a backend `b` with a server `s`."""
    draft, here = Draft(), reading()
    rules = ()
    if line.startswith("acl"):
        parse_acl(statement(line), draft, here)
    else:
        rules = (UseBackend("b", read_condition(statement(line), 2, draft, here)),)
    return [
        Proxy("frontend", "f", acls=draft.get("acls"), use_backends=rules),
        Proxy("backend", "b", servers=(Server("s", ANY),)),
    ]


@pytest.mark.parametrize("line", UNRESOLVED)
def test_names_that_do_not_exist_are_found(line: str) -> None:
    """A frontend, backend or server that no section has is told with its place."""
    ((origin, message),) = unresolved(configuration(line), {})
    assert origin == Origin("test.cfg", 7) and message.startswith("'")


@pytest.mark.parametrize("line", RESOLVED)
def test_names_that_exist_are_not_told(line: str) -> None:
    """A name that a section has is no trouble; a fetch without a name means its own section."""
    assert list(unresolved(configuration(line), {})) == []


KNOWN = """
if unless or || ! !! { } TRUE !FALSE a src dst_port -i -f -m -- str gt 5 1:2 1.2.3.4 str(x) be_conn(b nbsrv(b) ( ) ,
"""
words = some.sampled_from(KNOWN.split())


@given(some.lists(words | some.text(max_size=5), max_size=12))
def test_no_line_raises_anything_but_a_refusal(line: list[str]) -> None:
    """Whatever stands behind `if`, the reader returns a condition that can be asked, or refuses."""
    text = statement("x")
    broken = SimpleNamespace(origin=text.origin, words=("if", *(word for word in line if "\0" not in word)))
    try:
        found = parse_condition(broken, 0, reading())  # type: ignore[arg-type]
    except Refused:
        return
    assert found is not None and found.holds(client()) in (True, False)
