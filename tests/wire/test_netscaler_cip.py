"""NetScaler Client IP headers: whole, in pieces, and bytes that are none."""

from __future__ import annotations

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.wire.netscaler_cip import BadMagic, ClientIp, Unhandled, read_client_ip

MAGIC = 0x01020304
PORTS = st.integers(0, 65535)
FOUR = st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4))
SIX = st.tuples(st.ip_addresses(v=6), st.ip_addresses(v=6))
Hosts = tuple[ipaddress.IPv4Address, ipaddress.IPv4Address] | tuple[ipaddress.IPv6Address, ipaddress.IPv6Address]


def header(hosts: Hosts, ports: tuple[int, int], legacy: bool, options: int = 0) -> bytes:
    """Return a header. options: words of 4 bytes behind the IPv4 header."""
    tcp = b"".join(port.to_bytes(2, "big") for port in ports) + bytes(16)
    packed = hosts[0].packed + hosts[1].packed
    if hosts[0].version == 4:
        copy = bytes([0x45 + options, *bytes(8), 6, 0, 0]) + packed + bytes(4 * options) + tcp
    else:
        copy = bytes([0x60, *bytes(5), 6, 64]) + packed + tcp
    if legacy:
        return MAGIC.to_bytes(4, "big") + len(copy).to_bytes(4, "big") + copy
    return MAGIC.to_bytes(4, "big") + bytes(6) + len(copy).to_bytes(2, "big") + copy


@given(FOUR | SIX, st.tuples(PORTS, PORTS), st.booleans(), st.integers(0, 10), st.binary(max_size=50))
def test_a_header_tells_both_ends(
    hosts: Hosts, ports: tuple[int, int], legacy: bool, options: int, rest: bytes
) -> None:
    """Both forms give the client's address and where it connected to, and how many bytes they are."""
    text = header(hosts, ports, legacy, options if hosts[0].version == 4 else 0)
    if hosts[0].version == 6 and legacy:
        assert text[8] & 0xD0 == 0x40
    found = read_client_ip(text + rest, MAGIC)
    assert isinstance(found, ClientIp) and found.size == len(text)
    ends = [(ipaddress.ip_address(host), port) for host, port in (found.source, found.destination)]
    assert ends == list(zip(hosts, ports, strict=True))


@given(FOUR, st.tuples(PORTS, PORTS), st.booleans())
def test_pieces_are_waited_for(hosts: Hosts, ports: tuple[int, int], legacy: bool) -> None:
    """No beginning of a header is taken for a whole one, or refused."""
    text = header(hosts, ports, legacy)
    assert {read_client_ip(text[:size], MAGIC) for size in range(len(text))} == {None}


def test_another_magic_number_is_refused_at_its_first_byte() -> None:
    """Bytes that do not begin with the number are refused at once."""
    for data in (b"G", b"\1\2\3\5", b"GET / HTTP/1.0\r\n\r\n"):
        with pytest.raises(BadMagic):
            read_client_ip(data, MAGIC)


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_else(rest: bytes) -> None:
    """Whatever stands behind the magic number is read, waited for or refused."""
    with contextlib.suppress(Unhandled):
        read_client_ip(MAGIC.to_bytes(4, "big") + rest, MAGIC)
