"""Where the body of a message ends, as Content-Length and Transfer-Encoding tell it (RFC 9112 section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from .errors import BadMessage
from .fields import ENCODING, HOST, LENGTH, Field

LONGEST = (1 << 63) - 1
"""The largest Content-Length, in bytes: any peer can hold it in a signed counter of 64 bits."""


class Framing(Enum):
    """How a message's body ends."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


NO_BODY, SIZED, CHUNKED, UNTIL_CLOSE = Framing
"""The members as globals: looking one up as `Framing.NONE` takes longer than comparing with it."""


def content_length(field: Field, known: int, status: int) -> tuple[int, Field]:
    """Return the length in bytes that one Content-Length header tells, and the header to forward. Raises BadMessage.

    known: the length that an earlier Content-Length told, -1 without one. A list of equal numbers is forwarded as the
    last of them.
    """
    if field.value.isdigit():
        length = _number(field.value, status)
    else:
        words = [word.strip(b" \t") for word in field.value.split(b",")]
        if not all(word.isdigit() for word in words):
            raise BadMessage(status, "a Content-Length that is no number")
        numbers = {_number(word, status) for word in words}
        if len(numbers) > 1:
            raise BadMessage(status, "Content-Lengths that differ")
        length = numbers.pop()
        field = Field(field.name, words[-1])
    if known >= 0 and known != length:
        raise BadMessage(status, "Content-Lengths that differ")
    return length, field


def _number(digits: bytes, status: int) -> int:
    stripped = digits.lstrip(b"0")
    if len(stripped) > 19 or (number := int(stripped or b"0")) > LONGEST:
        raise BadMessage(status, "a Content-Length too large")
    return number


def only_chunked(encodings: Sequence[Field], status: int) -> bool:
    """Return whether the Transfer-Encoding headers of a message together say `chunked` and nothing else.

    Return False where other codings come before `chunked`, since we decode none of them. Raises BadMessage where a
    coding comes behind `chunked`, or the last coding is another one.
    """
    chunked = others = False
    for field in encodings:
        words = [word.strip(b" \t").lower() for word in field.value.split(b",")]
        if len(words) > 1 and not words[-1]:
            words.pop()
        for word in words:
            if chunked:
                raise BadMessage(status, "a transfer coding behind chunked")
            chunked = word == b"chunked"
            others = others or not chunked
    if not chunked:
        raise BadMessage(status, "a Transfer-Encoding that does not end with chunked")
    return not others


def measured(fields: list[Field], status: int) -> tuple[int, list[Field]]:
    """Return the length in bytes, -1 without one, and the headers with one Content-Length left. Raises BadMessage."""
    told = [field for field in fields if field.kind == LENGTH]
    if len(told) == 1 and told[0].value.isdigit():
        return _number(told[0].value, status), fields
    length = -1
    kept: list[Field] = []
    for field in fields:
        if field.kind == LENGTH:
            first = length < 0
            length, field = content_length(field, length, status)
            if not first:
                continue
        kept.append(field)
    return length, kept


def checked_trailers(fields: list[Field], status: int) -> list[Field]:
    """Return trailers as they are forwarded. Raises BadMessage.

    Trailers frame nothing. Yet HAProxy reads them as it reads headers and refuses the same contradictions, and so does
    this function: a server that merges trailers into the headers cannot be misled by them.
    """
    kinds = 0
    for field in fields:
        kinds |= field.kind
    if not kinds & (LENGTH | ENCODING | HOST):
        return fields
    if kinds & LENGTH:
        _, fields = measured(fields, status)
    if kinds & ENCODING:
        only_chunked([field for field in fields if field.kind == ENCODING], status)
        fields = [field for field in fields if field.kind != LENGTH]
    hosts = [field for field in fields if field.kind == HOST]
    if len({field.value.lower() for field in hosts}) > 1:
        raise BadMessage(status, "Hosts that differ")
    return [field for field in fields if field not in hosts[1:]]
