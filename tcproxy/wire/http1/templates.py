"""Templates that write heads: one format for all heads with the same header names in the same order."""

from __future__ import annotations

from collections.abc import Iterable

from tcproxy.wire import templates


class Template(templates.Template):
    """Names of headers, and the format that writes a head of them.

    start: the format of the start line. written: the format of a whole head, which takes all of a head's `parts`.
    """

    __slots__ = ("start", "written")

    def __init__(self, names: Iterable[bytes], start: bytes, origin: templates.Template | None = None) -> None:
        super().__init__(names, origin)
        self.start = start
        lines = [name.replace(b"%", b"%%") + b": %b\r\n" for name in self.names]
        self.written = b"".join([start, *lines, b"\r\n"])

    def derive(self, names: Iterable[bytes], origin: templates.Template) -> Template:
        """Return the template of other names that an edit leads to."""
        return Template(names, self.start, origin)
