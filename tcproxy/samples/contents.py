"""Samples of the bytes that came and have not been passed on, of a client or a server in TCP mode (manual 7.3.5).

In HTTP mode there are no such bytes, but messages have a length. What protocols say in them stands in hellos.py and
protocols.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import INT64_MAX, Kind, Value, decode
from tcproxy.samples.places import OF_EITHER, OF_REQUESTS, OF_RESPONSES, WHILE_RUNNING
from tcproxy.samples.rows import OF_BYTES, Fetch, Take

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts
    from tcproxy.wire.messages import Head

BUFFER_SIZE = 16384
"""Bytes of a buffer: the default of tune.bufsize."""

START_LINE = 20
"""Bytes that HAProxy's own form of a start line has besides its text; the end of the headers takes 1."""
KEPT = 1024
"""Bytes of a buffer that are kept for rewriting: the default of tune.maxrewrite."""

Reads = Callable[["Facts"], bytes | None]


def from_client(facts: Facts) -> bytes | None:
    """Return the bytes that came from the client; None where it speaks HTTP."""
    if facts.request is not None or facts.frontend.model.mode == "http":
        return None
    return facts.data()


def from_server(facts: Facts) -> bytes | None:
    """Return the bytes that came from the server; None where no link stands, or HTTP is spoken."""
    if facts.request is not None or facts.frontend.model.mode == "http":
        return None
    return facts.response_data()


def from_either(facts: Facts) -> bytes | None:
    """Return the bytes of the side whose rules are applied: the server's, once a link stands."""
    found = from_server(facts)
    return from_client(facts) if found is None else found


def _request_length(facts: Facts) -> Value | None:
    request = facts.request
    if request is None:
        data = from_client(facts)
        return None if data is None else len(data)
    return _size(request, (request.method, request.target, request.version, facts.request_body()))


def _response_length(facts: Facts) -> Value | None:
    response = facts.response
    if response is None:
        data = from_server(facts)
        return None if data is None else len(data)
    return _size(response, (response.version, b"%d" % response.status, response.reason, facts.response_body()))


def _size(head: Head, others: tuple[bytes, ...]) -> int:
    """Return the bytes that HAProxy's own form of a message takes: what `req.len` counts in HTTP mode."""
    fields = sum(len(field.name) + len(field.value) for field in head.fields)
    return START_LINE + sum(map(len, others)) + fields + 1


def buffer_size(facts: Facts) -> int:
    """Return tune.bufsize."""
    return facts.world.configuration.process.tune.get("tune.bufsize", BUFFER_SIZE)


def room(facts: Facts) -> int:
    """Return how many bytes are read from a client before it has a server: tune.bufsize without tune.maxrewrite."""
    size = buffer_size(facts)
    return size - min(facts.world.configuration.process.tune.get("tune.maxrewrite", KEPT), size // 2)


class _Span:
    """Where a block stands in the bytes: read by `take`, and `waits` says whether it may still come or grow."""

    __slots__ = ("reads",)

    def __init__(self, reads: Reads) -> None:
        self.reads = reads

    def place(self, data: bytes) -> tuple[int, int] | None:
        """Return where the block begins and its size, 0 for the rest; None while that is not known."""
        raise NotImplementedError

    def fits(self, facts: Facts, start: int, size: int) -> bool:
        """Return whether a buffer could hold the block."""
        return start + size <= buffer_size(facts)

    def take(self, facts: Facts) -> Value | None:
        """Take the block, once all of it came."""
        data = self.reads(facts)
        found = None if data is None else self.place(data)
        if data is None or found is None or not self.fits(facts, *found):
            return None
        start, size = found
        end = start + size if size else len(data)
        return data[start:end] if start <= end <= len(data) else None

    def waits(self, facts: Facts) -> bool:
        """Return whether another answer may come."""
        data = self.reads(facts)
        if data is None:
            return False
        found = self.place(data)
        if found is None:
            return True
        start, size = found
        return self.fits(facts, start, size) and (not size or start + size > len(data))


class _Payload(_Span):
    """A block at a fixed place. size: 0 for all from `start` on."""

    __slots__ = ("found",)

    def __init__(self, reads: Reads, start: int, size: int) -> None:
        super().__init__(reads)
        self.found = start & 0xFFFFFFFF, size & 0xFFFFFFFF

    def place(self, data: bytes) -> tuple[int, int] | None:
        return self.found


class _SizedPayload(_Span):
    """A block whose size stands in the bytes, as `size` bytes at `at`, most significant first.

    start: where the block begins.
    """

    __slots__ = ("at", "size", "start")

    def __init__(self, reads: Reads, at: int, size: int, start: bytes) -> None:
        super().__init__(reads)
        if at < 0:
            raise ValueError("the offset of the length must not be negative")
        if not size:
            raise ValueError("the length needs at least one byte")
        self.at, self.size = at & 0xFFFFFFFF, size & 0xFFFFFFFF  # HAProxy, too, reads them as 32 bits
        self.start = _offset(start, at + size) & 0xFFFFFFFF

    def place(self, data: bytes) -> tuple[int, int] | None:
        end = self.at + self.size
        if end > len(data):
            return None
        # HAProxy, too, keeps the last 32 bits of a longer number
        return self.start, int.from_bytes(data[self.at : end], "big") & 0xFFFFFFFF

    def fits(self, facts: Facts, start: int, size: int) -> bool:
        return size > 0 and super().fits(facts, start, size)


_NUMBER = re.compile(rb"([+-]?)([0-9]*)")


def _offset(word: bytes, behind: int) -> int:
    """Read where a block begins. behind: where the number of its bytes ends. Raises ValueError.

    Behind a sign it is counted from there. Without one it means what it means to HAProxy 2.6, and not what the manual
    says: an even number is twice the offset, an odd one is that of half as many bytes behind the number.
    """
    if not word:
        return behind
    match = _NUMBER.fullmatch(word)
    number = int(match[2] or 0) if match is not None else INT64_MAX
    if match is None or number >= INT64_MAX:
        raise ValueError(f"'{decode(word)}' is not a number")
    if not match[1]:
        return number // 2 + (behind if number % 2 else 0)
    start = behind + (-number if match[1] == b"-" else number)
    if start < 0:
        raise ValueError(f"'{decode(word)}' leads before the first byte")
    return start


def _payload_row(name: str, places: str, reads: Reads, help: str) -> Fetch:
    return Fetch(
        name, Kind.BIN, places, help,
        build=lambda start, size: _Payload(reads, start, size).take,
        build_waits=lambda start, size: _Payload(reads, start, size).waits,
        arguments=(ArgumentType.INTEGER, ArgumentType.INTEGER), required=2, reads=OF_BYTES,
    )  # fmt: skip


def _sized_row(name: str, places: str, reads: Reads, help: str) -> Fetch:
    return Fetch(
        name, Kind.BIN, places, help,
        build=lambda at, size, start=b"": _SizedPayload(reads, at, size, start).take,
        build_waits=lambda at, size, start=b"": _SizedPayload(reads, at, size, start).waits,
        arguments=(ArgumentType.INTEGER, ArgumentType.INTEGER, ArgumentType.STRING), required=2, reads=OF_BYTES,
    )  # fmt: skip


def _length_row(name: str, places: str, take: Take, help: str) -> Fetch:
    return Fetch(name, Kind.SINT, places, help, take, waits=lambda facts: True, reads=OF_BYTES)


def _over(facts: Facts) -> Value | None:
    return True if facts.wait_over else None


FETCHES = (
    _payload_row("payload", OF_EITHER, from_either, "req.payload or res.payload, whichever side the rule is about."),
    _sized_row("payload_lv", OF_EITHER, from_either, "req.payload_lv or res.payload_lv, likewise."),
    _length_row("req.len", OF_REQUESTS, _request_length, "Bytes of the client that wait to be passed on."),
    _payload_row("req.payload", OF_REQUESTS, from_client, "Bytes of the client: offset, and length (0: all)."),
    _sized_row(
        "req.payload_lv", OF_REQUESTS, from_client,
        "Bytes of the client, whose number stands in them: its offset, its size, and the offset of the bytes.",
    ),
    _length_row("req_len", OF_REQUESTS, _request_length, "An old name of req.len."),
    _length_row("res.len", OF_RESPONSES, _response_length, "Bytes of the server that wait to be passed on."),
    _payload_row("res.payload", OF_RESPONSES, from_server, "Bytes of the server: offset, and length (0: all)."),
    _sized_row(
        "res.payload_lv", OF_RESPONSES, from_server,
        "Bytes of the server, whose number stands in them: its offset, its size, and the offset of the bytes.",
    ),
    Fetch(
        "wait_end", Kind.BOOL, WHILE_RUNNING, "True once inspect-delay is over, or nothing more can come.", _over,
        waits=lambda facts: True,
    ),
)  # fmt: skip
