"""Stories of links to servers in HTTP mode, told with both programs: which carry what, how many are kept, and for whom.

Put down is what `show servers conn` says behind the address: delay, in use, at the most, needed, idle, safe, limit ...
"""

from __future__ import annotations

import functools

import pytest

from tests.running import wait_for
from tests.scenarios.beside import Stories, Told, differences, tell
from tests.scenarios.http_farm import GET, LISTEN, ONE, TWO, Farm, farm_story

pytestmark = pytest.mark.reference

STORIES = Stories()
NTLM = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x, NTLM\r\nContent-Length: 2\r\n\r\nno"
links = functools.partial(farm_story, STORIES)


@links(LISTEN + ONE)
def safe(farm: Farm) -> None:
    """First requests have links of their own, others the one that rests longest; one too many is reset."""
    client = farm.client()
    farm.exchange(client)
    farm.numbers()
    farm.exchange(client)
    farm.numbers()
    other = farm.client()
    spare = farm.exchange(other)
    farm.numbers()
    spare.ends()
    farm.exchange(other)
    farm.numbers()


@links(LISTEN + ONE)
def in_turn(farm: Farm) -> None:
    """Idle links are used before safe ones, and in the order in which they came to rest."""
    client, *_ = farm.idle(4)
    for _ in range(7):
        farm.exchange(client)
    farm.numbers()


@links(LISTEN + "    http-reuse aggressive\n" + ONE)
def aggressive(farm: Farm) -> None:
    """A first request goes over a link only once that was used again."""
    client, *_ = farm.idle(2)
    farm.exchange(farm.client())
    farm.exchange(client)
    farm.exchange(farm.client())
    farm.numbers()


@links(LISTEN + "    http-reuse always\n" + ONE)
def always(farm: Farm) -> None:
    """Any request goes over any link, safe ones first; also when the client who made it has left."""
    client, other = farm.idle(2)
    farm.exchange(client)
    client.close()
    farm.scene.until("FRONTEND", scur=1)
    farm.exchange(farm.client())
    farm.exchange(other)
    farm.numbers()


@links(LISTEN + "    http-reuse never\n" + TWO, 2000, 2001)
def never(farm: Farm) -> None:
    """Each client has its own links, one for each server, which end with it."""
    client, other = farm.client(), farm.client()
    links = [farm.exchange(client), farm.exchange(client)]
    farm.exchange(client)
    farm.exchange(other)
    farm.exchange(other)
    farm.exchange(client)
    farm.numbers()
    client.close()
    for link in links:
        link.ends()


@links(LISTEN + "    http-reuse never\n    max-session-srv-conns 1\n" + TWO, 2000, 2001)
def few_of_its_own(farm: Farm) -> None:
    """`max-session-srv-conns`: the link of the second server is closed."""
    client = farm.client()
    farm.exchange(client)
    farm.exchange(client).ends()
    farm.exchange(client)
    farm.exchange(client)


@links(LISTEN + "    http-reuse never\n    option prefer-last-server\n" + TWO, 2000, 2001)
def last_server(farm: Farm) -> None:
    """`option prefer-last-server`: a client stays where its link is."""
    client = farm.client()
    for _ in range(3):
        farm.exchange(client)
    farm.exchange(farm.client())


@links(
    LISTEN
    + "    http-reuse never\n    option prefer-last-server\n    max-keep-alive-queue 1\n"
    + TWO.replace("\n", " maxconn 1\n"),
    2000, 2001,
)  # fmt: skip
def last_server_with_a_queue(farm: Farm) -> None:
    """`max-keep-alive-queue`: where enough clients wait already, a client goes elsewhere."""
    client = farm.client()
    own = farm.exchange(client)
    others = [farm.client() for _ in range(4)]
    asked = []
    for other in others[:2]:
        other.send(GET)
        asked.append(farm.asked())
    client.send(GET)
    farm.scene.until("s" if own.name.startswith("2000") else "t", qcur=1)
    for link, other in zip(asked, others, strict=False):
        farm.answer(link, other)
    farm.answer(farm.asked(), client)


@links(LISTEN + "    option prefer-last-server\n" + TWO, 2000, 2001)
def last_server_of_shared_links(farm: Farm) -> None:
    """Links that everybody may use hold nobody at their server."""
    client = farm.client()
    for _ in range(4):
        farm.exchange(client)


@links(LISTEN + "    http-reuse never\n    option prefer-last-server\n    balance source\n" + TWO, 2000, 2001)
def last_server_of_hashes(farm: Farm) -> None:
    """A strategy that ties clients to servers is obeyed."""
    client = farm.client()
    for _ in range(2):
        farm.exchange(client)


@links(LISTEN + "    http-reuse always\n" + TWO, 2000, 2001)
def authenticated(farm: Farm) -> None:
    """A link that its server authenticates is its client's own, who stays there; others go on as ever."""
    client, other = farm.client(), farm.client()
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


@links(LISTEN + "    http-reuse always\n" + ONE.replace("\n", " send-proxy\n"))
def told_who(farm: Farm) -> None:
    """A link that began with a PROXY header carries requests of the same client; one too many is closed."""
    client, other = farm.client(), farm.client()
    farm.exchange(client)
    farm.exchange(client)
    farm.exchange(other)
    farm.numbers()
    farm.exchange(client)
    farm.exchange(other)
    farm.numbers()


@links("listen {name}\n    bind {dir}/u\n    http-reuse always\n" + ONE.replace("\n", " send-proxy\n"))
def told_nothing(farm: Farm) -> None:
    """Clients of UNIX sockets all have the same PROXY header, and share links."""
    farm.exchange(farm.client("u"))
    farm.exchange(farm.client("u"))
    farm.numbers()


@links(LISTEN + "    bind {host}:1001\n    http-reuse always\n    server s {host}:+1000\n", 2000, 2001)
def clients_port(farm: Farm) -> None:
    """A link leads to the port that follows from the client's; it serves who came in there."""
    client = farm.client()
    farm.exchange(client)
    farm.exchange(farm.client())
    farm.exchange(farm.client(1001))
    farm.exchange(client)
    farm.numbers()


@links(LISTEN + "    http-reuse always\n" + ONE.replace("\n", " source {host}\n"))
def same_source(farm: Farm) -> None:
    """A source address that is everybody's ties links to nobody."""
    farm.exchange(farm.client())
    farm.exchange(farm.client())


@links(LISTEN + ONE.replace("\n", " pool-max-conn 1\n"))
def at_the_most(farm: Farm) -> None:
    """`pool-max-conn`."""
    farm.idle(2)
    farm.links[1].ends()


@links(LISTEN + ONE.replace("\n", " pool-max-conn 0\n"))
def none_at_all(farm: Farm) -> None:
    """`pool-max-conn 0`: each link carries one request."""
    client = farm.client()
    farm.exchange(client).ends()
    farm.exchange(client)
    farm.numbers()


@links(LISTEN + ONE.replace("\n", " pool-purge-delay 0\n"))
def not_for_a_moment(farm: Farm) -> None:
    """`pool-purge-delay 0`: likewise."""
    client = farm.client()
    farm.exchange(client).ends()
    farm.exchange(client)
    farm.numbers()


@links(LISTEN + ONE.replace("\n", " pool-low-conn 2\n"))
def some_more(farm: Farm) -> None:
    """`pool-low-conn`: links beyond those needed."""
    for _ in range(5):
        farm.exchange(farm.client())
    farm.numbers()


@links(LISTEN + ONE.replace("\n", " max-reuse 1\n"))
def used_for_ever(farm: Farm) -> None:
    """`max-reuse` means nothing to HTTP/1."""
    client = farm.client()
    for _ in range(4):
        farm.exchange(client)
    farm.numbers()


@links(LISTEN + ONE.replace("\n", " pool-purge-delay 200ms\n"), alone=True)
def bit_by_bit(farm: Farm) -> None:
    """Links that are not needed are closed, half of them at a time and one more."""
    farm.idle(9)
    farm.leave()
    for count in (5, 2, 0):
        wait_for(lambda count=count: farm.resting() == count, what=f"{count} idle links")
        farm.numbers()


@links(LISTEN + ONE)
def maintenance(farm: Farm) -> None:
    """A drained server keeps its idle links, one in maintenance loses them; the link in use goes on."""
    client, *_ = farm.idle(3)
    client.send(GET)
    link = farm.asked()
    farm.scene.order(f"set server {farm.scene.name}/s state drain")
    farm.numbers(1)
    farm.scene.order(f"set server {farm.scene.name}/s state maint")
    farm.numbers(1)
    for other in farm.links:
        if other is not link:
            other.ends()
    farm.scene.order(f"set server {farm.scene.name}/s state ready")
    farm.answer(link, client)
    farm.numbers()
    farm.exchange(client)


@links(LISTEN + ONE)
def down(farm: Farm) -> None:
    """A server that is down keeps its idle links."""
    client, *_ = farm.idle(2)
    farm.scene.order(f"set server {farm.scene.name}/s health down")
    farm.numbers()
    farm.scene.order(f"set server {farm.scene.name}/s health up")
    farm.exchange(client)
    farm.numbers()


@links(LISTEN + ONE, 2000, 2001)
def elsewhere(farm: Farm) -> None:
    """Another address: idle links are reset, and no request goes where the server was."""
    client, *_ = farm.idle(3)
    farm.scene.order(f"set server {farm.scene.name}/s addr {farm.scene.host} port 2001")
    farm.numbers()
    for link in farm.links:
        link.ends()
    farm.exchange(client)
    farm.numbers()


@links(LISTEN + ONE)
def closed_while_idle(farm: Farm) -> None:
    """Links that the server closes or resets, or talks on, while they are idle are gone."""
    client, *_ = farm.idle(4)
    one, two, three, four = farm.links
    one.close()
    two.reset()
    three.send(b"HTTP/1.1 408 Too late\r\nContent-Length: 0\r\n\r\n")
    three.ends(reset=False)
    wait_for(lambda: farm.resting() == 1, what="one idle link")
    farm.numbers()
    farm.links[:] = [four]
    farm.exchange(client)
    farm.numbers()


@links(LISTEN + "    option http-server-close\n" + ONE)
def server_close(farm: Farm) -> None:
    """`option http-server-close`: no link is kept."""
    client = farm.client()
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
