"""Tunnels of HTTP mode (CONNECT and upgrades), told beside haproxy: how they carry bytes, and how they end."""

from __future__ import annotations

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import (
    AGAIN,
    CLOSE,
    FIN,
    HEAD,
    OK,
    RESET,
    SERVER,
    SERVER_CLOSE,
    SERVER_FIN,
    SERVER_RESET,
    Move,
    perform,
)

pytestmark = pytest.mark.reference

STORIES = Stories()

DEFAULTS = """
defaults
    mode http
    log {host}:514 local0
    timeout connect 2s
    timeout client 700ms
    timeout server 700ms
    timeout http-request 600ms
    log-format '%f %b/%s %ST %U %TR/%Tc/%Ta %B %ts %rc %HM %HU %HV'
"""
FRONT = "\nfrontend {name}\n    bind {host}:1000\n    default_backend {name}.b\n    "
BACK = "\nbackend {name}.b\n    server s {host}:2000\n    "
UPGRADE = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n"
CONNECT = b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"
AGREED = b"HTTP/1.1 200 Fine\r\nX: y\r\n\r\n"
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
WEBSOCKET = (
    b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def tell(name: str, text: str, *moves: Move, lines: int = 1, wait: float = 0.15) -> None:
    """Register a story (see http_actors.perform)."""

    def play(scene: Scene) -> None:
        """A client has a tunnel through the proxy."""
        perform(scene, moves, lines, wait=wait)

    play.__name__ = name
    STORIES.story(DEFAULTS + text, bare=True)(play)


TUNNELS = {"upgrade": (UPGRADE, SWITCH), "connect": (CONNECT, AGREED)}
for kind, (request, answer) in TUNNELS.items():
    text = FRONT + BACK
    start = (request, SERVER, (answer,), HEAD, b"abc", (b"def",), 0.1)
    tell(f"{kind}-client-closes", text, *start, CLOSE)
    tell(f"{kind}-client-resets", text, *start, RESET)
    tell(f"{kind}-client-finishes", text, *start, FIN, 0.1, (b"more",), 0.1, SERVER_FIN)
    tell(f"{kind}-server-closes", text, *start, SERVER_CLOSE)
    tell(f"{kind}-server-resets", text, *start, SERVER_RESET)
    tell(f"{kind}-server-finishes", text, *start, SERVER_FIN, 0.1, b"more", 0.1, FIN)
    tell(f"{kind}-silence", text, *start, wait=2)
    tell(f"{kind}-client-silence", FRONT + "timeout client 300ms" + BACK, *start, wait=2)
    tell(f"{kind}-server-silence", FRONT + BACK + "timeout server 300ms", *start, wait=2)
    tell(f"{kind}-tunnel-timeout", FRONT + BACK + "timeout tunnel 300ms", *start, wait=2)
    tell(f"{kind}-long-tunnel-timeout", FRONT + BACK + "timeout tunnel 1s", *start, 0.4, b"g", 0.5, (b"h",), wait=3)
    inherited = "    timeout tunnel 200ms\n" + FRONT + BACK
    tell(f"{kind}-tunnel-timeout-in-front", inherited + "timeout tunnel 0", *start, wait=2)
    tell(f"{kind}-client-fin", FRONT + "timeout client-fin 200ms" + BACK, *start, SERVER_FIN, wait=2)
    tell(f"{kind}-server-fin", FRONT + BACK + "timeout server-fin 200ms", *start, FIN, wait=2)
    fins = FRONT + "timeout client-fin 200ms" + BACK + "timeout tunnel 5s\n    timeout server-fin 300ms"
    tell(f"{kind}-fins-and-tunnel", fins, *start, FIN, wait=2)
    tell(f"{kind}-server-fin-and-tunnel", FRONT + "timeout client-fin 200ms" + BACK + "timeout tunnel 5s", *start,
         SERVER_FIN, wait=2)
    tell(f"{kind}-abortonclose", FRONT + BACK + "option abortonclose", *start, FIN, wait=2)
    tell(f"{kind}-bytes-at-once", text, request + b"early", SERVER, (answer + b"hello",), HEAD, 0.1, CLOSE)
    tell(f"{kind}-by-itself", text, request, SERVER, (answer,), HEAD, 0.1, CLOSE)
    tell(f"{kind}-refused", text, request, SERVER, (OK.replace(b"200", b"403"),), HEAD, 0.1, GET, AGAIN, (OK,), HEAD,
         lines=2)
    tell(f"{kind}-httpclose", FRONT + "option httpclose" + BACK, *start, CLOSE)
    tell(f"{kind}-server-close", FRONT + "option http-server-close" + BACK, *start, CLOSE)  # fmt: skip
tell("websocket", FRONT + BACK, WEBSOCKET, SERVER, (ACCEPTED,), HEAD, b"\x81\x00", (b"\x81\x01a",), 0.1, CLOSE)
tell("connect-to-no-content", FRONT + BACK, CONNECT, SERVER, (b"HTTP/1.1 204 No\r\n\r\n",), HEAD, b"abc", 0.1, CLOSE)
tell("nothing-agreed", FRONT + BACK, CONNECT + b"abc", SERVER, wait=2)
tell("upgrade-on-a-kept-link", FRONT + BACK, GET, SERVER, (OK,), HEAD, UPGRADE, AGAIN, (SWITCH,), HEAD, b"abc", 0.1,
     CLOSE, lines=2)  # fmt: skip


@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Both ends see the same bytes and ends, and lines and counters say the same, with either program."""
    found = differences(told[name])
    assert not found, "\n".join([name, *found])
