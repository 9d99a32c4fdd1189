"""How much, and how odd, a message may be: the global section's sizes and a proxy's leniency, in numbers."""

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
    """What a codec takes.

    bufsize, maxrewrite: bytes (tune.bufsize, tune.maxrewrite). max_headers: lines of a head, its start line
    among them (tune.http.maxhdr). lenient: option accept-invalid-http-request (of a request codec) or -response.
    any_payload: h1-accept-payload-with-any-method.
    """

    bufsize: int = 16384
    maxrewrite: int = 1024
    max_headers: int = 101
    lenient: bool = False
    any_payload: bool = False

    raw: int = field(init=False)
    """Bytes of the longest head as it came, the empty lines before it among them."""
    room: int = field(init=False)
    """Bytes of the longest head as it is forwarded, FIELD_OVERHEAD for each header line added."""
    safe: int = field(init=False)
    """Bytes of a head that fits however many headers it has."""

    def __post_init__(self) -> None:
        room = self.bufsize - self.maxrewrite - OVERHEAD
        object.__setattr__(self, "raw", self.bufsize - RESERVED)
        object.__setattr__(self, "room", room)
        object.__setattr__(self, "safe", room - (FIELD_OVERHEAD + 2) * self.max_headers)
