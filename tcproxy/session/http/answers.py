"""The built-in pages, which tell a client why there is no other answer. Clients and monitoring match on them, so their
bytes are those of HAProxy's pages.

Those of EARLY are sent before there is a request: they always close the connection.
"""

from __future__ import annotations

from collections.abc import Mapping

from tcproxy.wire.http1 import Field, WholeResponse, compose

_CREDENTIALS = b"You need a valid user and password to access this content."

_BODIES = {
    200: (b"200 OK", b"Service ready."),
    400: (b"400 Bad request", b"Your browser sent an invalid request."),
    401: (b"401 Unauthorized", _CREDENTIALS),
    403: (b"403 Forbidden", b"Request forbidden by administrative rules."),
    404: (b"404 Not Found", b"The resource could not be found."),
    405: (
        b"405 Method Not Allowed",
        b"A request was made of a resource using a request method not supported by that resource",
    ),
    407: (b"407 Unauthorized", _CREDENTIALS),
    408: (b"408 Request Time-out", b"Your browser didn't send a complete request in time."),
    410: (b"410 Gone", b"The resource is no longer available and will not be available again."),
    413: (b"413 Payload Too Large", b"The request entity exceeds the maximum allowed."),
    421: (b"421 Misdirected Request", b"Request sent to a non-authoritative server."),
    422: (b"422 Unprocessable Content", b"The server cannot process the contained instructions."),
    425: (b"425 Too Early", b"Your browser sent early data."),
    429: (b"429 Too Many Requests", b"You have sent too many requests in a given amount of time."),
    500: (b"500 Internal Server Error", b"An internal server error occurred."),
    501: (b"501 Not Implemented", b".The server does not support the functionality required to fulfill the request."),
    502: (b"502 Bad Gateway", b"The server returned an invalid or incomplete response."),
    503: (b"503 Service Unavailable", b"No server is available to handle this request."),
    504: (b"504 Gateway Time-out", b"The server didn't respond in time."),
}

_CLOSING = (400, 408)
"""Statuses whose pages have a header `Connection: close`."""

REASONS: Mapping[int, bytes] = {
    **{status: title.partition(b" ")[2] for status, (title, _) in _BODIES.items()},
    200: b"OK",
    201: b"Created",
    202: b"Accepted",
    203: b"Non-Authoritative Information",
    204: b"No Content",
    205: b"Reset Content",
    206: b"Partial Content",
    207: b"Multi-Status",
    210: b"Content Different",
    226: b"IM Used",
    300: b"Multiple Choices",
    301: b"Moved Permanently",
    302: b"Moved Temporarily",
    303: b"See Other",
    304: b"Not Modified",
    305: b"Use Proxy",
    307: b"Temporary Redirect",
    308: b"Permanent Redirect",
    310: b"Too many Redirects",
    400: b"Bad Request",
    402: b"Payment Required",
    406: b"Not Acceptable",
    407: b"Proxy Authentication Required",
    409: b"Conflict",
    411: b"Length Required",
    412: b"Precondition Failed",
    413: b"Request Entity Too Large",
    414: b"Request-URI Too Long",
    415: b"Unsupported Media Type",
    416: b"Requested range unsatisfiable",
    417: b"Expectation failed",
    418: b"I'm a teapot",
    423: b"Locked",
    424: b"Method failure",
    426: b"Upgrade Required",
    428: b"Precondition Required",
    431: b"Request Header Fields Too Large",
    449: b"Retry With",
    450: b"Blocked by Windows Parental Controls",
    451: b"Unavailable For Legal Reasons",
    456: b"Unrecoverable Error",
    499: b"client has closed connection",
    502: b"Bad Gateway or Proxy Error",
    505: b"HTTP Version not supported",
    506: b"Variant also negotiate",
    507: b"Insufficient storage",
    508: b"Loop detected",
    509: b"Bandwidth Limit Exceeded",
    510: b"Not extended",
    511: b"Network authentication required",
    520: b"Web server is returning an unknown error",
}
"""Reason phrases of answers that are composed; pages have titles of their own."""

_CLASSES = {1: b"Informational", 2: b"Success", 3: b"Redirection", 4: b"Client Error", 5: b"Server Error"}


def reason(status: int) -> bytes:
    """Return the reason phrase of a status of 200 to 599, for an answer that is composed."""
    return REASONS.get(status) or _CLASSES[status // 100]


def any_reason(status: int) -> bytes:
    """Return the reason phrase of any status, for a response whose status is set."""
    return REASONS.get(status) or _CLASSES.get(status // 100, b"Other")


def _body(status: int) -> bytes:
    return b"<html><body><h1>%b</h1>\n%b\n</body></html>\n" % _BODIES[status]


def _page(status: int) -> WholeResponse:
    body = _body(status)
    fields = [
        Field(b"content-length", b"%d" % len(body)),
        Field(b"cache-control", b"no-cache"),
        Field(b"content-type", b"text/html"),
    ]
    if status in _CLOSING:
        fields.insert(2, Field(b"connection", b"close"))
    return compose(status, _BODIES[status][0].partition(b" ")[2], fields, body)


def _early(status: int) -> bytes:
    body = _body(status)
    closing = b"Connection: close\r\n" if status in _CLOSING else b""
    return b"HTTP/1.1 %b\r\nContent-length: %d\r\nCache-Control: no-cache\r\n%bContent-Type: text/html\r\n\r\n%b" % (
        _BODIES[status][0], len(body), closing, body,
    )  # fmt: skip


PAGES: Mapping[int, WholeResponse] = {status: _page(status) for status in _BODIES}
EARLY: Mapping[int, bytes] = {status: _early(status) for status in (400, 408, 413, 422)}
