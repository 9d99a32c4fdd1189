"""The request of an HTTP check: its parts as configured, and its bytes.

The words of the configuration are read in http_words.py; the answer is judged in httpchk.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tcproxy.wire.http1.head import is_later

WITHOUT_LENGTH = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
"""Methods whose requests have no Content-Length when they have no body."""

OF_THE_CONNECTION = ("close", "keep-alive")


@dataclass(frozen=True, slots=True)
class Script:
    """How a backend writes requests.

    header: the header, in lower case, that tells the server's name and stands last (`http-send-name-header`), "" for
    none. cases: headers to be written in another case, by their name in lower case (`h1-case-adjust`).
    """

    header: str = ""
    cases: Mapping[str, str] | None = None

    def write(self, lines: list[str], server: str) -> list[str]:
        """Return the lines of a head as this backend writes them to a server."""
        start, *rest = lines
        if self.header:
            rest = [line for line in rest if not line.startswith(f"{self.header}:")]
            rest.append(f"{self.header}: {server}")
        return [start, *(_recased(line, self.cases) for line in rest)] if self.cases else [start, *rest]


PLAIN = Script()


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """The request that `option httpchk` and `http-check send` describe. None: this line leaves it to others.

    headers: names in lower case. body: b"" where a body was announced and none followed.
    """

    method: str | None = None
    uri: str | None = None
    version: str | None = None
    headers: tuple[tuple[str, str], ...] | None = None
    body: bytes | None = None

    def over(self, other: CheckRequest) -> CheckRequest:
        """Return this request, with the parts that it lacks taken from another one."""
        return CheckRequest(
            other.method if self.method is None else self.method,
            other.uri if self.uri is None else self.uri,
            other.version if self.version is None else self.version,
            other.headers if self.headers is None else self.headers,
            other.body if self.body is None else self.body,
        )

    def encode(self, state: str = "", server: str = "", script: Script = PLAIN) -> bytes:
        """Return the bytes. state: the value of X-Haproxy-Server-State, "" for none. server: its name."""
        method, version = self.method or "OPTIONS", self.version or "HTTP/1.0"
        later = is_later(version.encode())
        given = self.headers or ()
        kept, closes = _without_connection(given)
        lines = [f"{method} {_target(method, self.uri or '/', given)} {'HTTP/1.1' if later else version}", *kept]
        if state:
            lines.append(f"x-haproxy-server-state: {state}")
        if self.body or (self.body is None and method not in WITHOUT_LENGTH):
            lines.append(f"content-length: {len(self.body or b'')}")
        if closes is not None and closes is later:
            lines.append(f"connection: {'close' if later else 'keep-alive'}")
        body = self.body or b""
        if self.body == b"" and later:
            lines.append("transfer-encoding: chunked")
            body = b"0\r\n\r\n"
        return "\r\n".join([*script.write(lines, server), "", ""]).encode("utf-8", "surrogateescape") + body


def _recased(line: str, cases: Mapping[str, str]) -> str:
    name, colon, value = line.partition(":")
    return cases.get(name, name) + colon + value


def _without_connection(given: tuple[tuple[str, str], ...]) -> tuple[list[str], bool | None]:
    """Return the header lines without `close` and `keep-alive`, and whether the connection shall close.

    None instead: a header asks for an upgrade, so the request has no such word.
    """
    lines = []
    words: list[str] = []
    for name, value in given:
        if name == "connection":
            told = [word.strip() for word in value.split(",")]
            words += [word.lower() for word in told]
            value = ", ".join(word for word in told if word.lower() not in OF_THE_CONNECTION)
            if not value:
                continue
        lines.append(f"{name}: {value}")
    if "upgrade" in words:
        return lines, None
    return lines, not words or "close" in words


def _target(method: str, uri: str, given: tuple[tuple[str, str], ...]) -> str:
    """Return the URI; in absolute form (and for CONNECT) its authority is the Host header, where there is one."""
    host = dict(given).get("host")
    if host is None:
        return uri
    if method == "CONNECT":
        return host
    scheme, mark, rest = uri.partition("://")
    if not mark or scheme.startswith("/"):
        return uri
    slash = rest.find("/")
    return f"{scheme}://{host}{rest[slash:] if slash >= 0 else ''}"
