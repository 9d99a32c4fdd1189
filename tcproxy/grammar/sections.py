"""The section driver: statements in, sections out, each with its draft; what a word may do where.

It opens sections, copies the defaults that apply, finds the row of each statement and lets it speak. The
meaning of words stands with their rows; the checks of the whole stand in tcproxy/model/consistency.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tcproxy.grammar.rows import BACK, Draft, Reading, Row, Status, Where, each
from tcproxy.grammar.statements import NOWHERE, Origin, Refused, Statement
from tcproxy.grammar.suggestions import blamed, nearest, suggestion, with_suggestion

SIDES = {"frontend": "frontend", "listen": "proxy", "backend": "backend", "defaults": "defaults"}
"""How messages call a section of each kind, before its name."""

UNSUPPORTED_SECTIONS = frozenset(
    each("cache fcgi-app log-forward mailers namespace_list peers program resolvers")
)

NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")

RULES = ("rules",)
"""Fields of drafts that rules are in."""

STATS_FIELDS = ("stats_sockets", "stats_timeout", "stats_maxconn")

UNSUPPORTED = "is known to HAProxy 2.6, not supported by tcproxy yet"


@dataclass(slots=True)
class Section:
    """One section while it is read.

    base: the `defaults` section it began with. skipped: its lines are not read (it was refused as a whole).
    uses: of a defaults section: how proxies came to it, "named" or "implied"; sides: of one with rules, what they are.
    after_stats: it follows a `stats` line of the global section (which makes a frontend with a number of its own).
    """

    where: Where
    name: str = ""
    origin: Origin = NOWHERE
    draft: Draft = field(default_factory=Draft)
    base: Section | None = None
    skipped: bool = False
    uses: frozenset[str] = frozenset()
    sides: frozenset[Where] = frozenset()
    after_stats: bool = False


@dataclass(frozen=True, slots=True)
class SectionRow:
    """A kind of section that is no proxy, and that others name: `userlist`, `http-errors`, `ring`.

    word: its keyword. where: the place that rows of its lines name. called: how messages call it, with an article.
    alone: words behind its name are refused, and not only warned of. reserved: names that no section may have.
    joins: says how lines of a second section of one name are taken, which go to the last of its kind; None: it is
    refused. finish: makes what comes of all sections of the kind, from their drafts by name.
    """

    word: str
    where: Where
    called: str
    finish: Callable[[Mapping[str, Draft], Reading], Any]
    alone: bool = False
    reserved: frozenset[str] = frozenset()
    joins: Callable[[Section, Section], str] | None = None


class Sections:
    """Reads statements into sections.

    sections: those of the proxies, in order. process: the draft of all `global` sections together.
    named: sections of the kinds that have a row, by the kind's word and their name. _named: sections by whether they
    are `defaults` sections, and by name.
    refused: names of sections that were refused as a whole.
    """

    def __init__(self, reading: Reading, rows: Sequence[SectionRow] = ()) -> None:
        self.reading = reading
        self._rows = {row.word: row for row in rows}
        self._openers = {**self._OWN, **dict.fromkeys(self._rows, Sections._open_named)}
        self.words = reading.words
        self.process = reading.process = Draft()
        self.sections: list[Section] = []
        self.defaults: list[Section] = []
        self._named: defaultdict[tuple[bool, str], list[Section]] = defaultdict(list)
        self.named: dict[str, dict[str, Section]] = {row.word: {} for row in rows}
        self.refused: set[str] = set()
        self._current: Section | None = None

    def take(self, statement: Statement) -> None:
        """Read one statement: it opens a section, or belongs to the one that is open."""
        if not statement.words:
            return
        try:
            self._take(statement)
        except Refused as error:
            for fault in error.each():
                self._alert(statement, str(fault), fault.word)
            self._note_refused(statement)
        except ValueError as error:
            self._alert(statement, str(error), blamed(str(error), statement.words, 0))
            self._note_refused(statement)

    def _take(self, statement: Statement) -> None:
        head = statement.words[0]
        opener = self._openers.get(head)
        if opener is not None and not statement.negation:
            try:
                opener(self, statement)
            finally:
                self._tell_reading()  # of a refused head, too: messages about its lines name this section
        elif self._current is None:
            raise Refused(f"unknown keyword '{head}' outside of any section{self._near_section(head)}", 0)
        elif not self._current.skipped:
            self._read(self._current, statement)

    def _tell_reading(self) -> None:
        current = self._current
        self.reading.section = current.where.value if current else ""
        self.reading.name = current.name if current else ""

    def _alert(self, statement: Statement, message: str, word: int) -> None:
        if 0 <= word < len(statement.words):
            message = with_suggestion(message, statement.words[word])
        self.reading.diagnostics.alert(f"parsing [{statement.origin}] : {message}", statement, word)

    def _note_refused(self, statement: Statement) -> None:
        """Remember in the section's draft which word was refused: what follows from that is not told."""
        current = self._current
        if current is None:
            return
        if current.skipped:
            self.refused.add(current.name)
            return
        if statement.words[0] in self._openers:
            return
        row = self.words.find(current.where, statement.words)
        current.draft.refuse(row.name if row is not None else statement.words[0])

    # opening and closing

    def _open_global(self, statement: Statement) -> None:
        self._current = Section(Where.GLOBAL, origin=statement.origin, draft=self.process)
        if len(statement.words) > 1:
            raise Refused(f"'global' takes no argument, but '{statement.words[1]}' stands there", 1)

    def _open_unsupported(self, statement: Statement) -> None:
        self._current = Section(Where.ANYWHERE, skipped=True)
        raise Refused(f"the section '{statement.words[0]}' {UNSUPPORTED}", 0)

    def _open_named(self, statement: Statement) -> None:
        """Open a section of a kind that has a row."""
        row, words = self._rows[statement.words[0]], statement.words
        section = Section(row.where, words[1] if len(words) > 1 else "", statement.origin, skipped=True)
        self._current = section
        if not section.name:
            raise Refused(f"'{row.word}' needs a name behind it", 0)
        if row.alone and len(words) > 2:
            raise Refused(f"'{row.word}' cannot take the argument '{words[2]}'", 2)
        self._check_name(section.name, statement)
        found = self.named[row.word]
        other = found.get(section.name)
        if other is not None and row.joins is None:
            raise Refused(f"there is {row.called} section '{section.name}' at {other.origin} already", 1)
        if section.name in row.reserved:
            raise Refused(f"there is {row.called} section '{section.name}' always", 1)
        section.skipped = False
        if other is not None and row.joins is not None:
            self._current = last = next(reversed(found.values()))  # so it is in HAProxy
            self.reading.warn(statement, row.joins(other, last))
            return
        found[section.name] = section
        if not row.alone:
            self._warn_of_rest(statement, 2)

    def _open_defaults(self, statement: Statement) -> None:
        words = statement.words
        name = words[1] if len(words) > 1 and words[1] != "from" else ""
        section = Section(Where.DEFAULTS, name, statement.origin)
        self._current = section
        index = 2 if name else 1
        section.base = self._base(section, statement, index, default=None)
        if name and words[2:] == ("from",):
            raise Refused("'from' needs the name of a defaults section behind it", 2)
        self._warn_of_rest(statement, index + 2 if words[index : index + 1] == ("from",) else index)
        self.defaults.append(section)
        self._named[True, name].append(section)
        self._begin(section)
        self._check_name(name, statement)
        self._check_rules(section)

    def _open_proxy(self, statement: Statement) -> None:
        words = statement.words
        kind = words[0]
        section = Section(Where(kind), words[1] if len(words) > 1 else "", statement.origin, skipped=True)
        self._current = section
        if not section.name:
            raise Refused(f"'{kind}' needs a name behind it", 0)
        last = self.defaults[-1] if self.defaults else None
        section.base = self._base(section, statement, 2, default=last)
        section.skipped = False
        self.sections.append(section)
        self._named[False, section.name].append(section)
        self._begin(section)
        self._check_name(section.name, statement)
        self._check_distinct(section)
        self._check_rest(statement)
        self._check_rules(section)

    def _check_rules(self, section: Section) -> None:
        """Refuse a proxy that would take over the rules of a defaults section that are not for proxies like it."""
        base = section.base
        if base is None or not any(base.draft.get(field) for field in RULES):
            return
        what = f"the defaults section '{base.name}' at {base.origin}, since it has rules"
        if section.where in (Where.DEFAULTS, Where.LISTEN):
            raise Refused(f"a '{section.where.value}' section cannot begin with {what}", 0)
        base.sides |= {section.where}
        if len(base.sides) > 1:
            raise Refused(f"frontends and backends cannot both begin with {what}", 0)

    def _begin(self, section: Section) -> None:
        if section.base is not None:
            section.draft = Draft(section.base.draft.settle())
        section.draft.update(kind=section.where.value, name=section.name, origin=section.origin)
        section.draft["timeouts_said"] = ()
        section.after_stats = not self.process.keys().isdisjoint(STATS_FIELDS)

    def _base(self, section: Section, statement: Statement, index: int, default: Section | None) -> Section | None:
        """Return the defaults section that `from` names, or else `default`."""
        words = statement.words
        if len(words) <= index + 1 or words[index] != "from":
            self._note_use(section, statement, default, "implied")
            return default
        found = self._named[True, words[index + 1]]
        if not found:
            raise Refused(self._no_defaults(section, words[index + 1]), index + 1)
        if len(found) > 1:
            raise Refused(
                f"the defaults section '{words[index + 1]}' of {SIDES[section.where.value]} '{section.name}' is "
                f"ambiguous: it stands at {found[0].origin} and at {found[1].origin}",
                index + 1,
            )
        self._note_use(section, statement, found[0], "named")
        return found[0]

    def _note_use(self, section: Section, statement: Statement, base: Section | None, use: str) -> None:
        """Warn when proxies use one defaults section both by name and because it is the last one (manual 4)."""
        if base is None or section.where is Where.DEFAULTS:
            return
        base.uses |= {use}
        if len(base.uses) > 1:
            self.reading.warn(
                statement,
                f"the defaults section '{base.name}' at {base.origin} is used by name and as the last one: "
                "say 'from' everywhere, or add a last defaults section for those that do not",
            )

    def _no_defaults(self, section: Section, name: str) -> str:
        near = nearest(name, [one.name for one in self.defaults if one.name])
        return f"no defaults section '{name}' for {SIDES[section.where.value]} '{section.name}'{suggestion(near)}"

    def _check_name(self, name: str, statement: Statement) -> None:
        if not NAME_CHARACTERS.issuperset(name):
            wrong = next(letter for letter in name if letter not in NAME_CHARACTERS)
            raise Refused(f"the character '{wrong}' cannot stand in the {statement.words[0]} name '{name}'", 1)

    def _check_distinct(self, section: Section) -> None:
        """Refuse two proxies of one name, unless one is a frontend and the other a backend."""
        for other in self._named[False, section.name][:-1]:
            if {section.where, other.where} != {Where.FRONTEND, Where.BACKEND}:
                raise Refused(
                    f"{SIDES[section.where.value]} '{section.name}' has the name of "
                    f"{SIDES[other.where.value]} '{other.name}' at {other.origin}",
                    1,
                )

    def _check_rest(self, statement: Statement) -> None:
        """Refuse or warn of what stands behind the name of a proxy and its `from`.

        HAProxy 2.6 does not read such words of a backend without `from`, and refuses all others.
        """
        words = statement.words
        if words[2:3] == ("from",) and len(words) > 3:
            if len(words) > 4:
                raise Refused(f"'{words[0]}' cannot take the argument '{words[4]}'", 4)
        elif words[0] == "backend":
            self._warn_of_rest(statement, 2)
        elif len(words) > 2:
            raise Refused(f"'{words[2]}' cannot stand here: addresses to listen on belong on 'bind' lines", 2)

    def _warn_of_rest(self, statement: Statement, index: int) -> None:
        """Warn of words in the head of a section that nobody reads, from the word `index` on."""
        rest = statement.words[index:]
        if rest == ("from",):
            missing = "the name of a defaults section is missing behind it"
            self.reading.warn(statement, f"'from' is not read: {missing}", index)
        elif rest:
            self.reading.warn(statement, f"'{' '.join(rest)}' behind the section's name is not read", index)

    # one statement of a section

    def _read(self, section: Section, statement: Statement) -> None:
        row = self.words.find(section.where, statement.words)
        if row is None:
            row = self._misplaced(section, statement)
        if row is None:
            return
        if row.status is Status.REFUSED:
            raise Refused(refusal(row), 0)
        if statement.negation and not row.negatable:
            raise Refused(f"'{statement.negation}' cannot stand before '{row.name}'", 0)
        if not (row.unnamed_defaults or section.name or section.where is not Where.DEFAULTS):
            raise Refused(f"'{row.name}' cannot stand in a 'defaults' section without a name", 0)
        self.reading.tell_status(row, statement)
        apply(row, statement, section.draft, self.reading)

    def _misplaced(self, section: Section, statement: Statement) -> Row | None:
        """Tell that the word is unknown, or stands in the wrong section; return its row if that is refused anyway."""
        row = self.words.find_elsewhere(section.where, statement.words)
        if row is None and self._is_checker(section, statement):
            self._choose_checker(section, statement)
            return None
        if row is None:
            raise Refused(self._unknown(section, statement), 0)
        if row.status is Status.REFUSED:
            return row
        if section.where is Where.DEFAULTS:
            raise Refused(f"'{row.name}' cannot stand in a 'defaults' section", 0)
        lacking = "backend" if section.where is Where.FRONTEND else "frontend"
        kind = SIDES[section.where.value]
        reason = f"because {kind} '{section.name}' has no {lacking} capability"
        if row.elsewhere == "refused":
            raise Refused(f"'{row.name}' cannot stand here {reason}", 0)
        hint = f"; {row.advice}" if row.advice else ""
        self.reading.warn(statement, f"'{row.name}' is ignored {reason}{hint}")
        return None

    def _is_checker(self, section: Section, statement: Statement) -> bool:
        """Return whether the line is `option NAME` of a health checker that a plugin brings."""
        words = statement.words
        option = section.where in BACK and words[0] == "option" and len(words) > 1
        return option and words[1] in self.reading.checkers

    def _choose_checker(self, section: Section, statement: Statement) -> None:
        if statement.negation:
            raise Refused(f"'{statement.negation}' cannot stand before 'option {statement.words[1]}'", 0)
        checker = self.reading.checkers[statement.words[1]]
        try:
            section.draft["check_options"] = checker.parse(statement.words[2:])
        except ValueError as wrong:
            at = blamed(str(wrong), statement.words, 1)
            raise Refused(f"'option {statement.words[1]}' : {wrong}", at) from None
        section.draft["checker"] = checker

    def _unknown(self, section: Section, statement: Statement) -> str:
        head, *rest = statement.words
        group = self.words.group(section.where, head)
        if group:
            return self._unknown_in_group(section, head, rest[0] if rest else "", group)
        near = nearest(head, [*self._openers, *self._firsts(section.where)])
        return f"unknown keyword '{head}' in '{section.where.value}' section{suggestion(near)}"

    def _unknown_in_group(self, section: Section, head: str, word: str, group: tuple[str, ...]) -> str:
        near = suggestion(nearest(word, (*group, *self.reading.checkers) if head == "option" else group))
        if head == "option":
            return f"unknown option '{word}'{near}" if word else "'option' needs the name of an option behind it"
        choice = ", ".join(f"'{one}'" for one in group)
        return f"'{head}' supports {choice}, and not '{word}'{near}"

    def _firsts(self, where: Where) -> list[str]:
        return [name.split(" ")[0] for name in self.words.at(where)]

    def _near_section(self, word: str) -> str:
        return suggestion(nearest(word, self._openers))

    def finished(self) -> dict[str, Any]:
        """Return what the kinds of sections that have a row become, by the kind's word."""
        return {
            word: row.finish({name: section.draft for name, section in self.named[word].items()}, self.reading)
            for word, row in self._rows.items()
        }

    _OWN: ClassVar[dict[str, Callable[[Sections, Statement], None]]] = {
        "global": _open_global,
        "defaults": _open_defaults,
        "frontend": _open_proxy,
        "backend": _open_proxy,
        "listen": _open_proxy,
        **dict.fromkeys(UNSUPPORTED_SECTIONS, _open_unsupported),
    }


def refusal(row: Row) -> str:
    """Return the sentence that refuses a word by name."""
    if row.advice:
        return f"'{row.name}' is no longer a word of HAProxy 2.6: {row.advice}"
    return f"'{row.name}' {UNSUPPORTED}"


def apply(row: Row, statement: Statement, draft: Draft, reading: Reading) -> None:
    """Let the row do what the statement says: its own code, or set its field to the value of its arguments."""
    if row.parse is not None:
        row.parse(statement, draft, reading)
        return
    skip = row.name.count(" ") + 1
    if row.status is Status.NO_EFFECT and row.many:
        if len(statement.words) < skip + row.many:
            raise Refused(f"'{row.name}' needs {_count(row.many)} behind it", skip - 1)
        return
    values = read_arguments(row, statement, skip, reading)
    if not row.field:
        return
    if statement.negation == "default":
        draft.pop(row.field, None)
    elif statement.negation:
        draft[row.field] = not row.value
    else:
        draft[row.field] = row.value if not values else values[0] if len(values) == 1 else tuple(values)


def read_arguments(row: Row, statement: Statement, skip: int, reading: Reading) -> list[object]:
    """Read the words behind the row's name by the types of its arguments; no word may be left over."""
    words = statement.words[skip:]
    types = row.arguments
    if len(words) < len(types):
        raise Refused(f"'{row.name}' needs {_count(len(types))} behind it", skip - 1)
    if len(words) > len(types):
        raise Refused(f"'{row.name}' cannot take the argument '{words[len(types)]}'", skip + len(types))
    values = []
    for index, (kind, word) in enumerate(zip(types, words, strict=True)):
        try:
            values.append(kind.read(word))
        except ValueError as error:
            raise Refused(f"'{row.name}' : {error}", skip + index) from None
        doubt = getattr(kind, "doubt", None)
        if doubt is not None and doubt(word):
            reading.warn(statement, f"'{row.name}' : {doubt(word)}")
    return values


def _count(number: int) -> str:
    return "an argument" if number == 1 else f"{number} arguments"
