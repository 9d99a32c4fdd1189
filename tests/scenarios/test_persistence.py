"""Persistence while servers fail, drain, queue and come back: who serves whom, as haproxy and tcproxy tell it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

import pytest

from tests.running import PATIENCE
from tests.scenarios.beside import Play, Scene, Stories, Told, differences
from tests.scenarios.http_actors import DEFAULTS as HTTP

STORIES = Stories()

IDLE = ("h1_open_connections", "idle_conn_cur", "safe_conn_cur", "srv_icur")
"""Columns that tell how many links are kept idle, which time decides."""
DEFAULTS = """
    log-format '%f %b/%s %ST %tsc %rc %sq/%bq %{{+Q}}r'
    timeout connect 100ms
    timeout queue 3s
    cookie C insert indirect
"""
TWO = """
listen {name}
    bind {host}:1000
    server one {host}:2001 cookie one
    server two {host}:2002 cookie two
"""


def story(text: str, more: str = "", apart: tuple[str, ...] = ()) -> Callable[[Play], Play]:
    """Register the function that follows as a story with these sections, and `more` among its defaults.

    apart: columns of `show stat` that differ for a known reason.
    """
    return STORIES.story(HTTP + DEFAULTS + more + text, bare=True, apart=(*IDLE, "intercepted", *apart))


def serve(scene: Scene, *ports: int) -> threading.Event:
    """Open servers that answer each request with their port and the cookies that they see.

    Return the event that requests for /held wait for.
    """
    free = threading.Event()
    for port in ports:
        door = scene.listen(port)
        threading.Thread(target=_accept, args=(door.sock, port, free), daemon=True).start()
    return free


def _accept(door: socket.socket, port: int, free: threading.Event) -> None:
    door.settimeout(None)
    with contextlib.suppress(OSError):
        while True:
            link, _ = door.accept()
            threading.Thread(target=_answer, args=(link, port, free), daemon=True).start()


def _answer(link: socket.socket, port: int, free: threading.Event) -> None:
    with link, contextlib.suppress(OSError):
        while head := _head(link):
            seen = b"; ".join(line[8:] for line in head.split(b"\r\n") if line.startswith(b"cookie: "))
            if b"/held" in head:
                free.wait(PATIENCE)
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx-by: %d %b\r\n\r\n" % (port, seen))


def _head(link: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = link.recv(65536)
        if not piece:
            return b""
        data += piece
    return data.partition(b"\r\n\r\n")[0]


def ask(scene: Scene, *cookies: str, port: int = 1000, source: str = "", held: int = 0) -> None:
    """Send a request with each cookie, on connections of their own; put down who answers and what is set.

    held: how many clients wait for their answers meanwhile.
    """
    for cookie in cookies:
        line = f"Cookie: {cookie}\r\n" if cookie else ""
        with scene.connect(port, source=source).sock as client:
            client.sendall(f"GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n".encode())
            scene.note(f"{cookie or 'no cookie'}: {_told(client)}")
            scene.logged()
        scene.until("FRONTEND", scur=held)


def _told(client: socket.socket) -> str:
    lines = _head(client).decode().split("\r\n")
    return " | ".join(one for one in lines if one.startswith(("HTTP/", "x-by", "set-cookie")))


def begin(scene: Scene, cookie: str, path: str = "/held") -> socket.socket:
    """Send a request and do not wait for its answer."""
    client = scene.connect().sock
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n".encode())
    return client


def finish(scene: Scene, *clients: socket.socket) -> None:
    """Read the answers of requests that were begun."""
    for client in clients:
        scene.note(_told(client))
        client.close()


# servers that are there, or not


@story(TWO)
def maintenance(scene: Scene) -> None:
    """A server in maintenance gives its clients up: D and another cookie; once back, their old cookie counts again."""
    serve(scene, 2001, 2002)
    ask(scene, "C=one", "C=two", "", "C=three", "C=two; a=1")
    scene.order(f"set server {scene.name}/one state maint")
    ask(scene, "C=one", "C=two", "C=one; C=two", "C=two; C=one")
    scene.order(f"set server {scene.name}/one state ready")
    ask(scene, "C=one")


@story(TWO)
def drain(scene: Scene) -> None:
    """A server in drain, or of weight 0, keeps its clients and gets no new ones."""
    serve(scene, 2001, 2002)
    for change in ("state drain", "state ready", "weight 0"):
        scene.order(f"set server {scene.name}/one {change}")
        ask(scene, "C=one", "", "", "C=two")


@story(TWO)
def health(scene: Scene) -> None:
    """A server whose health is down loses its clients; one that is stopping keeps them."""
    serve(scene, 2001, 2002)
    for state in ("stopping", "down", "up"):
        scene.order(f"set server {scene.name}/one health {state}")
        ask(scene, "C=one", "")


@story(TWO + "    option persist\n    retries 1\n")
def option_persist(scene: Scene) -> None:
    """`option persist` holds to a server that is down, and to one that refuses: 503 after the retries."""
    serve(scene, 2001)
    ask(scene, "C=two")
    for name in ("one", "two"):
        scene.order(f"set server {scene.name}/{name} state maint")
    ask(scene, "C=two", "C=one", "")


@story(TWO + "    option persist\n    option redispatch\n    retries 1\n")
def option_persist_and_redispatch(scene: Scene) -> None:
    """With `option redispatch` the last retry goes elsewhere."""
    serve(scene, 2001)
    scene.order(f"set server {scene.name}/two state maint")
    ask(scene, "C=two", "C=one")


@story(
    TWO + "    force-persist if {{ src 127.0.0.8 }}\n    ignore-persist if {{ src 127.0.0.9 }}\n"
    "    option redispatch\n    retries 1\n"
)
def rules(scene: Scene) -> None:
    """`force-persist` reaches a server in maintenance, and is never redispatched; `ignore-persist` balances all."""
    serve(scene, 2001)
    scene.order(f"set server {scene.name}/one state maint")
    ask(scene, "C=one", "C=two", "", "C=x", source="127.0.0.8")
    scene.order(f"set server {scene.name}/one state ready")
    scene.order(f"set server {scene.name}/two state maint")
    ask(scene, "C=one", "C=two", "", "C=x; a=1", source="127.0.0.9")
    ask(scene, "C=one", "C=two", source="127.0.0.7")
    for name in ("one", "two"):
        scene.order(f"set server {scene.name}/{name} state maint")
    ask(scene, "C=two", "", source="127.0.0.8")


@story(TWO + "    retries 2\n")
def refused(scene: Scene) -> None:
    """Without `option redispatch` a client is told 503 rather than led elsewhere."""
    serve(scene, 2001)
    ask(scene, "C=two", "C=one")


@story(TWO + "    retries 2\n    option redispatch\n")
def redispatched(scene: Scene) -> None:
    """The last retry of a client goes elsewhere: D, and a new cookie."""
    serve(scene, 2001)
    ask(scene, "C=two", "C=one")


@story(TWO + "    retries 3\n    option redispatch 1\n")
def redispatched_at_once(scene: Scene) -> None:
    """`option redispatch 1` leaves the server of the cookie at the first retry."""
    serve(scene, 2001)
    ask(scene, "C=two", "C=one", "C=three")


@story(TWO.replace("one\n", "one slowstart 60s\n") + "    retries 3\n    option redispatch\n")
def redispatched_while_starting(scene: Scene) -> None:
    """A server in slow start that refuses is left at the first retry, one that is stopping is not."""
    serve(scene, 2002)
    scene.order(f"set server {scene.name}/one state maint")
    scene.order(f"set server {scene.name}/one state ready")
    ask(scene, "C=one")
    scene.order(f"set server {scene.name}/one health up")
    scene.order(f"set server {scene.name}/one health stopping")
    ask(scene, "C=one")


@story(TWO + "    retries 2\n    option redispatch\n", "    cookie C prefix\n")
def redispatched_with_a_prefix(scene: Scene) -> None:
    """In prefix mode the server sees its own cookie wherever the client is led."""
    serve(scene, 2001)
    ask(scene, "C=two~x; a=1", "C=one~y", "C=z", "C=two")


@story(TWO + "    retries 1\n    option redispatch\n")
def nobody_there(scene: Scene) -> None:
    """When no server is left, or none answers, the letters tell what the cookie was."""
    ask(scene, "C=two")
    ask(scene, "")
    scene.order(f"set server {scene.name}/one state maint")
    ask(scene, "C=one")
    ask(scene, "C=two")
    scene.order(f"set server {scene.name}/two state maint")
    ask(scene, "C=two", "", "C=x")


@story(
    """
frontend {name}
    bind {host}:1000
    use_backend {name}.b if {{ src 127.0.0.8 }}
    default_backend {name}.c
backend {name}.b
    server one {host}:2001 cookie one
backend {name}.c
    cookie C
    server one {host}:2001 cookie one
    server two {host}:2002 cookie two
"""
)
def letters_of_backends(scene: Scene) -> None:
    """Letters are those of the backend's cookie: none where it is only read, or the request is none."""
    serve(scene, 2001, 2002)
    for source in ("127.0.0.8", "127.0.0.9"):
        ask(scene, "C=one", "", "C=two", source=source)
    with scene.connect().sock as client:
        client.sendall(b"nonsense\r\n\r\n")
        scene.logged()


# backups


@story(
    """
listen {name}
    bind {host}:1000
    server one {host}:2001 cookie one
    server two {host}:2002 cookie two
    server spare {host}:2003 cookie one backup
    server last {host}:2004 backup
"""
)
def backups(scene: Scene) -> None:
    """A backup with an active server's cookie takes its clients over; one without a cookie makes clients forget it."""
    serve(scene, 2001, 2002, 2003, 2004)
    ask(scene, "C=one", "C=two")
    scene.order(f"set server {scene.name}/one state maint")
    ask(scene, "C=one", "", "C=two")
    scene.order(f"set server {scene.name}/two state maint")
    ask(scene, "C=one", "C=two", "", "C=")
    scene.order(f"set server {scene.name}/spare state maint")
    ask(scene, "C=one", "")
    scene.order(f"set server {scene.name}/one state ready")
    ask(scene, "C=one", "")


# queues


LIMITED = """
listen {name}
    bind {host}:1000
    server one {host}:2001 cookie one maxconn 1
    server two {host}:2002 cookie two maxconn 1
"""


@story(LIMITED)
def queued(scene: Scene) -> None:
    """Clients wait for the server of their cookie while the other one is free."""
    free = serve(scene, 2001, 2002)
    first = begin(scene, "C=one")
    scene.until("one", scur=1)
    second = begin(scene, "C=one", "/")
    scene.until("one", qcur=1)
    ask(scene, "C=two", "", held=2)
    free.set()
    finish(scene, first, second)
    scene.logged(2)


@story(LIMITED.replace("maxconn 1", "maxconn 1 maxqueue 1"))
def queue_full(scene: Scene) -> None:
    """Where as many wait as may, a client is told 503."""
    free = serve(scene, 2001, 2002)
    first = begin(scene, "C=one")
    scene.until("one", scur=1)
    second = begin(scene, "C=one", "/")
    scene.until("one", qcur=1)
    ask(scene, "C=one", held=2)
    free.set()
    finish(scene, first, second)
    scene.logged(2)


@story(LIMITED.replace("maxconn 1", "maxconn 1 maxqueue 1") + "    option redispatch\n")
def queue_full_and_redispatch(scene: Scene) -> None:
    """With `option redispatch` it is led elsewhere."""
    free = serve(scene, 2001, 2002)
    first = begin(scene, "C=one")
    scene.until("one", scur=1)
    second = begin(scene, "C=one", "/")
    scene.until("one", qcur=1)
    ask(scene, "C=one", held=2)
    free.set()
    finish(scene, first, second)
    scene.logged(2)


def waits_and_goes_down(scene: Scene, source: str = "", moves: bool = False) -> None:
    """Let a client wait for a server that enters maintenance meanwhile. moves: it is answered by another one then."""
    free = serve(scene, 2001, 2002)
    first = begin(scene, "C=one")
    scene.until("one", scur=1)
    second = scene.connect(source=source).sock
    second.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nCookie: C=one\r\n\r\n")
    scene.until("one", qcur=1)
    scene.order(f"set server {scene.name}/one state maint")
    scene.logged(1)
    if moves:
        finish(scene, second)
        scene.logged(1)
    free.set()
    finish(scene, *([first] if moves else [second, first]))
    scene.logged(1 if moves else 2)


@story(LIMITED + "    option redispatch\n")
def waits_and_is_moved(scene: Scene) -> None:
    """Who waits for a server that goes down is led elsewhere: D and a new cookie."""
    waits_and_goes_down(scene, moves=True)


@story(LIMITED)
def waits_and_stays(scene: Scene) -> None:
    """Without `option redispatch` it waits on."""
    waits_and_goes_down(scene)


@story(LIMITED + "    option redispatch\n    force-persist if {{ src 127.0.0.8 }}\n")
def waits_by_force(scene: Scene) -> None:
    """Under `force-persist` it waits on, too."""
    waits_and_goes_down(scene, "127.0.0.8")


# other ways and ends


@story(
    """
listen {name}
    bind {host}:1000
    dispatch {host}:2003
    server one {host}:2001 cookie one
    server two {host}:2002 cookie two disabled
""",
    apart=("act", "status", "weight"),  # servers beside `dispatch` are not balanced, and so do not count there
)
def dispatch(scene: Scene) -> None:
    """Beside `dispatch` servers are reached by their cookies only."""
    serve(scene, 2001, 2003)
    ask(scene, "C=one", "C=two", "", "C=x")


@story(TWO.replace("cookie one", "cookie one redir http://other"), apart=("smax",))
def redir(scene: Scene) -> None:
    """The cookie of a server with `redir` leads to where that sends its clients."""
    serve(scene, 2001, 2002)
    ask(scene, "C=one", "C=two", "")


@story(
    """
listen {name}
    bind {host}:1000
    timeout server 300ms
    timeout queue 100ms
    option abortonclose
    server one {host}:2001 cookie one maxconn 1
"""
)
def endings(scene: Scene) -> None:
    """Servers that say nothing, that leave, that answer in pieces; clients that leave the queue, or wait too long."""
    door = scene.listen(2001)
    client = begin(scene, "C=one", "/")
    link = door.accept()
    _head(link.sock)
    link.close()
    finish(scene, client)
    scene.until("FRONTEND", scur=0)
    client = begin(scene, "C=one", "/")
    link = door.accept()
    waiting = begin(scene, "C=one", "/")
    scene.until("one", qcur=1)
    waiting.close()
    scene.until("one", qcur=0)
    finish(scene, begin(scene, "C=one", "/"), client)
    link.close()
    scene.until("FRONTEND", scur=0)
    client = begin(scene, "C=x", "/")
    link = door.accept()
    _head(link.sock)
    link.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    scene.note(_head(client).decode())
    link.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    scene.note(_told(client))
    link.close()
    scene.logged(5)
    client.close()


@story(TWO.replace("    server", "    option abortonclose\n    timeout connect 2s\n    server", 1))
def leaves_early(scene: Scene) -> None:
    """A client that leaves while its server is connected to, or between attempts, hears nothing: CC."""
    scene.blackhole(2001)
    for cookie, column in (("C=one", {"connect": 1}), ("C=two", {"wretr": 1})):
        client = begin(scene, cookie, "/")
        scene.until(cookie[2:], **column)
        client.close()
        scene.logged()


@story(TWO)
def upgrade(scene: Scene) -> None:
    """A response that leaves HTTP carries the cookie, too."""
    door = scene.listen(2001)
    asked = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: C=one; a=1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    for request in (asked, asked.replace(b"C=one", b"C=x")):
        client = scene.connect().send(request)
        link = door.accept()
        scene.note(repr(_head(link.sock)))
        link.send(b"HTTP/1.1 101 Now\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        scene.note(repr(_head(client.sock)))
        link.close()
        client.ends().close()
    scene.logged(2)


# what caches could keep


CHECKED = """
listen {name}
    bind {host}:1000
    option checkcache
    server one {host}:2001 cookie one
"""
RESPONSES = (
    (200, ""), (200, "ETag: x"), (200, "Set-Cookie: a=b"), (200, "Set-Cookie: a=b\r\nETag: x"),
    (302, "Set-Cookie: a=b\r\nETag: x"), (302, "Set-Cookie: a=b\r\nCache-Control: public, max-age=3"),
    (404, "Set-Cookie2: a=b\r\nExpires: 0"), (200, "Set-Cookie: C=x\r\nExpires: 0"),
    (200, 'Set-Cookie: a\r\nCache-Control: max-age=3, no-cache="set-cookie"'),
)  # fmt: skip


def checked(scene: Scene, cookie: str) -> None:
    """Let a server answer in ways that a cache could keep, or not."""
    door = scene.listen(2001)
    for status, headers in RESPONSES:
        client = scene.connect().sock
        client.sendall(f"GET / HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n".encode())
        link = door.accept().sock
        _head(link)
        lines = [f"HTTP/1.1 {status} OK", "Content-Length: 0", *filter(None, [headers]), "", ""]
        link.sendall("\r\n".join(lines).encode())
        scene.note(f"{status} {headers!r}: {_head(client).decode()!r}")
        client.close()
        link.close()
        scene.until("FRONTEND", scur=0)
    scene.logged(len(RESPONSES))


@story(CHECKED)
def checkcache(scene: Scene) -> None:
    """A response that a cache could keep with a cookie is not passed on."""
    checked(scene, "C=one")


@story(CHECKED, "    cookie C insert nocache\n")
def checkcache_and_nocache(scene: Scene) -> None:
    """Where our own cookie is inserted with `nocache`, no cache will keep it."""
    checked(scene, "C=none")


# dynamic cookies


@story(
    """
listen {name}
    bind {host}:1000
    cookie C insert indirect dynamic
    server one 127.1.1.1:2001
    server two 127.1.1.2:2002 cookie two
    server three 127.1.1.3:2003
listen {name}.more
    bind {host}:1001
    dynamic-cookie-key other
    server one 127.1.1.1:2001
"""
)
def dynamic(scene: Scene) -> None:
    """Cookies made from key, address and port follow their changes, and commands turn them on and off."""

    def tell() -> None:
        lines = scene.order(f"show stat {scene.name} -1 -1").splitlines()
        at = lines[0].split(",").index("cookie")
        scene.note(str([line.split(",")[at] for line in lines[1:] if line]))

    for order in (
        "", "set dynamic-cookie-key backend {} secret", "set server {}/one addr 127.1.1.4",
        "set server {}/one addr 127.1.1.4 port 2005", "set server {}/two addr 127.1.1.4",
        "disable dynamic-cookie backend {}", "enable dynamic-cookie backend {}", "set dynamic-cookie-key backend {}",
        "set dynamic-cookie-key backend {}.none x", "enable dynamic-cookie backend",
        "disable dynamic-cookie backend none",
    ):  # fmt: skip
        if order:
            scene.note(order + ": " + scene.order(order.format(scene.name)).strip())
        tell()


# Remote Desktop


RDP = """
defaults
    timeout connect 100ms
    timeout client 2s
    timeout server 2s
    retries 0
    log {host}:514 local0
    log-format '%b/%s %ts %rc %tsc'
listen {name}
    bind {host}:1000
    {words}
    server one {host}:2001
    server two {host}:2002
    server three {host}:2003
"""
PACKET = b"\x03\x00\x00\x2f\x2a\xe0\x00\x00\x00\x00\x00Cookie: %b\r\n\x01\x00\x08\x00\x00\x00\x00\x00"


def rdp_story(words: str) -> Callable[[Play], Play]:
    """Register the function that follows as a story of Remote Desktop clients."""
    return STORIES.story(RDP.replace("{words}", words), bare=True, alone=True)


def desktops(scene: Scene, name: bytes = b"msts") -> None:
    """Connect clients whose first packets are there when they are accepted; put down who serves them."""
    address = int.from_bytes(socket.inet_aton(scene.host), "little")
    ports = [int.from_bytes(port.to_bytes(2, "big"), "little") for port in (2002, 2003, 2003, 2004, 2001)]
    cookies = [name + b"=%d.%d.0000" % (address, port) for port in ports]
    for cookie in (*cookies, b"mstshash=user", name + b"=%d.%d" % (address, ports[0]), name + b"=x.y.z"):
        with scene.frozen():
            client = scene.connect().send(PACKET % cookie)
        client.ends(reset=False).close()
        scene.logged()


@rdp_story("persist rdp-cookie")
def remote_desktop(scene: Scene) -> None:
    """The cookie of a first packet names the server: one that does not exist, or is down, does not count."""
    scene.order(f"set server {scene.name}/one state maint")
    desktops(scene)


@rdp_story("persist rdp-cookie(Other)\n    option persist")
def remote_desktop_persists(scene: Scene) -> None:
    """Another name, and `option persist`, which leads to a server that is down, too."""
    scene.order(f"set server {scene.name}/one state maint")
    desktops(scene, b"other")


@rdp_story("persist rdp-cookie\n    force-persist if TRUE\n    option redispatch\n    retries 1")
def remote_desktop_by_force(scene: Scene) -> None:
    """Under `force-persist` a client is not redispatched, and yet a server that is down does not count."""
    scene.order(f"set server {scene.name}/one state maint")
    desktops(scene)


@pytest.mark.reference
@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Clients, servers, log lines and counters of the story are the same with haproxy and with tcproxy."""
    assert differences(told[name]) == []
