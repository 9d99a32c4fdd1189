"""Converters of times, as seconds since 1970, into texts (manual 7.3.1). The formats are strftime's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, decode, integer_of
from tcproxy.samples.rows import Convert, Converter

_MASK = (1 << 55) - 1
"""The bits of a time that HAProxy looks at: no year that this gives is too large for a calendar of 32 bits."""
_INT64 = 1 << 64
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS = {b"s": 1, b"ms": 1000, b"us": 1000000}


def _remembering(convert: Convert) -> Convert:
    """Return the same converter, which works only once for a number that comes several times in a row."""
    last: list[Value | None] = [None, None]

    def both(value: Value) -> Value | None:
        if value != last[0]:
            last[:] = value, convert(value)
        return last[1]

    return both


def _wrapped(number: int) -> int:
    """Return a sum as 64 bits hold it."""
    return (number + (_INT64 >> 1)) % _INT64 - (_INT64 >> 1)


def _http_date(offset: int = 0, unit: bytes = b"s") -> Convert:
    """Return the converter into a date of HTTP. As HAProxy writes it, the fraction has no zeros in front."""
    divisor = _UNITS.get(unit)
    if divisor is None:
        raise ValueError(f"'{decode(unit)}' is none of s, ms, us")

    def convert(value: Value) -> Value | None:
        number = _wrapped(integer_of(value) + offset)
        seconds = abs(number) // divisor * (-1 if number < 0 else 1)
        fraction = number - seconds * divisor
        day = time.gmtime(seconds & _MASK)
        return (
            f"{_DAYS[day.tm_wday]}, {day.tm_mday:02} {_MONTHS[day.tm_mon - 1]} {day.tm_year:04}"
            f" {day.tm_hour:02}:{day.tm_min:02}:{day.tm_sec:02}{f'.{fraction}' if divisor > 1 else ''} GMT"
        ).encode("ascii")

    return _remembering(convert)


def _formatted(calendar: Callable[[float], time.struct_time]) -> Callable[..., Convert]:
    """Return what builds a converter by a format: of the time in this calendar, UTC or that of the machine."""

    def build(format: bytes = b"", offset: int = 0) -> Convert:
        text = os.fsdecode(format.partition(b"\0")[0])

        def convert(value: Value) -> Value | None:
            try:
                moment = calendar((integer_of(value) & _MASK) + offset)
                return os.fsencode(time.strftime(text, moment))
            except (OverflowError, OSError, ValueError):
                return None  # a year that the calendar does not reach

        return _remembering(convert)

    return build


_FORMAT = (ArgumentType.STRING, ArgumentType.INTEGER)

CONVERTERS = (
    Converter(
        "http_date", Kind.SINT, Kind.STR, "The time as a date of HTTP; it is in seconds, or in ms or us.",
        build=_http_date, arguments=(ArgumentType.INTEGER, ArgumentType.STRING),
    ),
    Converter(
        "ltime", Kind.SINT, Kind.STR, "The time of this machine's zone in a format of strftime.",
        build=_formatted(time.localtime), arguments=_FORMAT, required=1,
    ),
    Converter(
        "utime", Kind.SINT, Kind.STR, "The time in UTC in a format of strftime.",
        build=_formatted(time.gmtime), arguments=_FORMAT, required=1,
    ),
)  # fmt: skip
