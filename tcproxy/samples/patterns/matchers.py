"""Values compared with the patterns of a set, by one function that a change of the set replaces.

`match` and `find` are plain functions as long as nothing changes. A change costs the same for any number of patterns
where they are looked up (exact strings, prefixes, networks); the functions of the others are made anew with the next
call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tcproxy.samples.patterns.entries import Entry, Find, Match, no_match
from tcproxy.samples.patterns.methods import Flags, Method, Store


class Matcher:
    """One use of a set: compares values with its patterns by one method. HAProxy calls it a pattern expression.

    match: says whether a value is matched. find: returns the entry that matches, None without one. Both change when
    the set does, so ask for the attribute with every call. prepared: stores of generations that are not current.
    """

    __slots__ = ("find", "flags", "known", "match", "method", "prepared", "store", "watchers")

    def __init__(self, method: Method, flags: Flags) -> None:
        assert method.reader is not None
        self.method = method
        self.flags = flags
        self.known: dict[bytes, Any] = {}
        self.store = self._new_store()
        self.prepared: dict[int, Store] = {}
        self.watchers: list[Patterns] = []
        self.match: Match = self._first_match
        self.find: Find = self._first_find

    def _new_store(self) -> Store:
        assert self.method.reader is not None and self.method.store is not None
        read, known = self.method.reader(self.flags), self.known
        if self.method.operated is None:
            return self.method.store(read, self.flags)
        return self.method.store(lambda text: known[text] if text in known else read(text), self.flags)

    def _first_match(self, value: Any) -> object:
        self.match = self.store.test() if len(self.store) else no_match
        return self.match(value)

    def _first_find(self, value: Any) -> Entry | None:
        self.find = self.store.find() if len(self.store) else no_match
        return self.find(value)

    def changed(self) -> None:
        """Make the functions anew when they are called the next time."""
        self.match, self.find = self._first_match, self._first_find
        for patterns in self.watchers:
            patterns.changed()

    def of_generation(self, generation: int, current: int) -> Store:
        """Return the store of a generation."""
        if generation == current:
            return self.store
        store = self.prepared.get(generation)
        if store is None:
            store = self.prepared[generation] = self._new_store()
        return store

    def commit(self, generation: int) -> None:
        """Let a prepared generation become the current one; give up those before it."""
        self.store = self.of_generation(generation, -1)
        self.prepared = {number: store for number, store in self.prepared.items() if number > generation}
        self.changed()

    def clear(self) -> None:
        """Give up all patterns of the current generation."""
        self.store = self._new_store()
        self.changed()


class Patterns:
    """The patterns of one ACL test: those of its files and those of its line, each by its own Matcher.

    match, find: as of a Matcher; ask for the attribute with every call. files: the names of those of files, which
    rules may change at any time.
    """

    __slots__ = ("files", "find", "match", "matchers")

    def __init__(self, matchers: Iterable[Matcher], files: tuple[str, ...] = ()) -> None:
        self.matchers = tuple(matchers)
        self.files = files
        self.match: Match = self._first_match
        self.find: Find = self._first_find
        for matcher in self.matchers:
            matcher.watchers.append(self)

    def changed(self) -> None:
        """Make the functions anew when they are called the next time."""
        self.match, self.find = self._first_match, self._first_find

    def _first_match(self, value: Any) -> object:
        found = [matcher.store.test() for matcher in self.matchers if len(matcher.store)]
        self.match = _either(found)
        return self.match(value)

    def _first_find(self, value: Any) -> Entry | None:
        found = [matcher.store.find() for matcher in self.matchers if len(matcher.store)]
        self.find = _either(found)  # type: ignore[assignment]
        return self.find(value)


def _either(functions: Sequence[Match]) -> Match:
    """Return the function that gives the first answer that is true, or a false one."""
    if not functions:
        return no_match
    if len(functions) == 1:
        return functions[0]

    def either(value: Any) -> object:
        for function in functions:
            found = function(value)
            if found:
                return found
        return None

    return either
