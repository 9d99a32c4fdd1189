"""The pages that tell a client why there is no other answer. Clients and monitoring match on them: their bytes are
those of the reference.

Those of 400 and 408 are told before there is a request: they always close the connection.
"""

from __future__ import annotations

from collections.abc import Mapping

_BODIES = {
    400: (b"400 Bad request", b"Your browser sent an invalid request."),
    408: (b"408 Request Time-out", b"Your browser didn't send a complete request in time."),
    413: (b"413 Payload Too Large", b"The request entity exceeds the maximum allowed."),
    422: (b"422 Unprocessable Content", b"The transfer coding of the request is not supported."),
    502: (b"502 Bad Gateway", b"The server returned an invalid or incomplete response."),
    503: (b"503 Service Unavailable", b"No server is available to handle this request."),
    504: (b"504 Gateway Time-out", b"The server didn't respond in time."),
}


def _body(status: int) -> bytes:
    title, sentence = _BODIES[status]
    return b"<html><body><h1>%b</h1>\n%b\n</body></html>\n" % (title, sentence)


def _early(status: int) -> bytes:
    body = _body(status)
    return (
        b"HTTP/1.1 %b\r\nContent-length: %d\r\nCache-Control: no-cache\r\nConnection: close\r\n"
        b"Content-Type: text/html\r\n\r\n%b" % (_BODIES[status][0], len(body), body)
    )


EARLY: Mapping[int, bytes] = {status: _early(status) for status in (400, 408, 413, 422)}


def page(status: int, connection: bytes, bare: bool) -> tuple[bytes, int]:
    """Return the bytes of a page, and how many of them count. connection: a header line, or none.

    bare: without its body, as HEAD asks for.
    """
    body = _body(status)
    head = (
        b"HTTP/1.1 %b\r\ncontent-length: %d\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n"
        % (_BODIES[status][0], len(body))
    )
    counted = len(head) + 2 + 15 - 4 * 3 + (0 if bare else len(body))
    if status in EARLY:
        counted += 15  # the reference's own pages of these have a header `connection: close`
    return b"%b%b\r\n%b" % (head, connection, b"" if bare else body), counted
