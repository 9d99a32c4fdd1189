"""Every termination state of manual 8.5 that HTTP mode can come to, provoked beside haproxy: whole lines of httplog."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.scenarios.actors import Actor, Doorman
from tests.scenarios.beside import Play, Scene, Stories, Told, differences
from tests.scenarios.likeness import Line
from tests.scenarios.test_http_lines import read_head

pytestmark = pytest.mark.reference

STORIES = Stories()

DEFAULTS = """
defaults
    mode http
    option httplog
    log {host}:514 local0
    timeout connect 400ms
    timeout client 600ms
    timeout server 600ms
    timeout queue 300ms
    retries 1
    option http-no-delay
listen {name}
    bind {host}:1000
"""
SERVER = "    server s {host}:2000\n"
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 600\r\n\r\nabc"
UPGRADE = b"GET /switch HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nhello"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
OK = HEAD % 3 + b"abc"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MUCH = 1 << 24
"""Bytes: more than all buffers on the way hold."""


def story(words: str = SERVER, settings: str = "", apart: tuple[str, ...] = ()) -> Callable[[Play], Play]:
    """Register the function that follows as a story of a listen section with these words."""
    apart = (*apart, "h1_open_connections", "idle_conn_cur", "srv_icur")
    return STORIES.story(DEFAULTS + words, bare=True, settings=settings, apart=apart)


def page(client: Actor) -> Actor:
    """Read a page of the proxy's."""
    head = read_head(client)
    found = re.search(rb"content-length: (\d+)", head)
    client.scene.note(head.partition(b"\r\n")[0].decode() + (" close" if b"connection: close" in head else " keep"))
    return client.reads(int(found[1]) if found else 0)


def kill(scene: Scene, server: str) -> None:
    """End the session of this server ("-" for none yet)."""
    sessions = scene.order("show sess").splitlines()
    ids = [line.partition(":")[0] for line in sessions if f" fe={scene.name} " in line and f" srv={server} " in line]
    scene.note(f"{len(ids)} of {server}")
    for one in ids:
        scene.order(f"shutdown session {one}")


def asked(scene: Scene, request: bytes = GET) -> tuple[Actor, Actor]:
    """Let a client ask, and a server read the head; return both."""
    door = scene.listen(2000)
    client = scene.connect().send(request)
    link = door.accept()
    read_head(link)
    return client, link


def ended(scene: Scene) -> None:
    """Wait for the line, and for the end of it all."""
    scene.logged()
    scene.until("FRONTEND", scur=0)


# C: the client


@story(SERVER + "    option abortonclose\n")
def client_leaves_while_connecting(scene: Scene) -> None:
    """CC: the client goes away while the server does not answer the connection."""
    scene.blackhole()
    client = scene.connect().send(GET)
    scene.until("BACKEND", scur=1)
    client.close()
    ended(scene)


@story(SERVER)
def client_leaves_while_connecting_unheard(scene: Scene) -> None:
    """sC: without `option abortonclose` nobody looks whether the client is still there."""
    scene.blackhole()
    client = scene.connect().send(GET)
    scene.until("BACKEND", scur=1)
    client.close()
    ended(scene)


def _queued(scene: Scene) -> tuple[Actor, Actor, Actor, Doorman]:
    door = scene.listen(2000)
    client = scene.connect().send(GET)
    link = door.accept()
    read_head(link)
    waiting = scene.connect(name="waiting").send(GET)
    scene.until("BACKEND", qcur=1)
    return client, link, waiting, door


ONE = "    server s {host}:2000 maxconn 1\n"


@story(ONE + "    option abortonclose\n    timeout queue 2s\n    timeout server 2s\n")
def client_leaves_the_queue(scene: Scene) -> None:
    """CQ: the client goes away while it waits for a slot."""
    client, link, waiting, _ = _queued(scene)
    waiting.close()
    scene.logged()
    link.send(OK)
    client.reads(41)
    client.close()
    ended(scene)


@story(ONE + "    timeout server 2s\n")
def time_in_the_queue(scene: Scene) -> None:
    """sQ: the wait for a slot was too long."""
    client, link, waiting, _ = _queued(scene)
    waiting.ends()
    scene.logged()
    link.send(OK)
    client.reads(41)
    client.close()
    ended(scene)


@story("    server s {host}:2000 maxconn 1 maxqueue 1\n    timeout server 2s\n    timeout queue 2s\n")
def queue_is_full(scene: Scene) -> None:
    """SQ: there is no place left in the queue; who waits gets its turn, and its wait is told."""
    client, link, waiting, door = _queued(scene)
    late = scene.connect(name="late").send(GET)
    page(late)
    late.close()
    scene.logged()
    link.send(OK)
    client.reads(41)
    link = door.accept()
    read_head(link)
    link.send(OK)
    waiting.reads(41)
    client.close()
    waiting.close()
    scene.logged()
    ended(scene)


@story(SERVER + "    option abortonclose\n")
def client_leaves_before_the_answer(scene: Scene) -> None:
    """CH: the client goes away while the server thinks."""
    client, link = asked(scene)
    client.close()
    ended(scene)
    link.close()


@story(SERVER + "    timeout server 2s\n", apart=("bout",))
def client_resets_while_it_receives(scene: Scene) -> None:
    """CD: the client resets its connection within a body."""
    client, link = asked(scene)
    link.send(HEAD % MUCH + b"x" * 1000)
    read_head(client)
    client.reads(1000)
    client.reset()
    link.send(b"x" * 100000)
    ended(scene)
    scene.lines[:] = [_roughly(line) for line in scene.read_log()]


@story(SERVER + "    timeout server 2s\n")
def client_leaves_while_it_sends(scene: Scene) -> None:
    """CD or CH: the client goes away within its own body, before the server said anything."""
    client, link = asked(scene, POST)
    link.reads(3)
    client.close()
    ended(scene)
    link.ends(reset=False)


@story(SERVER + "    timeout server 2s\n")
def client_leaves_after_an_early_answer(scene: Scene) -> None:
    """The server has answered, and the client goes away within its body."""
    client, link = asked(scene, POST)
    link.send(OK)
    client.reads(41)
    client.close()
    ended(scene)


# c: the client's timeout


@story(SERVER + "    timeout server 2s\n")
def client_stalls_while_it_sends(scene: Scene) -> None:
    """cH or cD: nothing more comes of the request's body."""
    client, link = asked(scene, POST)
    link.reads(3)
    client.ends(reset=False)
    ended(scene)


@story(SERVER + "    timeout server 2s\n", apart=("bout",))
def client_takes_nothing(scene: Scene) -> None:
    """cD: the client reads nothing of a long body."""
    door = scene.listen(2000)
    client = scene.connect(buffer=4096).send(GET)
    link = door.accept()
    read_head(link)
    link.send(HEAD % (1 << 30))
    link.flood()
    scene.logged()
    scene.until("FRONTEND", scur=0)
    client.close()
    scene.lines[:] = [_roughly(line) for line in scene.read_log()]


@story(SERVER + "    timeout server 2s\n", apart=("bout",))
def client_does_not_take_the_last(scene: Scene) -> None:
    """cL or cD: the server has said all and closed, and the client takes no more of it."""
    door = scene.listen(2000)
    client = scene.connect(buffer=4096).send(GET)
    link = door.accept()
    read_head(link)
    link.send(b"HTTP/1.1 200 OK\r\n\r\n")
    link.flood()
    link.finish()
    scene.logged()
    scene.until("FRONTEND", scur=0)
    client.close()
    scene.lines[:] = [_roughly(line) for line in scene.read_log()]


def _roughly(line: Line) -> Line:
    return replace(line, text=re.sub(r" 200 \d+ ", " 200 MUCH ", line.text))


# S and s: the server


@story("    server s {host}:2000\n    retries 2\n    option redispatch 0\n")
def server_refuses(scene: Scene) -> None:
    """SC: the server refuses each attempt."""
    client = scene.connect().send(GET)
    page(client)
    client.close()
    scene.logged()


@story("    server s {host}:2000\n    server t {host}:2001\n    balance roundrobin\n    option redispatch 1\n")
def redispatched(scene: Scene) -> None:
    """A plus before the retries: the first server refused, the second one answered."""
    door = scene.listen(2001)
    client = scene.connect().send(GET)
    link = door.accept()
    read_head(link)
    link.send(OK)
    client.reads(41)
    client.close()
    ended(scene)


@story("")
def no_server(scene: Scene) -> None:
    """SC: there is no server at all."""
    page(scene.connect().send(GET)).close()
    scene.logged()


@story(SERVER)
def server_closes_without_an_answer(scene: Scene) -> None:
    """SH: the server closes instead of answering."""
    client, link = asked(scene)
    link.close()
    page(client)
    client.close()
    ended(scene)


@story(SERVER)
def server_resets_without_an_answer(scene: Scene) -> None:
    """SH: the server resets instead of answering."""
    client, link = asked(scene)
    link.reset()
    page(client)
    client.close()
    ended(scene)


@story(SERVER)
def server_closes_within_its_head(scene: Scene) -> None:
    """SH or PH: the answer is cut within its head."""
    client, link = asked(scene)
    link.send(b"HTTP/1.1 200 OK\r\nConte").quiet()
    link.close()
    page(client)
    client.close()
    ended(scene)


@story(SERVER)
def server_closes_within_its_body(scene: Scene) -> None:
    """SD: the answer is cut within its body."""
    client, link = asked(scene)
    link.send(HEAD % 9 + b"abc")
    read_head(client)
    client.reads(3)
    link.close()
    client.ends(reset=False)
    ended(scene)


@story(SERVER)
def server_resets_within_its_chunks(scene: Scene) -> None:
    """SD: the answer is cut within its chunks, by a reset."""
    client, link = asked(scene)
    link.send(CHUNKED + b"3\r\nabc\r\n")
    read_head(client)
    client.reads(8)
    link.reset()
    client.ends(reset=False)
    ended(scene)


@story(SERVER)
def server_is_silent(scene: Scene) -> None:
    """sH: no answer comes in time."""
    client, link = asked(scene)
    client.ends()
    ended(scene)
    link.ends(reset=False)


@story(SERVER)
def server_stalls(scene: Scene) -> None:
    """sD: nothing more comes of a body."""
    client, link = asked(scene)
    link.send(HEAD % 9 + b"abc")
    client.ends(reset=False)
    ended(scene)


@story(SERVER + "    timeout client 2s\n")
def server_takes_nothing(scene: Scene) -> None:
    """The server takes no more of a long body."""
    door = scene.listen(2000, buffer=4096)
    client = scene.connect().send(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (1 << 30))
    link = door.accept()
    read_head(link)
    client.flood()
    scene.logged()
    scene.until("FRONTEND", scur=0)


# P: the proxy


@story(SERVER)
def no_response(scene: Scene) -> None:
    """PH: what the server says is no response."""
    client, link = asked(scene)
    link.send(b"FOO\r\n\r\n")
    page(client)
    client.close()
    ended(scene)


@story(SERVER)
def bad_chunk(scene: Scene) -> None:
    """PD or SD: a chunk of the response is none."""
    client, link = asked(scene)
    link.send(CHUNKED)
    read_head(client)
    link.send(b"3\r\nabc\r\n").quiet()
    link.send(b"zz\r\n")
    client.ends(reset=False)
    ended(scene)


@story(SERVER)
def bad_chunk_of_a_request(scene: Scene) -> None:
    """PD or PH: a chunk of the request is none."""
    client, link = asked(scene, b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    link.reads(8)
    client.send(b"zz\r\n")
    client.ends(reset=False)
    ended(scene)


@story(SERVER)
def bad_chunk_after_an_answer(scene: Scene) -> None:
    """PD: a chunk of the request is none, and the answer has begun."""
    client, link = asked(scene, b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    link.reads(8)
    link.send(HEAD % 9 + b"abc")
    read_head(client)
    client.reads(3)
    client.send(b"zz\r\n")
    client.ends(reset=False)
    ended(scene)


# D, K, U: by command, or since a server goes down or comes up

CHECKED = "    server s {host}:2000 on-marked-down shutdown-sessions\n    timeout server 5s\n    timeout client 5s\n"


def _go_down(scene: Scene) -> None:
    scene.order(f"set server {scene.name}/s state maint")


@story(CHECKED)
def server_goes_down_before_it_answers(scene: Scene) -> None:
    """DH: the server is taken out while its answer is waited for."""
    client, link = asked(scene)
    _go_down(scene)
    client.ends(reset=False)
    ended(scene)
    link.ends(reset=False)


@story(CHECKED)
def server_goes_down_within_its_body(scene: Scene) -> None:
    """DD: the server is taken out within its body."""
    client, link = asked(scene)
    link.send(HEAD % 9 + b"abc")
    read_head(client)
    client.reads(3)
    _go_down(scene)
    client.ends(reset=False)
    ended(scene)


@story("    server s {host}:2000\n    timeout server 5s\n    timeout client 5s\n")
def killed_before_the_answer(scene: Scene) -> None:
    """K: an administrator ends the sessions of a server."""
    client, link = asked(scene)
    scene.order(f"shutdown sessions server {scene.name}/s")
    client.ends(reset=False)
    ended(scene)
    link.ends(reset=False)


@story("    server s {host}:2000\n    timeout server 5s\n    timeout client 5s\n")
def killed_within_a_body(scene: Scene) -> None:
    """KD: an administrator ends the sessions of a server within a body."""
    client, link = asked(scene)
    link.send(HEAD % 9 + b"abc")
    read_head(client)
    client.reads(3)
    scene.order(f"shutdown sessions server {scene.name}/s")
    client.ends(reset=False)
    ended(scene)


@story(SERVER + "    timeout server 5s\n    timeout client 5s\n    timeout connect 5s\n")
def killed_while_connecting(scene: Scene) -> None:
    """KC: an administrator ends a session that has no connection to its server yet."""
    scene.blackhole()
    client = scene.connect().send(GET)
    scene.until("BACKEND", scur=1)
    kill(scene, "s")
    client.ends(reset=False)
    ended(scene)


@story("    server s {host}:2000\n    timeout server 5s\n    timeout client 5s\n")
def killed_while_it_sends(scene: Scene) -> None:
    """K: an administrator ends a session within its request's body."""
    client, link = asked(scene, POST)
    link.reads(3)
    kill(scene, "s")
    client.ends(reset=False)
    ended(scene)


@story("    server s {host}:2000\n    timeout server 5s\n    timeout client 5s\n")
def killed_within_the_second_exchange(scene: Scene) -> None:
    """K: an administrator ends the second exchange of a client, who hears nothing."""
    client, link = asked(scene)
    link.send(OK)
    client.reads(41)
    scene.logged()
    client.send(GET)
    read_head(link)
    kill(scene, "s")
    client.ends(reset=False)
    scene.until("FRONTEND", scur=0)


@story(SERVER + "    timeout tunnel 5s\n")
def killed_tunnel(scene: Scene) -> None:
    """KD: an administrator ends a tunnel."""
    client, link = _tunnelled(scene)
    kill(scene, "s")
    client.ends(reset=False)
    link.ends(reset=False)
    ended(scene)


@story(
    "    server s {host}:2001 on-marked-up shutdown-backup-sessions disabled\n    server b {host}:2000 backup\n"
    "    timeout server 5s\n    timeout client 5s\n"
)
def active_server_comes_up(scene: Scene) -> None:
    """U: an active server comes up, and the sessions of the backup end."""
    client, link = asked(scene)
    link.send(HEAD % 9 + b"abc")
    read_head(client)
    client.reads(3)
    scene.order(f"set server {scene.name}/s state ready")
    client.ends(reset=False)
    ended(scene)


# R: resources

NOT_BEGUN = ("smax", "stot", "h1_total_connections", "h1_total_streams")
"""Of a session that had no source port the reference says at the server that it never came there."""


@story("    server s {host}:2000 source {host}:12001-12001\n    retries 0\n    timeout server 2s\n", apart=NOT_BEGUN)
def no_source_port(scene: Scene) -> None:
    """RC: the only source port is taken."""
    client, link = asked(scene)
    late = scene.connect(name="late").send(GET)
    late.ends()
    scene.logged()
    link.send(OK)
    client.reads(41)
    client.close()
    ended(scene)


# tunnels

TUNNEL = SERVER + "    timeout tunnel 500ms\n"


def _tunnelled(scene: Scene) -> tuple[Actor, Actor]:
    client, link = asked(scene, UPGRADE)
    link.send(SWITCH)
    read_head(client)
    client.reads(5)
    client.send(b"abc")
    link.reads(3)
    return client, link


@story(TUNNEL)
def tunnel_ends_well(scene: Scene) -> None:
    """Both sides of a tunnel close."""
    client, link = _tunnelled(scene)
    client.finish()
    link.ends()
    link.close()
    client.ends()
    ended(scene)


@story(TUNNEL)
def client_resets_a_tunnel(scene: Scene) -> None:
    """CD: the client resets a tunnel."""
    client, link = _tunnelled(scene)
    client.reset()
    link.ends(reset=False)
    link.close()
    ended(scene)


@story(TUNNEL)
def server_resets_a_tunnel(scene: Scene) -> None:
    """SD: the server resets a tunnel."""
    client, link = _tunnelled(scene)
    link.reset()
    client.ends(reset=False)
    client.close()
    ended(scene)


@story(TUNNEL)
def silent_tunnel(scene: Scene) -> None:
    """cD or sD: nothing moves in a tunnel."""
    client, link = _tunnelled(scene)
    client.ends(reset=False)
    link.ends(reset=False)
    ended(scene)


# good ends


@story(SERVER + "    timeout server 5s\n    timeout client 5s\n")
def slow_but_good(scene: Scene) -> None:
    """--: times of request, answer and data are told apart."""
    door = scene.listen(2000)
    client = scene.connect().quiet(0.3)
    client.send(GET[:10]).quiet(0.4)
    client.send(GET[10:])
    link = door.accept()
    read_head(link)
    link.quiet(0.5).send(HEAD % 9)
    read_head(client)
    link.quiet(0.6).send(b"123456789")
    client.reads(9)
    client.close()
    ended(scene)


@story("    server s {host}:2000 maxconn 1\n    timeout queue 5s\n    timeout server 5s\n    timeout client 5s\n")
def waited_and_good(scene: Scene) -> None:
    """--: the wait in the queue is told."""
    client, link, waiting, door = _queued(scene)
    link.quiet(0.6)
    link.send(OK)
    client.reads(41)
    link = door.accept()
    read_head(link)
    link.send(OK)
    waiting.reads(41)
    client.close()
    waiting.close()
    scene.logged()
    ended(scene)


@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """The whole line, with its times, what actors see and what is counted are the same with either program."""
    assert not differences(told[name])
