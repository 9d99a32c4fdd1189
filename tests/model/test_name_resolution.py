"""Names of servers at start: which methods are asked, what fails, and that each name is asked for once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tcproxy.grammar.addresses import Address, Family
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.grammar.rows import Draft, Reading
from tcproxy.grammar.statements import NOWHERE
from tcproxy.model import name_resolution


def server(host: str, *methods: str) -> Draft:
    """Return the draft of a server with a name."""
    return Draft(
        name="s", origin=NOWHERE, address=Address(Family.ANY, host, 80, is_name=True), init_addr=methods or None
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Stand for the system's resolver, which knows one name; what it was asked for is in the list."""
    questions: list[str] = []

    def resolve(address: Address) -> Address:
        questions.append(address.host)
        if address.host != "known.example":
            raise ValueError("no such name")
        return Address(Family.INET, "192.0.2.1")

    monkeypatch.setattr(name_resolution, "resolve", resolve)
    yield questions


def resolver(unresolved_allowed: bool = False) -> name_resolution.Resolver:
    """Return a resolver with diagnostics of its own."""
    return name_resolution.Resolver(Reading(Diagnostics(1), Environment(), unresolved_allowed=unresolved_allowed))


def test_a_name_is_asked_for_once(asked: list[str]) -> None:
    """Many servers of one name cost one question, and all get its address."""
    one = resolver()
    drafts = [server("known.example") for _ in range(3)]
    for draft in drafts:
        one.resolve("b", draft)
    assert asked == ["known.example"]
    assert [draft["resolved"] for draft in drafts] == ["192.0.2.1"] * 3
    assert not one.failed


def test_an_unknown_name_fails(asked: list[str]) -> None:
    """Without a fallback, a name that cannot be resolved is an error."""
    one = resolver()
    one.resolve("b", server("unknown.example"))
    assert one.failed
    assert [item.level for item in one.reading.diagnostics.items] == ["alert"]


def test_r_of_the_command_line_allows_it(asked: list[str]) -> None:
    """With -dr the server has no address, with a warning."""
    one = resolver(unresolved_allowed=True)
    draft = server("unknown.example")
    one.resolve("b", draft)
    assert not one.failed
    assert draft["resolved"] == ""
    assert [item.level for item in one.reading.diagnostics.items] == ["warning"]


def test_an_address_as_last_method(asked: list[str]) -> None:
    """An address behind libc is what the server gets when libc knows nothing; libc comes first."""
    one = resolver()
    unknown, known = server("unknown.example", "libc", "192.0.2.9"), server("known.example", "libc", "192.0.2.9")
    one.resolve("b", unknown)
    one.resolve("b", known)
    assert (unknown["resolved"], known["resolved"]) == ("192.0.2.9", "192.0.2.1")


def test_none_asks_nobody(asked: list[str]) -> None:
    """`init-addr none` starts without an address and without a question."""
    one = resolver()
    one.resolve("b", server("unknown.example", "none"))
    assert not asked
    assert not one.reading.diagnostics.items
