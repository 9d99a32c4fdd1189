"""Links to servers: where they come from, what is said first, and how they fail."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.server import SourceAddress
from tcproxy.transport.binding import TCP_USER_TIMEOUT
from tcproxy.wire.proxy_protocol import ProxyHeaderParser
from tests.running import PATIENCE, free_port
from tests.transport.running import REACTORS, accept, inet, listener, proxied, read_all, reset, wait_for


@pytest.mark.parametrize("reactor", REACTORS)
def test_a_refused_connection_is_repeated_and_told(reactor: str) -> None:
    """Attempts on a closed port end with SC after the configured retries."""
    # the pause between the attempts is as long: not so short that a stall would look like no answer
    more = {"retries": 1, "timeouts": {"connect": 600}}
    with proxied(inet(free_port()), reactor, **more) as proxy, proxy.connect() as client:
        assert client.recv(1) == b""
        assert proxy.line().split()[-3:-1] == ["SC", "1"]


@pytest.mark.parametrize("reactor", REACTORS)
def test_an_attempt_without_an_answer_times_out(reactor: str) -> None:
    """A server whose backlog is full is given up after `timeout connect`."""
    with listener(backlog=0) as full, socket.socket() as one, socket.socket() as two:
        for filler in (one, two):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        more = {"retries": 0, "timeouts": {"connect": 100}}
        with proxied(full, reactor, **more) as proxy, proxy.connect() as client:
            assert client.recv(1) == b""
            assert proxy.line().split()[-3:-1] == ["sC", "0"]


def test_a_missing_unix_socket_fails_without_a_pause(tmp_path: Path) -> None:
    """The attempts follow at once, since nothing was asked of any server."""
    with proxied(Address(Family.UNIX, str(tmp_path / "none")), retries=2) as proxy, proxy.connect() as client:
        assert client.recv(1) == b""
        assert proxy.line().split()[-3:-1] == ["SC", "2"]


def test_source_address_and_port() -> None:
    """`source` binds the link to an address; a range lends each port to one link at a time."""
    port = free_port("127.0.0.9", 2)
    source = SourceAddress(Address(Family.INET, "127.0.0.9", port, port + 1))
    with listener() as server, proxied(server, server_words={"source": source}, retries=0) as proxy:  # noqa: SIM117
        with proxy.connect() as one, accept(server) as first, proxy.connect(), accept(server) as second:
            assert {first.getpeername(), second.getpeername()} == {("127.0.0.9", port), ("127.0.0.9", port + 1)}
            with proxy.connect() as third:
                assert third.recv(1) == b"", "all ports are lent"
            assert proxy.announced == ["Connect() failed for backend web: no free ports."]
            reset(one)
            wait_for(lambda: len(proxy.world.sessions) == 1, "the first session to end")
            with proxy.connect(), accept(server) as again:
                assert again.getpeername()[1] in (port, port + 1)


def test_the_client_address_may_be_presented() -> None:
    """`source 0.0.0.0 usesrc clientip` binds the link to the client's own address."""
    source = SourceAddress(Address(Family.INET, "0.0.0.0"), usesrc="clientip")
    with listener() as server, proxied(server, server_words={"source": source}) as proxy, socket.socket() as client:
        client.bind(("127.0.0.77", 0))
        client.connect(proxy.address)
        with accept(server) as link:
            assert link.getpeername()[0] == "127.0.0.77"


@pytest.mark.parametrize("version", [1, 2])
def test_the_proxy_header_comes_first(version: int) -> None:
    """send-proxy tells who the client is, before the client's own bytes."""
    words = {"send_proxy": version, "proxy_v2_options": frozenset({"crc32c"} if version == 2 else ())}
    with listener() as server, proxied(server, server_words=words) as proxy, proxy.connect() as client:
        near, far = client.getsockname(), client.getpeername()
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        with accept(server) as link:
            parser = ProxyHeaderParser()
            header = parser.feed(read_all(link))
        assert header is not None and header.version == version
        assert header.source == near and header.destination == far
        assert parser.rest == b"hello"
        assert proxy.line().endswith(" 5/0")


@pytest.mark.parametrize("reactor", REACTORS)
def test_a_proxy_header_in_pieces_is_read(reactor: str) -> None:
    """accept-proxy takes a header split anywhere, and passes on what stands behind it."""
    with listener() as server, proxied(server, reactor, bind_words={"accept_proxy": True}) as proxy:
        with proxy.connect() as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"PROXY TCP4 192.0.2.7 192.0.2.8 7 8\r\nhello":
                client.sendall(bytes([byte]))
            with accept(server) as link:
                assert b"".join(link.recv(1) for _ in range(5)) == b"hello"
        assert proxy.line().startswith("192.0.2.7 192.0.2.8 ")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", "does not look like"),
        (b"PROXY TC", "Truncated PROXY protocol header"),
        (b"", "Connection closed while waiting"),
    ],
)
def test_a_bad_proxy_header_closes(sent: bytes, words: str) -> None:
    """No link is made, and the log says why; a client that sent something is reset."""
    with listener() as server, proxied(server, bind_words={"accept_proxy": True}) as proxy:
        with proxy.connect() as client:
            client.sendall(sent)
            with suppress(OSError):  # it is reset already
                client.shutdown(socket.SHUT_WR)
            if sent:
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
            else:
                assert client.recv(1) == b""
        assert words in proxy.line()
        assert proxy.farm.counters.total == 0


class Socks:
    """A SOCKS 4 server that connects nowhere: it notes the request, answers, and echoes."""

    def __init__(self, code: int) -> None:
        self.listener = listener()
        self.code = code
        self.request = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with accept(self.listener) as link:
            self.request = link.recv(100)
            # the answer and the tunnel's first bytes in one piece: not a byte may be lost between them
            link.sendall(b"\0" + bytes([self.code]) + bytes(6) + b"welcome")
            if self.code == 90:
                link.sendall(read_all(link))


@pytest.mark.parametrize(("code", "letters"), [(90, "--"), (91, "SC")])
def test_socks4(code: int, letters: str) -> None:
    """Behind `socks4` the tunnel is asked for first; a refusal is a failed attempt."""
    socks = Socks(code)
    with socks.listener:
        words = {"socks4": inet(socks.listener.getsockname()[1])}
        target = inet(7, "192.0.2.1")
        with proxied(target, server_words=words, retries=0) as proxy, proxy.connect() as client:
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
            assert read_all(client) == (b"welcomehello" if code == 90 else b"")
            assert f" {letters} " in proxy.line()
    assert socks.request.startswith(b"\x04\x01\x00\x07\xc0\x00\x02\x01")


def test_options_reach_the_socket() -> None:
    """tcp-ut is set on the link."""
    words = {"tcp_ut": 4321}
    with listener() as server, proxied(server, server_words=words) as proxy, proxy.connect(), accept(server):
        link = wait_for(lambda: [session.link for session in proxy.world.sessions.values() if session.link])[0]
        sock = link.transport.socket
        assert sock.getsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT) == 4321
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_a_server_without_a_port_is_reached_on_the_clients() -> None:
    """A missing port follows the one that the client connected to, a relative one counts from it."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server:
        bind = inet(port, "127.0.0.5")
        server.settimeout(PATIENCE)
        with proxied(Address(Family.INET, "127.0.0.1"), bind=bind) as proxy, proxy.connect(), accept(server) as link:
            assert link.getsockname() == ("127.0.0.1", port)
