"""Hellos of TLS: what is read of right ones, and that nothing else does harm."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.wire.client_hello import ClientHello, read_client_hello, read_hello_type, read_version
from tcproxy.wire.unread import NEVER, NOT_YET, Unread
from tests.wire.hellos import HELLOS, OLD_HELLOS, extension, hello, old_hello, protocols, server_name, spoiled

READERS = (read_client_hello, read_hello_type, read_version)


def real_hello(name: str | None, offered: list[str]) -> bytes:
    """Return the hello that OpenSSL sends."""
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    if offered:
        context.set_alpn_protocols(offered)
    sent = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name).do_handshake()
    return sent.read()


@pytest.mark.parametrize(("name", "offered"), [("www.example.org", ["h2", "http/1.1"]), (None, []), ("a", [])])
def test_a_real_client(name: str | None, offered: list[str]) -> None:
    """Name, first protocol and the rest are those that OpenSSL was told, once the last byte came and not before."""
    data = real_hello(name, offered)
    told = read_client_hello(data)
    assert isinstance(told, ClientHello)
    assert told.name == (name.encode() if name else None)
    assert told.protocol == (offered[0].encode() if offered else None)
    assert told.groups and told.ticket == 1
    assert (read_hello_type(data), read_version(data)) == (1, 0x30003)
    for size in range(len(data)):
        assert [read(data[:size]) for read in READERS] == [NOT_YET] * 3


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ([], ClientHello()),
        ([server_name(b"a.b"), server_name(b"c")], ClientHello(b"a.b")),
        ([server_name(b"q", 1)], ClientHello()),
        ([extension(0, b"\0\1x")], ClientHello()),
        ([protocols(b"h2", b"http/1.1")], ClientHello(protocol=b"h2")),
        ([protocols()], ClientHello()),
        ([extension(0x0A0A, b"\0"), extension(10, b""), extension(35, b"t")], ClientHello(groups=True, ticket=2)),
        ([extension(35, b""), b"\0\0\xff\xff"], ClientHello(ticket=1)),
        ([server_name(b"a"), b"\0\x10\xff\xff"], ClientHello(b"a", ticket=None)),
    ],
)
def test_extensions(extensions: list[bytes], expected: ClientHello) -> None:
    """The first extension of a kind counts, others are left out, and none behind a malformed one is looked for."""
    assert read_client_hello(hello(extensions)) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        hello(None),
        hello(kind=2),
        hello(record=b"\2\0"),
        hello(version=b"\3\0"),
        hello(session=b"s" * 33),
        hello(ciphers=b""),
        hello(methods=b""),
    ],
)
def test_what_is_no_hello(data: bytes) -> None:
    """Other protocols, hellos before TLS 1.0, and those without extensions never become one."""
    assert read_client_hello(data) is NEVER


def test_types_and_versions() -> None:
    """Any handshake message has its type, a record of another kind its version, and SSLv2 has a version alone."""
    assert read_hello_type(hello(kind=2)) == 2
    assert read_hello_type(b"\x80\x2e\x01") is NEVER
    assert read_version(old_hello()) == read_version(old_hello(padding=7)) == 0x30001
    assert [read_version(old_hello(off=1)), read_version(old_hello(ciphers=4))] == [NEVER, NEVER]
    assert read_version(b"\x17\x03\x03\x00\x05") is NOT_YET
    assert read_version(b"\x17\x03\x03\x00\x05" + bytes(9)) is NEVER


def test_a_message_in_two_records() -> None:
    """The header of a second record is taken for bytes of the message, as HAProxy takes it: what was before counts."""
    whole = hello([server_name(b"a.b"), protocols(b"h2")])
    cut = len(whole) - 8
    head = b"\x16\x03\x01"
    first = head + (cut - 5).to_bytes(2, "big") + whole[5:cut]
    second = head + (len(whole) - cut).to_bytes(2, "big") + whole[cut:]
    told = read_client_hello(first + second)
    assert isinstance(told, ClientHello)
    assert (told.name, told.protocol) == (b"a.b", None)


@given(st.one_of(spoiled(HELLOS), spoiled(OLD_HELLOS), st.binary()))
def test_no_bytes_raise_and_more_bytes_change_only_what_is_not_settled(data: bytes) -> None:
    """Fed byte by byte, each reader says "not yet" until it settles, and what follows then changes nothing."""
    for read in READERS:
        settled: object = NOT_YET
        for size in sorted({*range(min(len(data), 80)), *range(0, len(data), 97), len(data)}):
            told = read(data[:size])
            if settled is not NOT_YET:
                assert told == settled
            settled = told
        assert read(data + b"trailing") == settled or settled is NOT_YET
        if not isinstance(settled, Unread | ClientHello):
            assert isinstance(settled, int)
