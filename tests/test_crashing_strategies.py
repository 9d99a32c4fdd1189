"""Sessions that crash, in a program of its own: they end, and clients still come in."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest

from tests.running import PATIENCE, EchoServer, free_port, program
from tests.test_plugin_faults import STRATEGY, plugins, words

TEXT = """
global
    maxconn 3
defaults
    mode {mode}
    timeout client 30s
    timeout connect 1s
    timeout server 30s
listen shop
    bind 127.0.0.1:{port}
    balance least-recent
    server s 127.0.0.1:{server}
"""
PICK = "    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:\n"


REFUSED, GOOD = b"HTTP/1.1 500 Internal Server Error", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"


@pytest.mark.parametrize(("mode", "refused"), [("tcp", b""), ("http", REFUSED)])
def test_more_clients_than_maxconn_are_let_go(mode: str, refused: bytes, tmp_path: Path) -> None:
    """With `maxconn 3`, a strategy raises for 20 clients: each is answered or closed, told once; the 21st is served."""
    assert PICK in STRATEGY
    well = tmp_path / "well"
    ill = f"        if not __import__('os').path.exists({str(well)!r}):\n            raise KeyError('no choice')\n"
    plugins(tmp_path, recent=STRATEGY.replace(PICK, PICK + ill))
    port, config = free_port(), tmp_path / "t.cfg"
    with EchoServer(GOOD) as server:
        config.write_text(TEXT.format(mode=mode, port=port, server=server.port), encoding="utf-8")
        with program(*words(tmp_path, "-db", "-f", str(config)), port=port) as process:
            for _ in range(20):
                said = _answer(port)
                assert said.startswith(refused) if refused else not said
            well.touch()
            assert b"200 OK" in _answer(port)
            process.terminate()
            told = process.communicate(timeout=PATIENCE)[1]
    assert "Traceback" not in told and "internal" not in told
    assert told.count("the strategy 'least-recent' of ") == 1 and "KeyError: 'no choice'" in told


OURS = """
import sys
sys.path[:0] = sys.argv.pop(1).split(":")
from tcproxy.command import main
from tcproxy.session import attempts
attempts.connect_anew.__code__ = (lambda stream: 1 // 0).__code__
sys.exit(main())
"""


@pytest.mark.parametrize("traced", [True, False])
def test_an_error_of_ours_is_one_alert_with_a_traceback_for_who_debugs(traced: bool, tmp_path: Path) -> None:
    """The alert names the session and the error, once for four of them; its traceback follows with -db alone."""
    port, config = free_port(), tmp_path / "t.cfg"
    text = TEXT.format(mode="http", port=port, server=free_port()).replace("least-recent", "roundrobin")
    config.write_text(text, encoding="utf-8")
    with program(*words(tmp_path, *["-db"] * traced, "-f", str(config), code=OURS), port=port) as process:
        for _ in range(4):
            assert _answer(port).startswith(REFUSED)
        process.terminate()
        said = process.communicate(timeout=PATIENCE)[1]
    alerts = [line for line in said.splitlines() if "internal error in session " in line]
    assert len(alerts) == 1 and alerts[0].startswith("[ALERT] ")
    assert "of frontend shop, backend shop, server s: ZeroDivisionError: " in alerts[0]
    assert said.count("internal : Traceback (most recent call last):") == traced


def _answer(port: int) -> bytes:
    """Return all that comes to a client that asks and then ends."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.settimeout(PATIENCE)
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        with contextlib.suppress(OSError):  # it may be closed already
            client.shutdown(socket.SHUT_WR)
        return _all_of(client)


def _all_of(client: socket.socket) -> bytes:
    """Return all that comes until the connection is closed or reset."""
    data = b""
    try:
        while piece := client.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data
