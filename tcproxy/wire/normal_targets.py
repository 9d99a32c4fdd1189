"""Normal forms of paths and queries (RFC 3986 section 6.2.2; HAProxy's manual 4.2, `http-request normalize-uri`).

Each function takes a path, some with its query, and returns another one; None where the text is malformed.
"""

from __future__ import annotations

import re

UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})?")


def merge_slashes(path: bytes) -> bytes:
    """Return a path with one slash for several side by side."""
    return re.sub(rb"//+", b"/", path)


def strip_dots(path: bytes) -> bytes:
    """Return a path without the segments that are a single dot."""
    segments = path.split(b"/")
    last = segments.pop()
    kept = [segment for segment in segments if segment != b"."]
    return b"".join([b"%b/" % segment for segment in kept]) + (b"" if last == b"." else last)


def strip_double_dots(path: bytes, full: bool) -> bytes:
    """Return a path in which each `..` has taken its parent away. full: those at the beginning go, too."""
    segments = path.split(b"/")[1:]
    if segments and segments[-1] == b"..":
        segments.append(b"")
    kept: list[bytes] = []
    above = 0
    for segment in segments:
        if segment != b"..":
            kept.append(segment)
        elif len(kept) > above:
            kept.pop()
        elif not full:
            kept.append(segment)
            above += 1
    return b"/" + b"/".join(kept)


def decode_unreserved(text: bytes, strict: bool) -> bytes | None:
    """Return a text whose escapes of unreserved characters are these. strict: a bare percent sign is an error."""
    return _replaced(text, strict, _decoded)


def upper_escapes(text: bytes, strict: bool) -> bytes | None:
    """Return a text whose escapes have upper-case digits. strict: a bare percent sign is an error."""
    return _replaced(text, strict, lambda match: match[0].upper())


def _decoded(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        return match[0]
    value = int(match[1], 16)
    return bytes([value]) if value in UNRESERVED else match[0]


def _replaced(text: bytes, strict: bool, change: object) -> bytes | None:
    if strict and any(match[1] is None for match in _ESCAPE.finditer(text)):
        return None
    return _ESCAPE.sub(change, text)  # type: ignore[call-overload, no-any-return]  # one of the two above


def strip_fragment(text: bytes) -> bytes:
    """Return a text up to its first `#`."""
    return text.partition(b"#")[0]


def encode_fragment(text: bytes) -> bytes:
    """Return a text with `%23` for each `#`."""
    return text.replace(b"#", b"%23")


def sort_query(query: bytes) -> bytes:
    """Return the parameters of a query in the order of their names; those of one name keep their order."""
    parameters: list[bytes] = query.split(b"&")
    parameters.sort(key=lambda parameter: parameter.partition(b"=")[0])
    return b"&".join(parameters)
