"""The PROXY protocol, versions 1 and 2: an incremental parser, and encoders.

The specification is proxy-protocol.txt; where it leaves a choice, this reader does as HAProxy 2.6 does. In four cases
it follows the specification and HAProxy does not: a header may arrive in pieces of any size; numbers that the
specification forbids (leading zeroes, ports above 65535, addresses of three parts) are refused and not misread; bytes
behind `PROXY UNKNOWN` are ignored and not refused; a header of a family that names no TCP client (UNIX, datagrams,
unspecified) is accepted, and the addresses of the connection count.

Sessions decide which peers may send a header, and how long it may take (session/steps.py).
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V1_PREFIX = b"PROXY "
V1_MAXIMUM = 107
"""Bytes of the longest version 1 line, CRLF included (section 2.1)."""
V2_HEAD = 16
"""Bytes of a version 2 header before its addresses."""
V2_MAXIMUM = 16384
"""Bytes of the longest version 2 header that is read by default: HAProxy's buffer."""
AUTHORITY_MAXIMUM = 255
UNIQUE_ID_MAXIMUM = 128
UNIX_PATH = 108

Endpoint = tuple[str, int]
"""Host as numeric text (or the path of a UNIX socket) and port (0 for a UNIX socket)."""


class Fault(Enum):
    """What is wrong with a header. HAProxy tells these four cases apart in its logs."""

    STRANGE = "no header at all"
    TRUNCATED = "no end where it must be"
    UNHANDLED = "a protocol that is not known"
    INVALID = "a header that is broken"


class BadProxyHeader(ValueError):
    """The peer sent no PROXY header, or a broken one; the text says why. The connection must be closed.

    header: what stands before the fault, where that is a whole header but for its TLVs.
    """

    def __init__(self, message: str, fault: Fault = Fault.INVALID) -> None:
        super().__init__(message)
        self.fault = fault
        self.header: ProxyHeader | None = None


class ProxyCommand(Enum):
    """LOCAL: the sender opened the connection for itself (a health check). PROXY: for a client."""

    LOCAL = 0
    PROXY = 1


class ProxyFamily(Enum):
    """Address family of a header. UNSPEC: the addresses of the connection itself count."""

    UNSPEC = 0
    INET = 1
    INET6 = 2
    UNIX = 3


class TlvType:
    """Registered types of TLVs (section 2.2)."""

    ALPN = 0x01
    AUTHORITY = 0x02
    CRC32C = 0x03
    NOOP = 0x04
    UNIQUE_ID = 0x05
    SSL = 0x20
    NETNS = 0x30


class Tlv(NamedTuple):
    """One type-length-value vector of a version 2 header."""

    type: int
    value: bytes


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """One PROXY header.

    source, destination: None where the command is LOCAL or the family unspecified. UNIX and datagram headers have
    addresses, but `usable` is False, since they name no TCP client. tlvs: in the order of the header; empty of a LOCAL
    header, since the specification has its block discarded.
    """

    version: int
    command: ProxyCommand
    family: ProxyFamily
    source: Endpoint | None = None
    destination: Endpoint | None = None
    tlvs: tuple[Tlv, ...] = ()
    stream: bool = True

    @property
    def usable(self) -> bool:
        """True when source and destination replace those of the connection."""
        return self.source is not None and self.stream and self.family in (ProxyFamily.INET, ProxyFamily.INET6)

    @property
    def authority(self) -> bytes | None:
        """The host name that the client asked for, None without one."""
        return self.tlv(TlvType.AUTHORITY)

    @property
    def unique_id(self) -> bytes | None:
        """The id that the sender gave the connection, None without one."""
        return self.tlv(TlvType.UNIQUE_ID)

    def tlv(self, type: int) -> bytes | None:
        """Return the value of the last TLV of this type, None without one."""
        return next((tlv.value for tlv in reversed(self.tlvs) if tlv.type == type), None)


class ProxyHeaderParser:
    """Reads one header from the beginning of a connection, in pieces of any size.

    `rest` holds the bytes behind the header once `feed` has returned it.
    """

    __slots__ = ("_buffer", "_done", "_maximum", "rest")

    def __init__(self, maximum: int = V2_MAXIMUM) -> None:
        """`maximum`: bytes of the longest version 2 header accepted."""
        self._buffer = b""
        self._done = False
        self._maximum = maximum
        self.rest = b""

    @property
    def started(self) -> bool:
        """True when any byte has come."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> ProxyHeader | None:
        """Take bytes; return the header when it is complete, None while it is not. Raises BadProxyHeader."""
        if self._done:
            raise RuntimeError("the header was already read")
        self._buffer += data
        read = _read(self._buffer, self._maximum)
        if read is None:
            return None
        header, length = read
        self._done = True
        self.rest = self._buffer[length:]
        return header


def _read(data: bytes, maximum: int) -> tuple[ProxyHeader, int] | None:
    """Return the header at the beginning of `data` and its length; None when more bytes are needed."""
    if data.startswith(SIGNATURE):
        return _read_v2(data, maximum)
    if data.startswith(V1_PREFIX):
        return _read_v1(data)
    if SIGNATURE.startswith(data) or V1_PREFIX.startswith(data):
        return None
    raise BadProxyHeader("the connection does not begin with a PROXY header", _strange(data))


def _strange(data: bytes) -> Fault:
    """Return what HAProxy says of bytes that begin as no version does: it tells that of no fewer than 16."""
    return Fault.STRANGE if len(data) >= V2_HEAD else Fault.TRUNCATED


# version 1

_PORT = rb"(0|[1-9][0-9]{0,4})"
_V1_TCP = re.compile(rb"PROXY TCP([46]) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) " + _PORT + b" " + _PORT + rb"\r\n")
_V1_BEGINNING = re.compile(
    rb"PROXY TCP[46] [0-9a-fA-F.:]*( [0-9a-fA-F.:]*( [0-9]*( [0-9]*\r?)?)?)?"
    rb"|PROXY TCP[46]( [0-9a-fA-F.:]+){2}( [0-9]+){2}\n"
)
"""A line that is right as far as it goes, or wants only its CR."""


def _read_v1(data: bytes) -> tuple[ProxyHeader, int] | None:
    end = data.find(b"\n", 0, V1_MAXIMUM)
    if end < 0:
        if len(data) >= V1_MAXIMUM:
            raise BadProxyHeader(f"no end of line in the first {V1_MAXIMUM} bytes", _line_fault(data))
        return None
    line = data[: end + 1]
    if not line.endswith(b"\r\n"):
        raise BadProxyHeader("the line ends without CR", _line_fault(line))
    return _parse_line(line), len(line)


def _parse_line(line: bytes) -> ProxyHeader:
    match = _V1_TCP.fullmatch(line)
    if match is None:
        if line.startswith((b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ")):
            return ProxyHeader(1, ProxyCommand.PROXY, ProxyFamily.UNSPEC)
        raise BadProxyHeader("neither TCP4 nor TCP6 with two addresses and two ports, nor UNKNOWN", _line_fault(line))
    number, source, destination, source_port, destination_port = match.groups()
    family = ProxyFamily.INET if number == b"4" else ProxyFamily.INET6
    return ProxyHeader(
        1,
        ProxyCommand.PROXY,
        family,
        (_text_address(family, source), _port(source_port)),
        (_text_address(family, destination), _port(destination_port)),
    )


def _line_fault(line: bytes) -> Fault:
    """Return what is wrong with a line, or the beginning of one, that is no header: only its CRLF, or more."""
    if not line.startswith((b"PROXY TCP4 ", b"PROXY TCP6 ")):
        return Fault.UNHANDLED
    return Fault.TRUNCATED if _V1_BEGINNING.fullmatch(line) else Fault.INVALID


def _text_address(family: ProxyFamily, text: bytes) -> str:
    """Return the address in canonical form."""
    try:
        if family is ProxyFamily.INET:
            return socket.inet_ntop(socket.AF_INET, socket.inet_pton(socket.AF_INET, text.decode("ascii")))
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text.decode("ascii")))
    except OSError:
        raise BadProxyHeader(f"not an address of its family: {text.decode('ascii')}") from None


def _port(digits: bytes) -> int:
    port = int(digits)
    if port > 65535:
        raise BadProxyHeader(f"not a port: {port}")
    return port


# version 2

_INET = struct.Struct("!4s4sHH")
_INET6 = struct.Struct("!16s16sHH")
_UNIX = struct.Struct("!108s108s")
_BLOCKS = {
    ProxyFamily.UNSPEC: 0,
    ProxyFamily.INET: _INET.size,
    ProxyFamily.INET6: _INET6.size,
    ProxyFamily.UNIX: _UNIX.size,
}


def _read_v2(data: bytes, maximum: int) -> tuple[ProxyHeader, int] | None:
    if len(data) > len(SIGNATURE) and data[len(SIGNATURE)] >> 4 != 2:
        raise BadProxyHeader(f"version {data[len(SIGNATURE)] >> 4} is not known", _strange(data))
    if len(data) < V2_HEAD:
        return None
    end = V2_HEAD + int.from_bytes(data[14:16], "big")
    if end > maximum:
        raise BadProxyHeader(f"a header of {end} bytes is longer than {maximum}")
    if len(data) < end:
        return None
    return _parse_block(data[:end]), end


def _parse_block(header: bytes) -> ProxyHeader:
    command = header[12] & 0x0F
    if command == ProxyCommand.LOCAL.value:
        return ProxyHeader(2, ProxyCommand.LOCAL, ProxyFamily.UNSPEC)
    if command != ProxyCommand.PROXY.value:
        raise BadProxyHeader(f"command {command} is not known")
    family, stream = _family(header[13])
    at = V2_HEAD + _BLOCKS[family]
    if len(header) < at:
        raise BadProxyHeader("the header ends within the addresses")
    source, destination = _block_endpoints(family, header)
    # what stands behind a family that says nothing has no known beginning, so it is skipped, not read
    try:
        tlvs = () if family is ProxyFamily.UNSPEC else _tlvs(header, at)
    except BadProxyHeader as error:
        error.header = ProxyHeader(2, ProxyCommand.PROXY, family, source, destination, (), stream)
        raise
    return ProxyHeader(2, ProxyCommand.PROXY, family, source, destination, tlvs, stream)


def _family(byte: int) -> tuple[ProxyFamily, bool]:
    """Return the family, and whether its transport is a stream."""
    family, transport = byte >> 4, byte & 0x0F
    if family > 3 or transport > 2:
        raise BadProxyHeader(f"family and transport {byte:#04x} are not known")
    if family == 0 or transport == 0:
        return ProxyFamily.UNSPEC, False
    return ProxyFamily(family), transport == 1


def _block_endpoints(family: ProxyFamily, header: bytes) -> tuple[Endpoint | None, Endpoint | None]:
    if family is ProxyFamily.UNSPEC:
        return None, None
    if family is ProxyFamily.UNIX:
        source, destination = _UNIX.unpack_from(header, V2_HEAD)
        return (_path(source), 0), (_path(destination), 0)
    kind, block = (socket.AF_INET, _INET) if family is ProxyFamily.INET else (socket.AF_INET6, _INET6)
    source, destination, source_port, destination_port = block.unpack_from(header, V2_HEAD)
    near, far = socket.inet_ntop(kind, source), socket.inet_ntop(kind, destination)
    return (near, source_port), (far, destination_port)


def _path(field: bytes) -> str:
    """Return the path of a UNIX address; one that begins with NUL is an abstract name and keeps that NUL."""
    path = field.rstrip(b"\0") if field[:1] == b"\0" else field.partition(b"\0")[0]
    return path.decode("utf-8", "surrogateescape")


def _tlvs(header: bytes, at: int) -> tuple[Tlv, ...]:
    found = []
    while at < len(header):
        if at + 3 > len(header):
            raise BadProxyHeader("the header ends within the head of a TLV")
        end = at + 3 + int.from_bytes(header[at + 1 : at + 3], "big")
        if end > len(header):
            raise BadProxyHeader(f"TLV {header[at]:#04x} is longer than the header")
        tlv = Tlv(header[at], header[at + 3 : end])
        _check_tlv(tlv, header, at + 3)
        found.append(tlv)
        at = end
    return tuple(found)


def _check_tlv(tlv: Tlv, header: bytes, at: int) -> None:
    """Raise BadProxyHeader unless the TLV, whose value begins at `at`, keeps the limits of its type."""
    if tlv.type == TlvType.CRC32C:
        if len(tlv.value) != 4:
            raise BadProxyHeader("a CRC32C checksum has four bytes")
        if crc32c(header[:at] + bytes(4) + header[at + 4 :]) != int.from_bytes(tlv.value, "big"):
            raise BadProxyHeader("the CRC32C checksum is wrong")
    elif tlv.type == TlvType.AUTHORITY and len(tlv.value) > AUTHORITY_MAXIMUM:
        raise BadProxyHeader(f"an authority is longer than {AUTHORITY_MAXIMUM} bytes")
    elif tlv.type == TlvType.UNIQUE_ID and len(tlv.value) > UNIQUE_ID_MAXIMUM:
        raise BadProxyHeader(f"a unique id is longer than {UNIQUE_ID_MAXIMUM} bytes")


def _crc32c_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC32C = _crc32c_table()


def crc32c(data: bytes) -> int:
    """Return the CRC32c checksum (RFC 4960, appendix B) of the bytes."""
    value = 0xFFFFFFFF
    for byte in data:
        value = (value >> 8) ^ _CRC32C[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


# encoders


def encode_v1(source: Endpoint | None, destination: Endpoint | None) -> bytes:
    """Return the line for a connection between these two; UNKNOWN where either is no IP address.

    An IPv4 address beside an IPv6 one is written as its mapped IPv6 form, as HAProxy does.
    """
    hosts = _hosts(source, destination)
    if hosts is None or source is None or destination is None:
        return b"PROXY UNKNOWN\r\n"
    kind, near, far = hosts
    word = "TCP4" if kind == socket.AF_INET else "TCP6"
    near_text, far_text = socket.inet_ntop(kind, near), socket.inet_ntop(kind, far)
    return f"PROXY {word} {near_text} {far_text} {source[1]} {destination[1]}\r\n".encode("ascii")


def encode_v2(
    source: Endpoint | None, destination: Endpoint | None, tlvs: Sequence[Tlv] = (), checksum: bool = False
) -> bytes:
    """Return the header for a connection between these two, LOCAL where either is no IP address.

    tlvs: vectors to append, in this order. checksum: put a CRC32C vector before them (`proxy-v2-options
    crc32c`).
    Raises ValueError for a vector or a header that is too long for its length field.
    """
    hosts = _hosts(source, destination)
    if hosts is None or source is None or destination is None:
        command, family, block = ProxyCommand.LOCAL, 0x00, b""
    else:
        kind, near, far = hosts
        shape, family = (_INET, 0x11) if kind == socket.AF_INET else (_INET6, 0x21)
        command, block = ProxyCommand.PROXY, shape.pack(near, far, source[1], destination[1])
    summed_at = V2_HEAD + len(block) + 3
    if checksum:
        block += _encode_tlv(TlvType.CRC32C, bytes(4))
    block += b"".join(_encode_tlv(type, value) for type, value in tlvs)
    if len(block) > 0xFFFF:
        raise ValueError(f"a PROXY header cannot carry {len(block)} bytes")
    header = SIGNATURE + bytes((0x20 | command.value, family)) + len(block).to_bytes(2, "big") + block
    if not checksum:
        return header
    return header[:summed_at] + crc32c(header).to_bytes(4, "big") + header[summed_at + 4 :]


def _encode_tlv(type: int, value: bytes) -> bytes:
    if len(value) > 0xFFFF:
        raise ValueError(f"a TLV cannot carry {len(value)} bytes")
    return bytes((type,)) + len(value).to_bytes(2, "big") + value


def _hosts(
    source: Endpoint | None, destination: Endpoint | None
) -> tuple[socket.AddressFamily, bytes, bytes] | None:
    """Return the family that carries both hosts, and both packed; None where either is no IP address."""
    near, far = _pack(source), _pack(destination)
    if near is None or far is None:
        return None
    if len(near) == len(far):
        return (socket.AF_INET if len(near) == 4 else socket.AF_INET6), near, far
    return socket.AF_INET6, _mapped(near), _mapped(far)


def _mapped(packed: bytes) -> bytes:
    return packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed


def _pack(endpoint: Endpoint | None) -> bytes | None:
    if endpoint is None:
        return None
    host = endpoint[0]
    try:
        if ":" in host:
            return socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
        return socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):  # ValueError: an abstract UNIX name begins with NUL
        return None
