"""Where we differ from HAProxy 2.6.12 with the corpus, and why: always towards the text of the RFCs.

Each row: what it is; which cases, as a pattern of the raw message; the reason.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Departure(NamedTuple):
    """One difference. role: of the message. lenient: with the options accept-invalid-http-... on.

    wavers: the reference does now this, now that, with the same bytes.
    """

    role: str
    pattern: re.Pattern[bytes]
    lenient: bool
    reason: str
    wavers: bool = False


def _row(role: str, pattern: bytes, reason: str, lenient: bool = False, wavers: bool = False) -> Departure:
    return Departure(role, re.compile(pattern, re.DOTALL), lenient, reason, wavers)


BAD_TRAILER = rb"\n0\r\n(?:X: y\r\n)?(?:[Xx] [Yy]:|[ \t]X:|X :|Content-Length :|\x01:|GET |HTTP/1)"
DEPARTURES = (
    _row("request", rb"\nX:[^\n]*\0", "NUL in a value is refused: RFC 9110 section 5.5. HAProxy forwards it."),
    _row("response", rb"\nX:[^\n]*\0", "NUL in a value is refused: RFC 9110 section 5.5. HAProxy forwards it."),
    _row("response", rb"\AHTTP/1.1 200 O\0K", "NUL in a reason is refused: no text. HAProxy forwards it."),
    _row("request", rb"\nX\0:", "NUL in a name is refused, however lenient: no peer reads it alike.", lenient=True),
    _row("response", rb"\nX\0:", "NUL in a name is refused, however lenient: no peer reads it alike.", lenient=True),
    _row("request", rb"\nX\r:", "CR in a name is refused, however lenient: many take it for a line end.", lenient=True),
    _row(
        "request",
        rb"\n(?:Content-Length|Transfer-Encoding) :",
        "A space behind a name that frames the message is refused, however lenient: RFC 9112 section 5.1.",
        lenient=True,
    ),
    _row(
        "response",
        rb"\n(?:Content-Length|Transfer-Encoding) :",
        "A space behind a name that frames the message is refused, however lenient: RFC 9112 section 5.1.",
        lenient=True,
    ),
    _row(
        "request",
        rb"Content-Length: 1844674407370955161[56]",
        "A length above 2^63-1 is refused; HAProxy takes 2^64 for zero and so splits the message elsewhere.",
    ),
    _row(
        "response",
        rb"Content-Length: 1844674407370955161[56]",
        "A length above 2^63-1 is refused; HAProxy takes 2^64 for zero and so splits the message elsewhere.",
    ),
    _row(
        "request",
        rb"\ACONNECT .*Transfer-Encoding",
        "CONNECT with a coded body is refused; HAProxy forwards the header and then waits for ever.",
    ),
    _row(
        "request",
        rb"Host: a\r\nTransfer-Encoding: (?i:chunked) ?,\r",
        "The empty word behind `chunked` is not forwarded.",
    ),
    _row("response", rb"Encoding: chunked,\r", "The empty word behind `chunked` is not forwarded."),
    _row(
        "response",
        rb"Transfer-Encoding: \r\n\r",
        "An empty Transfer-Encoding is refused, as in requests: it does not end with chunked.",
    ),
    _row(
        "request",
        rb"(?i:Transfer-Encoding): (?:\r\n(?:X: y\r\n)?(?i:Transfer-Encoding): chunked"
        rb"|chunked\r\n(?:X: y\r\n)?(?i:Transfer-Encoding): \r)",
        "An empty Transfer-Encoding beside a good one is refused, as it is alone; HAProxy forwards both.",
    ),
    _row("request", BAD_TRAILER, "Bad names of trailers are refused, always.", wavers=True),
    _row("response", BAD_TRAILER, "Bad names of trailers are refused, always.", wavers=True),
    _row("request", rb"\nTE: xtrailers", "Words of TE are compared whole; HAProxy compares their ends."),
    _row(
        "request",
        rb"\AGET /a[\x7f-\xff]b",
        "Bytes that no target may have are refused wherever they stand; HAProxy misses some by their position.",
    ),
    _row("request", rb"\APRI \* HTTP/2.0", "HTTP/2's preface is for the one who chooses the codec, not for this one."),
    _row("response", rb"\ARTSP/", "RTSP is no HTTP; with the lenient option it passes."),
    _row(
        "response",
        rb"\AHTTP/1.1 (?:20|2000|099|000) ",
        "A status has three digits and begins with 1 to 9: RFC 9112 section 4. HAProxy takes any number.",
    ),
)


def departure(role: str, message: bytes, lenient: bool) -> Departure | None:
    """Return the departure that a case shows, None when we do as HAProxy does."""
    for row in DEPARTURES:
        if row.role == role and row.lenient == lenient and row.pattern.search(message):
            return row
    return None


class Apart(NamedTuple):
    """A difference of the whole program beside those of its codec: in the bytes that lines tell, or in an oddity.

    parts: of an outcome (tests/scenarios/test_http_corpus.py) that may differ. cut: only of a message in two pieces.
    """

    role: str
    pattern: re.Pattern[bytes]
    parts: frozenset[str]
    reason: str
    cut: bool = False


def _apart(role: str, pattern: bytes, parts: str, reason: str, cut: bool = False) -> Apart:
    return Apart(role, re.compile(pattern, re.DOTALL), frozenset(parts.split()), reason, cut)


COUNTED = "Lines count headers as they are forwarded; HAProxy also what it takes out of them."
REWRITTEN = "Of a head in two pieces HAProxy reads again what it wrote over the first: `connection: x-ase, x-a`."
CONNECTIONS = rb"\nConnection: [^\n]*(?i:close|keep-alive)[^\n]*,|\nConnection: [^\n]*,[^\n]*(?i:close|keep-alive)"
APART = (
    _apart("request", rb"\nTE: ", "received", COUNTED),
    _apart("request", rb"\nConnection: (?:,|a,,)", "received", COUNTED),
    _apart("request", rb"\ACONNECT [^\n]*\n(?:Host: a\r\n)?Content-Length: ", "received letters", COUNTED),
    _apart("response", rb"HTTP/1\.1 (?:1\d\d|204) [^\n]*\n(?:[CU][^\n]*\n)*(?:Content-L|Transfer-E)", "sent", COUNTED),
    _apart("response", rb"\nTE: ", "sent", COUNTED),
    _apart("response", rb"HTTP/1\.1 101 ", "sent", "Bytes of a switch that is refused count as sent in HAProxy only."),
    _apart(
        "request",
        rb"\ACONNECT [^\n]*\n.*\n\r\nraw",
        "letters",
        "A silent tunnel is the client's fault; HAProxy blames the server when bytes came behind CONNECT.",
    ),
    _apart("response", rb"\AHTTP/1\.1 302 OK\r\n\r\nraw", "letters", "Both sides are silent: HAProxy blames either."),
    _apart(
        "request",
        rb"\n\r\n(?:5;|0\r\nX: )a{9000}",
        "links clients sent received letters request",
        "A line of chunks larger than a buffer is refused with its head; HAProxy takes the head first.",
    ),
    _apart("request", CONNECTIONS, "links clients status letters sent received request", REWRITTEN, cut=True),
    _apart("response", CONNECTIONS, "clients sent", REWRITTEN, cut=True),
)


def apart(role: str, message: bytes, cut: bool) -> frozenset[str]:
    """Return the parts of the outcome of a case that may differ."""
    found = (row for row in APART if row.role == role and (cut or not row.cut) and row.pattern.search(message))
    return frozenset().union(*(row.parts for row in found))
