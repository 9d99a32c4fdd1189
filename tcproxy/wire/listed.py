"""Headers whose value is a list of elements between commas (RFC 9110 section 5.6.1): each is changed by itself."""

from __future__ import annotations

import re
from collections.abc import Callable

from tcproxy.wire.messages import Change

_ELEMENT = re.compile(rb'(?:[^",]|"(?:[^"\\]|\\.)*+\\?"?+)*+', re.DOTALL)
"""All up to a comma that stands in no quoted string; there what follows a backslash counts for nothing."""


def change_elements(change: Callable[[bytes, bytes], bytes]) -> Change:
    """Return what changes each element of a value. The blanks around an element go when it is changed."""

    def changed(name: bytes, value: bytes) -> bytes:
        parts = []
        at = 0
        while True:
            match = _ELEMENT.match(value, at)
            assert match is not None  # it may be empty
            text = match[0]
            element = text.strip(b" \t")
            new = change(name, element)
            parts.append(text if new is element else new)
            at = match.end()
            if at >= len(value):
                return b"".join(parts)
            parts.append(b",")
            at += 1
            if at >= len(value):
                parts.append(change(name, b""))
                return b"".join(parts)

    return changed
