"""The last bad request of each frontend and the last bad response of each backend, as `show errors` prints them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tcproxy.report.dates import Stamp

NONE = "<NONE>"
WIDTH = 79
"""Characters of a printed line at the most."""
SHORT = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x1B: "\\e", 0x5C: "\\\\"}


@dataclass(frozen=True, slots=True)
class ErrorCapture:
    """A message that was refused.

    kind: request or response. proxy: the name of the frontend of a request, or the backend of a response, and its id.
    other: the backend of a request, or the frontend of a response; server: both with ids. when: seconds since 1970.
    event: how many were captured before. data: what was read; position: of the first wrong byte; reason: what is wrong.
    room: bytes that a buffer has.
    """

    kind: str
    proxy: tuple[str, int]
    other: tuple[str, int]
    server: tuple[str, int]
    source: str
    when: float
    event: int
    data: bytes
    position: int
    reason: str
    room: int

    def lines(self) -> Iterator[str]:
        """Give the lines that describe it."""
        side, opposite = ("frontend", "backend") if self.kind == "request" else ("backend", "frontend")
        yield f" \n[{Stamp()(self.when)}] {side} {_named(self.proxy)}: invalid {self.kind}\n"
        ends = f"{opposite} {_named(self.other)}, server {_named(self.server)}"
        yield f"  {ends}, event #{self.event}, src {self.source}\n"
        yield f"  buffer starts at 0 (including 0 out), {max(0, self.room - len(self.data))} free,\n"
        yield f"  len {len(self.data)}, wraps at {self.room}, error at position {self.position}\n"
        yield f"  {self.reason} :\n  \n"
        yield from dumped(self.data)


def _named(what: tuple[str, int]) -> str:
    return f"{what[0]} (#{what[1]})"


def dumped(data: bytes) -> Iterator[str]:
    """Give the lines of a text with the offset of each; `+` marks one that goes on with the line before it."""
    at, goes_on = 0, False
    while at < len(data):
        text = f"  {at:05d}{'+' if goes_on else ' '} "
        goes_on = True
        while at < len(data):
            byte = data[at]
            more = SHORT.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02X}")
            if len(text) + len(more) > WIDTH:
                break
            text += more
            at += 1
            if byte == 0x0A:
                goes_on = False
                break
        yield f"{text}\n"


class ErrorCaptures:
    """All that were captured of one process: the last of each proxy and kind. count: how many there were."""

    def __init__(self) -> None:
        self.count = 0
        self._last: dict[tuple[str, str], ErrorCapture] = {}

    def keep(self, capture: ErrorCapture) -> None:
        """Take one; it replaces the one before it."""
        self.count += 1
        self._last[capture.proxy[0], capture.kind] = capture

    def of(self, proxy: str, kind: str) -> ErrorCapture | None:
        """Return the last one of a proxy."""
        return self._last.get((proxy, kind))
