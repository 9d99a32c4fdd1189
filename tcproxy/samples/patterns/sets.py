"""Sets of patterns as objects: what an ACL's line or a file holds, which rules and the runtime socket change.

All ACLs and maps that name one file share its set, as in HAProxy. Each way of use of a set (a matching method with its
flags) has one Matcher (matchers.py). A set changes all its matchers when it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tcproxy.grammar.statements import NOWHERE, Origin
from tcproxy.samples.kinds import Kind, Value
from tcproxy.samples.patterns.entries import Entry
from tcproxy.samples.patterns.matchers import Matcher
from tcproxy.samples.patterns.methods import Flags, Method, Store
from tcproxy.samples.patterns.outputs import output_of


class PatternSet:
    """The patterns of one file, or of the line of one ACL; HAProxy calls it a pattern reference.

    number: what `show acl` and `show map` name it by: that of `-u`, or one of its own when all is read; -1 until then.
    file: its name as written, "" for the patterns of a line. origin: the line that named it first. title: the criterion
    of the ACL whose line has the patterns.
    has_values: of a file of two columns. acls, maps: how many of each use it.
    current, next: generations. Patterns of the current one match; those of others have been prepared, and match when
    their generation is committed.
    """

    __slots__ = (
        "_by_text", "_entries", "_kinds", "_last_id", "_matchers", "acls", "current", "file", "has_values", "maps",
        "next", "number", "origin", "title",
    )  # fmt: skip

    def __init__(self, file: str = "", origin: Origin = NOWHERE, has_values: bool = False, number: int = -1) -> None:
        self.number = number
        self.file = file
        self.origin = origin
        self.title = ""
        self.has_values = has_values
        self.acls: list[Origin] = []
        self.maps: list[Origin] = []
        self.current = 0
        self.next = 0
        self._entries: dict[int, Entry] = {}
        self._by_text: dict[bytes, list[Entry]] | None = None
        self._last_id = 0
        self._matchers: dict[tuple[str, Flags], Matcher] = {}
        self._kinds: set[Kind] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self, generation: int | None = None) -> Iterator[Entry]:
        """Return the patterns of a generation, of the current one by default, in their order."""
        wanted = self.current if generation is None else generation
        return (entry for entry in self._entries.values() if entry.generation == wanted)

    def entry(self, number: int) -> Entry | None:
        """Return the pattern of this id."""
        return self._entries.get(number)

    def numbers(self) -> list[int]:
        """Return the ids of the patterns of all generations, in their order."""
        return list(self._entries)

    # uses

    def matchers(self) -> list[Matcher]:
        """Return what compares values with the patterns, one for each way of use."""
        return list(self._matchers.values())

    def gives(self, kind: Kind) -> bool:
        """Return whether a map that uses the set gives values of this kind."""
        return kind in self._kinds

    def matcher(self, method: Method, flags: Flags) -> Matcher:
        """Return the Matcher of this way of use, made with its first user. Raises ValueError for an unfit pattern."""
        found = self._matchers.get((method.name, flags))
        if found is not None:
            return found
        matcher = Matcher(method, flags)
        for entry in self._entries.values():
            try:
                matcher.of_generation(entry.generation, self.current).add(entry)
            except ValueError as error:
                raise ValueError(f"{error}{self._place(entry)}") from None
        self._matchers[method.name, flags] = matcher
        return matcher

    def require(self, kind: Kind) -> None:
        """Let all values be of this kind: a map's that uses the set. Raises ValueError for one that cannot be."""
        if kind is Kind.STR or kind in self._kinds:
            return
        for entry in self._entries.values():
            try:
                self._set_output(entry, kind, output_of(kind, entry.value))
            except ValueError as error:
                raise ValueError(f"{error}{self._place(entry)}") from None
        self._kinds.add(kind)

    def _place(self, entry: Entry) -> str:
        return f", at line {entry.line} of the file '{self.file}'" if entry.line and self.file else ""

    @staticmethod
    def _set_output(entry: Entry, kind: Kind, output: Value) -> None:
        if kind is Kind.SINT:
            entry.integer = output
        elif kind is Kind.ADDR:
            entry.address = output

    # changes

    def fill(self, lines: Iterable[tuple[int, bytes, bytes | None]]) -> None:
        """Take the lines of a file: number, pattern, value. Nothing may use the set yet."""
        assert not self._matchers and not self._kinds
        entries = self._entries
        for at, (line, text, value) in enumerate(lines, self._last_id + 1):
            entries[at] = Entry(at, text, value, line, self.current)
        self._last_id = len(entries)

    def add(self, text: bytes, value: bytes | None = None, generation: int | None = None) -> Entry:
        """Add a pattern to the current generation, or to another, even if there is one of the same text.

        Raises ValueError, and adds nothing, where it is unfit.
        """
        wanted = self.current if generation is None else generation
        entry = Entry(self._last_id + 1, text, value, 0, wanted)
        outputs = [(kind, output_of(kind, value)) for kind in self._kinds]
        added: list[Store] = []
        try:
            for matcher in self._matchers.values():
                store = matcher.of_generation(wanted, self.current)
                store.add(entry)
                added.append(store)
        except ValueError:
            for store in added:
                store.remove(entry)
            raise
        for kind, output in outputs:
            self._set_output(entry, kind, output)
        self._last_id = entry.id
        self._entries[entry.id] = entry
        if self._by_text is not None:
            self._by_text.setdefault(text, []).append(entry)
        self._changed(wanted)
        return entry

    def find(self, text: bytes) -> Entry | None:
        """Return the first pattern of this very text, in any generation."""
        return next(iter(self._of_text(text)), None)

    def delete(self, text: bytes) -> int:
        """Delete all patterns of this text, in every generation; return how many there were."""
        found = self._of_text(text)
        for entry in found:
            self._delete(entry)
        return len(found)

    def delete_entry(self, number: int) -> bool:
        """Delete the pattern of this id; return whether there was one."""
        entry = self._entries.get(number)
        if entry is not None:
            self._delete(entry)
        return entry is not None

    def set(self, text: bytes, value: bytes) -> int:
        """Give all patterns of this text another value; return how many there are. Raises ValueError if it is unfit."""
        found = self._of_text(text)
        for entry in found:
            self._set_value(entry, value)
        return len(found)

    def set_entry(self, number: int, value: bytes) -> bool:
        """Give the pattern of this id another value; return whether there is one. Raises ValueError if it is unfit."""
        entry = self._entries.get(number)
        if entry is not None:
            self._set_value(entry, value)
        return entry is not None

    def clear(self) -> None:
        """Delete all patterns of the current generation."""
        self._keep(lambda entry: entry.generation != self.current)
        for matcher in self._matchers.values():
            matcher.clear()

    # generations

    def prepare(self) -> int:
        """Begin another generation and return its number: patterns added to it match when it is committed."""
        self.next += 1
        return self.next

    def commit(self, generation: int) -> bool:
        """Let the patterns of a generation match instead of the current ones, which are deleted with all before it.

        Returns False, and does nothing, for a generation that is not ahead or was not prepared.
        """
        if not self.current < generation <= self.next:
            return False
        self.current = generation
        for matcher in self._matchers.values():
            matcher.commit(generation)
        self._keep(lambda entry: entry.generation >= generation)
        return True

    def abandon(self, generation: int) -> None:
        """Delete the patterns of a generation that is not the current one."""
        assert generation != self.current
        for matcher in self._matchers.values():
            matcher.prepared.pop(generation, None)
        self._keep(lambda entry: entry.generation != generation)

    def _keep(self, wanted: Callable[[Entry], bool]) -> None:
        self._entries = {entry.id: entry for entry in self._entries.values() if wanted(entry)}
        self._by_text = None

    def _of_text(self, text: bytes) -> list[Entry]:
        """Return the patterns of this text, of all generations, as in HAProxy. The index is made when first needed."""
        if self._by_text is None:
            self._by_text = {}
            for entry in self._entries.values():
                self._by_text.setdefault(entry.text, []).append(entry)
        return list(self._by_text.get(text, ()))

    def _delete(self, entry: Entry) -> None:
        for matcher in self._matchers.values():
            matcher.of_generation(entry.generation, self.current).remove(entry)
        del self._entries[entry.id]
        if self._by_text is not None:
            same = self._by_text[entry.text]
            same.remove(entry)
            if not same:
                del self._by_text[entry.text]
        self._changed(entry.generation)

    def _set_value(self, entry: Entry, value: bytes) -> None:
        outputs = [(kind, output_of(kind, value)) for kind in self._kinds]
        for kind, output in outputs:
            self._set_output(entry, kind, output)
        entry.value = value

    def _changed(self, generation: int) -> None:
        if generation == self.current:
            for matcher in self._matchers.values():
                matcher.changed()


class PatternSets:
    """All sets of one configuration, in the order of their lines."""

    def __init__(self) -> None:
        self.sets: list[PatternSet] = []
        self._by_file: dict[str, PatternSet] = {}

    def of_file(self, name: str) -> PatternSet | None:
        """Return the set of a file, by its name as written in the configuration."""
        return self._by_file.get(name)

    def of_number(self, number: int) -> PatternSet | None:
        """Return the set of a number."""
        return next((one for one in self.sets if one.number == number), None)

    def add(self, one: PatternSet) -> None:
        """Take a set. Raises ValueError where another has its number."""
        if one.number != -1 and self.of_number(one.number) is not None:
            raise ValueError(f"another acl has the number {one.number} already")
        self.sets.append(one)
        if one.file:
            self._by_file[one.file] = one

    def give_numbers(self) -> None:
        """Number the sets that have no number of their own, from 0 up, when all of the configuration is read."""
        taken = {one.number for one in self.sets}
        number = 0
        for one in self.sets:
            if one.number != -1:
                continue
            while number in taken:
                number += 1
            one.number = number
            number += 1
        self.sets.sort(key=lambda one: one.number)
