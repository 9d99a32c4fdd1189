"""Converters of host names and addresses (manual 7.3.1)."""

from __future__ import annotations

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, bytes_of, unmapped
from tcproxy.samples.rows import Convert, Converter


def _host_only(value: Value) -> Value | None:
    """Return a host without its port, in small letters."""
    text = bytes_of(value)
    colon = text.rfind(b":")
    return (text[:colon] if colon > text.rfind(b"]") else text).lower()


def _port_only(value: Value) -> Value | None:
    """Return the port of a host, 0 without one; HAProxy counts with 32 bits, and takes any byte for a digit."""
    text = bytes_of(value)
    colon = text.rfind(b":")
    if colon <= text.rfind(b"]"):
        return 0
    port = 0
    for byte in text[colon + 1 :]:
        port = (port * 10 + byte - ord("0")) & 0xFFFFFFFF
    return port


def _masked(mask: bytes) -> Convert:
    bits, size = int.from_bytes(mask, "big"), len(mask)
    return lambda value: (int.from_bytes(bytes_of(value), "big") & bits).to_bytes(size, "big")


def _ipmask(mask: bytes, mask6: bytes | None = None) -> Convert:
    """Return the converter that sets bits of an address to 0; of an IPv6 address where it has a mask for those."""
    of_ipv4 = _masked(mask)
    of_ipv6 = _masked(mask6) if mask6 is not None else None

    def convert(value: Value) -> Value | None:
        packed = unmapped(bytes_of(value))
        if len(packed) == 4:
            return of_ipv4(packed)
        return of_ipv6(packed) if of_ipv6 is not None else None

    return convert


CONVERTERS = (
    Converter("host_only", Kind.STR, Kind.STR, "The host of a Host header, without its port.", _host_only),
    Converter(
        "ipmask", Kind.ADDR, Kind.IPV4, "The network of an address.",
        build=_ipmask, arguments=(ArgumentType.MASK4, ArgumentType.MASK6), required=1,
    ),
    Converter("port_only", Kind.STR, Kind.SINT, "The port of a Host header, 0 without one.", _port_only),
)  # fmt: skip
