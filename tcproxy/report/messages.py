"""What log lines show of messages: a request line and its parts, captured headers, bytes that are not printable.

HAProxy keeps what it logs of a request as one text, cut at `tune.http.logurilen`, and takes the parts out of that
(manual 8.2.6, 8.6 and 8.8).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

BAD_REQUEST = "<BADREQ>"
"""What log lines print where there is no request, or where the request lacks this part."""

Captures = Sequence[bytes | None]
"""Values of captured headers in the order of their slots, None for a header that was not there."""


def _coded(more: str = "") -> dict[int, str]:
    return {code: f"#{code:02X}" for code in (*range(32), *map(ord, '"#' + more), *range(127, 256))}


def _untouched(coded: dict[int, str]) -> bytes:
    return bytes(code for code in range(256) if code not in coded)


_OF_LINES, _OF_HEADERS = _coded(), _coded("{|}")
_PLAIN_IN_LINES, _PLAIN_IN_HEADERS = _untouched(_OF_LINES), _untouched(_OF_HEADERS)


def shown(text: bytes) -> str:
    """Return bytes of a request line as log lines show them: `#` and two digits for what is not printable."""
    # most lines are printable throughout; to find that out takes a tenth of the time of the translation
    if not text.translate(None, _PLAIN_IN_LINES):
        return text.decode()
    return text.decode("latin-1").translate(_OF_LINES)


def header(value: bytes) -> str:
    """Return a captured value as log lines show it."""
    if not value.translate(None, _PLAIN_IN_HEADERS):
        return value.decode()
    return value.decode("latin-1").translate(_OF_HEADERS)


# captured headers: `finish` escapes what flag E wants escaped


def _block(captures: Captures, finish: Callable[[str], str]) -> str:
    return "{" + "|".join(["" if value is None else finish(header(value)) for value in captures]) + "}"


def _listed(captures: Captures, finish: Callable[[str], str]) -> str:
    return " ".join(["-" if value is None else finish(header(value)) for value in captures])


def _spaced(captures: Captures, finish: Callable[[str], str]) -> str:
    return " ".join(["" if value is None else finish(header(value)) for value in captures])


def _quoted(captures: Captures, finish: Callable[[str], str]) -> str:
    return " ".join(['""' if value is None else f'"{finish(header(value))}"' for value in captures])


# parts of a request line


def _method_of(line: bytes) -> str:
    method, space, _ = line.partition(b" ")
    return shown(method) if space else BAD_REQUEST


def _rest_of(line: bytes) -> bytes | None:
    """Return the request line behind its method, None if the line was cut before that."""
    _, space, rest = line.partition(b" ")
    return rest if space else None


def _target_of(line: bytes) -> str:
    rest = _rest_of(line)
    return BAD_REQUEST if rest is None else shown(rest.partition(b" ")[0])


def _path_of(line: bytes) -> str:
    rest = _rest_of(line)
    return BAD_REQUEST if rest is None else shown(rest.partition(b" ")[0].partition(b"?")[0])


def _path_alone(line: bytes) -> str:
    rest = _rest_of(line)
    if rest is None:
        return BAD_REQUEST
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if path.startswith(b"/"):
        return shown(path)
    _, found, behind = path.partition(b"://")
    _, slash, path = behind.partition(b"/")
    return shown(slash + path) if found else ""


def _query_of(line: bytes) -> str:
    if not line:
        return BAD_REQUEST
    _, mark, query = (_rest_of(line) or b"").partition(b" ")[0].partition(b"?")
    return shown(mark + query)


def _version_of(line: bytes) -> str:
    rest = _rest_of(line)
    if rest is None:
        return BAD_REQUEST
    _, space, version = rest.partition(b" ")
    return shown(version) if space else "HTTP/0.9"


def names() -> dict[str, object]:
    """Return the names of this file that compiled log lines may use, with their values."""
    return {
        "badreq": BAD_REQUEST,
        "shown": shown,
        "block": _block,
        "listed": _listed,
        "quoted": _quoted,
        "spaced": _spaced,
        "method_of": _method_of,
        "target_of": _target_of,
        "path_of": _path_of,
        "path_alone": _path_alone,
        "query_of": _query_of,
        "version_of": _version_of,
    }
