"""Samples of the hello that begins a TLS connection which passes through, undeciphered (manual 7.3.5: req.ssl_...)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tcproxy.samples.contents import Reads, from_client, from_server
from tcproxy.samples.kinds import Kind, Value
from tcproxy.samples.places import OF_REQUESTS, OF_RESPONSES
from tcproxy.samples.rows import OF_BYTES, Fetch
from tcproxy.wire.client_hello import ClientHello, read_client_hello, read_hello_type, read_version
from tcproxy.wire.unread import NEVER, NOT_YET, Unread

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts


def read_row(name: str, kind: Kind, places: str, help: str, read: Callable[[Facts], Value | Unread | None]) -> Fetch:
    """Return the row of a fetch that reads bytes, and waits while they are not enough."""

    def take(facts: Facts) -> Value | None:
        found = read(facts)
        return None if isinstance(found, Unread) else found

    return Fetch(name, kind, places, help, take, waits=lambda facts: read(facts) is NOT_YET, reads=OF_BYTES)


def _hello_row(name: str, kind: Kind, help: str, of: Callable[[ClientHello], Value | None]) -> Fetch:
    def read(facts: Facts) -> Value | Unread | None:
        data = from_client(facts)
        hello = NEVER if data is None else read_client_hello(data)
        return hello if isinstance(hello, Unread) else of(hello)

    return read_row(name, kind, OF_REQUESTS, help, read)


def _of_bytes(reads: Reads, read: Callable[[bytes], int | Unread]) -> Callable[[Facts], Value | Unread | None]:
    def found(facts: Facts) -> Value | Unread | None:
        data = reads(facts)
        return None if data is None else read(data)

    return found


def _type_row(name: str, help: str, places: str = OF_REQUESTS, reads: Reads = from_client) -> Fetch:
    return read_row(name, Kind.SINT, places, help, _of_bytes(reads, read_hello_type))


def _version_row(name: str, help: str) -> Fetch:
    return read_row(name, Kind.SINT, OF_REQUESTS, help, _of_bytes(from_client, read_version))


def _name_row(name: str, help: str) -> Fetch:
    return _hello_row(name, Kind.STR, help, lambda hello: hello.name)


FETCHES = (
    _type_row("rep_ssl_hello_type", "An old name of res.ssl_hello_type.", OF_RESPONSES, from_server),
    _hello_row(
        "req.ssl_alpn", Kind.STR, "The first protocol that the client offers (ALPN).", lambda hello: hello.protocol
    ),
    _hello_row(
        "req.ssl_ec_ext", Kind.BOOL, "True if the client lists elliptic curves.", lambda hello: hello.groups or None
    ),
    _type_row("req.ssl_hello_type", "The type of the client's first handshake message, once all came: 1, a hello."),
    _name_row("req.ssl_sni", "The host name that the client asks for (SNI), once all of its hello came."),
    _hello_row(
        "req.ssl_st_ext", Kind.SINT, "The client's session ticket: 0 none, 1 it asks for one, 2 it has one.",
        lambda hello: hello.ticket,
    ),
    _version_row("req.ssl_ver", "The client's version of TLS: major * 65536 + minor."),
    _type_row("req_ssl_hello_type", "An old name of req.ssl_hello_type."),
    _name_row("req_ssl_sni", "An old name of req.ssl_sni."),
    _version_row("req_ssl_ver", "An old name of req.ssl_ver."),
    _type_row(
        "res.ssl_hello_type", "The type of the server's first handshake message, once all came: 2, a hello.",
        OF_RESPONSES, from_server,
    ),
)  # fmt: skip
