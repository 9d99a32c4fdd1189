"""The first bytes of a client choose its backend: TLS by name, Remote Desktop by cookie, and others."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import HAPROXY, PATIENCE, TCPROXY, EchoServer, free_port, program
from tests.wire.hellos import hello, server_name

RDP = b"\x03\x00\x00\x2a\x25\xe0\x00\x00\x00\x00\x00"
CLIENTS = {
    hello([server_name(b"one.example")]): b"one",
    hello([server_name(b"TWO.example")]): b"two",
    hello([server_name(b"three.example")]): b"tls",
    RDP + b"Cookie: mstshash=ann\r\n": b"rdp",
    b"GET / HTTP/1.0\r\n\r\n": b"http",
    b"SSH-2.0-OpenSSH_9.2\r\n": b"other",
}
# the listener wakes up with the first bytes, so that the rules see them
AT_ONCE = "defer-accept"
WAITING = """
  tcp-request inspect-delay 20s
  tcp-request content accept if { req.ssl_hello_type 1 }
  tcp-request content accept if HTTP
  tcp-request content accept if { req.rdp_cookie_cnt gt 0 }"""
CONFIGURATION = """defaults
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend f
  bind 127.0.0.1:{port} {how}
  use_backend one if {{ req.ssl_sni one.example }}
  use_backend two if {{ req.ssl_sni -i two.example }}
  use_backend tls if {{ req.ssl_hello_type 1 }}
  use_backend rdp if {{ req.rdp_cookie(mstshash) ann }}
  use_backend http if {{ req.proto_http }}
  default_backend other
"""


both = pytest.mark.parametrize("command", [TCPROXY, pytest.param(HAPROXY, marks=pytest.mark.reference)])


@contextlib.contextmanager
def chosen(command: str, folder: Path, how: str) -> Iterator[int]:
    """Run a program with a server for each backend, which greets with the backend's name."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        text = CONFIGURATION.format(port=port, how=how)
        for name in dict.fromkeys(CLIENTS.values()):
            server = stack.enter_context(EchoServer(name))
            text += f"backend {name.decode()}\n  server s 127.0.0.1:{server.port}\n"
        file = folder / "hello.cfg"
        file.write_text(text)
        stack.enter_context(program(command, "-db", "-f", str(file), port=port))
        yield port


@both
def test_what_a_client_says_chooses_its_server(command: str, tmp_path: Path) -> None:
    """Each client of one port meets the server of its protocol, name or cookie."""
    with chosen(command, tmp_path, AT_ONCE) as port:
        for said, name in CLIENTS.items():
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                client.sendall(said)
                assert client.recv(len(name)) == name


@both
def test_what_comes_in_pieces_is_waited_for(command: str, tmp_path: Path) -> None:
    """With inspect-delay, a client that says it byte by byte meets the same server."""
    with chosen(command, tmp_path, WAITING) as port:
        for said, name in CLIENTS.items():
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for at in range(len(said)):
                    client.sendall(said[at : at + 1])
                assert client.recv(len(name)) == name
