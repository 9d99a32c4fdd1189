"""A request as a person describes it: `GET https://host/path`, headers, data. It becomes bytes of HTTP/1.1."""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from tcproxy.explain.rehearsal import PORTS, WrongQuestion

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def request_bytes(text: str, headers: Iterable[str] = (), data: bytes = b"") -> tuple[bytes, int]:
    """Return the bytes of a request, and the port that it is for. Raises WrongQuestion.

    text: `METHOD URL`, or an URL for GET (for POST, if there are data). An URL without a host is for `localhost`.
    headers: `Name: value` each; one that is given takes the place of the Host, or Content-Length, of ours.
    """
    words = text.split()
    if not words or len(words) > 2:
        raise WrongQuestion(f"'{text}' is no request: write 'GET http://host/path'")
    method = words[0] if len(words) == 2 else ("POST" if data else "GET")
    if not _METHOD.fullmatch(method):
        raise WrongQuestion(f"'{method}' is no method")
    host, target, port = _parts(words[-1])
    lines = [f"{method} {target} HTTP/1.1"]
    given = [_header(one) for one in headers]
    names = {name.lower() for name, _ in given}
    if "host" not in names:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in given]
    if data and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(data)}")
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("utf-8", "surrogateescape") + data, port


def _parts(url: str) -> tuple[str, str, int]:
    """Return the host of an URL (with its port, if it has one), its path with the query, and its port."""
    if url.startswith("/") or url == "*":
        return "localhost", url, PORTS["http"]
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in PORTS:
        raise WrongQuestion(f"'{url}' begins neither with http:// nor with https://")
    try:
        port = parts.port or PORTS[parts.scheme]
    except ValueError as error:
        raise WrongQuestion(f"'{url}': {error}") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or any(letter <= " " for letter in target):
        raise WrongQuestion(f"'{url}' has characters that stand percent-encoded in an URL")
    return parts.netloc.rpartition("@")[2], target, port


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not _METHOD.fullmatch(name):
        raise WrongQuestion(f"'{text}' is no header: write 'Name: value'")
    return name, value.strip(" \t")


def payload_bytes(text: str) -> bytes:
    """Return the bytes of a TCP client: of a file of this name, or of hexadecimal digits. Raises WrongQuestion."""
    path = Path(text)
    if path.is_file():
        return path.read_bytes()
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise WrongQuestion(f"'{text}' is neither a file nor hexadecimal digits") from None


def hello_bytes(name: str) -> bytes:
    """Return the first bytes of a TLS client that asks for a server of this name. Raises WrongQuestion."""
    sent = ssl.MemoryBIO()
    try:
        client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    except ValueError as wrong:
        raise WrongQuestion(f"'{name}' is no name of a server: {wrong}") from None
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read()
