"""The PROXY protocol beside HAProxy: the same bytes to servers, the same verdicts about clients.

One haproxy stands between a client and an echo server, so the client reads what the server was sent.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcproxy.wire.proxy_protocol import (
    BadProxyHeader,
    ProxyHeaderParser,
    Tlv,
    TlvType,
    encode_v1,
    encode_v2,
)
from tests.running import HAPROXY, PATIENCE, EchoServer, free_port, program
from tests.wire.test_proxy_protocol import BAD, GOOD, INET, LONGEST_UNKNOWN, UNIX, tlv, v2

pytestmark = pytest.mark.reference

SENDERS = {
    "v1": "send-proxy",
    "v2": "send-proxy-v2",
    "both": "send-proxy send-proxy-v2",
    "options": "send-proxy-v2 proxy-v2-options crc32c,unique-id",
    "only": "proxy-v2-options crc32c",
}
CONFIGURATION = """
defaults
  mode tcp
  timeout connect 2s
  timeout client 2s
  timeout server 2s
"""

REFERENCE_REFUSES = {
    b"PROXY UNKNOWN ffff::1 anything at all\r\n",
    v2(0x21, 0x12, INET),
    v2(0x21, 0x31, UNIX),
    v2(0x21, 0x31, b"x" * 216),
    v2(0x21, 0x00, b""),
    v2(0x21, 0x10, b"whatever"),
    LONGEST_UNKNOWN,
}
"""Good by the text, refused by HAProxy 2.6.12."""

REFERENCE_ACCEPTS = {
    b"PROXY TCP4 01.2.3.4 5.6.7.8 11 22\r\n",
    b"PROXY TCP4 1.2.3 5.6.7.8 11 22\r\n",
    b"PROXY TCP4 256.2.3.4 5.6.7.8 11 22\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 011 22\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8  22\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 70000 22\r\n",
    b"PROXY TCP6 1::2 3::4 11 22 x\r\n",
}
"""Wrong by the text, read by HAProxy 2.6.12 with other addresses or ports than were sent."""


class Reference:
    """A running haproxy: a listener for each way to send a header, and one that accepts them."""

    def __init__(self, folder: Path, server: int) -> None:
        self.ports = {name: free_port() for name in (*SENDERS, "accept", "mixed", "mixed2")}
        self.folder = folder
        self.configuration = CONFIGURATION + "".join(self._section(name, server) for name in self.ports)

    def _section(self, name: str, server: int) -> str:
        port = self.ports[name]
        binds = [f"127.0.0.1:{port}", f"[::1]:{port}", f"{self.folder}/{name}"]
        lines = [f"listen {name}", *(f"  bind {bind}" for bind in binds)]
        if name == "accept":
            lines = [f"{line} accept-proxy" if "bind" in line else line for line in lines]
        if name.startswith("mixed"):
            lines.append("  tcp-request connection set-src ipv6(2001:db8::1)")
        lines.append("  unique-id-format id-%f")
        sender = SENDERS.get(name, "send-proxy-v2" if name == "mixed2" else "send-proxy")
        return "\n".join([*lines, f"  server s 127.0.0.1:{server} {sender}\n"])

    def exchange(self, name: str, data: bytes, host: str = "127.0.0.1") -> tuple[bytes, tuple[str, int]]:
        """Send bytes to a listener and end; return what came back, and the client's address."""
        if host == "unix":
            client = socket.socket(socket.AF_UNIX)
            client.connect(f"{self.folder}/{name}")
        else:
            client = socket.create_connection((host, self.ports[name]))
        with client:
            client.settimeout(PATIENCE)
            address = ("", 0) if host == "unix" else client.getsockname()[:2]
            return _talk(client, data), address


def _talk(client: socket.socket, data: bytes) -> bytes:
    back = b""
    try:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(65536):
            back += piece
    except (ConnectionResetError, BrokenPipeError):
        return b""
    except OSError as error:
        if isinstance(error, TimeoutError):
            raise
    return back


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    """A running haproxy in front of an echo server."""
    folder = tmp_path_factory.mktemp("proxy")
    with EchoServer() as server:
        there = Reference(folder, server.port)
        file = folder / "haproxy.cfg"
        file.write_text(there.configuration)
        with program(HAPROXY, "-db", "-f", str(file), port=there.ports["v1"]):
            yield there


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "unix"])
@pytest.mark.parametrize("name", [*SENDERS, "mixed", "mixed2"])
def test_sent_bytes_are_the_reference_bytes(reference: Reference, name: str, host: str) -> None:
    """For each option and client family our encoder writes what HAProxy writes."""
    sent, client = reference.exchange(name, b"hello", host)
    source = destination = None
    if host != "unix":
        source, destination = client, (host, reference.ports[name])
    if name.startswith("mixed") and source:
        source = ("2001:db8::1", client[1])
    if name in ("v1", "only", "mixed"):
        expected = encode_v1(source, destination)
    elif name == "options":
        unique = Tlv(TlvType.UNIQUE_ID, b"id-options")
        expected = encode_v2(source, destination, [unique], checksum=True)
    else:
        expected = encode_v2(source, destination)
    assert sent == expected + b"hello"


@pytest.mark.parametrize(
    "case", [*GOOD, *BAD, v2(0x21, 0x11, INET + tlv(0x30, b"ns"))], ids=lambda case: repr(case[:40])
)
def test_verdicts_are_the_reference_verdicts(reference: Reference, case: bytes) -> None:
    """HAProxy's verdicts, and the addresses it reads, are ours, but for the listed differences."""
    if case in REFERENCE_REFUSES:
        assert reference.exchange("accept", case + b"hello")[0] == b""
        assert ProxyHeaderParser().feed(case) is not None
        return
    sent, client = reference.exchange("accept", case + b"hello")
    try:
        header = ProxyHeaderParser().feed(case)
    except BadProxyHeader:
        assert (sent != b"") == (case in REFERENCE_ACCEPTS)
        return
    assert header is not None
    own = (client, ("127.0.0.1", reference.ports["accept"]))
    source, destination = (header.source, header.destination) if header.usable else own
    assert sent == encode_v1(source, destination) + b"hello"
