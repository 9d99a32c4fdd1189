"""Headers that the proxy adds and changes by itself, told beside haproxy: what server and client see, byte by byte."""

from __future__ import annotations

import pytest

from tests.running import wait_for
from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import OK, head, serve, story

pytestmark = pytest.mark.reference

STORIES = Stories()

LISTEN = """
listen {name}
    bind {host}:1000
    bind {dir}/front
    bind {host}:1001 accept-proxy
    bind {host}:1002
    bind [::1]:{free}
    bind :::{free2} v4v6
    server s {host}:2000
    """
FRONT = """
frontend {name}
    bind {host}:1000
    default_backend {name}.b
    """
BACK = """
backend {name}.b
    server s {host}:2000
    """
REQUEST = b"GET /x HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\nS: t\r\nA: b\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\nS: t\r\n\r\n"
TOLD6 = b"PROXY TCP6 2001:0db8::0:1 ::ffff:1.2.3.4 1 2\r\n"
MAPPED6 = b"PROXY TCP6 ::ffff:127.0.0.1 2001:db8::2 1 2\r\n"
UNKNOWN = b"PROXY UNKNOWN\r\n"


def tell(
    name: str, text: str, *requests: bytes, port: int | str = 1000, host: str = "", greeting: bytes = b"", own: str = ""
) -> None:
    """Register a story: a client sends these requests. own: settings of the global section."""

    def play(scene: Scene) -> None:
        """A client asks, and a server answers."""
        door = scene.listen(2000)
        place = scene.free[("free", "free2").index(port)] if port in ("free", "free2") else port
        client = scene.connect(place, host=host)
        if greeting:
            client.send(greeting)
        serve(scene, client, door, requests or (REQUEST,))

    play.__name__ = name
    story(STORIES, text, own)(play)


# option forwardfor and originalto

BOTH = "option forwardfor\n    option originalto"
tell("client-and-place", LISTEN + BOTH, REQUEST, OLD, REQUEST)
tell("ipv6", LISTEN + BOTH, port="free", host="::1")
tell("ipv4-at-an-ipv6-socket", LISTEN + BOTH, port="free2", host="127.0.0.1")
tell("unix-clients-have-no-address", LISTEN + BOTH, port="front")
tell("addresses-of-a-proxy-header", LISTEN + BOTH, port=1001, greeting=TOLD6)
tell("proxy-header-without-addresses", LISTEN + BOTH, port=1001, greeting=UNKNOWN)
tell("only-without-one", LISTEN + "option forwardfor if-none", REQUEST, OLD)
tell("empty-one", LISTEN + "option forwardfor if-none", REQUEST.replace(b"9.9.9.9", b""))
tell("other-names", LISTEN + "option forwardfor header X-Foo\n    option originalto header X-Bar")
tell("named-twice", LISTEN + "option forwardfor header X-Foo header X-Bar if-none except ::1 except 1.2.3.4")
tell("said-twice", LISTEN + "option forwardfor header X-Foo if-none\n    option forwardfor")
for number, network in enumerate(("127.0.0.0/8", "127.0.0.2/255.0.0.0", "127.0.0.2", "::ffff:0:0/96", "0.0.0.0/0")):
    tell(f"except-{number}", LISTEN + f"option forwardfor except {network}\n    option originalto except {network}")
NETWORKS = ("2001:db8::/32", "2001:db8::2", "::/0", "0.0.0.0/0", "::ffff:1.2.0.0/112", "1.2.3.4")
for number, network in enumerate(NETWORKS):
    words = f"option forwardfor except {network}\n    option originalto except {network}"
    tell(f"except6-{number}", LISTEN + words, port=1001, greeting=TOLD6)
    tell(f"except6-{number}-mapped", LISTEN + words, port=1001, greeting=MAPPED6)
MERGED = (
    ("option forwardfor header X-F", "option forwardfor"),
    ("option forwardfor", "option forwardfor header X-B"),
    ("option forwardfor if-none", "option forwardfor if-none"),
    ("option forwardfor if-none", "option forwardfor"),
    ("option forwardfor", "option forwardfor if-none"),
    ("option forwardfor header X-A if-none", "option forwardfor if-none"),
    ("option forwardfor except 127.0.0.1", "option forwardfor"),
    ("option forwardfor", "option forwardfor except 127.0.0.1"),
    ("option forwardfor if-none", "option originalto"),
    ("option forwardfor if-none header host", ""),
    ("", "option forwardfor if-none"),
    ("option originalto header X-A", "option originalto except 127.0.0.0/8"),
    ("option originalto header X-A", "option originalto header Host"),
    ("option originalto except 127.0.0.0/8", ""),
)
for number, (front, back) in enumerate(MERGED):
    tell(f"merged-{number}", FRONT + front + BACK + back)
tell("inherited", "    option forwardfor header X-D if-none\n" + FRONT + BACK)
tell("inherited-and-said", "    option forwardfor header X-D except 127.0.0.1\n" + FRONT + BACK + "option forwardfor")


# http-send-name-header, option http-use-proxy-header

tell("name", LISTEN + "http-send-name-header S\n    option forwardfor", REQUEST, OLD, REQUEST)
tell("name-behind-connection", LISTEN + "http-send-name-header Foo-Bar\n    option httpclose\n    option forwardfor")
tell("name-behind-connection-of-old", LISTEN + "http-send-name-header Foo-Bar\n    option http-server-close", OLD)
tell("name-in-host", LISTEN + "http-send-name-header Host")
tell("name-inherited", "    http-send-name-header S\n" + FRONT + BACK)
tell("nobody-of-a-name", FRONT + "\nbackend {name}.b\n    http-send-name-header S\n    dispatch {host}:2000\n")
PROXY_CONNECTION = (
    b"GET http://a/ HTTP/1.0\r\nConnection: keep-alive\r\nProxy-Connection: close\r\n\r\n",
    b"GET http://a/ HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n",
    b"GET http://a/ HTTP/1.1\r\nHost: a\r\nProxy-Connection: keep-alive\r\nConnection: close\r\n\r\n",
)
tell("proxy-connection", LISTEN + "option http-use-proxy-header", *PROXY_CONNECTION)
tell("proxy-connection-close", LISTEN + "option http-use-proxy-header\n    option httpclose", PROXY_CONNECTION[1])
NO_CONNECTION = PROXY_CONNECTION[0].replace(b"Connection", b"X", 1)
tell("proxy-connection-old", LISTEN + "option http-use-proxy-header", NO_CONNECTION)


REFUSING = """
listen {name}
    bind {host}:1000
    http-send-name-header S
    retries 3
    option redispatch 1
    server none {host}:2001
    server s {host}:2000
"""


@story(STORIES, REFUSING)
def name_of_the_server_that_is_reached(scene: Scene) -> None:
    """A server that refuses is not named to the one that takes the request in its place."""
    serve(scene, scene.connect(), scene.listen(2000), (REQUEST,))


# h1-case-adjust

CASES = "".join(
    f"    h1-case-adjust {name.lower()} {name}\n"
    for name in ("HOST", "FOO", "ConnectioN", "Content-LENGTH", "Cache-CONTROL", "X-Forwarded-FOR", "ETag", "S")
)
ADJUSTED = "option h1-case-adjust-bogus-server\n    option h1-case-adjust-bogus-client\n    "
tell("cases", LISTEN + ADJUSTED + "option forwardfor", REQUEST, OLD, REQUEST, own=CASES)
tell("cases-closing", LISTEN + ADJUSTED + "http-send-name-header Foo\n    option httpclose", own=CASES)
tell("cases-of-requests", LISTEN + "option h1-case-adjust-bogus-server", REQUEST, OLD, own=CASES)
tell("cases-of-responses", LISTEN + "option h1-case-adjust-bogus-client", REQUEST, OLD, own=CASES)
tell("cases-nobody-wants", LISTEN + "http-send-name-header S", own=CASES)


@story(STORIES, "\nlisten {name}\n    bind {host}:1000\n    " + ADJUSTED, CASES)
def pages(scene: Scene) -> None:
    """Pages have the case too, but those that are told before there is a request."""
    client = scene.connect()
    client.send(REQUEST)
    head(client)
    client.reads(107)
    client.send(b"GET\r\n\r\n")
    head(client)
    client.ends()
    scene.logged(2)


@story(STORIES, LISTEN + ADJUSTED, CASES)
def trailers(scene: Scene) -> None:
    """Trailers are headers: their names have the case both ways. So have those of interim responses."""
    chunks = b"3\r\nabc\r\n0\r\nFoo: 1\r\nBar: 2\r\n\r\n"
    door = scene.listen(2000)
    client = scene.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    link = door.accept()
    head(link)
    link.reads(len(chunks))
    link.send(b"HTTP/1.1 103 Early\r\nEtag: 1\r\n\r\n")
    head(client)
    link.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    head(client)
    client.reads(len(chunks))
    scene.logged()


CHECKED = """
listen {name}
    bind {host}:1000
    option h1-case-adjust-bogus-server
    option httpchk GET / HTTP/1.1
    http-check send hdr S x hdr Host y
    http-send-name-header Foo
    server s {host}:2000 check inter 10m downinter 100 rise 1
    no log
"""


FIRST_FAILURES = ("chkfail", "chkdown", "h1_open_streams", "h1_total_connections", "h1_total_streams")
"""How often a check fails before its server is there; and HAProxy counts the messages of checks with the others."""


@story(STORIES, CHECKED, CASES, FIRST_FAILURES)
def checks(scene: Scene) -> None:
    """Requests of health checks are written as all others: with the server's name, and in the case of the proxy."""
    door = scene.listen(2000)
    link = door.accept()
    head(link)
    link.send(OK)
    wait_for(lambda: scene.row("s")["status"] == "UP", what="the server to be up")


@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Server and client see the same bytes, and lines and counters say the same, with either program."""
    found = differences(told[name])
    assert not found, "\n".join([name, *found])
