"""Stories of links to servers in HTTP mode, told with both programs: which carry what, how many are kept, and for whom.

Put down is what `show servers conn` says behind the address: delay, in use, at the most, needed, idle, safe, limit ...
"""

from __future__ import annotations

import select
from collections.abc import Sequence

import pytest

from tests.running import wait_for
from tests.scenarios.actors import Actor, Doorman
from tests.scenarios.beside import Scene, Stories, Told, differences, tell
from tests.scenarios.http_actors import DEFAULTS, story

pytestmark = pytest.mark.reference

STORIES = Stories()
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
NTLM = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x, NTLM\r\nContent-Length: 2\r\n\r\nno"
LISTEN = "listen {name}\n    bind {host}:1000\n"
ONE = "    server s {host}:2000\n"
TWO = ONE + "    server t {host}:2001\n"


class Farm:
    """The servers of a story: whoever is asked, on a new link or one that stands, is found by waiting for it."""

    def __init__(self, scene: Scene, *ports: int) -> None:
        self.scene = scene
        self.doors = [scene.listen(port, name=str(port)) for port in ports or (2000,)]
        self.links: list[Actor] = []

    def asked(self, say: bool = True) -> Actor:
        """Return the link that has a request now; put down which it is."""
        while True:
            waiting: Sequence[Doorman | Actor] = [*self.doors, *self.links]
            found, _, _ = select.select([one.sock for one in waiting], [], [], 10)
            assert found, "nobody is asked"
            one = next(one for one in waiting if one.sock in found)
            if isinstance(one, Doorman):
                link = one.accept()
                link.name = f"{one.name}.{len(self.links)}"
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
        link.send(answer)
        read_head(client)
        client.sock.recv(2)
        return link

    def idle(self, count: int) -> list[Actor]:
        """Make links that are all in use at once, and then idle, in order; return the clients."""
        clients, links = [], []
        for number in range(count):
            clients.append(self.scene.connect(name=f"client{number}"))
            clients[-1].send(GET)
            links.append(self.asked(say=False))
        for client, link in zip(clients, links, strict=True):
            link.send(OK)
            read_head(client)
            client.sock.recv(2)
        self.numbers()
        return clients

    def numbers(self, used: int = 0) -> None:
        """Put down the numbers of links of each server, as soon as so many are in use."""
        wait_for(lambda: sum(int(line[2]) for line in self._lines()) == used, what=f"{used} links in use")
        for line in self._lines():
            self.scene.note(" ".join(line))

    def _lines(self) -> list[list[str]]:
        _, *lines = self.scene.order(f"show servers conn {self.scene.name}").strip().splitlines()
        return [[line.split()[0].replace(self.scene.name, ""), *line.split()[5:]] for line in lines]

    def over(self, *links: Actor) -> None:
        """Put down how these links end."""
        for link in links:
            link.ends(reset=False)


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


@story(STORIES, LISTEN + ONE)
def safe(scene: Scene) -> None:
    """First requests have links of their own, others the one that rests longest; one too many is reset."""
    farm = Farm(scene)
    client = scene.connect()
    farm.exchange(client)
    farm.numbers()
    farm.exchange(client)
    farm.numbers()
    other = scene.connect(name="other")
    spare = farm.exchange(other)
    farm.numbers()
    spare.ends()
    farm.exchange(other)
    farm.numbers()


@story(STORIES, LISTEN + ONE)
def in_turn(scene: Scene) -> None:
    """Idle links are used before safe ones, and in the order in which they came to rest."""
    farm = Farm(scene)
    client, *_ = farm.idle(4)
    for _ in range(7):
        farm.exchange(client)
    farm.numbers()


@story(STORIES, LISTEN + "    http-reuse aggressive\n" + ONE)
def aggressive(scene: Scene) -> None:
    """A first request goes over a link only once that was used again."""
    farm = Farm(scene)
    client, *_ = farm.idle(2)
    farm.exchange(scene.connect(name="second"))
    farm.exchange(client)
    farm.exchange(scene.connect(name="third"))
    farm.numbers()


@story(STORIES, LISTEN + "    http-reuse always\n" + ONE)
def always(scene: Scene) -> None:
    """Any request goes over any link, safe ones first; also when the client who made it has left."""
    farm = Farm(scene)
    client, other = farm.idle(2)
    farm.exchange(client)
    client.close()
    scene.until("FRONTEND", scur=1)
    farm.exchange(scene.connect(name="second"))
    farm.exchange(other)
    farm.numbers()


@story(STORIES, LISTEN + "    http-reuse never\n" + TWO)
def never(scene: Scene) -> None:
    """Each client has its own links, one for each server, which end with it."""
    farm = Farm(scene, 2000, 2001)
    client, other = scene.connect(), scene.connect(name="other")
    links = [farm.exchange(client), farm.exchange(client)]
    farm.exchange(client)
    farm.exchange(other)
    farm.exchange(other)
    farm.exchange(client)
    farm.numbers()
    client.close()
    for link in links:
        link.ends()


@story(STORIES, LISTEN + "    http-reuse never\n    max-session-srv-conns 1\n" + TWO)
def few_of_its_own(scene: Scene) -> None:
    """`max-session-srv-conns`: the link of the second server is closed."""
    farm = Farm(scene, 2000, 2001)
    client = scene.connect()
    farm.exchange(client)
    farm.exchange(client).ends()
    farm.exchange(client)
    farm.exchange(client)


@story(STORIES, LISTEN + "    http-reuse never\n    option prefer-last-server\n" + TWO)
def last_server(scene: Scene) -> None:
    """`option prefer-last-server`: a client stays where its link is."""
    farm = Farm(scene, 2000, 2001)
    client = scene.connect()
    for _ in range(3):
        farm.exchange(client)
    farm.exchange(scene.connect(name="other"))


@story(STORIES, LISTEN + "    option prefer-last-server\n" + TWO)
def last_server_of_shared_links(scene: Scene) -> None:
    """Links that everybody may use hold nobody at their server."""
    farm = Farm(scene, 2000, 2001)
    client = scene.connect()
    for _ in range(4):
        farm.exchange(client)


@story(STORIES, LISTEN + "    http-reuse never\n    option prefer-last-server\n    balance source\n" + TWO)
def last_server_of_hashes(scene: Scene) -> None:
    """A strategy that ties clients to servers is obeyed."""
    farm = Farm(scene, 2000, 2001)
    client = scene.connect()
    for _ in range(2):
        farm.exchange(client)


@story(STORIES, LISTEN + "    http-reuse always\n" + TWO)
def authenticated(scene: Scene) -> None:
    """A link that its server authenticates is its client's own, who stays there; others go on as ever."""
    farm = Farm(scene, 2000, 2001)
    client, other = scene.connect(), scene.connect(name="other")
    link = farm.exchange(client, NTLM)
    farm.numbers()
    farm.exchange(client)
    farm.exchange(client)
    for _ in range(3):
        farm.exchange(other)
    farm.exchange(client)
    farm.numbers()
    client.close()
    link.ends()


@story(STORIES, LISTEN + "    http-reuse always\n" + ONE.replace("\n", " send-proxy\n"))
def told_who(scene: Scene) -> None:
    """A link that began with a PROXY header carries requests of the same client; one too many is closed."""
    farm = Farm(scene)
    client, other = scene.connect(), scene.connect(name="other")
    farm.exchange(client)
    farm.exchange(client)
    farm.exchange(other)
    farm.numbers()
    farm.exchange(client)
    farm.exchange(other)
    farm.numbers()


@story(STORIES, "listen {name}\n    bind {dir}/u\n    http-reuse always\n" + ONE.replace("\n", " send-proxy\n"))
def told_nothing(scene: Scene) -> None:
    """Clients of UNIX sockets all have the same PROXY header, and share links."""
    farm = Farm(scene)
    farm.exchange(scene.connect("u"))
    farm.exchange(scene.connect("u", name="other"))
    farm.numbers()


@story(STORIES, LISTEN + "    bind {host}:1001\n    http-reuse always\n    server s {host}:+1000\n")
def clients_port(scene: Scene) -> None:
    """A link leads to the port that follows from the client's; it serves who came in there."""
    farm = Farm(scene, 2000, 2001)
    client = scene.connect()
    farm.exchange(client)
    farm.exchange(scene.connect(name="other"))
    farm.exchange(scene.connect(1001, name="third"))
    farm.exchange(client)
    farm.numbers()


@story(STORIES, LISTEN + "    http-reuse always\n" + ONE.replace("\n", " source {host}\n"))
def same_source(scene: Scene) -> None:
    """A source address that is everybody's ties links to nobody."""
    farm = Farm(scene)
    farm.exchange(scene.connect())
    farm.exchange(scene.connect(name="other"))


@story(STORIES, LISTEN + ONE.replace("\n", " pool-max-conn 1\n"))
def at_the_most(scene: Scene) -> None:
    """`pool-max-conn`."""
    farm = Farm(scene)
    farm.idle(2)
    farm.links[1].ends()


@story(STORIES, LISTEN + ONE.replace("\n", " pool-max-conn 0\n"))
def none_at_all(scene: Scene) -> None:
    """`pool-max-conn 0`: each link carries one request."""
    farm = Farm(scene)
    client = scene.connect()
    farm.exchange(client).ends()
    farm.exchange(client)
    farm.numbers()


@story(STORIES, LISTEN + ONE.replace("\n", " pool-purge-delay 0\n"))
def not_for_a_moment(scene: Scene) -> None:
    """`pool-purge-delay 0`: likewise."""
    farm = Farm(scene)
    client = scene.connect()
    farm.exchange(client).ends()
    farm.exchange(client)
    farm.numbers()


@story(STORIES, LISTEN + ONE.replace("\n", " pool-low-conn 2\n"))
def some_more(scene: Scene) -> None:
    """`pool-low-conn`: links beyond those needed."""
    farm = Farm(scene)
    for number in range(5):
        farm.exchange(scene.connect(name=f"client{number}"))
    farm.numbers()


@story(STORIES, LISTEN + ONE.replace("\n", " max-reuse 1\n"))
def used_for_ever(scene: Scene) -> None:
    """`max-reuse` means nothing to HTTP/1."""
    farm = Farm(scene)
    client = scene.connect()
    for _ in range(4):
        farm.exchange(client)
    farm.numbers()


@STORIES.story(DEFAULTS + LISTEN + ONE.replace("\n", " pool-purge-delay 200ms\n"), alone=True, bare=True)
def bit_by_bit(scene: Scene) -> None:
    """Links that are not needed are closed, half of them at a time and one more."""
    farm = Farm(scene)
    for client in farm.idle(9):
        client.close()
    scene.until("FRONTEND", scur=0)
    for count in (5, 2, 0):
        wait_for(lambda count=count: int(farm._lines()[0][8]) == count, what=f"{count} idle links")
        farm.numbers()


@story(STORIES, LISTEN + ONE)
def maintenance(scene: Scene) -> None:
    """A drained server keeps its idle links, one in maintenance loses them; the link in use goes on."""
    farm = Farm(scene)
    client, *_ = farm.idle(3)
    client.send(GET)
    link = farm.asked()
    scene.order(f"set server {scene.name}/s state drain")
    farm.numbers(1)
    scene.order(f"set server {scene.name}/s state maint")
    farm.numbers(1)
    for other in farm.links:
        if other is not link:
            other.ends()
    scene.order(f"set server {scene.name}/s state ready")
    link.send(OK)
    read_head(client)
    client.sock.recv(2)
    farm.numbers()
    farm.exchange(client)


@story(STORIES, LISTEN + ONE)
def down(scene: Scene) -> None:
    """A server that is down keeps its idle links."""
    farm = Farm(scene)
    client, *_ = farm.idle(2)
    scene.order(f"set server {scene.name}/s health down")
    farm.numbers()
    scene.order(f"set server {scene.name}/s health up")
    farm.exchange(client)
    farm.numbers()


@story(STORIES, LISTEN + ONE)
def elsewhere(scene: Scene) -> None:
    """Another address: idle links are reset, and no request goes where the server was."""
    farm = Farm(scene, 2000, 2001)
    client, *_ = farm.idle(3)
    scene.order(f"set server {scene.name}/s addr {scene.host} port 2001")
    farm.numbers()
    for link in farm.links:
        link.ends()
    farm.exchange(client)
    farm.numbers()


@story(STORIES, LISTEN + ONE)
def closed_while_idle(scene: Scene) -> None:
    """Links that the server closes or resets, or talks on, while they are idle are gone."""
    farm = Farm(scene)
    client, *_ = farm.idle(4)
    one, two, three, four = farm.links
    one.close()
    two.reset()
    three.send(b"HTTP/1.1 408 Too late\r\nContent-Length: 0\r\n\r\n")
    three.ends(reset=False)
    wait_for(lambda: int(farm._lines()[0][8]) == 1, what="one idle link")
    farm.numbers()
    farm.links[:] = [four]
    farm.exchange(client)
    farm.numbers()


@story(STORIES, LISTEN + "    option http-server-close\n" + ONE)
def server_close(scene: Scene) -> None:
    """`option http-server-close`: no link is kept."""
    farm = Farm(scene)
    client = scene.connect()
    farm.exchange(client).ends(reset=False)
    farm.exchange(client)
    farm.numbers()


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest) -> dict[str, Told]:
    """Tell all stories of this module that were asked for."""
    return tell(STORIES.asked(request))


@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(told: dict[str, Told], name: str) -> None:
    """Actors, log and counters tell the same of both programs."""
    assert differences(told[name]) == []
