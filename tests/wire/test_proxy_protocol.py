"""The PROXY protocol: every case whole, byte by byte and with trailing bytes; what we write we read."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tcproxy.wire.proxy_protocol import (
    SIGNATURE,
    V1_MAXIMUM,
    BadProxyHeader,
    ProxyCommand,
    ProxyFamily,
    ProxyHeader,
    ProxyHeaderParser,
    Tlv,
    TlvType,
    crc32c,
    encode_v1,
    encode_v2,
)

INET = bytes((1, 2, 3, 4, 5, 6, 7, 8)) + struct.pack("!HH", 11, 22)
INET6 = bytes((*range(1, 17), *bytes(15), 9)) + struct.pack("!HH", 11, 22)
UNIX = b"/run/a".ljust(108, b"\0") + b"\0abstract".ljust(108, b"\0")
FOUR = (("1.2.3.4", 11), ("5.6.7.8", 22))
LONGEST_UNKNOWN = b"PROXY UNKNOWN " + b"x" * (V1_MAXIMUM - 16) + b"\r\n"
LONG = "0000:0000:0000:0000:0000:0000:0000:0001"


def v2(version_command: int, family: int, block: bytes) -> bytes:
    """Return a version 2 header of these parts."""
    return SIGNATURE + bytes((version_command, family)) + struct.pack("!H", len(block)) + block


def tlv(type: int, value: bytes) -> bytes:
    """Return one vector."""
    return bytes((type,)) + struct.pack("!H", len(value)) + value


def proxied(version: int, family: ProxyFamily, *more: object) -> ProxyHeader:
    """Return a header with the command PROXY."""
    return ProxyHeader(version, ProxyCommand.PROXY, family, *more)  # type: ignore[arg-type]


GOOD = {
    b"PROXY TCP4 1.2.3.4 5.6.7.8 11 22\r\n": proxied(1, ProxyFamily.INET, *FOUR),
    b"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n": proxied(
        1, ProxyFamily.INET, ("0.0.0.0", 0), ("255.255.255.255", 65535)
    ),
    b"PROXY TCP6 1::2 3::4 11 22\r\n": proxied(1, ProxyFamily.INET6, ("1::2", 11), ("3::4", 22)),
    b"PROXY TCP6 2001:DB8:0::1 ::ffff:1.2.3.4 1 2\r\n": proxied(
        1, ProxyFamily.INET6, ("2001:db8::1", 1), ("::ffff:1.2.3.4", 2)
    ),
    f"PROXY TCP6 {LONG} {LONG} 65535 65535\r\n".encode(): proxied(
        1, ProxyFamily.INET6, ("::1", 65535), ("::1", 65535)
    ),
    b"PROXY UNKNOWN\r\n": proxied(1, ProxyFamily.UNSPEC),
    b"PROXY UNKNOWN ffff::1 anything at all\r\n": proxied(1, ProxyFamily.UNSPEC),
    LONGEST_UNKNOWN: proxied(1, ProxyFamily.UNSPEC),
    v2(0x21, 0x11, INET): proxied(2, ProxyFamily.INET, *FOUR),
    v2(0x21, 0x12, INET): proxied(2, ProxyFamily.INET, *FOUR, (), False),
    v2(0x21, 0x21, INET6): proxied(
        2, ProxyFamily.INET6, ("102:304:506:708:90a:b0c:d0e:f10", 11), ("::9", 22)
    ),
    v2(0x21, 0x31, UNIX): proxied(2, ProxyFamily.UNIX, ("/run/a", 0), ("\0abstract", 0)),
    v2(0x21, 0x31, b"x" * 216): proxied(2, ProxyFamily.UNIX, ("x" * 108, 0), ("x" * 108, 0)),
    v2(0x21, 0x00, b""): proxied(2, ProxyFamily.UNSPEC, None, None, (), False),
    v2(0x21, 0x10, b"whatever"): proxied(2, ProxyFamily.UNSPEC, None, None, (), False),
    v2(0x20, 0x00, b""): ProxyHeader(2, ProxyCommand.LOCAL, ProxyFamily.UNSPEC),
    v2(0x20, 0x55, b"abc"): ProxyHeader(2, ProxyCommand.LOCAL, ProxyFamily.UNSPEC),
    v2(0x21, 0x11, INET + tlv(4, b"") + tlv(0xE0, b"x" * 4000) + tlv(4, b"pad")): proxied(
        2, ProxyFamily.INET, *FOUR, (Tlv(4, b""), Tlv(0xE0, b"x" * 4000), Tlv(4, b"pad"))
    ),
    v2(0x21, 0x11, INET + tlv(5, b"i" * 128) + tlv(2, b"a" * 255)): proxied(
        2, ProxyFamily.INET, *FOUR, (Tlv(5, b"i" * 128), Tlv(2, b"a" * 255))
    ),
}

BAD = (
    b"GET / HTTP/1.0\r\n\r\n",
    b"PROXY\r\n",
    b"proxy UNKNOWN\r\n",
    b"PROXY unknown\r\n",
    b"PROXY UNKNOWNfoo\r\n",
    b"PROXY UDP4 1.2.3.4 5.6.7.8 11 22\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 11 22\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 11 22 \r\n",
    b"PROXY TCP4  1.2.3.4 5.6.7.8 11 22\r\n",
    b"PROXY TCP4 01.2.3.4 5.6.7.8 11 22\r\n",
    b"PROXY TCP4 1.2.3 5.6.7.8 11 22\r\n",
    b"PROXY TCP4 256.2.3.4 5.6.7.8 11 22\r\n",
    b"PROXY TCP4 1::2 5.6.7.8 11 22\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 011 22\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 -1 22\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8  22\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 70000 22\r\n",
    b"PROXY TCP6 1.2.3.4 3::4 11 22\r\n",
    b"PROXY TCP6 1::2 3::4 11 22 x\r\n",
    b"PROXY UNKNOWN " + b"x" * (V1_MAXIMUM - 15) + b"\r\n",
    v2(0x22, 0x11, INET),
    v2(0x11, 0x11, INET),
    v2(0x31, 0x11, INET),
    v2(0x21, 0x41, INET),
    v2(0x21, 0x13, INET),
    v2(0x21, 0x11, INET[:11]),
    v2(0x21, 0x21, INET),
    v2(0x21, 0x31, UNIX[:100]),
    v2(0x21, 0x11, INET + b"\4"),
    v2(0x21, 0x11, INET + b"\4\0"),
    v2(0x21, 0x11, INET + b"\4\0\5abc"),
    v2(0x21, 0x11, INET + tlv(3, b"abcd")),
    v2(0x21, 0x11, INET + tlv(3, b"abc")),
    v2(0x21, 0x11, INET + tlv(5, b"i" * 129)),
    v2(0x21, 0x11, INET + tlv(2, b"a" * 256)),
    v2(0x21, 0x11, INET + tlv(0xE0, b"x" * 16400)),
)


def read(pieces: list[bytes]) -> tuple[ProxyHeader | None, bytes]:
    """Return the header that the pieces hold, and what is left behind it."""
    parser = ProxyHeaderParser()
    for index, piece in enumerate(pieces):
        header = parser.feed(piece)
        if header is not None:
            return header, parser.rest + b"".join(pieces[index + 1 :])
    return None, b""


@pytest.mark.parametrize("case", GOOD, ids=lambda case: repr(case[:40]))
def test_header_whole_in_pieces_and_with_trailing_bytes(case: bytes) -> None:
    """A good header reads the same whole, byte by byte, and with the first bytes of the client behind it."""
    expected = GOOD[case]
    assert read([case]) == (expected, b"")
    assert read([case[at : at + 1] for at in range(len(case))]) == (expected, b"")
    assert read([case + b"PROXY "]) == (expected, b"PROXY ")
    assert read([case[:-1]]) == (None, b"")


@pytest.mark.parametrize("case", BAD, ids=lambda case: repr(case[:40]))
def test_bad_header_is_refused_in_any_pieces(case: bytes) -> None:
    """A bad header raises BadProxyHeader, whole and byte by byte, and never reads as a header."""
    for pieces in ([case], [case[at : at + 1] for at in range(len(case))]):
        with pytest.raises(BadProxyHeader) as caught:
            read(pieces)
        assert str(caught.value)


def test_wrong_start_is_refused_at_once() -> None:
    """The first byte that no header begins with ends the wait: a TLS or HTTP client learns at once."""
    for start in (b"G", b"\x16", b"PROXX", SIGNATURE[:5] + b"x", SIGNATURE + b"\x30"):
        with pytest.raises(BadProxyHeader):
            ProxyHeaderParser().feed(start)


def test_long_header_is_refused_before_its_body_comes() -> None:
    """A length above the limit is refused when the length is known; nothing of the body is held."""
    parser = ProxyHeaderParser(maximum=100)
    with pytest.raises(BadProxyHeader):
        parser.feed(SIGNATURE + b"\x21\x11" + struct.pack("!H", 85))


def test_only_tcp_addresses_are_usable() -> None:
    """UNIX, datagram, unspecified and LOCAL headers leave the connection its own addresses."""
    usable = {case for case, header in GOOD.items() if header.usable}
    assert v2(0x21, 0x11, INET) in usable and b"PROXY TCP6 1::2 3::4 11 22\r\n" in usable
    assert not usable & {v2(0x21, 0x12, INET), v2(0x21, 0x31, UNIX), v2(0x20, 0, b""), b"PROXY UNKNOWN\r\n"}


def test_checksum_of_the_standard_vector() -> None:
    """CRC32c of "123456789" is the value that RFC 3720's implementations agree on."""
    assert crc32c(b"123456789") == 0xE3069283


def test_written_forms() -> None:
    """Lines and headers have HAProxy's bytes: mixed families mapped, others UNKNOWN and LOCAL."""
    assert encode_v1(*FOUR) == b"PROXY TCP4 1.2.3.4 5.6.7.8 11 22\r\n"
    mixed = (("1.2.3.4", 1), ("2001:db8::1", 2))
    assert encode_v1(*mixed) == b"PROXY TCP6 ::ffff:1.2.3.4 2001:db8::1 1 2\r\n"
    assert encode_v2(*mixed)[13] == 0x21
    for nothing in ((None, None), (("/run/a", 0), FOUR[1]), (FOUR[0], ("", 0)), (("\0abstract", 0), FOUR[1])):
        assert encode_v1(*nothing) == b"PROXY UNKNOWN\r\n"
        assert encode_v2(*nothing) == SIGNATURE + b"\x20\x00\x00\x00"
    assert encode_v2(*FOUR, [Tlv(5, b"")]) == v2(0x21, 0x11, INET + b"\5\0\0")
    with pytest.raises(ValueError):
        encode_v2(*FOUR, [Tlv(4, b"x" * 65536)])


def _address(kind: socket.AddressFamily, size: int) -> some.SearchStrategy[tuple[str, int]]:
    host = some.binary(min_size=size, max_size=size).map(lambda packed: socket.inet_ntop(kind, packed))
    return some.tuples(host, some.integers(0, 65535))


four = _address(socket.AF_INET, 4)
six = _address(socket.AF_INET6, 16)
pairs = some.tuples(four, four) | some.tuples(six, six)
plain_types = some.integers(0, 255).filter(lambda type: type != TlvType.CRC32C)
plain_tlvs = some.lists(some.builds(Tlv, plain_types, some.binary(max_size=128)))


@given(pairs, some.integers(0, 200))
def test_v1_round_trip(pair: tuple[tuple[str, int], tuple[str, int]], cut: int) -> None:
    """A version 1 line reads back to its addresses wherever it is cut."""
    line = encode_v1(*pair)
    assert len(line) <= V1_MAXIMUM
    header, rest = read([line[:cut], line[cut:] + b"data"])
    assert header is not None and (header.source, header.destination) == pair
    assert rest == b"data"


@given(pairs, plain_tlvs, some.booleans(), some.integers(0, 300))
def test_v2_round_trip(
    pair: tuple[tuple[str, int], tuple[str, int]], tlvs: list[Tlv], checksum: bool, cut: int
) -> None:
    """A version 2 header reads back to its addresses and vectors wherever it is cut; the checksum holds."""
    sent = encode_v2(*pair, tlvs, checksum)
    header, rest = read([sent[:cut], sent[cut:] + b"data"])
    assert header is not None and (header.source, header.destination) == pair
    assert [tlv for tlv in header.tlvs if tlv.type != TlvType.CRC32C] == tlvs
    assert (header.tlv(TlvType.CRC32C) is not None) == checksum
    assert rest == b"data"


@given(some.data())
def test_a_changed_bit_breaks_the_checksum(data: some.DataObject) -> None:
    """No single changed bit of a header with a checksum reads as the header that was sent."""
    sent = bytearray(encode_v2(*FOUR, [Tlv(4, b"padding")], checksum=True))
    header = ProxyHeaderParser().feed(bytes(sent))
    bit = data.draw(some.integers(0, len(sent) * 8 - 1))
    sent[bit // 8] ^= 1 << bit % 8
    try:
        changed = ProxyHeaderParser().feed(bytes(sent))
    except BadProxyHeader:
        return
    assert changed != header


beginnings = some.sampled_from(
    (b"", b"PROXY ", b"PROXY TCP4 ", b"PROXY TCP6 1::2 ", SIGNATURE, SIGNATURE + b"\x21\x11")
)


@given(beginnings, some.lists(some.binary(max_size=60), max_size=6))
def test_no_input_raises_anything_else(beginning: bytes, pieces: list[bytes]) -> None:
    """Whatever comes, the parser returns a header, waits, or raises BadProxyHeader."""
    try:
        header, _ = read([beginning, *pieces])
    except BadProxyHeader:
        return
    assert header is None or header.version in (1, 2)
