"""Conditions: `if` or `unless`, ACLs by name or between braces, `!`, `or` (manual 7.2).

A condition is compiled when it is read: `holds(facts)` is all that the data path calls.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from tcproxy.grammar.rows import Draft, Reading
from tcproxy.grammar.statements import Origin, Refused, Statement
from tcproxy.grammar.suggestions import near
from tcproxy.model.proxy import Proxy
from tcproxy.model.userlists import UserList
from tcproxy.rules.acls import Acl, declare, parse_test, references
from tcproxy.rules.predefined import PREDEFINED, PREDEFINED_NOT_YET
from tcproxy.samples.arguments import ArgumentType, Reference
from tcproxy.samples.expressions import NOT_YET
from tcproxy.samples.places import Place

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

Holds: TypeAlias = "Callable[[Facts], bool]"


class Term:
    """One ACL in a condition: named or anonymous, negated or not."""

    __slots__ = ("acl", "negated")

    def __init__(self, acl: Acl, negated: bool) -> None:
        self.acl = acl
        self.negated = negated

    def compile(self) -> Holds:
        """Return the function that says whether the term holds."""
        holds = self.acl.holds if self.acl.name else self.acl.tests[0].holds
        if self.negated:
            return lambda facts: not holds(facts)
        return holds


class Condition:
    """A condition, compiled.

    text: as written, with `if` or `unless`. alternatives: terms that must all hold, in any one group.
    unless: it is met where none of them holds. holds: says whether it is met by a session, where nothing waits (see
    rules/waiting.py). A condition without terms is never met (`unless`: always).
    """

    __slots__ = ("alternatives", "holds", "text", "unless")

    def __init__(self, text: str, alternatives: Sequence[Sequence[Term]], unless: bool) -> None:
        self.text = text
        self.unless = unless
        self.alternatives = tuple(tuple(group) for group in alternatives)
        holds = _any([_all([term.compile() for term in group]) for group in self.alternatives])
        self.holds: Holds = (lambda facts: not holds(facts)) if unless else holds

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"

    @property
    def is_fixed(self) -> bool:
        """Return whether it is met by all requests of a connection, or by none."""
        return all(test.is_fixed for term in self.terms() for test in term.acl.tests)

    def terms(self) -> Iterator[Term]:
        """Return all terms, in order."""
        for group in self.alternatives:
            yield from group


def _all(parts: Sequence[Holds]) -> Holds:
    if len(parts) == 1:
        return parts[0]
    return lambda facts: all(part(facts) for part in parts)


def _any(parts: Sequence[Holds]) -> Holds:
    if len(parts) == 1:
        return parts[0]
    return lambda facts: any(part(facts) for part in parts)


def parse_condition(
    statement: Statement,
    start: int,
    reading: Reading,
    place: Place | None = Place.FRONTEND_USE_BACKEND,
    acls: Mapping[str, Acl] | None = None,
    draft: Draft | None = None,
) -> Condition | None:
    """Read `if CONDITION` or `unless CONDITION` from the word `start` to the end of the statement.

    acls: the ACLs declared so far in the section (`draft.get("acls")`). place: where the condition will be met; a
    sample that does not exist there is warned of. draft: the section, which keeps the predefined ACLs that it uses: as
    in HAProxy, an `acl` line of the same name below adds to them. Returns None where no word is left. Raises Refused.
    """
    words = statement.words
    if start >= len(words) or not words[start]:
        return None
    if words[start] not in ("if", "unless"):
        raise Refused(f"'{words[start]}' cannot stand here: only 'if' or 'unless' and a condition", start)
    groups = _Groups(statement, reading, place, acls or {}, draft)
    at = start + 1
    while at < len(words) and words[at]:
        at = groups.take(at)
    return Condition(" ".join(words[start:at]), groups.found, words[start] == "unless")


class _Groups:
    """Collects the terms of a condition, group by group."""

    def __init__(
        self,
        statement: Statement,
        reading: Reading,
        place: Place | None,
        acls: Mapping[str, Acl],
        draft: Draft | None,
    ) -> None:
        self.statement, self.reading, self.place, self.draft = statement, reading, place, draft
        self.acls = acls
        self.found: list[list[Term]] = []
        self.open = False
        self.negated = False

    def take(self, at: int) -> int:
        """Take the word `at`, and those that belong to it; return the index of the next."""
        word = self.statement.words[at]
        name = word.lstrip("!")
        self.negated ^= (len(word) - len(name)) % 2 == 1
        if not name:
            return at + 1  # an exclamation mark alone counts for the next word
        if name.lower() == "or" or name == "||":
            self.open = self.negated = False
            return at + 1
        if name == "{":
            end = self._brace(at)
            self._add(Acl("", [parse_test(self.statement, at + 1, end, self.reading)]))
            return end + 1
        self._add(self._named(name, at))
        return at + 1

    def _add(self, acl: Acl) -> None:
        if not self.open:
            self.found.append([])
        self.found[-1].append(Term(acl, self.negated))
        self.open, self.negated = True, False
        self._check_place(acl)

    def _brace(self, at: int) -> int:
        words = self.statement.words
        for end in range(at + 1, len(words)):
            if words[end] == "}":
                return end
            if not words[end]:
                break
        raise Refused("the closing '}' is missing; spaces stand around it", at)

    def _named(self, name: str, at: int) -> Acl:
        acl = self.acls.get(name)
        if acl is not None:
            return acl
        if name in PREDEFINED and name not in PREDEFINED_NOT_YET:
            words = ("acl", name, *PREDEFINED[name])
            test = parse_test(Statement(self.statement.origin, words), 2, len(words), self.reading)
            found = Acl(name, [test])
            if self.draft is not None and self.reading.section != "defaults":
                declare(found, self.draft)
                self.acls = self.draft["acls"]
            return found
        if name in PREDEFINED_NOT_YET:
            raise Refused(f"the predefined acl '{name}' {NOT_YET}", at)
        raise Refused(f"no acl '{name}'{near(name, [*self.acls, *PREDEFINED])}; it must be declared above", at)

    def _check_place(self, acl: Acl) -> None:
        """Warn of samples that do not exist where the condition is met."""
        if self.place is None:
            return
        alien = [test.expression.fetch.name for test in acl.tests if not test.fits(self.place)]
        if not alien:
            return
        title = f"the acl '{acl.name}'" if acl.name else "an acl"
        never = "will never match" if len(alien) == len(acl.tests) else "will not always match"
        names = ", ".join(f"'{name}'" for name in dict.fromkeys(alien))
        self.reading.warn(
            self.statement, f"{title} {never}: {names} cannot be known in a '{self.place.words}'"
        )


# what conditions refer to, checked when all sections are read


Named = tuple[Proxy, str, Origin, Reference]
"""Something that a section's expression names: with the text of the expression, and where it stands."""


def unresolved(
    proxies: Iterable[Proxy],
    userlists: Mapping[str, UserList],
    refused: Collection[str] = (),
    formats: Iterable[Named] = (),
) -> Iterator[tuple[Origin, str]]:
    """Return each use of a proxy, server, userlist or group that does not exist: where, and the sentence to tell.

    refused: names whose declarations were refused, of servers as BACKEND/SERVER. They are not told. formats: what the
    formats of sections name.
    """
    every = list(proxies)
    by_rules = ((proxy, *named) for proxy in every for named in _references(proxy))
    for proxy, text, origin, reference in (*by_rules, *formats):
        names = {reference.name, reference.backend, f"{reference.backend}/{reference.name}"}
        if not names.isdisjoint(refused):
            continue
        if reference.type is ArgumentType.USERLIST:
            wrong = _wrong_list(reference, userlists)
        else:
            wrong = _wrong(reference, proxy, every)
        if wrong:
            yield origin, f"'{text}' in {proxy.kind} '{proxy.name}' : {wrong}"


def named_servers(proxies: Iterable[Proxy]) -> set[tuple[str, str]]:
    """Return the servers that samples in the rules of sections name: pairs of backend and server."""
    every = (reference for proxy in proxies for _, _, reference in _references(proxy))
    return {(one.backend, one.name) for one in every if one.type is ArgumentType.SERVER}


def _references(proxy: Proxy) -> Iterator[tuple[str, Origin, Reference]]:
    acls: Mapping[str, Acl] = proxy.acls or {}
    for acl in acls.values():
        yield from references(acl)
    for condition in proxy.conditions():
        for term in condition.terms():
            if not term.acl.name:
                yield from references(term.acl)
    for expression, origin in proxy.expressions():
        for reference in expression.references:
            yield expression.text, origin, reference


def _wrong(reference: Reference, proxy: Proxy, every: Sequence[Proxy]) -> str:
    if reference.type is ArgumentType.SERVER:
        return _wrong_server(reference, every)
    wanted = reference.type.value
    found = [one for one in every if one.name == reference.name]
    if any(one.is_frontend if reference.type is ArgumentType.FRONTEND else one.is_backend for one in found):
        return ""
    if not reference.word:
        return f"'{proxy.name}' is no {wanted}, so the name of one must be given"
    names = [one.name for one in every if one.is_backend or reference.type is ArgumentType.FRONTEND]
    return f"no {wanted} '{reference.name}'{near(reference.name, names)}"


def _wrong_list(reference: Reference, userlists: Mapping[str, UserList]) -> str:
    found = userlists.get(reference.name)
    if found is None:
        return f"no userlist '{reference.name}'{near(reference.name, userlists)}"
    missing = next((name for name in reference.groups if name not in found.groups), "")
    return f"no group '{missing}' in the userlist '{found.name}'{near(missing, found.groups)}" if missing else ""


def _wrong_server(reference: Reference, every: Sequence[Proxy]) -> str:
    backend = next((one for one in every if one.name == reference.backend and one.is_backend), None)
    if backend is None:
        return f"no backend '{reference.backend}'"
    names = [server.name for server in backend.servers]
    if reference.name in names:
        return ""
    return f"no server '{reference.name}' in the backend '{reference.backend}'{near(reference.name, names)}"
