"""What requests' and responses' heads have in common: their headers, and edits of them.

Edits cost only when they are done; names are given in lower case. A list of headers may be shared by heads that are
alike: an edit makes a list of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .errors import BadMessage
from .fields import Field, KnownFields, OddLine, trouble, unfolded
from .framing import Framing
from .limits import FIELD_OVERHEAD, Limits
from .shapes import Shape

Adjust = Mapping[bytes, bytes]
"""h1-case-adjust: lower-case names -> the same as they are to be written."""


class Head:
    """A start line and headers, in the order they came."""

    __slots__ = ("_fields", "framing", "keep_alive", "length", "minor", "parts", "shape", "upgrade", "version")

    shape: Shape | None
    """Of its header lines, as long as nobody has edited them."""
    parts: tuple[bytes, ...]
    """What a head of that shape has."""
    _fields: list[Field] | None
    framing: Framing
    length: int
    """Bytes of the body when framing is LENGTH, -1 without a Content-Length."""
    version: bytes
    """As it came; HTTP/1.1 and all later ones are forwarded as HTTP/1.1. A response's: as it is forwarded."""
    minor: int
    """1 for HTTP/1.1 and later, 0 for all older ones."""
    keep_alive: bool
    """Whether the connection that the message came from may carry another one after it."""
    upgrade: bool
    """Connection names `upgrade`. A request: it asks to leave HTTP, and has no body. In a response only status 101
    leaves HTTP, but none with the word gets a Connection header of ours."""

    @property
    def fields(self) -> list[Field]:
        """What is forwarded; hop-by-hop words of ours, doubles and what framing forbids are gone.

        A list of them is never edited in place.
        """
        fields = self._fields
        if fields is None:
            assert self.shape is not None
            fields = self._fields = self.shape.fields(self.parts)
        return fields

    @fields.setter
    def fields(self, fields: list[Field]) -> None:
        self._fields = fields
        self.shape = None

    @property
    def size(self) -> int:
        """How many headers are forwarded."""
        return len(self.shape.names if self.shape is not None else self.fields)

    def value(self, name: bytes) -> bytes | None:
        """Return the value of the first header of this name, None without one."""
        for field in self.fields:
            if field.name == name:
                return field.value
        return None

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of all headers of this name."""
        return [field.value for field in self.fields if field.name == name]

    def add(self, name: bytes, value: bytes) -> None:
        """Add a header behind all others."""
        self.fields = [*self.fields, Field(name, value)]

    def set(self, name: bytes, value: bytes) -> None:
        """Remove all headers of this name, and add one behind all others."""
        self.remove(name)
        self.add(name, value)

    def remove(self, name: bytes) -> bool:
        """Remove all headers of this name; say whether there were any."""
        kept = [field for field in self.fields if field.name != name]
        removed = len(kept) < len(self.fields)
        self.fields = kept
        return removed

    def replace(self, at: int, value: bytes) -> None:
        """Give the header at this index of `fields` another value."""
        fields = list(self.fields)
        fields[at] = Field(fields[at].name, value)
        self.fields = fields

    def _lines(self, start: Sequence[bytes], connection: bytes, adjust: Adjust | None) -> bytes:
        """Write the head: start line, headers, our Connection header, empty line."""
        if adjust is None:
            wires = [field.wire for field in self.fields]
        else:
            wires = [adjusted(field, adjust) for field in self.fields]
            if connection:
                connection = adjusted(Field(b"connection", connection[12:-2]), adjust)
        return b"".join([*start, *wires, connection, b"\r\n"])


def adjusted(field: Field, adjust: Adjust) -> bytes:
    """Return the wire form of a header with its name in the case that the map tells."""
    name = adjust.get(field.name)
    return field.wire if name is None else b"%b: %b\r\n" % (name, field.value)


FOLDED_NAME = re.compile(rb"\n[^ \t:\n][^:\n]*+\n[ \t]")


def is_later(version: bytes) -> bool:
    """Say whether a version is 1.1 or later: all these are spoken as 1.1 (RFC 9110 section 2.5)."""
    return len(version) == 8 and version[4] == 0x2F and version[6] == 0x2E and version[5:8] >= b"1.1"


def joined_lines(data: bytes) -> list[bytes]:
    """Return the lines of a whole head, folded ones joined, bare LFs taken for line ends; the empty one is gone.

    Raises OddLine when a folded line goes on with something other than a header's value: the start line, or a name.
    """
    second = data.find(b"\n") + 1
    if data[second : second + 1] in (b" ", b"\t") or FOLDED_NAME.search(data):
        raise OddLine
    return unfolded(data).removesuffix(b"\r\n").removesuffix(b"\r\n").split(b"\r\n")


def field_trouble(data: bytes, known: KnownFields, status: int) -> BadMessage:
    """Return what is wrong with the headers of a whole head, whose start line is right."""
    start = data.find(b"\n") + 1
    end = len(data) - (2 if data.endswith(b"\r\n") else 1)
    told = trouble(data[start : end - 1], known.lenient) or (0, "a header line that cannot be read")
    return BadMessage(status, told[1], start + told[0])


def check_size(fields: list[Field], start: int, limits: Limits, status: int) -> None:
    """Check the size of a head as it is forwarded. Raises BadMessage. start: bytes of the start line."""
    size = start + sum([len(field.wire) for field in fields]) + 2 + FIELD_OVERHEAD * len(fields)
    if size > limits.room:
        raise BadMessage(status, "a head too large", limits.room)
