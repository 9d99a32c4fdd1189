"""String patterns: exact, prefix, suffix, substring, subdir, domain (manual 7.1.3), and blocks of bytes (7.1.5).

Long lists are looked up rather than scanned, but for substrings, which are tried one after another.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from tcproxy.samples.kinds import decode
from tcproxy.samples.patterns.entries import Entry, Find, Match, no_match

Read: TypeAlias = Callable[[bytes], bytes]
"""Makes of a pattern as written the bytes that are compared; letters are small where case is ignored."""

FEW = 8
"""Up to this many prefixes or suffixes are tried one by one."""


_BLOCK = re.compile(rb"(?:[0-9a-fA-F]{2})*")


def read_block(digits: bytes) -> bytes:
    """Return the bytes of an even number of hexadecimal digits. Raises ValueError."""
    if not _BLOCK.fullmatch(digits):
        raise ValueError(f"'{decode(digits)}' is not an even number of hexadecimal digits")
    return bytes.fromhex(digits.decode("ascii"))


class Table:
    """Entries by key. Of several with one key, the first is found; the others wait in `more`."""

    __slots__ = ("first", "more")

    def __init__(self) -> None:
        self.first: dict[bytes, Entry] = {}
        self.more: dict[bytes, list[Entry]] = {}

    def add(self, key: bytes, entry: Entry) -> None:
        """Take an entry."""
        if self.first.setdefault(key, entry) is not entry:
            self.more.setdefault(key, []).append(entry)

    def remove(self, key: bytes, entry: Entry) -> None:
        """Give up an entry."""
        rest = self.more.get(key)
        if rest is None:
            del self.first[key]
            return
        if self.first[key] is entry:
            self.first[key] = rest.pop(0)
        else:
            rest.remove(entry)
        if not rest:
            del self.more[key]


class _Texts:
    """What all stores of texts share. ignore_case: of the use of the set that this store serves."""

    __slots__ = ("ignore_case", "read")

    def __init__(self, read: Read, ignore_case: bool) -> None:
        self.read = read
        self.ignore_case = ignore_case

    def folded(self, find: Find) -> Find:
        """Return the same function for any case, where case is ignored."""
        if not self.ignore_case:
            return find
        return lambda value: find(value.lower())


class ExactStore(_Texts):
    """Texts that are equal to the value. whole: compare what stands behind a NUL of the value, too."""

    __slots__ = ("table", "whole")

    def __init__(self, read: Read, ignore_case: bool, whole: bool = False) -> None:
        super().__init__(read, ignore_case)
        self.whole = whole or ignore_case  # where case counts, HAProxy looks up strings that a NUL ends
        self.table = Table()

    def __len__(self) -> int:
        return len(self.table.first)

    def add(self, entry: Entry) -> None:
        """Take a pattern. Raises ValueError."""
        self.table.add(self.read(entry.text), entry)

    def remove(self, entry: Entry) -> None:
        """Give up a pattern."""
        self.table.remove(self.read(entry.text), entry)

    def test(self) -> Match:
        """Return the function that says whether a value is among the patterns."""
        has = self.table.first.__contains__
        if self.ignore_case:
            return lambda value: has(value.lower())
        if self.whole:
            return has
        return lambda value: has(value) or (b"\0" in value and has(value.partition(b"\0")[0]))

    def find(self) -> Find:
        """Return the function that finds a value among the patterns."""
        get = self.table.first.get
        if self.whole:
            return self.folded(get)
        return lambda value: get(value.partition(b"\0")[0] if b"\0" in value else value)


class PrefixStore(_Texts):
    """Texts that the value begins with. Of several, the longest is found."""

    __slots__ = ("lengths",)

    def __init__(self, read: Read, ignore_case: bool) -> None:
        super().__init__(read, ignore_case)
        self.lengths: dict[int, Table] = {}

    def __len__(self) -> int:
        return sum(len(table.first) for table in self.lengths.values())

    def add(self, entry: Entry) -> None:
        """Take a pattern."""
        key = self.read(entry.text)
        table = self.lengths.get(len(key))
        if table is None:
            table = self.lengths[len(key)] = Table()
            self.lengths = dict(sorted(self.lengths.items(), reverse=True))
        table.add(key, entry)

    def remove(self, entry: Entry) -> None:
        """Give up a pattern."""
        key = self.read(entry.text)
        table = self.lengths[len(key)]
        table.remove(key, entry)
        if not table.first:
            del self.lengths[len(key)]

    def test(self) -> Match:
        """Return the function that says whether a value begins like a pattern."""
        if len(self) > FEW:
            return self.find()
        few = tuple(key for table in self.lengths.values() for key in table.first)
        if self.ignore_case:
            return lambda value: value.lower().startswith(few)
        return lambda value: value.startswith(few)

    def find(self) -> Find:
        """Return the function that finds the longest pattern that a value begins with."""
        lengths = [(length, table.first) for length, table in self.lengths.items()]

        def find(value: bytes) -> Entry | None:
            for length, table in lengths:
                found = table.get(value[:length])
                if found is not None:
                    return found
            return None

        return self.folded(find)


class _Tried(_Texts):
    """Patterns that are tried in their order."""

    __slots__ = ("keys",)

    def __init__(self, read: Read, ignore_case: bool) -> None:
        super().__init__(read, ignore_case)
        self.keys: dict[Entry, bytes] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, entry: Entry) -> None:
        """Take a pattern. Raises ValueError."""
        self.keys[entry] = self.read(entry.text)

    def remove(self, entry: Entry) -> None:
        """Give up a pattern."""
        del self.keys[entry]


class SuffixStore(_Tried):
    """Texts that the value ends with."""

    __slots__ = ()

    def test(self) -> Match:
        """Return the function that says whether a value ends like a pattern."""
        if len(self) > FEW:
            return self.find()
        few = tuple(self.keys.values())
        if self.ignore_case:
            return lambda value: value.lower().endswith(few)
        return lambda value: value.endswith(few)

    def find(self) -> Find:
        """Return the function that finds the first pattern that a value ends with."""
        tables: dict[int, dict[bytes, tuple[int, Entry]]] = {}
        for rank, (entry, key) in enumerate(self.keys.items()):
            tables.setdefault(len(key), {}).setdefault(key, (rank, entry))
        lengths = list(tables.items())

        def find(value: bytes) -> Entry | None:
            best = None
            for length, table in lengths:
                found = table.get(value[len(value) - length :]) if length <= len(value) else None
                if found is not None and (best is None or found[0] < best[0]):
                    best = found
            return None if best is None else best[1]

        return self.folded(find)


class SubstringStore(_Tried):
    """Texts that stand anywhere in the value."""

    __slots__ = ()

    def test(self) -> Match:
        """Return the function that says whether a pattern stands in a value."""
        if len(self.keys) != 1:
            return self.find()
        (only,) = self.keys.values()
        if self.ignore_case:
            return lambda value: only in value.lower()
        return lambda value: only in value

    def find(self) -> Find:
        """Return the function that finds the first pattern that stands in a value."""
        keys = [(key, entry) for entry, key in self.keys.items()]

        def find(value: bytes) -> Entry | None:
            for key, entry in keys:
                if key in value:
                    return entry
            return None

        return self.folded(find)


class DelimitedStore(_Tried):
    """Texts that stand in the value between delimiters or its ends; those at a pattern's own ends do not count."""

    def __init__(self, read: Read, ignore_case: bool, delimiters: bytes) -> None:
        super().__init__(read, ignore_case)
        self.delimiters = delimiters

    def _search(self, cores: list[bytes]) -> Callable[[bytes], object]:
        edge = re.escape(self.delimiters)
        parts = b"|".join(map(re.escape, cores))
        return re.compile(b"(?:^|[%b])(?:%b)(?:\\Z|[%b])" % (edge, parts, edge)).search

    def _cores(self) -> list[tuple[bytes, Entry]]:
        """Return patterns without the delimiters at their ends; one of delimiters alone matches nothing."""
        found = ((key.strip(self.delimiters), entry) for entry, key in self.keys.items())
        return [(core, entry) for core, entry in found if core]

    def test(self) -> Match:
        """Return the function that says whether a pattern stands in a value."""
        cores = [core for core, _ in self._cores()]
        if not cores:
            return no_match
        if len(cores) > FEW:
            return self.find()
        search = self._search(cores)
        if self.ignore_case:
            return lambda value: search(value.lower())
        return search

    def find(self) -> Find:
        """Return the function that finds the first pattern that stands in a value.

        What stands between two delimiters of the value is looked up, for each number of delimiters that patterns
        have inside: the time depends on the value, and hardly on how many patterns there are.
        """
        delimiter = re.compile(b"[%b]" % re.escape(self.delimiters))
        inside: dict[int, dict[bytes, tuple[int, Entry]]] = {}
        for rank, (core, entry) in enumerate(self._cores()):
            inside.setdefault(len(delimiter.findall(core)), {}).setdefault(core, (rank, entry))
        tables = list(inside.items())

        def find(value: bytes) -> Entry | None:
            ends = [match.start() for match in delimiter.finditer(value)]
            starts = [0, *[end + 1 for end in ends]]
            ends.append(len(value))
            best = None
            for count, table in tables:
                for start, end in zip(starts, ends[count:], strict=False):
                    found = table.get(value[start:end])
                    if found is not None and (best is None or found[0] < best[0]):
                        best = found
            return None if best is None else best[1]

        return self.folded(find)
