"""Cookies of requests and responses as samples (manual 7.3.6).

Headers are parted at commas first, as lists are. Without a name the first cookie counts, with one the last of that
name; a test tries all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.headers import request_head, response_head, that_may_come, words_of
from tcproxy.samples.kinds import Kind, Value, same
from tcproxy.samples.loose_numbers import loose_integer
from tcproxy.samples.places import OF_EITHER, OF_REQUESTS, OF_RESPONSES
from tcproxy.samples.rows import Convert, Fetch, Take, TakeEvery, every_converted

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts
    from tcproxy.samples.headers import HeadOf

    Cookies = Callable[[Facts, bytes], list[bytes]]

_BLANKS = b" \t"
_VALUE = rb'(?:[^",;]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))*+'
_SENT = re.compile(rb"[ \t]*+([^=,;]*+)(?:=[ \t]*+(%b))?" % _VALUE, re.DOTALL)
_SET = re.compile(rb"[ \t]*+([^=;]*+)(?:=[ \t]*+(%b))?" % _VALUE, re.DOTALL)


def sent(word: bytes, name: bytes) -> list[bytes]:
    """Return the values of the cookies of this name, of all for b"", in one word of a Cookie header.

    A cookie counts only if more bytes than its name and `=` are left from where it is looked for.
    """
    if b'"' not in word:
        return _plainly_sent(word, name)
    found = []
    at, size = 0, len(word) - len(name) - 1
    while at < size:
        match = _SENT.match(word, at)
        assert match is not None
        written, value = match.groups()
        at = match.end() + 1
        if value is not None and written[:1] != b"$" and (not name or written.rstrip(_BLANKS) == name):
            found.append(value.rstrip(_BLANKS))
    return found


def _plainly_sent(word: bytes, name: bytes) -> list[bytes]:
    """Do the same for a word without quotes, as nearly all are: it takes a third of the time."""
    parts = word.split(b";")
    if len(parts[-1]) <= len(name) + 1:
        del parts[-1]
    found = []
    for part in parts:
        written, equals, value = part.partition(b"=")
        if equals:
            written = written.strip(_BLANKS)
            if (written == name or not name) and written[:1] != b"$":
                found.append(value.strip(_BLANKS))
    return found


def given(word: bytes, name: bytes) -> list[bytes]:
    """Return the value of the cookie in one word of a Set-Cookie header, if it has this name; of any for b"".

    The first pair is the cookie, and attributes follow. HAProxy goes on after a pair of the right name, and after text
    without `=` or with a `$` in front: attributes count as cookies where no name is given.
    """
    found = []
    at, size = 0, len(word) - len(name) - 1
    while at < size:
        match = _SET.match(word, at)
        assert match is not None
        written, value = match.groups()
        at = match.end() + 1
        if value is not None and written[:1] != b"$":
            if name and written.rstrip(_BLANKS) != name:
                break
            found.append(value.rstrip(_BLANKS))
    return found


def of_request(facts: Facts, name: bytes) -> list[bytes]:
    """Return the values of the request's cookies of a name, of all for b""."""
    request = request_head(facts)
    if request is None:
        return []
    return [value for word in words_of(request, b"cookie") for value in sent(word, name)]


def of_response(facts: Facts, name: bytes) -> list[bytes]:
    """Return the values of the response's cookies of a name, of all for b""."""
    response = response_head(facts)
    if response is None:
        return []
    return [value for word in words_of(response, b"set-cookie") for value in given(word, name)]


def of_either(facts: Facts, name: bytes) -> list[bytes]:
    """Return those of the response once it came, else those of the request."""
    return of_request(facts, name) if facts.response is None else of_response(facts, name)


def _value(cookies: Cookies, change: Convert = same) -> Callable[..., Take]:
    def build(name: bytes = b"") -> Take:
        index = -1 if name else 0

        def take(facts: Facts) -> Value | None:
            found = cookies(facts, name)
            return change(found[index]) if found else None

        return take

    return build


def _every(cookies: Cookies, change: Convert = same) -> Callable[..., TakeEvery]:
    def build(name: bytes = b"") -> TakeEvery:
        return lambda facts: every_converted(cookies(facts, name), change)

    return build


def _count(cookies: Cookies, head: HeadOf) -> Callable[..., Take]:
    def build(name: bytes = b"") -> Take:
        return lambda facts: None if head(facts) is None else len(cookies(facts, name))

    return build


_READS: Mapping[Cookies, str] = MappingProxyType(
    {of_request: "header cookie", of_response: "header set-cookie", of_either: ""}
)
"""What an action changes that changes these cookies."""


def _value_row(name: str, cookies: Cookies, places: str, whose: str) -> Fetch:
    return Fetch(
        name, Kind.STR, places, f"The value of the {whose}'s cookie of a name.",
        build=_value(cookies), build_every=_every(cookies), arguments=(ArgumentType.STRING,), reads=_READS[cookies],
    )  # fmt: skip


def _rows(name: str, cookies: Cookies, places: str, whose: str) -> tuple[Fetch, ...]:
    types = (ArgumentType.STRING,)
    return (
        _value_row(name, cookies, places, whose),
        Fetch(
            f"{name}_cnt", Kind.SINT, places, f"How many cookies of a name the {whose} has.",
            build=_count(cookies, request_head if cookies is of_request else response_head), arguments=types,
            reads=_READS[cookies],
        ),
        Fetch(
            f"{name}_val", Kind.SINT, places, f"The value of the {whose}'s cookie of a name, as an integer.",
            build=_value(cookies, loose_integer), build_every=_every(cookies, loose_integer), arguments=types,
            reads=_READS[cookies],
        ),
    )  # fmt: skip


FETCHES = that_may_come(
    _value_row("cookie", of_either, OF_EITHER, "message"),
    *_rows("cook", of_request, OF_REQUESTS, "request"),
    *_rows("req.cook", of_request, OF_REQUESTS, "request"),
    *_rows("res.cook", of_response, OF_RESPONSES, "response"),
    *_rows("scook", of_response, OF_RESPONSES, "response"),
)
