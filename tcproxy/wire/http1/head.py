"""What requests' and responses' heads have in common, and the checks that both are read with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tcproxy.wire import messages

from .errors import BadMessage
from .fields import Field, KnownFields, OddLine, trouble, unfolded
from .framing import NO_BODY, Framing
from .limits import FIELD_OVERHEAD, CodecLimits
from .templates import Template

Adjust = Mapping[bytes, bytes]
"""h1-case-adjust: lower-case name -> the name as it is written."""


FRAMING_SLOTS = ("framing", "minor", "upgrade")
"""What a head of HTTP/1 has besides those of all protocols: the slots that both kinds of heads declare."""


class Head(messages.Head):
    """A start line and headers, in the order they came: what is forwarded.

    Words of the Connection header that are between neighbours, doubles, and headers that the framing forbids are not
    among the headers any more. version: of a request as it came; HTTP/1.1 and all later ones are forwarded as HTTP/1.1.
    Of a response: as it is forwarded.
    """

    __slots__ = ()

    field_type = Field

    template: Template | None
    framing: Framing
    minor: int
    """1 for HTTP/1.1 and later, 0 for all older ones. A head with a template has 1."""
    upgrade: bool
    """The Connection header names `upgrade`. Such a request asks to leave HTTP and has no body. Such a response leaves
    HTTP if its status is 101; with any status it gets no Connection header of ours. False of a head with a template."""

    @property
    def fields(self) -> list[Field]:
        """All headers; ask for them only where all of them count. A list of them is never edited in place."""
        fields = self._fields
        return self._listed() if fields is None else fields  # type: ignore[return-value]  # they are of `field_type`

    @fields.setter
    def fields(self, fields: list[Field]) -> None:
        self._fields = fields
        self.template = None

    @property
    def has_body(self) -> bool:
        """Return whether a body follows the head, of whatever length; an empty one is none."""
        return self.framing is not NO_BODY

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
    """Return the line of a header, with the name as the map writes it."""
    name = adjust.get(field.name)
    return field.wire if name is None else b"%b: %b\r\n" % (name, field.value)


def text_size(fields: Sequence[Field]) -> int:
    """Return the bytes of all names and values."""
    return len(b"".join([field.wire for field in fields])) - 4 * len(fields)


FOLDED_NAME = re.compile(rb"\n[^ \t:\n][^:\n]*+\n[ \t]")


def is_later(version: bytes) -> bool:
    """Return whether a version is 1.1 or later: RFC 9110 section 2.5 has all of these treated as 1.1."""
    return len(version) == 8 and version[4] == 0x2F and version[6] == 0x2E and version[5:8] >= b"1.1"


def joined_lines(data: bytes) -> list[bytes]:
    """Return the lines of a whole head without its empty line: folded lines are joined, and a bare LF ends a line.

    Raises OddLine when a folded line continues the start line or a header's name, and not a value.
    """
    second = data.find(b"\n") + 1
    if data[second : second + 1] in (b" ", b"\t") or FOLDED_NAME.search(data):
        raise OddLine
    return unfolded(data).removesuffix(b"\r\n").removesuffix(b"\r\n").split(b"\r\n")


def field_trouble(data: bytes, known: KnownFields, status: int) -> BadMessage:
    """Return the error for the headers of a whole head. The start line is right."""
    start = data.find(b"\n") + 1
    end = len(data) - (2 if data.endswith(b"\r\n") else 1)
    told = trouble(data[start : end - 1], known.lenient) or (0, "a header line that cannot be read")
    return BadMessage(status, told[1], start + told[0])


def check_size(fields: list[Field], start: int, limits: CodecLimits, status: int) -> None:
    """Check that a head as it is forwarded fits a buffer. Raises BadMessage. start: bytes of the start line."""
    size = start + sum([len(field.wire) for field in fields]) + 2 + FIELD_OVERHEAD * len(fields)
    if size > limits.room:
        raise BadMessage(status, "a head too large", limits.room)
