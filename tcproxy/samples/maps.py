"""Converters that look a sample up in a map file (manual 7.3.1): `map` and its family.

`map_<method>` gives the text of the second column, `map_<method>_int` an integer, `map_<method>_ip` an address. The
files are those of tcproxy/samples/patterns: all maps and ACLs that name one file share what rules make of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, bytes_of, decode
from tcproxy.samples.patterns.files import PatternFiles
from tcproxy.samples.patterns.matchers import Matcher
from tcproxy.samples.patterns.methods import METHODS, Flags
from tcproxy.samples.patterns.outputs import output_of
from tcproxy.samples.patterns.regexes import RegexStore
from tcproxy.samples.rows import Convert, Converter
from tcproxy.samples.substitutions import Expand, read_substitution

Build: TypeAlias = Callable[..., Convert]


def _matcher(files: PatternFiles, name: bytes, method: str, gives: Kind) -> Matcher:
    """Return what compares samples with the keys of a file, whose values must be of this kind. Raises ValueError."""
    found = files.load(decode(name), has_values=True)
    matcher = found.matcher(METHODS[method], Flags(resolve=False))
    found.require(gives)
    found.maps.append(files.statement.origin)
    return matcher


def _to_text(method: str) -> Build:
    def build(files: PatternFiles, name: bytes, default: bytes | None = None) -> Convert:
        matcher = _matcher(files, name, method, Kind.STR)

        def convert(value: Value) -> Value | None:
            entry = matcher.find(value)
            if entry is None:
                return default
            return entry.value if entry.value is not None else b"1"

        return convert

    return build


def _to_integer(method: str) -> Build:
    def build(files: PatternFiles, name: bytes, default: int | None = None) -> Convert:
        matcher = _matcher(files, name, method, Kind.SINT)

        def convert(value: Value) -> Value | None:
            entry = matcher.find(value)
            return default if entry is None else entry.integer

        return convert

    return build


def _to_address(method: str) -> Build:
    def build(files: PatternFiles, name: bytes, default: bytes | None = None) -> Convert:
        matcher = _matcher(files, name, method, Kind.ADDR)
        otherwise = None if default is None else output_of(Kind.ADDR, default)

        def convert(value: Value) -> Value | None:
            entry = matcher.find(value)
            return otherwise if entry is None else entry.address

        return convert

    return build


def _to_replacement(files: PatternFiles, name: bytes, default: bytes | None = None) -> Convert:
    """Build `map_regm`: the second column is a text with back references to what the expression found."""
    matcher = _matcher(files, name, "reg", Kind.STR)
    expanding = lru_cache(EXPANSIONS)(_expanding)

    def convert(value: Value) -> Value | None:
        text = bytes_of(value)
        entry = matcher.find(text)
        if entry is None:
            return default
        assert isinstance(matcher.store, RegexStore)
        search = matcher.store.searches[entry]
        found = search.first(text)
        expand = expanding(b"1" if entry.value is None else entry.value, search.groups)
        return None if found is None or expand is None else expand(found)

    return convert


EXPANSIONS = 1024
"""How many texts with back references a map keeps in their compiled form."""


def _expanding(text: bytes, groups: int) -> Expand | None:
    """Return the function of a text with back references; None for one that ends within an escape: it gives nothing."""
    try:
        return read_substitution(text, groups)
    except ValueError:
        return None

_METHODS = {
    "beg": (Kind.STR, "what the sample begins with, the longest first"),
    "dir": (Kind.STR, "a part of the sample between slashes"),
    "dom": (Kind.STR, "a part of the sample between dots, slashes and colons"),
    "end": (Kind.STR, "what the sample ends with"),
    "int": (Kind.SINT, "an integer or a range"),
    "ip": (Kind.ADDR, "an address or a network, the smallest first"),
    "reg": (Kind.STR, "a regular expression"),
    "str": (Kind.STR, "the whole sample"),
    "sub": (Kind.STR, "a part of the sample"),
}
"""What each method takes, and what its keys are."""
_GIVES = (
    ("", Kind.STR, _to_text, ArgumentType.STRING, "text"),
    ("_int", Kind.SINT, _to_integer, ArgumentType.INTEGER, "integer"),
    ("_ip", Kind.ADDR, _to_address, ArgumentType.STRING, "address"),
)


def _row(name: str, takes: Kind, gives: Kind, help: str, build: Build, default: ArgumentType) -> Converter:
    return Converter(
        name, takes, gives, help, build_from_files=build, arguments=(ArgumentType.STRING, default), required=1
    )


CONVERTERS = (
    _row("map", Kind.STR, Kind.STR, "The text of a map file whose key is the whole sample.", _to_text("str"),
         ArgumentType.STRING),
    _row("map_regm", Kind.STR, Kind.STR, "The same of a regular expression, with its groups for \\1 and so on.",
         _to_replacement, ArgumentType.STRING),
    *(
        _row(f"map_{method}{suffix}", takes, gives, f"The {word} of a map file for {keys}.", make(method), default)
        for method, (takes, keys) in _METHODS.items()
        for suffix, gives, make, default, word in _GIVES
    ),
)  # fmt: skip
