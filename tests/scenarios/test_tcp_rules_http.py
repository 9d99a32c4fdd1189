"""`tcp-request` and `tcp-response` rules in HTTP mode, as haproxy and tcproxy tell it."""

from __future__ import annotations

import contextlib

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import OK, head

STORIES = Stories()
DEFAULTS = """
defaults
    mode http
    option httplog
    log {host}:514 local0
    timeout connect 2s
    timeout client 2s
    timeout server 2s
"""
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"


def story(text: str):  # type: ignore[no-untyped-def]
    """Register a story of HTTP mode."""
    return STORIES.story(DEFAULTS + text, bare=True)


def _exchange(scene: Scene, client, link, request: bytes = GET) -> None:  # type: ignore[no-untyped-def]
    """See one request answered."""
    client.send(request)
    head(link)
    link.send(OK)
    head(client)


@story(
    """
listen {name}
    bind {host}:1000
    bind {host}:1001
    option dontlognull
    tcp-request content reject if {{ dst_port 1001 }} or {{ dst_conn ge 2 }}
    capture request header host len 10
    server s {host}:2000
"""
)
def requests_rejected(scene: Scene) -> None:
    """A request that a rule about contents refuses is not answered; the first and a later one."""
    door = scene.listen()
    scene.connect(1001).send(GET).ends().close()
    scene.logged()
    client = scene.connect().send(GET)
    link = door.accept()
    head(link)
    link.send(OK)
    head(client)
    other = scene.connect(name="other")
    scene.until("FRONTEND", scur=2)
    client.send(GET).ends().close()
    other.close()
    scene.logged(2)
    link.close()
    scene.left()


@story(
    """
frontend {name}
    bind {host}:1000
    bind {host}:1001
    option dontlognull
    default_backend {name}.b
backend {name}.b
    tcp-request content reject if {{ dst_port 1001 }} or {{ dst_conn ge 2 }}
    server s {host}:2000
"""
)
def requests_rejected_by_a_backend(scene: Scene) -> None:
    """A backend's rules come when it is chosen."""
    door = scene.listen()
    scene.connect(1001).send(GET).ends().close()
    scene.logged()
    client = scene.connect().send(GET)
    link = door.accept()
    head(link)
    link.send(OK)
    head(client)
    other = scene.connect(name="other")
    scene.until("FRONTEND", scur=2)
    client.send(GET).ends().close()
    other.close()
    scene.logged(2)
    link.close()
    scene.left()


@story(
    """
listen {name}
    bind {host}:1000
    bind {host}:1001
    tcp-request content accept if {{ dst_port 1001 }}
    http-request deny if {{ dst_port 1001 }}
    tcp-request content reject
    server s {host}:2000
"""
)
def http_rules_follow(scene: Scene) -> None:
    """Rules about contents come before those about requests, wherever they stand."""
    client = scene.connect(1001).send(GET)
    head(client)
    client.close()
    scene.logged()
    scene.left()
    scene.connect().send(GET).ends().close()
    scene.logged()
    scene.left()


@story(
    """
listen {name}
    bind {host}:1000
    bind {host}:1001
    bind {host}:1002
    tcp-request connection reject if {{ dst_port 1001 }}
    tcp-request session reject if {{ dst_port 1002 }}
    server s {host}:2000
"""
)
def connections_rejected(scene: Scene) -> None:
    """Rules about connections and sessions hold in HTTP mode, too."""
    door = scene.listen()
    with contextlib.suppress(ConnectionResetError):
        scene.connect(1001).sock.recv(1)
        scene.note("it is not reset")
    scene.left()
    scene.connect(1002).ends(reset=False).close()
    scene.left()
    client = scene.connect().send(GET)
    link = door.accept()
    head(link)
    link.send(OK)
    head(client)
    client.close()
    link.close()
    scene.logged()
    scene.left()


@story(
    """
listen {name}
    bind {host}:1000 accept-proxy
    tcp-request session reject if {{ src 192.0.2.1 }}
    server s {host}:2000
"""
)
def sessions_rejected_behind_a_header(scene: Scene) -> None:
    """A session that is refused for the address in its header has a log line."""
    scene.connect().send(b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n" + GET).ends(reset=False).close()
    scene.logged()
    scene.left()


@story(
    """
listen {name}
    bind {host}:1000
    tcp-request inspect-delay 400ms
    tcp-request content reject if {{ wait_end }}
    server s {host}:2000
"""
)
def whole_requests_end_the_wait(scene: Scene) -> None:
    """A request that is whole is waited for no longer."""
    with scene.lasting():
        scene.connect().send(GET).ends().close()
    scene.logged()


@story(
    """
listen {name}
    bind {host}:1000
    tcp-request inspect-delay 400ms
    tcp-request content reject if {{ wait_end }}
    server s {host}:2000
"""
)
def bodies_are_waited_for(scene: Scene) -> None:
    """A request whose body is to come may be waited for."""
    with scene.lasting():
        scene.connect().send(POST).ends().close()
    scene.logged()


@story(
    """
listen {name}
    bind {host}:1000
    bind {host}:1001
    bind {host}:1002
    capture request header host len 10
    tcp-request session silent-drop if {{ dst_port 1002 }}
    tcp-request session set-var(sess.a) str(kept)
    tcp-request content set-src ipv4(192.0.2.7)
    tcp-request content capture path len 3
    tcp-request content set-log-level silent if {{ path /silent }}
    tcp-request content silent-drop if {{ dst_port 1001 }}
    http-request deny if {{ path /deny }} {{ src 192.0.2.7 }} {{ var(sess.a) -m str kept }}
    server s {host}:2000
"""
)
def requests_changed(scene: Scene) -> None:
    """Actions about contents in HTTP mode: captures, addresses, the line's level, variables, clients forgotten."""
    door = scene.listen()
    with contextlib.suppress(ConnectionResetError):
        scene.connect(1002, name="dropped")
    scene.left()
    scene.connect(1001).send(GET).quiet()
    scene.logged()
    scene.left()
    client = scene.connect().send(GET.replace(b"/", b"/first", 1))
    link = door.accept()
    head(link)
    link.send(OK)
    head(client)
    client.send(GET.replace(b"/", b"/silent", 1))
    head(link)
    link.send(OK)
    head(client)
    client.send(GET.replace(b"/", b"/deny", 1))
    head(client)
    client.close()
    link.close()
    scene.logged(2)
    scene.left()


BODIES = """
listen {name}
    bind {host}:1000
    tcp-request inspect-delay 400ms
    tcp-request content reject if {{ dst_port 1001 }} {{ wait_end }}
    tcp-request content accept if {{ wait_end }}
    server s {host}:2000
"""


@story(BODIES)
def bodies_that_come_end_the_wait(scene: Scene) -> None:
    """The wait ends when the body is whole; the server has all of the request."""
    door = scene.listen()
    with scene.lasting():
        client = scene.connect().send(POST)
        scene.turn()
        client.send(b"Hello")
        link = door.accept()
    head(link)
    link.reads(5).send(OK)
    head(client)
    client.close()
    link.close()
    scene.logged()
    scene.left()


@story(BODIES)
def bodies_that_come_later(scene: Scene) -> None:
    """The body may come behind the wait."""
    door = scene.listen()
    with scene.lasting():
        client = scene.connect().send(POST + b"He")
        link = door.accept()
    head(link)
    link.reads(2)
    client.send(b"llo")
    link.reads(3).send(OK)
    head(client)
    client.close()
    link.close()
    scene.logged()
    scene.left()


@story(BODIES)
def bodies_cut_short(scene: Scene) -> None:
    """A client that ends within its body, and one that resets, while rules wait."""
    scene.listen()
    client = scene.connect().send(POST + b"He")
    scene.turn()
    client.finish().ends(reset=False).close()
    scene.logged()
    client = scene.connect().send(POST + b"He")
    scene.turn()
    client.reset()
    scene.logged()
    scene.left()


@story(BODIES.replace("inspect-delay 400ms", "inspect-delay 3s\n    timeout client 400ms"))
def bodies_late(scene: Scene) -> None:
    """`timeout client` is shorter than the delay."""
    client = scene.connect().send(POST + b"He")
    with scene.lasting():
        client.ends(reset=False).close()
    scene.logged()
    scene.left()


@story(
    """
listen {name}
    bind {host}:1000
    bind {host}:1001
    tcp-response content reject if {{ dst_port 1001 }}
    server s {host}:2000
"""
)
def responses_rejected(scene: Scene) -> None:
    """A response that a rule refuses as soon as the link stands."""
    door = scene.listen()
    client = scene.connect().send(GET)
    link = door.accept()
    head(link)
    link.send(OK)
    head(client)
    client.close()
    link.close()
    scene.logged()
    scene.left()
    client = scene.connect(1001).send(GET)
    link = door.accept()
    link.ends(count=False, reset=False).close()
    client.ends().close()
    scene.logged()
    scene.left()


@story(
    """
listen {name}
    bind {host}:1000
    bind {host}:1001
    tcp-response content close if {{ dst_port 1001 }}
    tcp-response content accept
    server s {host}:2000
"""
)
def servers_closed(scene: Scene) -> None:
    """A response whose server a rule closes as soon as the link stands."""
    door = scene.listen()
    client = scene.connect(1001).send(GET)
    link = door.accept()
    link.ends(count=False, reset=False).close()
    client.ends().close()
    scene.logged()
    scene.left()


@pytest.mark.reference
@pytest.mark.parametrize("name", STORIES.by_name)
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Clients, servers, log lines and counters of the story are the same with haproxy and with tcproxy."""
    assert differences(told[name]) == []
