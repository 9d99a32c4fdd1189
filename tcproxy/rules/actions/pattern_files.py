"""Actions that change the patterns of a file (manual 4.2, `add-acl`, `del-acl`, `set-map`, `del-map`).

All conditions and maps of all proxies that name this file see the change at once. As in HAProxy, an ACL's action may
change the file of a map, and a map's that of an ACL; a file that nothing reads has no patterns, and what does not fit
the uses of the file is not taken.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeAlias

from tcproxy.rules.actions.rows import Act, Action, ActionWords, Assembly, Made
from tcproxy.rules.sets import MESSAGES
from tcproxy.samples.patterns.files import PatternFiles
from tcproxy.samples.patterns.sets import PatternSet

Change: TypeAlias = Callable[[PatternSet, bytes], object]
"""Changes a set, given the text of a pattern. May raise ValueError."""


def _add(patterns: PatternSet, key: bytes) -> None:
    if patterns.find(key) is None:
        patterns.add(key)


def _set(patterns: PatternSet, key: bytes, value: bytes) -> None:
    if not patterns.set(key, value):
        patterns.add(key, value)


def _changing(change: Change) -> Callable[[ActionWords], Made]:
    """Return what reads `KEY`, a format."""

    def read(words: ActionWords) -> Made:
        file, sets = words.inside, PatternFiles(words.reading, words.statement).sets
        form = words.format("a key")

        def make(assembly: Assembly) -> Act:
            patterns = sets.of_file(file)  # lines below the rule's may be the first to name it
            if patterns is None:
                return _nothing
            text = assembly.text(form)

            def change_patterns(exchange: Any) -> None:
                with contextlib.suppress(ValueError):
                    change(patterns, text(exchange))

            return change_patterns

        return Made(make, (f"patterns {file}",), form.expressions)

    return read


def _read_entry(words: ActionWords) -> Made:
    """Read `KEY VALUE`, two formats."""
    file, sets = words.inside, PatternFiles(words.reading, words.statement).sets
    key, value = words.format("a key"), words.format("a value")

    def make(assembly: Assembly) -> Act:
        patterns = sets.of_file(file)
        if patterns is None:
            return _nothing
        write_key, write_value = assembly.text(key), assembly.text(value)

        def set_entry(exchange: Any) -> None:
            with contextlib.suppress(ValueError):
                _set(patterns, write_key(exchange), write_value(exchange))

        return set_entry

    return Made(make, (f"patterns {file}",), key.expressions + value.expressions)


def _nothing(exchange: Any) -> None:
    """Do nothing: no condition and no map reads the file."""


ACTIONS = (
    Action("add-acl", MESSAGES, "Add a pattern to those of a file, if it is not there.", _changing(_add), "KEY",
           named=True),
    Action("del-acl", MESSAGES, "Delete a pattern of a file.", _changing(PatternSet.delete), "KEY", named=True),
    Action("del-map", MESSAGES, "Delete a key of a map's file.", _changing(PatternSet.delete), "KEY", named=True),
    Action("set-map", MESSAGES, "Set the value of a key of a map's file, which is added if it is not there.",
           _read_entry, "KEY VALUE", named=True),
)  # fmt: skip
