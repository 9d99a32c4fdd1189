"""The servers of an HTTP story, whichever of them is asked, with their clients."""

from __future__ import annotations

import functools
import select
from collections.abc import Callable, Sequence

from tests.running import wait_for
from tests.scenarios.actors import Actor, Doorman
from tests.scenarios.beside import Scene, Stories
from tests.scenarios.http_actors import DEFAULTS

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LISTEN = "listen {name}\n    bind {host}:1000\n"
ONE = "    server s {host}:2000\n"
TWO = ONE + "    server t {host}:2001\n"


class Farm:
    """The servers of a story: whoever is asked, on a new link or one that stands, is found by waiting for it."""

    def __init__(self, scene: Scene, *ports: int) -> None:
        self.scene = scene
        self.doors = [scene.listen(port, name=str(port)) for port in ports or (2000,)]
        self.links: list[Actor] = []
        self.clients: list[Actor] = []
        self.made = 0

    def client(self, port: int | str = 1000) -> Actor:
        """Let a client in."""
        self.clients.append(self.scene.connect(port, name=f"client{len(self.clients)}"))
        return self.clients[-1]

    def leave(self) -> None:
        """Let all clients leave."""
        for client in self.clients:
            client.close()
        self.scene.until("FRONTEND", scur=0)

    def asked(self, say: bool = True) -> Actor:
        """Return the link that has a request now; put down which it is."""
        while True:
            waiting: Sequence[Doorman | Actor] = [*self.doors, *self.links]
            found, _, _ = select.select([one.sock for one in waiting], [], [], 10)
            assert found, "nobody is asked"
            one = next(one for one in waiting if one.sock in found)
            if isinstance(one, Doorman):
                link = one.accept()
                link.name = f"{one.name}.{self.made}"
                self.made += 1
                self.links.append(link)
            elif _is_over(one):
                self.links.remove(one)
            else:
                read_head(one)
                if say:
                    self.scene.note(f"{one.name} is asked")
                return one

    def exchange(self, client: Actor, answer: bytes = OK) -> Actor:
        """Let a client have an answer; return the link that it came from."""
        client.send(GET)
        link = self.asked()
        self.answer(link, client, answer)
        return link

    def answer(self, link: Actor, client: Actor, answer: bytes = OK) -> None:
        """Answer a client over a link."""
        link.send(answer)
        read_head(client)
        client.sock.recv(2)

    def idle(self, count: int) -> list[Actor]:
        """Make links that are all in use at once, and then idle, in order; return the clients."""
        clients, links = [self.client() for _ in range(count)], []
        for client in clients:
            client.send(GET)
            links.append(self.asked(say=False))
        for client, link in zip(clients, links, strict=True):
            self.answer(link, client)
        self.numbers()
        return clients

    def numbers(self, used: int = 0) -> None:
        """Put down the numbers of links of each server, as soon as so many are in use."""
        wait_for(lambda: sum(int(line[2]) for line in self._lines()) == used, what=f"{used} links in use")
        for line in self._lines():
            self.scene.note(" ".join(line))

    def resting(self) -> int:
        """Return how many links of the first server are idle."""
        return int(self._lines()[0][8])

    def _lines(self) -> list[list[str]]:
        _, *lines = self.scene.order(f"show servers conn {self.scene.name}").strip().splitlines()
        return [[line.split()[0].replace(self.scene.name, ""), *line.split()[5:]] for line in lines]


def _is_over(link: Actor) -> bool:
    try:
        return not link.sock.recv(1, 2)  # MSG_PEEK
    except OSError:
        return True


def read_head(actor: Actor) -> bytes:
    """Read one head and return it."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = actor.sock.recv(1)
        assert byte, f"{actor.name} ends after {data!r}"
        data += byte
    return data


def farm_story(
    stories: Stories, text: str, *ports: int, alone: bool = False, settings: str = "", apart: tuple[str, ...] = ()
) -> Callable[[Callable[[Farm], None]], None]:
    """Register the function that follows as a story of these servers; in its end all clients leave.

    settings: of the global section, harmless to the other stories. apart: columns of `show stat` that may differ.
    """

    def register(tale: Callable[[Farm], None]) -> None:
        @functools.wraps(tale)
        def play(scene: Scene) -> None:
            farm = Farm(scene, *ports)
            tale(farm)
            farm.leave()

        apart_ = ("intercepted", *apart)
        stories.story(DEFAULTS + text, alone=alone, bare=True, settings=settings, apart=apart_)(play)

    return register
