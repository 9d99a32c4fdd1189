"""What actors of HTTP stories say and hear: heads, bodies of a known length, one exchange after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tests.scenarios.actors import Actor, Doorman
from tests.scenarios.beside import Play, Scene, Stories

DEFAULTS = """
defaults
    mode http
    log {host}:514 local0
    timeout connect 2s
    timeout client 2s
    timeout server 2s
    log-format '%f %b/%s %ST %U %CC %CS %TR/%Tc/%Ta %B %ts %rc %HM %HU %HV'
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def head(actor: Actor) -> bytes:
    """Read one head and put it down; return it."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = actor.sock.recv(1)
        if not byte:
            break
        data += byte
    text = data.decode("latin-1").replace("\r\n", " | ").replace(actor.scene.host, "HOST")
    actor.scene.note(f"{actor.name} has {text}")
    return data


def serve(scene: Scene, client: Actor, door: Doorman, requests: Sequence[bytes], answer: bytes = OK) -> None:
    """Let a client ask, a server answer on the one link that it accepts, and both put down the heads that they get."""
    client.send(requests[0])
    link = door.accept()
    for number, request in enumerate(requests):
        if number:
            client.send(request)
        head(link)
        link.send(answer)
        head(client)
    client.close()
    link.close()
    scene.logged(len(requests))
    scene.until("FRONTEND", scur=0)


def story(
    stories: Stories, text: str, settings: str = "", apart: tuple[str, ...] = (), alone: bool = False
) -> Callable[[Play], Play]:
    """Register the function that follows as a story of HTTP mode.

    settings: of the global section, harmless to the other stories of the process unless it is alone. apart: see Story.
    """
    return stories.story(DEFAULTS + text, bare=True, settings=settings, alone=alone, apart=apart)


Move = bytes | float | str | tuple[bytes]
"""What the client sends, a pause in seconds, one of the words below, or in parentheses what the server sends."""
SERVER, AGAIN, HEAD, FIN, CLOSE, RESET = "server", "again", "head", "fin", "close", "reset"
SERVER_FIN, SERVER_CLOSE, SERVER_RESET = "server's fin", "server's close", "server's reset"
"""A server is asked, by a new link or by the same; the client hears a head, or leaves; the server leaves."""


def perform(scene: Scene, moves: Sequence[Move], lines: int = 1, port: int | str = 1000, wait: float = 0.15) -> None:
    """Let a client and a server do these, then put down what becomes of both. wait: seconds for the client's end."""
    door, client = scene.listen(2000), scene.connect(port)
    link: Actor | None = None
    for move in moves:
        if move == SERVER:
            link = door.accept()
        _do(scene, client, link, move)
    gone = set(moves)
    if not {CLOSE, RESET} & gone:
        client.sock.settimeout(wait)
        client.ends()
        client.close()
    scene.logged(lines)
    scene.until("FRONTEND", scur=0)
    if link is not None and not {SERVER_CLOSE, SERVER_RESET} & gone:
        link.sock.settimeout(0.15)
        link.ends()


def _do(scene: Scene, client: Actor, link: Actor | None, move: Move) -> None:
    if isinstance(move, bytes):
        client.send(move)
    elif isinstance(move, float):
        time.sleep(move)  # time of the story itself, longer or shorter than the timeouts in its text
    elif move == HEAD:
        head(client)
    elif move in (FIN, CLOSE, RESET):
        {FIN: client.finish, CLOSE: client.close, RESET: client.reset}[str(move)]()
    else:
        assert link is not None
        if isinstance(move, tuple):
            link.send(move[0])
        elif move in (SERVER, AGAIN):
            head(link)
        else:
            {SERVER_FIN: link.finish, SERVER_CLOSE: link.close, SERVER_RESET: link.reset}[str(move)]()
