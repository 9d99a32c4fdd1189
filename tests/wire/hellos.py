"""Hellos of TLS and SSLv2 for tests: right ones, and the strategies that spoil them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from hypothesis import strategies as st


def extension(kind: int, body: bytes) -> bytes:
    """Return an extension."""
    return struct.pack(">HH", kind, len(body)) + body


def server_name(name: bytes, kind: int = 0) -> bytes:
    """Return the extension with one name."""
    entry = bytes([kind]) + struct.pack(">H", len(name)) + name
    return extension(0, struct.pack(">H", len(entry)) + entry)


def protocols(*names: bytes) -> bytes:
    """Return the extension of ALPN."""
    entries = b"".join(bytes([len(name)]) + name for name in names)
    return extension(16, struct.pack(">H", len(entries)) + entries)


def hello(
    extensions: Sequence[bytes] | None = (),
    session: bytes = b"",
    ciphers: bytes = b"\x13\x01\x13\x02",
    methods: bytes = b"\0",
    version: bytes = b"\x03\x03",
    record: bytes = b"\x03\x01",
    kind: int = 1,
) -> bytes:
    """Return a ClientHello in one record; extensions: None for no list of them."""
    body = version + bytes(range(32)) + bytes([len(session)]) + session
    body += struct.pack(">H", len(ciphers)) + ciphers + bytes([len(methods)]) + methods
    if extensions is not None:
        joined = b"".join(extensions)
        body += struct.pack(">H", len(joined)) + joined
    message = bytes([kind]) + len(body).to_bytes(3, "big") + body
    return b"\x16" + record + struct.pack(">H", len(message)) + message


def old_hello(
    ciphers: int = 3, session: int = 0, challenge: int = 16, off: int = 0, padding: int | None = None
) -> bytes:
    """Return a hello in the form of SSLv2. off: how wrong its length is. padding: None for the short header."""
    body = b"\x01\x03\x01" + struct.pack(">HHH", ciphers, session, challenge) + b"c" * (ciphers + session + challenge)
    if padding is None:
        return struct.pack(">H", (len(body) + off) | 0x8000) + body
    return struct.pack(">H", len(body) + off) + bytes([padding]) + body + b"p" * padding


_EXTENSIONS = st.one_of(
    st.sampled_from([b"a.b", b"", b"x" * 300, b"Www.Example.ORG"]).map(server_name),
    st.just(server_name(b"q", 1)),
    st.sampled_from([(b"h2", b"http/1.1"), (b"acme-tls/1",), ()]).map(lambda names: protocols(*names)),
    st.sampled_from([b"", b"\0\2\0\x17"]).map(lambda body: extension(10, body)),
    st.sampled_from([b"", b"abc"]).map(lambda body: extension(35, body)),
    st.sampled_from([0x0A0A, 0x1A1A, 0xFAFA]).map(lambda kind: extension(kind, b"\0")),
    st.sampled_from([0, 200, 4000]).map(lambda size: extension(21, bytes(size))),
    st.sampled_from([(0, b""), (0, b"\0\1"), (0, b"\0\0"), (16, b""), (16, b"\0\0")]).map(lambda one: extension(*one)),
)
HELLOS = st.builds(
    hello,
    st.one_of(st.none(), *[st.lists(_EXTENSIONS, max_size=6)] * 8),
    st.sampled_from([0, 0, 32, 32, 33, 7]).map(lambda size: b"s" * size),
    st.sampled_from([b"\x13\x01", b"\x0a\x0a\x13\x01" * 30, b"", b"\1\2\3"]),
    st.sampled_from([b"\0", b"\0\1", b""]),
    st.sampled_from([b"\3\3", b"\3\3", b"\3\1", b"\3\0", b"\2\3", b"\4\1"]),
    st.sampled_from([b"\3\1", b"\3\3", b"\3\0", b"\2\1", b"\4\0"]),
    st.sampled_from([1, 1, 1, 1, 2, 0, 11]),
)
OLD_HELLOS = st.builds(
    old_hello,
    st.sampled_from([3, 6, 0, 10, 300]),
    st.sampled_from([0, 16, 1]),
    st.sampled_from([16, 32, 15, 33]),
    st.sampled_from([0, 0, 0, 1, -1]),
    st.sampled_from([None, None, 0, 1, 20]),
)


@st.composite
def spoiled(draw: st.DrawFn, right: st.SearchStrategy[bytes] = HELLOS) -> bytes:
    """Return a message that is cut, has other bytes in it, or bytes behind it; often it is right."""
    data = bytearray(draw(right))
    for _ in range(draw(st.sampled_from([0, 1, 1, 2]))):
        at = draw(st.integers(0, max(0, min(len(data) - 1, draw(st.sampled_from([5, 11, 60, 10000]))))))
        how = draw(st.sampled_from(["cut", "other", "other", "insert", "behind"]))
        if how == "cut":
            del data[at:]
        elif how == "other" and data:
            data[at] = draw(st.one_of(st.sampled_from([0, 1, 2, 3, 255]), st.integers(0, 255)))
        elif how == "insert":
            data[at:at] = bytes([draw(st.integers(0, 255))])
        else:
            data += draw(st.binary(max_size=30))
    return bytes(data[:15000])
