"""Headers of requests and responses as samples (manual 7.3.6): values, how many there are, names, all of them.

`hdr` parts values at commas, `fhdr` does not. Without a position the last value counts; a test tries all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from tcproxy.grammar.networks import packed_address
from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, decode, same
from tcproxy.samples.loose_numbers import loose_integer, loose_ipv4
from tcproxy.samples.places import OF_EITHER, OF_REQUESTS, OF_RESPONSES
from tcproxy.samples.rows import Convert, Fetch, Take, TakeEvery, converted
from tcproxy.wire.early_request import early_request
from tcproxy.wire.http_guess import guessing_codec
from tcproxy.wire.unread import NEVER, NOT_YET, Unread

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts
    from tcproxy.wire.messages import Head, RequestHead

    HeadOf = Callable[[Facts], Head | None]

FURTHEST_BACK = 10
"""Positions are counted from the end up to here."""
_PART = re.compile(rb'(?:[^",]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))*+', re.DOTALL)
_BLANKS = b" \t\r\n"
_PORT = re.compile(rb":[0-9]{1,5}")

response_head: HeadOf = attrgetter("response")


def request_head(facts: Facts) -> RequestHead | None:
    """Return the head of the request, None once its response came: rules of responses do not see it, as in HAProxy.

    In TCP mode it is the request that the client's bytes begin with.
    """
    if facts.response is not None:
        return None
    request = facts.request
    return _early(facts) if request is None else request


def _early(facts: Facts) -> RequestHead | None:
    found = _heard(facts)
    return None if isinstance(found, Unread) else found


def _heard(facts: Facts) -> RequestHead | Unread:
    """Return the request that the bytes of a client in TCP mode begin with, or whether it may still come."""
    if facts.frontend.model.mode != "tcp":
        return NEVER
    return early_request(facts.data(), guessing_codec())


def head_may_come(facts: Facts) -> bool:
    """Return whether the head of a request may still come, in TCP mode."""
    return facts.request is None and _heard(facts) is NOT_YET


def either_head(facts: Facts) -> Head | None:
    """Return the head of the response once it came, else that of the request."""
    response = facts.response
    return request_head(facts) if response is None else response


def parted(value: bytes) -> list[bytes]:
    """Return the words of a header's value between commas outside of quotes, without blanks around them."""
    if b'"' not in value:
        return [part.strip(_BLANKS) for part in value.split(b",")]
    return list(_quoted_parts(value))


def _quoted_parts(value: bytes) -> Iterator[bytes]:
    at = 0
    while True:
        found = _PART.match(value, at)
        assert found is not None
        yield found[0].strip(_BLANKS)
        at = found.end() + 1
        if at > len(value):
            return


def lines_of(head: Head, name: bytes) -> list[bytes]:
    """Return the values of all headers of this name, of all headers for b""."""
    return head.values(name) if name else [field.value for field in head.fields]


def words_of(head: Head, name: bytes) -> list[bytes]:
    """Return the words of all headers of this name, of all headers for b""."""
    lines = lines_of(head, name)
    if len(lines) == 1 and b"," not in lines[0]:
        return lines
    return [word for line in lines for word in parted(line)]


ValuesOf = Callable[["Head", bytes], list[bytes]]


class Family(NamedTuple):
    """Fetches that read the same headers. prefix: of their names. values: how the headers are read."""

    prefix: str
    head: HeadOf
    values: ValuesOf
    places: str


# one value


def last_word(head_of: HeadOf, name: bytes) -> Take:
    """Return the fetch of the last word of all headers of a name."""
    if head_of is request_head:
        return _last_word_of_request(name)

    def take(facts: Facts) -> Value | None:
        head = head_of(facts)
        if head is None:
            return None
        value = head.last(name)
        return value if value is None or b"," not in value else parted(value)[-1]

    return take


def _last_word_of_request(name: bytes) -> Take:
    """Return the same for requests, with all calls written out: rules ask for it most of all."""

    def take(facts: Facts) -> Value | None:
        request = facts.request
        if request is None or facts.response is not None:
            request = request_head(facts)
            if request is None:
                return None
        template = request.template
        if template is None:
            value = request.last(name)
        else:
            places = template.places.get(name)
            value = None if places is None else request.parts[places[-1]]
        return value if value is None or b"," not in value else parted(value)[-1]

    return take


def last_line(head_of: HeadOf, name: bytes) -> Take:
    """Return the fetch of the last header of a name."""

    def take(facts: Facts) -> Value | None:
        head = head_of(facts)
        return None if head is None else head.last(name)

    return take


def _last(family: Family, name: bytes) -> Take:
    if name:
        return (last_word if family.values is words_of else last_line)(family.head, name)
    return _at(family, name, -1)


def _at(family: Family, name: bytes, position: int) -> Take:
    """Return the fetch of the value at a position: 1 is the first, -1 the last."""
    head_of, values_of = family.head, family.values
    index = position - 1 if position > 0 else position
    fewest = position if position > 0 else -position

    def take(facts: Facts) -> Value | None:
        head = head_of(facts)
        if head is None:
            return None
        values = values_of(head, name)
        return values[index] if len(values) >= fewest else None

    return take


def _one(family: Family, name: bytes | None, position: int) -> Take:
    if name is None:
        return _nothing
    name = name.lower()
    return _at(family, name, position) if position else _last(family, name)


def _nothing(facts: Facts) -> Value | None:
    """Return no sample: HAProxy's fetches of headers give none without parentheses behind their name."""
    return None


def _every(family: Family, name: bytes | None, position: int) -> TakeEvery | None:
    """Return the fetch of all values, which a test tries; None where one value is asked for."""
    if name is None or position:
        return None
    name = name.lower()
    if name and family.values is words_of:
        return _every_word(family.head, name)
    head_of, values_of = family.head, family.values

    def take(facts: Facts) -> Sequence[Value]:
        head = head_of(facts)
        return () if head is None else values_of(head, name)

    return take


def _every_word(head_of: HeadOf, name: bytes) -> TakeEvery:
    """Return the fetch of all words of the headers of a name, with the calls of `words_of` written out."""

    def take(facts: Facts) -> Sequence[Value]:
        head = head_of(facts)
        if head is None:
            return ()
        lines = head.values(name)
        if len(lines) == 1:
            return parted(lines[0]) if b"," in lines[0] else lines
        return [word for line in lines for word in parted(line)]

    return take


def _checked(position: int) -> int:
    if position < -FURTHEST_BACK:
        raise ValueError(f"the position {position} is before -{FURTHEST_BACK}")
    return position


# values as integers and addresses


def _address(value: Value) -> Value | None:
    """Return the address that a value is; digits of a port may stand behind an IPv4 address and a colon."""
    assert isinstance(value, bytes)
    found = loose_ipv4(value)
    if found is None:
        return packed_address(decode(value)) if b":" in value else None
    packed, end = found
    if end < len(value) and (not _PORT.fullmatch(value, end) or int(value[end + 1 :]) > 65535):
        return None
    return packed


def _value_row(family: Family, suffix: str, kind: Kind, help: str, change: Convert = same) -> Fetch:
    def build(name: bytes | None = None, position: int = 0) -> Take:
        return converted(_one(family, name, _checked(position)), change)

    def build_every(name: bytes | None = None, position: int = 0) -> TakeEvery | None:
        every = _every(family, name, position)
        if every is None or change is same:
            return every
        return lambda facts: [found for value in every(facts) if (found := change(value)) is not None]

    types = (ArgumentType.STRING, ArgumentType.INTEGER)
    return Fetch(
        family.prefix + suffix,
        kind,
        family.places,
        help,
        build=build,
        build_every=build_every,
        arguments=types,
        reads="header",
    )


def _count_row(family: Family, help: str) -> Fetch:
    head_of, values_of = family.head, family.values

    def build(name: bytes = b"") -> Take:
        name = name.lower()

        def take(facts: Facts) -> Value | None:
            head = head_of(facts)
            return None if head is None else len(values_of(head, name))

        return take

    return Fetch(
        f"{family.prefix}_cnt",
        Kind.SINT,
        family.places,
        help,
        build=build,
        arguments=(ArgumentType.STRING,),
        reads="header",
    )


def that_may_come(*rows: Fetch) -> tuple[Fetch, ...]:
    """Return rows with the function that says whether the head may still come, where they are about requests."""
    return tuple(replace(row, waits=head_may_come) if row.places[2] == "Y" else row for row in rows)


def _rows(prefix: str, head_of: HeadOf, places: str, whose: str) -> tuple[Fetch, ...]:
    """Return the rows of headers that are lists."""
    family = Family(prefix, head_of, words_of, places)
    return (
        _value_row(family, "", Kind.STR, f"A word of a {whose}'s headers of a name: the last, or at a position."),
        _count_row(family, f"How many words the {whose}'s headers of a name have."),
        _value_row(family, "_ip", Kind.IPV4, f"A word of a {whose}'s headers as an address.", _address),
        _value_row(family, "_val", Kind.SINT, f"A word of a {whose}'s headers as an integer.", loose_integer),
    )


def _full_rows(prefix: str, head_of: HeadOf, places: str, whose: str) -> tuple[Fetch, ...]:
    """Return the rows of headers that are taken whole."""
    family = Family(prefix, head_of, lines_of, places)
    return (
        _value_row(family, "", Kind.STR, f"A {whose}'s header of a name, whole: the last, or at a position."),
        _count_row(family, f"How many headers of a name the {whose} has."),
    )


# all headers at once


def _names(head_of: HeadOf) -> Callable[..., Take]:
    def build(delimiter: bytes = b",") -> Take:
        between = delimiter[:1] or b"\0"

        def take(facts: Facts) -> Value | None:
            head = head_of(facts)
            return None if head is None else between.join(head.names)

        return take

    return build


def _written(head_of: HeadOf) -> Take:
    def take(facts: Facts) -> Value | None:
        head = head_of(facts)
        if head is None:
            return None
        return b"".join([b"%b: %b\r\n" % (field.name, field.value) for field in head.fields]) + b"\r\n"

    return take


def _binary(head_of: HeadOf) -> Take:
    def take(facts: Facts) -> Value | None:
        head = head_of(facts)
        if head is None:
            return None
        return b"".join([_sized(field.name) + _sized(field.value) for field in head.fields]) + b"\0\0"

    return take


def _sized(text: bytes) -> bytes:
    """Return a text behind its length, an integer as the protocol SPOP writes it (doc/SPOE.txt of HAProxy)."""
    number = len(text)
    if number < 240:
        return bytes((number,)) + text
    out = bytearray(((number | 240) & 0xFF,))
    number = (number - 240) >> 4
    while number >= 128:
        out.append((number | 128) & 0xFF)
        number = (number - 128) >> 7
    out.append(number)
    return bytes(out) + text


def _whole_rows(prefix: str, head_of: HeadOf, places: str, whose: str) -> tuple[Fetch, ...]:
    return (
        Fetch(
            f"{prefix}_names", Kind.STR, places, f"The names of all headers of the {whose}, with commas between.",
            build=_names(head_of), arguments=(ArgumentType.STRING,),
        ),
        Fetch(f"{prefix}s", Kind.BIN, places, f"All headers of the {whose}, as HTTP/1 has them.", _written(head_of)),
        Fetch(
            f"{prefix}s_bin", Kind.BIN, places, f"All headers of the {whose}, each behind its length.",
            _binary(head_of),
        ),
    )  # fmt: skip


FETCHES = that_may_come(
    *_rows("hdr", either_head, OF_EITHER, "message")[:1],
    *_rows("hdr", request_head, OF_REQUESTS, "request")[1:],
    *_rows("req.hdr", request_head, OF_REQUESTS, "request"),
    *_full_rows("req.fhdr", request_head, OF_REQUESTS, "request"),
    *_whole_rows("req.hdr", request_head, OF_REQUESTS, "request"),
    *_rows("res.hdr", response_head, OF_RESPONSES, "response"),
    *_rows("shdr", response_head, OF_RESPONSES, "response"),
    *_full_rows("res.fhdr", response_head, OF_RESPONSES, "response"),
    *_whole_rows("res.hdr", response_head, OF_RESPONSES, "response"),
)
