"""`balance hash SAMPLE` beside haproxy: which server each of some requests gets."""

from __future__ import annotations

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import OK, head, story

pytestmark = pytest.mark.reference

STORIES = Stories()

FARM = """
frontend {name}
    bind {host}:1000
    http-request set-var(txn.path) path
    http-request set-var(req.path) path
    default_backend {name}.b
backend {name}.b
    balance hash SAMPLE
    http-request set-var(req.own) path
"""
SERVERS = "".join(f"    server s{number} {{host}}:2000 weight {number}\n" for number in range(1, 5))
SAMPLES = {
    "path": "path", "header": "req.hdr(x-a),lower", "address": "src", "network": "src,ipmask(24)", "number": "int(7)",
    "truth": "always_true", "of-the-stream": "var(txn.path)", "of-the-request": "var(req.path)",
    "of-its-own-request": "var(req.own)", "default": "var(txn.none,abc)", "lost-default": "var(req.none,abc)",
    "nothing": "req.hdr(x-none)", "empty": "str()", "waits": "wait_end", "method": "method",
    "parameter": "url_param(id)", "converted": "path,sha1,hex",
}  # fmt: skip


def tell(name: str, text: str) -> None:
    """Register a story of six requests."""

    def play(scene: Scene) -> None:
        """Requests that differ in path, header and parameter are sent to servers."""
        door = scene.listen(2000)
        for number in range(6):
            client = scene.connect()
            line = f"GET /{number}?id={number % 3} HTTP/1.1\r\nHost: a\r\nX-A: V{number % 2}"
            client.send(f"{line}\r\nConnection: close\r\n\r\n".encode())
            link = door.accept()
            head(link)
            link.send(OK)
            client.ends().close()
            link.close()
            scene.logged()

    play.__name__ = name
    story(STORIES, text)(play)


for name, sample in SAMPLES.items():
    tell(name, FARM.replace("SAMPLE", sample) + SERVERS)
tell("consistent", FARM.replace("SAMPLE", "path") + "    hash-type consistent\n" + SERVERS)
tell("function", FARM.replace("SAMPLE", "path") + "    hash-type map-based djb2\n" + SERVERS)


@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Each request finds the same server with either program."""
    found = differences(told[name])
    assert not found, "\n".join([name, *found])
