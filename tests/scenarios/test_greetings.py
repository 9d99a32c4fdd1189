"""PROXY headers, in and out, whole, split, false or missing: as haproxy and tcproxy tell it."""

from __future__ import annotations

import pytest

from tests.scenarios.beside import UNFORMATTED, Scene, Stories, Told, differences

STORIES = Stories()
story = STORIES.story

IN = """
listen {name}
    bind {host}:1000 accept-proxy
    timeout client 300ms
    server s {host}:2000
"""
DEFAULT_LINE = UNFORMATTED + IN
V1 = b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"
V1_6 = b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n"
UNKNOWN = b"PROXY UNKNOWN\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
IPV4 = bytes([192, 0, 2, 1, 198, 51, 100, 2]) + (56324).to_bytes(2, "big") + (443).to_bytes(2, "big")
V2 = SIGNATURE + b"\x21\x11\x00\x0c" + IPV4
V2_TLV = SIGNATURE + b"\x21\x11\x00\x13" + IPV4 + b"\xee\x00\x04abcd"
V2_6 = SIGNATURE + b"\x21\x21\x00\x24" + bytes(15) + b"\x01" + bytes(15) + b"\x02" + IPV4[8:]
V2_LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
V2_LOCAL_WITH_ADDRESS = SIGNATURE + b"\x20\x11\x00\x0c" + IPV4
GOOD = {
    "v1": V1, "v1 of IPv6": V1_6, "unknown": UNKNOWN, "v2": V2, "v2 with TLV": V2_TLV, "v2 of IPv6": V2_6,
    "local": V2_LOCAL, "local with address": V2_LOCAL_WITH_ADDRESS,
}  # fmt: skip
BAD = {
    "no header": b"GET / HTTP/1.0\r\n\r\n", "too long": b"PROXY TCP4 " + b"1" * 120, "no address": b"PROXY TCP4\r\n",
    "words": b"PROXY TCP4 a b c d\r\n", "lone LF": b"PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n",
    "other family": b"PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n", "v3": SIGNATURE + b"\x31\x11\x00\x0c" + IPV4,
    "command 2": SIGNATURE + b"\x22\x11\x00\x0c" + IPV4, "too short": SIGNATURE + b"\x21\x11\x00\x04abcd",
    "a few bytes": b"GET", "a long line": b"PROXY TCP4 " + b"1" * 120 + b"\r\n",
    "a long line of another family": b"PROXY TCP5 " + b"1" * 120 + b"\r\n",
    "much and no end": b"PROXY UNKNOWN " + b"1" * 120,
    "a long line with addresses": b"PROXY TCP4 192.0.2.1 198.51.100.2 1 2" + b" " * 80 + b"\r\n",
    "words and a lone LF": b"PROXY TCP4 a b c d\n",
    "TLV without end": SIGNATURE + b"\x21\x11\x00\x0f" + IPV4 + b"\x03\x00\x08",
    "bad checksum": SIGNATURE + b"\x21\x11\x00\x13" + IPV4 + b"\x03\x00\x04abcd",
    "bad port": b"PROXY TCP4 192.0.2.1 198.51.100.2 x 2\r\n", "version 3, in part": SIGNATURE + b"\x31",
}  # fmt: skip


def _good(scene: Scene) -> None:
    door = scene.listen()
    for what, header in GOOD.items():
        scene.note(what)
        client = scene.connect().send(header + b"Hello")
        door.accept().reads(5).close()
        client.ends().close()
        scene.logged()
        scene.until("FRONTEND", scur=0)


def _bad(scene: Scene) -> None:
    for what, header in BAD.items():
        scene.note(what)
        scene.connect().send(header).ends().close()
        scene.logged()


@story(IN)
def good_headers(scene: Scene) -> None:
    """Every kind of header: the line has the addresses that it names, or the real ones."""
    _good(scene)


@story(DEFAULT_LINE, bare=True)
def good_headers_with_the_default_line(scene: Scene) -> None:
    """The default line is written once the header is read, with its addresses."""
    _good(scene)


@story(IN)
def bad_headers(scene: Scene) -> None:
    """What is no header closes the connection, and the line says so."""
    _bad(scene)


@story(DEFAULT_LINE, bare=True)
def bad_headers_with_the_default_line(scene: Scene) -> None:
    """Without a log format of its own a frontend writes nothing of bad headers."""
    for what, header in BAD.items():
        scene.note(what)
        scene.connect().send(header).ends().close()


@story(IN + "    option dontlognull\n    option log-separate-errors\n    error-log-format %ci:%ts:%ST\n")
def bad_headers_with_an_error_format(scene: Scene) -> None:
    """`error-log-format` and `log-separate-errors` hold for them."""
    _bad(scene)


@story(IN)
def header_never_comes(scene: Scene) -> None:
    """Nothing comes: the timeout of the client ends it."""
    with scene.lasting():
        scene.connect().ends().close()
    scene.logged()


@story(IN)
def leaves_without_a_header(scene: Scene) -> None:
    """FIN and RST with nothing, FIN with half a header."""
    scene.connect().quiet(0.05).finish().ends().close()
    scene.logged()
    scene.connect().quiet(0.05).reset()
    scene.logged()
    scene.connect().send(b"PROXY TC").finish().ends().close()
    scene.logged()


@story(IN + "    option dontlognull\n")
def leaves_without_a_header_unlogged(scene: Scene) -> None:
    """`dontlognull` leaves out those that sent nothing, not those that began a header."""
    scene.connect().quiet(0.05).finish().ends().close()
    scene.connect().quiet(0.05).reset()
    scene.until("FRONTEND", scur=0)
    scene.connect().send(b"PROXY TC").finish().ends().close()
    scene.logged()
    scene.connect().ends().close()


@story(
    """
listen {name}
    bind {host}:1000
    bind unix@{dir}/front
    server one {host}:2000 send-proxy
listen {name}.v2
    bind {host}:1001
    bind unix@{dir}/front2
    server two {host}:2000 send-proxy-v2
listen {name}.crc
    bind {host}:1002
    server two {host}:2000 send-proxy-v2 proxy-v2-options crc32c
"""
)
def headers_sent(scene: Scene) -> None:
    """`send-proxy` and `send-proxy-v2`: what the server reads before the client's bytes."""
    door = scene.listen()
    for place in (1000, 1001, 1002, "front", "front2"):
        client = scene.connect(place).send(b"Hello").finish()
        server = door.accept()
        data = b"".join(iter(lambda server=server: server.sock.recv(65536), b""))  # type: ignore[misc]
        for port, name in scene.known.items():
            data = data.replace(b" %d " % port, b" %s " % name.encode()).replace(port.to_bytes(2, "big"), b"PT")
        data = data.replace(bytes(map(int, scene.host.split("."))), b"HOST").replace(scene.host.encode(), b"HOST")
        scene.note(repr(data if place != 1002 else data[:16]))
        server.close()
        client.ends().close()
        scene.logged()


@story(
    """
listen {name}
    bind {host}:1000 accept-proxy
    server one {host}:1001 send-proxy
listen {name}.v1
    bind {host}:1001 accept-proxy
    server two unix@{dir}/inner send-proxy-v2
listen {name}.v2
    bind unix@{dir}/inner accept-proxy
    server three {host}:2000 send-proxy
"""
)
def headers_passed_on(scene: Scene) -> None:
    """From proxy to proxy the first header's addresses go on."""
    door = scene.listen()
    for header in (V1, V1_6, V2, V2_TLV):
        client = scene.connect().send(header + b"Hello")
        server = door.accept().reads(len(V1_6) + 5 if header == V1_6 else len(V1) + 5)
        server.close()
        client.ends().close()
        scene.logged(3)


@pytest.mark.reference
@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Clients, servers, log lines and counters of the story are the same with haproxy and with tcproxy."""
    assert differences(told[name]) == []
