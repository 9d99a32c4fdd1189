"""How large a message may be, and how much of what RFC 9112 forbids is accepted in it."""

from __future__ import annotations

from dataclasses import dataclass, field

OVERHEAD = 79
"""Bytes that HAProxy's own form of a head takes beside the text of its start line and the end of its head."""
FIELD_OVERHEAD = 4
"""Bytes that HAProxy's own form of a header line takes beside its text."""
RESERVED = 64
"""Bytes of a buffer that never hold a head's text as it came."""


@dataclass(frozen=True, slots=True)
class CodecLimits:
    """What a codec accepts.

    bufsize, maxrewrite: bytes (tune.bufsize, tune.maxrewrite). max_headers: lines of a head, with the start line
    (tune.http.maxhdr). lenient: option accept-invalid-http-request (for requests) or -response (for responses).
    any_payload: h1-accept-payload-with-any-method.
    """

    bufsize: int = 16384
    maxrewrite: int = 1024
    max_headers: int = 101
    lenient: bool = False
    any_payload: bool = False

    raw: int = field(init=False)
    """Bytes of the longest head as it came, with the empty lines before it."""
    room: int = field(init=False)
    """Bytes of the longest head as it is forwarded, with FIELD_OVERHEAD bytes for each header line."""
    safe: int = field(init=False)
    """A head of at most so many bytes fits, however many headers it has."""

    def __post_init__(self) -> None:
        room = self.bufsize - self.maxrewrite - OVERHEAD
        object.__setattr__(self, "raw", self.bufsize - RESERVED)
        object.__setattr__(self, "room", room)
        object.__setattr__(self, "safe", room - (FIELD_OVERHEAD + 2) * self.max_headers)
