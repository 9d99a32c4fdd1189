"""Connections in TCP mode that are switched by the request that they begin with: HAProxy and tcproxy, side by side."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from pathlib import Path

import pytest

from tests.running import HAPROXY, PATIENCE, EchoServer, free_port, program

NAMES = (b"path", b"host", b"cookie", b"post", b"other")
CONFIGURATION = """
defaults
  mode tcp
  timeout client 10s
  timeout server 10s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{port}
  tcp-request inspect-delay 3s
  tcp-request content reject if {{ path_beg /no }}
  tcp-request content accept if {{ url_param(a) 1 }} or {{ hdr(host) h.org }}
  tcp-request content reject if {{ hdr_cnt(x) gt 1 }}
  use_backend path if {{ path_beg /p }}
  use_backend host if {{ hdr_dom(host) -i h.org }}
  use_backend cookie if {{ req.cook(c) 1 }}
  use_backend post if {{ method POST }}
  default_backend other
"""
CASES = [
    (b"GET /p HTTP/1.1\r\nHost: a\r\n\r\n",), (b"GET /no HTTP/1.1\r\nHost: h.org\r\n\r\n",),
    (b"GET / HTTP/1.1\r\nHost: ", b"www.H.org\r\n", b"\r\n"), (b"GET /?a=1 HTTP/1.1\r\nx: 1, 2\r\n\r\n",),
    (b"GET / HTTP/1.1\r\nx: 1, 2\r\n\r\n",), (b"GET / HTTP/1.0\r\nCookie: b=2; c=1\r\n\r\n",),
    (b"PO", b"ST / HTTP/1.1\n\n"),
    (b"SSH-2.0-OpenSSH_9\r\n",), (b"\x16\x03\x01\x00\xa5",), (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",),
]  # fmt: skip


def served(words: list[str], folder: Path) -> list[bytes]:
    """Run a program; return the name of the server that each client reaches, b"" for none."""
    with contextlib.ExitStack() as stack:
        port = free_port()
        lines = [CONFIGURATION.format(port=port)]
        for name in NAMES:
            server = stack.enter_context(EchoServer(name))
            lines.append(f"backend {name.decode()}\n  server s 127.0.0.1:{server.port}\n")
        file = folder / "early.cfg"
        file.write_text("".join(lines))
        stack.enter_context(program(*words, "-db", "-f", str(file), port=port))
        return [_reached(port, pieces) for pieces in CASES]


def _reached(port: int, pieces: tuple[bytes, ...]) -> bytes:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(0.05 * (len(pieces) > 1))  # the program may see the pieces apart, and need not
        with contextlib.suppress(ConnectionResetError):
            data = client.recv(100)
            return next((name for name in NAMES if data.startswith(name)), data)
        return b""


@pytest.mark.reference
def test_connections_are_switched_alike(tmp_path: Path) -> None:
    """Requests in one piece or in several, and other protocols, reach the same servers, or none."""
    theirs = served([HAPROXY], tmp_path)
    assert set(theirs) == {b"", *NAMES}
    assert served([sys.executable, "-m", "tcproxy.command"], tmp_path) == theirs
