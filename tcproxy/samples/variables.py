"""Variables: samples that rules keep under a name for a while (manual 2.8).

A name begins with its scope: `proc` (the process), `sess` (the client's connection), `txn` (a request and its
response), `req` (until a server is asked for, or we answer), `res` (from then on), `check` (one health check). Their
sizes can be limited (`tune.vars...`). What sets them: the converter `set-var` (keeping.py), rules, and `set-var` in
`global`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tcproxy.samples.kinds import Kind, Sample, Value, cast_sample, decode

SCOPES = ("proc", "sess", "txn", "req", "res", "check")
CONDITIONS = ("ifempty", "ifnotempty", "ifexists", "ifnotexists", "ifgt", "iflt", "ifset", "ifnotset")
Conditions = frozenset[str]
UNCONDITIONAL: Conditions = frozenset()

VARIABLE_BYTES = 80
"""What a variable counts for beside its text, as in HAProxy on machines of 64 bits."""

_METHODS = frozenset((b"OPTIONS", b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"TRACE", b"CONNECT"))
_LIMITS = {"proc": "proc", "sess": "sess", "txn": "txn", "req": "reqres", "res": "reqres", "check": "check"}


class Store(dict[str, Sample]):
    """The variables of one scope that are set, by the rest of their name.

    above: the store of the scope around it, which counts these variables too. It is None for that of the process, and
    for all where nothing is limited. declared: names that exist and may not be set, None before there is one. limit:
    bytes at the most, 0 for no limit. limits: of all scopes. size: bytes that it counts for, those of the stores in it
    included; 0 where nothing is limited. Every name of the process's scope exists.
    """

    __slots__ = ("above", "declared", "lasting", "limit", "limits", "size")

    def __init__(
        self, limits: Mapping[str, int] | None = None, scope: str = "proc", above: Store | None = None
    ) -> None:
        self.above = above
        self.declared: set[str] | None = None
        self.lasting = scope == "proc"
        self.limits = limits
        self.limit = limits.get(_LIMITS[scope], 0) if limits else 0
        self.size = 0

    def inner(self, scope: str) -> Store:
        """Return a new store of a scope within this one."""
        return _InnerStore(self.limits, scope, self) if self.limits else Store(scope=scope)

    def put(self, name: str, sample: Sample, conditions: Conditions = UNCONDITIONAL) -> bool:
        """Set a variable; return whether that was done: a condition or a limit may be against it."""
        if conditions and not self._admits(name, sample, conditions):
            return False
        if self.limits is None:
            self[name] = sample
            return True
        return self._put_within_limits(name, sample)

    def remove(self, name: str) -> None:
        """Forget a variable."""
        old = self.pop(name, None)
        known = self.declared is not None and name in self.declared
        if known:
            self.declared.remove(name)  # type: ignore[union-attr]
        if self.limits is not None and (known or old is not None):
            self.grow(-VARIABLE_BYTES - _more_bytes(old))

    def _exists(self, name: str) -> bool:
        return name in self or self.lasting or (self.declared is not None and name in self.declared)

    def _admits(self, name: str, sample: Sample, conditions: Conditions) -> bool:
        """Return whether conditions are met. A variable exists from now on, even where they are not, but `ifexists`."""
        if self._exists(name):
            if "ifnotexists" in conditions:
                return False
        elif "ifexists" in conditions or not self._declare(name):
            return False
        old = self.get(name)
        if ("ifset" in conditions and old is None) or ("ifnotset" in conditions and old is not None):
            return False
        empty = sample.value == b""
        if ("ifempty" in conditions and not empty) or ("ifnotempty" in conditions and empty):
            return False
        if old is None or old.kind is not Kind.SINT or sample.kind is not Kind.SINT:
            return True
        return not (
            ("ifgt" in conditions and old.value <= sample.value)  # type: ignore[operator]  # both are integers
            or ("iflt" in conditions and old.value >= sample.value)  # type: ignore[operator]
        )

    # sizes

    def _declare(self, name: str) -> bool:
        """Make room for a name that does not exist; return whether there was any."""
        if self.limits is not None:
            if not self._has_room(VARIABLE_BYTES):
                return False
            self.grow(VARIABLE_BYTES)
        if self.declared is None:
            self.declared = set()
        self.declared.add(name)
        return True

    def _put_within_limits(self, name: str, sample: Sample) -> bool:
        old = self.pop(name, None)
        if old is None and (self.declared is None or name not in self.declared) and not self._declare(name):
            return False
        self.grow(-_more_bytes(old))
        more = _more_bytes(sample)
        if more and not self._has_room(more):
            if old is not None:
                self._declare_again(name)
            return False
        self.grow(more)
        self[name] = sample
        return True

    def _declare_again(self, name: str) -> None:
        if self.declared is None:
            self.declared = set()
        self.declared.add(name)

    def _has_room(self, size: int) -> bool:
        store: Store | None = self
        while store is not None:
            if store.limit and store.size + size > store.limit:
                return False
            store = store.above
        return True

    def grow(self, size: int) -> None:
        """Count so many bytes more, here and around."""
        store: Store | None = self
        while store is not None:
            store.size += size
            store = store.above


class _InnerStore(Store):
    """A store that counts in the stores around it, until it is dropped."""

    __slots__ = ()

    def __del__(self) -> None:
        """Give back to the stores around this one what it counts for."""
        if self.above is not None:
            self.above.grow(-self.size)


def _more_bytes(sample: Sample | None) -> int:
    """Return the bytes that a sample needs beside a variable's own."""
    if sample is None or sample.kind not in (Kind.STR, Kind.BIN, Kind.METH):
        return 0
    assert isinstance(sample.value, bytes)
    return 0 if sample.kind is Kind.METH and sample.value in _METHODS else len(sample.value)


def store_of_process(tune: Mapping[str, int]) -> Store:
    """Return the store of the scope `proc`, with the limits that `tune` names (`tune.vars.txn-max-size` ...)."""
    names = {*_LIMITS.values(), "global"}
    limits = {name: tune.get(f"tune.vars.{name}-max-size", 0) for name in names}
    store = Store({name: limit for name, limit in limits.items() if limit} or None)
    bounds = [limit for limit in (limits["proc"], limits["global"]) if limit]
    store.limit = min(bounds, default=0)  # all that counts for the one counts for the other
    return store


Stores = Callable[[str], Store | None]
"""Returns the variables of a scope, None while there is none: `Facts.variables`."""


class Variable(NamedTuple):
    """Where a variable stands: its scope, and the rest of its name."""

    scope: str
    name: str

    def sample(self, stores: Stores) -> Sample | None:
        """Return what it holds, None where it is not set, or where there is no such scope now."""
        store = stores(self.scope)
        return store.get(self.name) if store is not None else None

    def value(self, stores: Stores, kind: Kind) -> Value | None:
        """Return what it holds as a value of this kind."""
        sample = self.sample(stores)
        return cast_sample(sample, kind) if sample is not None else None


_NAME = re.compile(r"[A-Za-z0-9_.]+")


def read_variable(text: str) -> Variable:
    """Read the name of a variable. Raises ValueError."""
    scope, dot, name = text.partition(".")
    if not dot or scope not in SCOPES:
        raise ValueError(f"'{text}' names no variable: it must begin with one of {', '.join(SCOPES)}, and a dot")
    if not _NAME.fullmatch(name):
        raise ValueError(f"the variable '{text}' has a character that is none of letters, digits, '_' and '.'")
    return Variable(scope, name)


def variable_of(word: bytes) -> Variable:
    """Read the name of a variable from an argument. Raises ValueError."""
    return read_variable(decode(word))


def variable_in(word: bytes) -> Variable | None:
    """Return the variable that an argument names, None where it names none."""
    try:
        return variable_of(word)
    except ValueError:
        return None


def read_conditions(words: list[bytes]) -> Conditions:
    """Return the conditions of `set-var(NAME,CONDITION...)`. Raises ValueError."""
    found = [decode(word) for word in words]
    for word in found:
        if word not in CONDITIONS:
            raise ValueError(f"'{word}' is none of {', '.join(CONDITIONS)}")
    return frozenset(found)
