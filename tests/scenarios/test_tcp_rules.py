"""`tcp-request` rules in TCP mode: connections, sessions and first bytes, as haproxy and tcproxy tell it."""

from __future__ import annotations

import contextlib
import itertools

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import head

STORIES = Stories()
story = STORIES.story

V1 = b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"


def _refused(scene: Scene, port: int, data: bytes = b"") -> None:
    """Connect a client that is reset, which it may see before it is connected at all."""
    with contextlib.suppress(ConnectionResetError):
        scene.connect(port, name="refused").send(data).sock.recv(1)
        scene.note("it is not reset")
    scene.left()


@story(
    """
listen {name}
    bind {host}:1000
    bind {host}:1001
    tcp-request connection reject if {{ dst_port 1001 }}
    server s {host}:2000
"""
)
def connections_rejected(scene: Scene) -> None:
    """A refused connection is reset, has no log line, and is counted as no session."""
    door = scene.listen()
    _refused(scene, 1001)
    _refused(scene, 1001, b"Hello")
    client = scene.connect().send(b"Hello")
    door.accept().reads(5).send(b"bye").close()
    client.ends().close()
    scene.logged()
    scene.until("FRONTEND", scur=0)


@story(
    """
listen {name}
    bind {host}:1000
    bind {host}:1001
    tcp-request session reject if {{ dst_port 1001 }}
    server s {host}:2000
"""
)
def sessions_rejected(scene: Scene) -> None:
    """A refused session is closed, has no log line, and is counted as none."""
    door = scene.listen()
    scene.connect(1001).ends(reset=False).close()
    scene.left()
    client = scene.connect().send(b"Hello")
    door.accept().reads(5).send(b"bye").close()
    client.ends().close()
    scene.logged()
    scene.until("FRONTEND", scur=0)


@story(
    """
listen {name}
    bind {host}:1000
    bind {host}:1001
    tcp-request connection accept if {{ dst_port 1001 }}
    tcp-request connection expect-proxy layer4
    tcp-request session reject if {{ src 192.0.2.9 }}
    server s {host}:2000
"""
)
def proxy_header_expected(scene: Scene) -> None:
    """A rule asks for a PROXY header; rules about sessions know its addresses, those about connections do not."""
    door = scene.listen()
    for port, header in ((1001, b""), (1000, V1)):
        client = scene.connect(port).send(header + b"Hello")
        door.accept().reads(5).send(b"bye").close()
        client.ends().close()
        scene.logged()
    scene.connect(1000).send(V1.replace(b"192.0.2.1 ", b"192.0.2.9 ")).ends(reset=False).close()
    scene.left()
    scene.connect(1000).send(b"GET / HTTP/1.0\r\n").ends().close()
    scene.logged()
    scene.until("FRONTEND", scur=0)


@story(
    """
listen {name}
    bind {host}:1000 accept-proxy
    tcp-request connection reject if {{ src 192.0.2.1 }}
    tcp-request session reject if {{ src 192.0.2.1 }}
    server s {host}:2000
"""
)
def session_rules_behind_a_header(scene: Scene) -> None:
    """With accept-proxy the rules about connections see the real client, those about sessions the one of the header."""
    scene.connect().send(V1 + b"Hello").ends(reset=False).close()
    scene.left()
    scene.until("FRONTEND", scur=0)


@story(
    """
listen {name}
    bind {host}:1000
    bind {host}:1001 accept-proxy
    log-format "%ci:%cp %fi:%fp"
    tcp-request connection set-src ipv4(192.0.2.7)
    tcp-request connection set-src-port int(7)
    tcp-request connection set-dst ipv6(2001:db8::9)
    tcp-request connection set-dst-port int(99999)
    tcp-request content reject if !{{ fc_src 192.0.2.7 }} {{ dst 2001:db8::9 }}
    server s {host}:2000 send-proxy
listen {name}.s
    bind {host}:1002
    bind {host}:1003 accept-proxy
    log-format "%ci:%cp %fi:%fp"
    tcp-request session set-src str(2001:db8::7)
    tcp-request session set-dst str(192.0.2.9)
    tcp-request session set-dst-port int(5)
    tcp-request session set-src-port str(nothing)
    tcp-request content reject unless {{ src 2001:db8::7 }} !{{ fc_src 2001:db8::7 }} !{{ fc_dst 192.0.2.9 }}
    server s {host}:2000 send-proxy
listen {name}.c
    bind {host}:1004
    bind {host}:1005 accept-proxy
    log-format "%ci %fi:%fp"
    tcp-request content set-src int(3221225991)
    tcp-request content set-src str(nothing)
    tcp-request content set-dst-port src_port
    tcp-request content set-dst src
    tcp-request content accept if {{ src 192.0.2.0/24 }} {{ fc_src 127.0.0.0/8 }}
    tcp-request content set-src-port int(8)
    server s {host}:2000 send-proxy
"""
)
def addresses_set(scene: Scene) -> None:
    """Rules of each set change the addresses that samples, lines and PROXY headers tell."""
    door = scene.listen()
    for port in range(1000, 1006):
        header = V1 if port % 2 else b""
        client = scene.connect(port).send(header + b"Hello").finish()
        server = door.accept()
        data = b"".join(iter(lambda server=server: server.sock.recv(65536), b""))  # type: ignore[misc]
        number = str(next(reversed(scene.known))).encode()
        scene.note(repr(data.replace(scene.host.encode(), b"HOST").replace(b" " + number, b" PORT")))
        server.close()
        client.ends().close()
        scene.logged()


IP4 = bytes([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2])
TCP = (1234).to_bytes(2, "big") + (443).to_bytes(2, "big") + bytes(16)
IP6 = bytes([0x60, 0, 0, 0, 0, 20, 6, 64, 0x20, 1, 0xD, 0xB8]) + bytes(11) + b"\1" + bytes(15) + b"\2"
MAGIC = (5).to_bytes(4, "big")
CLIENT_IPS = {
    "legacy": MAGIC + (40).to_bytes(4, "big") + IP4 + TCP,
    "legacy of IPv6": MAGIC + (60).to_bytes(4, "big") + IP6 + TCP,
    "standard": MAGIC + (52).to_bytes(4, "big") + b"\0\0" + (40).to_bytes(2, "big") + IP4 + TCP,
    "standard of IPv6": MAGIC + (72).to_bytes(4, "big") + b"\0\0" + (60).to_bytes(2, "big") + IP6 + TCP,
}
BAD_CLIENT_IPS = {
    "magic": b"\0\0\0\6" + (40).to_bytes(4, "big") + IP4 + TCP,
    "another protocol": MAGIC + (40).to_bytes(4, "big") + IP4.replace(b"\x40\6", b"\x40\x11") + TCP,
    "another form": MAGIC + (40).to_bytes(4, "big") + b"\x20" + IP4 + TCP,
    "another version": MAGIC + (52).to_bytes(4, "big") + b"\0\0\0\x28" + b"\x55" + IP4 + TCP,
}


@story(
    """
listen {name}
    bind {host}:1000 accept-netscaler-cip 5
    bind {host}:1001 accept-netscaler-cip 5 accept-proxy
    log-format "%ci:%cp %fi:%fp"
    tcp-request session reject if {{ src 192.0.2.9 }}
    server s {host}:2000 send-proxy
"""
)
def client_ip_headers(scene: Scene) -> None:
    """NetScaler Client IP headers of each form, alone and in front of a PROXY header, and bad ones."""
    door = scene.listen()
    for port, (what, header) in itertools.product((1000, 1001), CLIENT_IPS.items()):
        scene.note(what)
        client = scene.connect(port).send(header + (V1 if port == 1001 else b"") + b"Hello").finish()
        server = door.accept()
        scene.note(repr(b"".join(iter(lambda server=server: server.sock.recv(65536), b""))))  # type: ignore[misc]
        server.close()
        client.ends().close()
        scene.logged()
    for what, header in BAD_CLIENT_IPS.items():
        scene.note(what)
        scene.connect().send(header + b"Hello").ends().close()
        scene.logged()
    scene.left()


CONTENT = """
listen {name}
    bind {host}:1000
    tcp-request inspect-delay 600ms
    tcp-request content reject if {{ req.payload(0,3) -m str bad }}
    tcp-request content accept if {{ req.len gt 8 }}
    server s {host}:2000
"""


@story(
    """
listen {name}
    bind {host}:1000
    tcp-request inspect-delay 2s
    tcp-request content reject if {{ fe_conn({name}.o) ge 1 }}
    tcp-request content accept if {{ req.len gt 4 }}
    server s {host}:2000
listen {name}.o
    bind {host}:1001
    server s {host}:2000
"""
)
def rules_before_one_that_waits(scene: Scene) -> None:
    """Whenever bytes came all rules are looked at again, from the first one on."""
    door = scene.listen()
    client = scene.connect().send(b"go")
    scene.turn()
    other = scene.connect(1001, "other")
    server = door.accept()
    client.send(b"od")
    client.ends().close()
    scene.logged()
    server.close()
    other.ends().close()
    scene.logged()
    scene.left()


@story(
    """
listen {name}
    bind {host}:1000
    tcp-request inspect-delay 500ms
    tcp-request content reject if {{ req.len gt 99 }} {{ dst_port 1 }}
    server s {host}:2000
listen {name}.o
    bind {host}:1001
    tcp-request inspect-delay 500ms
    tcp-request content reject if {{ dst_port 1 }} {{ req.len gt 99 }} or {{ dst_port 2 }}
    server s {host}:2000
"""
)
def terms_that_wait_first(scene: Scene) -> None:
    """A term that is not known yet is waited for, though one behind it is not met; one before it decides."""
    door = scene.listen()
    for port in (1000, 1001):
        with scene.lasting():
            client = scene.connect(port)
            server = door.accept()
        server.send(b"bye").close()
        client.ends().close()
        scene.logged()


IMPATIENT = CONTENT.replace("inspect-delay 600ms", "inspect-delay 3s\n    timeout client 400ms")


@story(CONTENT)
def contents_that_come_in_pieces(scene: Scene) -> None:
    """A rule waits until enough bytes came; the server then has all of them."""
    door = scene.listen()
    client = scene.connect().send(b"go")
    scene.turn()
    door.accept_if(0.1)
    client.send(b"ood day and more")
    server = door.accept().reads(18).send(b"bye")
    server.close()
    client.ends().close()
    scene.logged()


@story(CONTENT)
def contents_that_are_rejected(scene: Scene) -> None:
    """The bytes that a rule refuses end the session at once."""
    client = scene.connect().send(b"b")
    scene.turn()
    client.send(b"ad")
    client.ends().close()
    scene.logged()
    scene.left()


@story(CONTENT)
def contents_too_few_in_time(scene: Scene) -> None:
    """When the delay is over, what came is all there is, and the session goes on to the server."""
    door = scene.listen()
    with scene.lasting():
        client = scene.connect().send(b"good")
        server = door.accept()
    server.reads(4).send(b"bye").close()
    client.ends().close()
    scene.logged()


@story(CONTENT)
def contents_of_a_silent_client(scene: Scene) -> None:
    """A client that waits for the server's first words gets them when the delay is over."""
    door = scene.listen()
    with scene.lasting():
        client = scene.connect()
        server = door.accept()
        server.send(b"SSH-2.0").close()
        client.ends().close()
    scene.logged()


@story(CONTENT)
def contents_and_an_early_end(scene: Scene) -> None:
    """A client that ends before the rules know enough is judged by what it has sent."""
    door = scene.listen()
    client = scene.connect().send(b"good").finish()
    server = door.accept().reads(4)
    server.send(b"bye").close()
    client.ends().close()
    scene.logged()
    scene.left()


@story(CONTENT)
def contents_and_an_end_without_a_byte(scene: Scene) -> None:
    """A client that connects and ends, within the delay."""
    scene.listen()
    client = scene.connect()
    scene.turn()
    client.finish().ends(reset=False).close()
    scene.logged()
    scene.left()


@story(CONTENT)
def contents_and_a_reset(scene: Scene) -> None:
    """A client that resets its connection within the delay."""
    scene.listen()
    client = scene.connect().send(b"go")
    scene.turn()
    client.reset()
    scene.logged()
    scene.left()


@story(IMPATIENT)
def contents_and_the_timeout_of_the_client(scene: Scene) -> None:
    """`timeout client` is shorter than the delay."""
    door = scene.listen()
    client = scene.connect().send(b"go")
    with scene.lasting():
        for server in door.accept_if(1):
            server.ends().close()
        client.ends().close()
    scene.logged()
    scene.left()


@story(IMPATIENT)
def no_contents_and_the_timeout_of_the_client(scene: Scene) -> None:
    """`timeout client` is shorter than the delay, and no byte came."""
    door = scene.listen()
    client = scene.connect()
    with scene.lasting():
        for server in door.accept_if(1):
            server.ends().close()
        client.ends().close()
    scene.logged()
    scene.left()


@story(CONTENT.replace("    tcp-request inspect-delay 600ms\n", ""))
def contents_without_a_delay(scene: Scene) -> None:
    """Without inspect-delay rules judge by what is there when the connection comes: most often nothing."""
    door = scene.listen()
    client = scene.connect()
    server = door.accept()
    client.send(b"bad")
    server.reads(3).send(b"bye").close()
    client.ends().close()
    scene.logged()


@story(CONTENT.replace("{{ req.len gt 8 }}", "{{ req.len gt 1000000 }}"))
def contents_that_fill_the_buffer(scene: Scene) -> None:
    """When the buffer is full no more can be waited for."""
    door = scene.listen()
    with scene.lasting():
        client = scene.connect().send(b"x" * 40000)
        server = door.accept()
    server.reads(40000).send(b"bye").close()
    client.ends().close()
    scene.logged()


@story(
    """
frontend {name}
    bind {host}:1000
    default_backend {name}.b
backend {name}.b
    tcp-request inspect-delay 500ms
    tcp-request content reject if {{ req.payload(0,3) -m str bad }}
    server s {host}:2000
"""
)
def contents_of_a_backend(scene: Scene) -> None:
    """A backend has rules of its own, and its own delay."""
    door = scene.listen()
    scene.connect().send(b"bad").ends().close()
    scene.logged()
    client = scene.connect().send(b"g")
    with scene.lasting():
        server = door.accept()
    server.reads(1).send(b"bye").close()
    client.ends().close()
    scene.logged()
    client = scene.connect().send(b"b")
    scene.turn()
    client.reset()
    scene.logged()
    client = scene.connect().send(b"b").finish()
    door.accept().reads(1).close()
    client.ends().close()
    scene.logged()
    client = scene.connect()
    scene.turn()
    client.finish().ends(reset=False).close()
    scene.logged()
    scene.left()


@story(
    """
frontend {name}
    bind {host}:1000
    tcp-request inspect-delay 400ms
    tcp-request content accept if {{ req.len gt 3 }}
    default_backend {name}.b
backend {name}.b
    tcp-request inspect-delay 400ms
    tcp-request content accept if {{ req.len gt 3 }}
    server s {host}:2000
"""
)
def two_delays(scene: Scene) -> None:
    """The delay of the backend begins when that of the frontend is over."""
    door = scene.listen()
    with scene.lasting():
        client = scene.connect()
        server = door.accept()
    server.send(b"bye").close()
    client.ends().close()
    scene.logged()


@story(
    """
frontend {name}
    bind {host}:1000
    use_backend {name}.x if {{ req.payload(0,1) -m str x }}
    default_backend {name}.b
backend {name}.x
    server x {host}:2001
backend {name}.b
    server s {host}:2000
"""
)
def use_backend_does_not_wait(scene: Scene) -> None:
    """The choice of a backend never waits for bytes by itself."""
    door, other = scene.listen(), scene.listen(2001, "other")
    client = scene.connect()
    server = door.accept()
    client.send(b"x")
    server.reads(1).send(b"bye").close()
    client.ends().close()
    scene.logged()
    other.accept_if(0.05)


@story(
    """
frontend {name}
    bind {host}:1000
    tcp-request inspect-delay 2s
    tcp-request content accept if {{ req.payload(0,1) -m found }}
    use_backend {name}.x if {{ req.payload(0,1) -m str x }}
    default_backend {name}.b
backend {name}.x
    server x {host}:2001
backend {name}.b
    server s {host}:2000
"""
)
def use_backend_behind_a_wait(scene: Scene) -> None:
    """A rule that waits lets the choice of a backend see the bytes."""
    door, other = scene.listen(), scene.listen(2001, "other")
    for data, at in ((b"x1", other), (b"y1", door)):
        client = scene.connect()
        scene.turn()
        client.send(data)
        at.accept().reads(2).send(b"bye").close()
        client.ends().close()
        scene.logged()


@story(
    """
listen {name}
    bind {host}:1000
    log-format "%hr %[var(txn.first)] %[var(txn.second)] %[var(txn.third)] %[wait_end] %ts"
    tcp-request inspect-delay 400ms
    tcp-request content accept if {{ req.len 0 }} !{{ wait_end }}
    tcp-request content set-var(txn.first) req.len
    tcp-request content set-var(txn.third) wait_end
    tcp-request content capture req.payload(0,4) len 4
    tcp-request content set-var(txn.second) req.len
    tcp-request content capture wait_end len 4 if {{ req.payload(0,1) -m str w }}
    server s {host}:2000
"""
)
def captures_that_wait(scene: Scene) -> None:
    """A capture waits for its sample, and the rules go on with it then; `set-var` knows no wait."""
    door = scene.listen()
    for parts in ((b"abcdef",), (b"ab", b"cdef"), (b"w", b"xyz"), (b"ab",)):
        client = scene.connect()
        for part in parts:
            client.send(part)
            scene.turn()
        door.accept().reads(sum(map(len, parts))).close()
        client.ends().close()
        scene.logged()
    scene.left()


@story(
    """
listen {name}
    bind {host}:1000
    bind {host}:1001
    bind {host}:1002
    log-format "%ci %hr %ts %U"
    tcp-request connection silent-drop if {{ dst_port 1001 }}
    tcp-request session silent-drop if {{ dst_port 1002 }}
    tcp-request inspect-delay 2s
    tcp-request content capture req.payload(0,4) len 3
    tcp-request content capture int(5) len 3 if {{ req.payload(0,4) -m str none }}
    tcp-request content silent-drop if {{ req.payload(0,4) -m str drop }}
    tcp-request content accept if {{ req.len ge 4 }}
    tcp-response inspect-delay 2s
    tcp-response content silent-drop if {{ res.payload(0,4) -m str drop }}
    tcp-response content accept if {{ res.len ge 4 }}
    server s {host}:2000
"""
)
def clients_forgotten(scene: Scene) -> None:
    """`silent-drop` ends sessions unheard, and counts them; captures stand in the line."""
    door = scene.listen()
    for port in (1001, 1002):
        with contextlib.suppress(ConnectionResetError):
            scene.connect(port, name="dropped")
        scene.left()
    scene.connect().send(b"drop").quiet()
    scene.logged()
    client = scene.connect().send(b"good")
    server = door.accept().reads(4).send(b"drop")
    server.ends(reset=False).close()
    client.quiet()
    scene.logged()
    scene.left()


@story(
    """
listen {name}
    bind {host}:1000
    bind {host}:1001
    log-format "%ci %ts %U"
    tcp-request connection set-var(sess.port) dst_port
    tcp-request connection set-var(txn.no) dst_port
    tcp-request session set-var(sess.twice) var(sess.port),add(sess.port)
    tcp-request connection set-mark 0x10
    tcp-request connection set-tos 0x20
    tcp-request inspect-delay 2s
    tcp-request content set-var(txn.word) req.payload(0,4)
    tcp-request content set-var-fmt(txn.text) "%ci-%[var(txn.word)]-%[var(sess.twice)]"
    tcp-request content unset-var(txn.word) if {{ var(txn.word) -m str gone }}
    tcp-request content set-log-level silent if {{ var(txn.word) -m str hush }}
    tcp-request content set-nice 5
    tcp-request content set-priority-class int(5)
    tcp-request content reject if {{ var(txn.text) -m str 127.0.0.1-fine-2000 }}
    tcp-request content reject if {{ var(txn.text) -m str 127.0.0.1-gone-2000 }} !{{ var(txn.word) -m found }}
    tcp-request content reject if {{ var(txn.no) -m found }}
    tcp-request content accept if {{ req.len ge 4 }}
    server s {host}:2000
"""
)
def variables_of_rules(scene: Scene) -> None:
    """Variables that rules about connections, sessions and contents set are there for the next."""
    door = scene.listen()
    for data in (b"fine", b"gone"):
        scene.connect().send(data).ends().close()
        scene.logged()
        scene.left()
    for port, data in ((1001, b"fine"), (1000, b"hush"), (1000, b"more")):
        client = scene.connect(port).send(data)
        door.accept().reads(4).send(b"bye").close()
        client.ends().close()
        scene.left()
    scene.logged(2)


GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
SWITCHING = """
frontend {name}
    bind {host}:1000
    tcp-request inspect-delay 1s
    tcp-request content switch-mode http if {{ req.payload(0,3) -m str GET }}
    tcp-request content reject if {{ req.payload(0,3) -m str bad }}
    http-request deny if {{ path /deny }}
    use_backend {name}.h if {{ path -m found }}
    default_backend {name}.b
backend {name}.h
    mode http
    server h {host}:2001
backend {name}.b
    server s {host}:2000
"""


@story(SWITCHING)
def modes_switched(scene: Scene) -> None:
    """A rule goes on in HTTP with a client, whose requests then choose their backends."""
    door, other = scene.listen(), scene.listen(2001, "other")
    client = scene.connect().send(GET[:2])
    scene.turn()
    client.send(GET[2:])
    link = other.accept()
    head(link)
    link.send(OK)
    head(client)
    client.send(GET)
    head(link)
    link.send(OK)
    head(client)
    client.send(GET.replace(b"/", b"/deny", 1)).ends().close()
    scene.logged(3)
    link.close()
    client = scene.connect().send(b"Hello")
    door.accept().reads(5).send(b"bye").close()
    client.ends().close()
    scene.logged()
    scene.left()


@story(SWITCHING)
def modes_switched_in_vain(scene: Scene) -> None:
    """What looks like HTTP and is none, or ends early."""
    scene.connect().send(b"GET / GARBAGE\r\n\r\n").ends().close()
    scene.logged()
    client = scene.connect().send(b"GET / HT")
    scene.turn()
    client.finish().ends().close()
    scene.logged()
    scene.left()


RESPONSE = """
listen {name}
    bind {host}:1000
    tcp-response inspect-delay 500ms
    tcp-response content reject if {{ res.payload(0,3) -m str bad }}
    tcp-response content close if {{ res.payload(0,3) -m str end }}
    tcp-response content accept if {{ res.len gt 8 }}
    server s {host}:2000
"""


@story(RESPONSE)
def responses_in_pieces(scene: Scene) -> None:
    """What the server sends is held until the rules know enough; what the client sends passes."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).send(b"go")
    client.quiet(0.1)
    client.send(b"more")
    server.reads(4).send(b"od day, client")
    client.reads(16)
    server.send(b"end").close()
    client.ends().close()
    scene.logged()
    scene.left()


@story(RESPONSE)
def responses_rejected(scene: Scene) -> None:
    """Bytes that a rule refuses end the session; the client has none of them."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).send(b"b")
    scene.turn()
    server.send(b"ad")
    client.ends().close()
    server.ends(reset=False).close()
    scene.logged()
    scene.left()


@story(RESPONSE)
def servers_closed(scene: Scene) -> None:
    """`close` ends the server's connection; the client has what came."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).send(b"end of it")
    client.ends().close()
    server.ends(reset=False).close()
    scene.logged()
    scene.left()


@story(RESPONSE)
def responses_too_few_in_time(scene: Scene) -> None:
    """When the delay is over the client has what came."""
    door = scene.listen()
    with scene.lasting():
        client = scene.connect().send(b"Hello")
        server = door.accept().reads(5).send(b"good")
        client.reads(4)
    server.send(b"more").close()
    client.ends().close()
    scene.logged()
    scene.left()


@story(RESPONSE)
def responses_and_an_early_end(scene: Scene) -> None:
    """A server that ends before the rules know enough."""
    door = scene.listen()
    for data in (b"good", b"", b"bad"):
        client = scene.connect().send(b"Hello")
        server = door.accept().reads(5).send(data)
        server.finish()
        client.ends().close()
        server.close()
        scene.logged()
    scene.left()


@story(RESPONSE)
def responses_and_a_reset(scene: Scene) -> None:
    """A server that resets before the rules know enough."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).send(b"go")
    client.quiet(0.1)
    server.reset()
    client.ends().close()
    scene.logged()
    scene.left()


@story(RESPONSE)
def responses_and_clients_that_leave(scene: Scene) -> None:
    """A client that ends, or resets, while its server is inspected."""
    door = scene.listen()
    client = scene.connect().send(b"Hello").finish()
    server = door.accept().reads(5).send(b"go")
    server.ends().close()
    client.ends().close()
    scene.logged()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).send(b"go")
    client.quiet(0.1)
    client.reset()
    server.ends(reset=False).close()
    scene.logged()
    scene.left()


@story(RESPONSE.replace("500ms", "3s\n    timeout server 400ms"))
def responses_of_a_silent_server(scene: Scene) -> None:
    """`timeout server` is shorter than the delay."""
    door = scene.listen()
    for data in (b"go", b""):
        client = scene.connect().send(b"Hello")
        server = door.accept().reads(5).send(data)
        with scene.lasting():
            client.ends().close()
        server.ends(reset=False).close()
        scene.logged()
    scene.left()


@story(RESPONSE.replace("    tcp-response inspect-delay 500ms\n", ""))
def responses_without_a_delay(scene: Scene) -> None:
    """Without inspect-delay the rules decide as soon as the link stands."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).send(b"bad")
    client.reads(3)
    server.close()
    client.ends().close()
    scene.logged()
    scene.left()


@story(RESPONSE.replace(" if {{ res.payload(0,3) -m str bad }}", ""))
def all_responses_rejected(scene: Scene) -> None:
    """A rule without a condition ends the session as soon as the link stands."""
    door = scene.listen()
    client = scene.connect()
    for server in door.accept_if():
        server.ends(reset=False).close()
    client.ends().close()
    scene.logged()
    scene.left()


@story(RESPONSE)
def responses_that_fill_the_buffer(scene: Scene) -> None:
    """A great answer passes whole."""
    door = scene.listen()
    client = scene.connect().send(b"Hello")
    server = door.accept().reads(5).send(b"x" * 100000)
    client.reads(100000)
    server.close()
    client.ends().close()
    scene.logged()
    scene.left()


@pytest.mark.reference
@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Clients, servers, log lines and counters of the story are the same with haproxy and with tcproxy."""
    assert differences(told[name]) == []
