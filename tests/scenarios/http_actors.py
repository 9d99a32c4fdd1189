"""What actors of HTTP stories say and hear: heads, bodies of a known length, one exchange after another."""

from __future__ import annotations

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


def story(stories: Stories, text: str, settings: str = "", apart: tuple[str, ...] = ()) -> Callable[[Play], Play]:
    """Register the function that follows as a story of HTTP mode.

    settings: of the global section, harmless to the other stories of the process. apart: see Story.
    """
    return stories.story(DEFAULTS + text, bare=True, settings=settings, alone=False, apart=apart)
