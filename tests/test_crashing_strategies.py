"""Sessions that crash, in a program of its own: they end, and clients still come in."""

from __future__ import annotations

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


@pytest.mark.parametrize(("mode", "answer"), [("tcp", b""), ("http", b"HTTP/1.1 500 Internal Server Error")])
def test_more_clients_than_maxconn_are_let_go(mode: str, answer: bytes, tmp_path: Path) -> None:
    """With `maxconn 3`, four clients are answered or closed one after another, and the message is told once."""
    assert PICK in STRATEGY
    plugins(tmp_path, recent=STRATEGY.replace(PICK, f"{PICK}        raise KeyError('no choice')\n"))
    port, config = free_port(), tmp_path / "t.cfg"
    with EchoServer() as server:
        config.write_text(TEXT.format(mode=mode, port=port, server=server.port), encoding="utf-8")
        with program(*words(tmp_path, "-db", "-f", str(config)), port=port) as process:
            for _ in range(4):
                with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                    client.settimeout(PATIENCE)
                    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    assert _all_of(client).startswith(answer)
            process.terminate()
            said = process.communicate(timeout=PATIENCE)[1]
    assert "Traceback" not in said and "internal" not in said
    assert said.count("the strategy 'least-recent' of ") == 1 and "KeyError: 'no choice'" in said


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
    """The alert names the session and the error; its traceback follows with -db alone."""
    port, config = free_port(), tmp_path / "t.cfg"
    text = TEXT.format(mode="http", port=port, server=free_port()).replace("least-recent", "roundrobin")
    config.write_text(text, encoding="utf-8")
    with program(*words(tmp_path, *["-db"] * traced, "-f", str(config), code=OURS), port=port) as process:
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                client.settimeout(PATIENCE)
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert _all_of(client).startswith(b"HTTP/1.1 500 Internal Server Error")
        process.terminate()
        said = process.communicate(timeout=PATIENCE)[1]
    alerts = [line for line in said.splitlines() if "internal error in session " in line]
    assert len(alerts) == 4 and all(line.startswith("[ALERT] ") for line in alerts)
    assert all("of frontend shop, backend shop, server s: ZeroDivisionError: " in line for line in alerts)
    assert said.count("internal : Traceback (most recent call last):") == 4 * traced


def _all_of(client: socket.socket) -> bytes:
    """Return all that comes until the connection is closed or reset."""
    data = b""
    try:
        while piece := client.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data
