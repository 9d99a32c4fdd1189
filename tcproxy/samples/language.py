"""The converter `language`: the language on offer that an Accept-Language header likes best (manual 7.3.1)."""

from __future__ import annotations

import re

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, bytes_of
from tcproxy.samples.rows import Convert, Converter

_RANGE = re.compile(rb"\s*([^;,\s]+)\s*(?:;\s*(?:q\s*=\s*([0-9])(?:\.([0-9]{0,3}))?)?|()\Z|([^;]))?")
"""A language with its quality. The last group: something follows that is no quality."""

BEST = 1000
"""The quality 1, in thousandths: the highest."""


def quality(units: bytes | None, fraction: bytes | None) -> int:
    """Return a quality in thousandths, from what stands before and behind its dot; the highest if none is given."""
    if units is None:
        return BEST
    return min(BEST, int(units) * BEST + int(((fraction or b"") + b"000")[:3]))


def _language(offered: bytes = b"", default: bytes = b"") -> Convert:
    """Return the converter. offered: languages with semicolons between them. default: where none fits."""
    languages = offered.split(b";")

    def convert(value: Value) -> Value | None:
        best, found = 0, default
        for part in bytes_of(value).split(b","):
            match = _RANGE.match(part)
            if match is None or match[5]:
                continue
            liked = next((one for one in languages if _fits(match[1], one)), None)
            wanted = quality(match[2], match[3])
            if liked is not None and wanted > best:
                best, found = wanted, liked
                if best == BEST:
                    break
        return found or default or None

    return convert


def _fits(range: bytes, language: bytes) -> bool:
    """Return whether a range of the header (`en-US`) is a language on offer (`en`), or one of its variants."""
    return range == language or (range.startswith(language) and range[len(language) :][:1] == b"-")


CONVERTERS = (
    Converter(
        "language", Kind.STR, Kind.STR, "The best of these languages for an Accept-Language header.",
        build=_language, arguments=(ArgumentType.STRING, ArgumentType.STRING), required=1,
    ),
)  # fmt: skip
