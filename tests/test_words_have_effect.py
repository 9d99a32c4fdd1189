"""Words of the configuration that no other room's tests show at work: each changes what the proxy does.

Which word is shown where is told in test_words_are_used.py. A play that holds for HAProxy too is run with both.
"""

from __future__ import annotations

import contextlib
import re
import socket
import stat
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tcproxy import language
from tcproxy.grammar.addresses import Address, Family
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.model.bind import Bind
from tcproxy.model.proxy import KeepAlive, Proxy
from tcproxy.model.server import Server
from tcproxy.registry import Registry
from tcproxy.report.info import ProcessFacts, plain
from tcproxy.service import ProxyService, service_from_text
from tcproxy.session.settings import World
from tcproxy.transport.binding import TCP_USER_TIMEOUT, listen
from tcproxy.transport.reactor import Reactor
from tcproxy.transport.socket_options import client_tune, server_tunes
from tcproxy.wire.proxy_protocol import Tlv, TlvType, encode_v2
from tests.running import HAPROXY, PATIENCE, TCPROXY, free_port, program, wait_for
from tests.session.plays import Stage

BOTH = [TCPROXY, pytest.param(HAPROXY, marks=pytest.mark.reference)]
HOME = Address(Family.INET, "127.0.0.1", 0, 0, has_port=True)
DEFAULTS = """
defaults
    mode tcp
    timeout connect 2s
    timeout client 10s
    timeout server 10s
"""


@contextlib.contextmanager
def running(name: str, folder: Path, text: str, port: int = 0, **more: object) -> Iterator[object]:
    """Run a program with a configuration."""
    (folder / "a.cfg").write_text(text)
    with program(name, "-db", "-f", str(folder / "a.cfg"), port=port, **more) as process:
        yield process


@contextlib.contextmanager
def served(text: str) -> Iterator[tuple[ProxyService, Reactor, int]]:
    """Hold a service on a reactor of its own that the test turns; with the port of its one listener."""
    reactor, port = Reactor(), free_port()
    service = service_from_text(text.format(port=port), reactor)
    service.startService()
    try:
        yield service, reactor, port
    finally:
        service.stopService()
        reactor.doPoll(0)


def turned(reactor: Reactor, condition: Callable[[], object]) -> None:
    """Turn the reactor until the condition holds."""

    def once() -> object:
        reactor.doPoll(0)
        return condition()

    wait_for(once)


def linked(world: World) -> Any:
    """Return the link of a session, None before there is one."""
    return next((one.link for one in world.sessions.values() if one.link), None)


def asked(sock: socket.SocketType, *options: int, level: int = socket.IPPROTO_TCP) -> list[int]:
    """Return the values of socket options."""
    return [sock.getsockopt(level, option) for option in options]


# socket options


def test_kernel_buffers_of_clients_and_servers() -> None:
    """tune.rcvbuf and tune.sndbuf set the kernel's buffers of their side, which doubles what is asked for."""
    words = {"tune.rcvbuf.client": 5000, "tune.sndbuf.client": 6000, "tune.rcvbuf.server": 7000}
    tune = client_tune(Proxy("listen", "p"), words, socket.AF_INET)
    assert tune is not None
    with socket.socket() as client, socket.socket() as server:
        plain = server.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        tune(client)
        for one in server_tunes(Server("s", HOME), Proxy("listen", "p"), words):
            one(server)
        buffers = (socket.SO_RCVBUF, socket.SO_SNDBUF)
        assert asked(client, *buffers, level=socket.SOL_SOCKET) == [10000, 12000]
        assert asked(server, *buffers, level=socket.SOL_SOCKET) == [14000, plain]
    assert client_tune(Proxy("listen", "p"), {}, socket.AF_INET) is None


def test_keepalive_words() -> None:
    """clitcpka-* and srvtcpka-* set count, idle time and interval of probes, each on its own side."""
    words, others = KeepAlive(True, 3, 10, 11), KeepAlive(True, 4, 12, 13)
    proxy = Proxy("listen", "p", client_keepalive=words, server_keepalive=others)
    tune = client_tune(proxy, {}, socket.AF_INET)
    assert tune is not None
    options = (socket.TCP_KEEPCNT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)
    with socket.socket() as client, socket.socket() as server:
        tune(client)
        for one in server_tunes(Server("s", HOME, tcp_ut=4321), proxy, {}):
            one(server)
        assert asked(client, *options) == [3, 10, 11]
        assert asked(server, *options, socket.TCP_NODELAY, TCP_USER_TIMEOUT) == [4, 12, 13, 1, 4321]
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert client_tune(proxy, {}, socket.AF_UNIX) is None, "probes are for TCP"


def test_tcp_smart_accept() -> None:
    """`option tcp-smart-accept` takes quick acknowledgements from the listening socket."""
    for smart in (False, True):
        with listen(Bind(HOME), 5, smart=smart) as sock:
            assert asked(sock, socket.TCP_QUICKACK) == [int(not smart)]


def test_tcp_smart_connect() -> None:
    """`option tcp-smart-connect` takes quick acknowledgements from a link that has something to say at once."""
    for words, quick in (("", 1), ("send-proxy", 0)):
        with socket.create_server(("127.0.0.1", 0)) as server:
            text = f"{DEFAULTS}listen a\n    bind 127.0.0.1:{{port}}\n    option tcp-smart-connect\n"
            text += f"    server s 127.0.0.1:{server.getsockname()[1]} {words}\n"
            with served(text) as (service, reactor, port), socket.create_connection(("127.0.0.1", port)):
                world = service.world
                turned(reactor, partial(linked, world))
                link = linked(world)
                assert asked(link.transport.socket, socket.TCP_QUICKACK) == [quick]


def test_options_of_an_inherited_socket() -> None:
    """The TCP words of a bind line reach a socket that came as fd@N."""
    with socket.socket() as given:
        given.bind(("127.0.0.1", 0))
        address = Address(Family.FD, str(given.fileno()))
        with listen(Bind(address, mss=1000, tcp_ut=5000, defer_accept=True), 5) as sock:
            assert asked(sock, TCP_USER_TIMEOUT, socket.TCP_DEFER_ACCEPT) == [5000, 1]


# tune.* and maxpipes


def test_maxaccept() -> None:
    """tune.maxaccept bounds the clients taken in by one wake-up; -1 takes all that wait."""
    for words, most in (("tune.maxaccept 2", 2), ("tune.maxaccept -1", 40)):
        text = f"global\n    {words}\n{DEFAULTS}listen a\n    bind 127.0.0.1:{{port}}\n"
        with served(text) as (service, reactor, port), contextlib.ExitStack() as clients:
            for _ in range(40):
                clients.enter_context(socket.create_connection(("127.0.0.1", port)))
            taken = [0]
            while taken[-1] < 40:
                reactor.doPoll(1)
                taken.append(service.world.counters.total)
            steps = [after - before for before, after in pairwise(taken)]
            assert max(steps) <= most
            assert (max(steps) > 2) is (most > 2)


def test_maxpollevents() -> None:
    """tune.maxpollevents bounds the events that one turn of the loop takes."""
    text = f"global\n    tune.maxpollevents 1\n{DEFAULTS}listen a\n    bind 127.0.0.1:{{port}},127.0.0.2:{{port}}\n"
    with served(text) as (service, reactor, port), contextlib.ExitStack() as clients:
        for host in ("127.0.0.1", "127.0.0.2"):
            clients.enter_context(socket.create_connection((host, port)))
        reactor.doPoll(1)
        assert service.world.counters.total == 1
        turned(reactor, lambda: service.world.counters.total == 2)


def test_pipes() -> None:
    """maxpipes and tune.pipesize bound the pipes of relays; nosplice leaves none."""
    listener = "listen a\n    bind 127.0.0.1:{port}\n"
    with served(f"global\n    maxpipes 1\n    tune.pipesize 131072\n{DEFAULTS}{listener}") as (service, _, _):
        assert service._pipes is not None
        pipe = service._pipes.take()
        assert pipe is not None and pipe.size == 131072
        assert service._pipes.take() is None
        assert "\nMaxpipes: 1\nPipesUsed: 1\nPipesFree: 0\n" in plain(ProcessFacts(service.world, service.world.load))
        service._pipes.give(pipe)
        assert "\nMaxpipes: 1\nPipesUsed: 0\nPipesFree: 1\n" in plain(ProcessFacts(service.world, service.world.load))
    with served(f"global\n    nosplice\n{DEFAULTS}{listener}") as (service, _, _):
        assert service._pipes is None
        assert "\nMaxpipes: 0\nPipesUsed: 0\nPipesFree: 0\n" in plain(ProcessFacts(service.world, service.world.load))


@pytest.mark.parametrize("size", [4096, 30000])
def test_bufsize(size: int, tmp_path: Path) -> None:
    """tune.bufsize bounds what is held of a client for whom there is no server yet."""
    text = f"global\n    tune.bufsize {size}\n{DEFAULTS}listen a\n    bind 127.0.0.1:{{port}}\n"
    text += f"    server s unix@{tmp_path}/s maxconn 1\n"
    with socket.socket(socket.AF_UNIX) as server, served(text) as (service, reactor, port):
        server.bind(f"{tmp_path}/s")
        server.listen()
        first = socket.create_connection(("127.0.0.1", port))
        turned(reactor, lambda: service.world.counters.total == 1)
        with first, socket.create_connection(("127.0.0.1", port)) as second:
            second.sendall(bytes(100_000))
            turned(reactor, lambda: service.world.counters.total == 2)
            waiting = service.world.sessions[2]
            turned(reactor, lambda: len(waiting.client.held) >= size)
            reactor.doPoll(0)
            assert len(waiting.client.held) == size


# rates


@pytest.mark.parametrize("words", [{"maxconnrate": 3}, {"maxsessrate": 3}, {"maxconnrate": 9, "maxsessrate": 3}])
def test_rates_of_the_process(words: dict[str, int]) -> None:
    """maxconnrate and maxsessrate let so many clients in a second, of all frontends together."""
    stage = Stage(process=words)
    bind = stage.frontend.binds[0]
    woken: list[float] = []
    for left in (3, 2, 1, 0):
        assert min(stage.frontend.room(bind), 3) == left
        if left:
            stage.client()
    stage.frontend.wait(bind, lambda: woken.append(stage.clock.seconds()))
    stage.wait(2)
    assert woken, "the listener tries again"
    assert stage.frontend.room(bind) == 3


def test_a_second_that_ends_meanwhile_wakes_who_waits_for_it() -> None:
    """A listener that finds a rate reached tries again, though the second turns between its look and its wait."""
    stage = Stage(rate_limit=3)
    bind = stage.frontend.binds[0]
    woken: list[float] = []
    for _ in range(3):
        stage.client()
    stage.wait(0.999)
    assert not stage.frontend.room(bind)
    stage.wait(0.002)
    stage.frontend.wait(bind, lambda: woken.append(stage.clock.seconds()))
    stage.wait(1)
    assert woken


# timeouts


def test_independent_streams() -> None:
    """With `option independent-streams` what a side is sent does not count as its own life."""
    for options, ended in ((frozenset(), False), (frozenset({"independent-streams"}), True)):
        stage = Stage(timeouts={"client": 1000, "server": 5000}, options=options)
        client = stage.client()
        for _ in range(4):
            stage.wait(0.5)
            if not client.closed:
                stage.link.says(b"tick")
        assert (client.muted or bool(client.closed)) is ended


def test_timeout_queue() -> None:
    """`timeout queue` ends the wait for a server that is full; without it `timeout connect` does."""
    for words, letters in (({"queue": 300, "connect": 5000}, "0.3"), ({"connect": 700}, "0.7")):
        stage = Stage(timeouts=words, server={"maxconn": 1})
        stage.client()
        before = stage.clock.seconds()
        waiting = stage.client()
        while not waiting.closed and stage.clock.seconds() < before + 10:
            stage.wait(0.05)
        assert f"{stage.clock.seconds() - before:.1f}" == letters
        assert " sQ " in stage.line


# sections


def test_disabled_proxies_listen_nowhere() -> None:
    """`disabled` keeps a proxy from listening, inherited or not; `enabled` undoes it."""
    text = f"{DEFAULTS}    disabled\nlisten a\n    bind 127.0.0.1:{{port}}\n"
    text += "listen b\n    enabled\n    bind 127.0.0.2:{port}\n"
    with served(text) as (service, _, _):
        assert list(service.world.frontends) == ["b"] and list(service.world.farms) == ["b"]


def test_default_server_and_templates() -> None:
    """What a default-server line says holds for the servers below it, those of a template included."""
    text = f"{DEFAULTS}listen a\n    bind 127.0.0.1:{{port}}\n    server one 127.0.0.1:1\n"
    text += "    default-server maxconn 7 weight 3\n    server-template t 2 127.0.0.1:2 weight 9\n"
    with served(text) as (service, _, _):
        found = [(one.name, one.limit(), one.user_weight) for one in service.world.farms["a"].servers]
        assert found == [("one", 0, 1), ("t1", 7, 9), ("t2", 7, 9)]


# names


def test_localpeer() -> None:
    """`localpeer` is HAPROXY_LOCALPEER from its line on; a name given with -L comes first."""
    for given, told in (({}, "joe"), ({"HAPROXY_LOCALPEER": "jane"}, "jane")):
        diagnostics = Diagnostics(1)
        reading = language.new_reading(Environment(given), diagnostics, Registry())
        language.read_bytes("a", b'global\n    localpeer joe\n.notice "peer $HAPROXY_LOCALPEER"\n', reading)
        assert [item.message for item in diagnostics.items if f"peer {told}" in item.message]


@pytest.mark.parametrize("name", BOTH)
def test_unique_ids(name: str, tmp_path: Path) -> None:
    """unique-id-format makes %ID, and with proxy-v2-options the fields of PROXY headers; authority is passed on."""
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(type=socket.SOCK_DGRAM) as log:
        log.bind(("127.0.0.1", 0))
        log.settimeout(PATIENCE)
        text = f"global\n    log 127.0.0.1:{log.getsockname()[1]} local0\n{DEFAULTS}" + (
            f"listen a\n    log global\n    log-format 'id=%ID'\n    option dontlognull\n"
            f"    bind 127.0.0.1:{port} accept-proxy\n"
            f"    unique-id-format %ci-%fp-%b/%s-%rc\n    server s 127.0.0.1:{server.getsockname()[1]} send-proxy-v2 "
            "proxy-v2-options unique-id,authority,crc32c\n"
        )
        with running(name, tmp_path, text, port), socket.create_connection(("127.0.0.1", port)) as client:
            said = encode_v2(("192.0.2.1", 5), ("192.0.2.2", 10), [Tlv(TlvType.AUTHORITY, b"www.x.y")])
            client.sendall(said + b"hello")
            server.settimeout(PATIENCE)
            link, _ = server.accept()
            link.settimeout(PATIENCE)
            data = b""
            while not data.endswith(b"hello"):
                data += link.recv(4096)
            link.close()
            client.close()
            line = log.recv(4096)
    unique = b"192.0.2.1-10-a/s-0"
    tlvs = [Tlv(TlvType.AUTHORITY, b"www.x.y"), Tlv(TlvType.UNIQUE_ID, unique)]
    assert data == encode_v2(("192.0.2.1", 5), ("192.0.2.2", 10), tlvs, checksum=True) + b"hello"
    assert line.endswith(b"id=" + unique + b"\n")


# addresses


@pytest.mark.parametrize("name", BOTH)
def test_socket_pairs(name: str, tmp_path: Path) -> None:
    """sockpair@N: connections come through one descriptor, and go to a server through another."""
    (front, ours), (back, theirs) = socket.socketpair(), socket.socketpair()
    text = f"{DEFAULTS}listen a\n    bind sockpair@{front.fileno()}\n    server s sockpair@{back.fileno()}\n"
    passed = [front.fileno(), back.fileno()]
    with front, ours, back, theirs, running(name, tmp_path, text, pass_fds=passed):
        client, given = socket.socketpair()
        with client, given:
            socket.send_fds(ours, [bytes(8)], [given.fileno()])
            theirs.settimeout(PATIENCE)
            _, descriptors, _, _ = socket.recv_fds(theirs, 8, 1)
            with socket.socket(fileno=descriptors[0]) as link:
                link.settimeout(PATIENCE)
                client.settimeout(PATIENCE)
                client.sendall(b"ping")
                assert link.recv(10) == b"ping"
                link.sendall(b"pong")
                assert client.recv(10) == b"pong"


def test_unix_bind(tmp_path: Path) -> None:
    """`unix-bind` gives UNIX sockets their prefix, and their mode where the bind line says nothing else."""
    text = f"global\n    unix-bind prefix {tmp_path} mode 640\n{DEFAULTS}"
    text += "listen a\n    bind /one\n    bind /two mode 600\n"
    service = service_from_text(text, Reactor())
    service.startService()
    try:
        modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("one", "two")]
        assert modes == [0o640, 0o600]
    finally:
        service.stopService()


def test_node_and_description() -> None:
    """`node` and `description` are told by `show info`."""
    text = f"global\n    node n1\n    description the first\n{DEFAULTS}listen a\n    bind 127.0.0.1:{{port}}\n"
    with served(text) as (service, _, _):
        told = plain(ProcessFacts(service.world, service.world.load))
        assert "\nnode: n1\ndescription: the first\n" in told


# health checks


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("word", ["send-proxy", "send-proxy-v2", "never local"])
def test_proxy_headers_of_checks(name: str, word: str, tmp_path: Path) -> None:
    """A check tells its own addresses in version 1, LOCAL in version 2 unless `pp2-never-send-local` is there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        there = server.getsockname()
        option = "send-proxy-v2" if word == "never local" else word
        text = f"global\n    {'pp2-never-send-local' if word == 'never local' else ''}\n{DEFAULTS}"
        text += f"listen a\n    bind 127.0.0.1:{free_port()}\n    server s 127.0.0.1:{there[1]} {option} check\n"
        with running(name, tmp_path, text):
            link, here = server.accept()
            with link:
                link.settimeout(PATIENCE)
                data = link.recv(4096)
    expected = {
        "send-proxy": f"PROXY TCP4 127.0.0.1 127.0.0.1 {here[1]} {there[1]}\r\n".encode(),
        "send-proxy-v2": encode_v2(None, None),
        "never local": encode_v2(here, there),
    }
    assert data == expected[word]


def test_checks_have_the_options_of_links() -> None:
    """tcp-ut, keep-alive and buffers of links are those of a server's health checks, too."""
    text = f"{DEFAULTS}listen a\n    bind 127.0.0.1:{{port}}\n    option srvtcpka\n    server s 127.0.0.1:1 tcp-ut 5s\n"
    with served(text) as (service, _, _):
        checks = next(one for one in service if one.name == "checks")
        farm = service.world.farms["a"]
        with socket.socket() as sock:
            for one in checks.dial.towards(farm.servers[0].model, farm.model).tunes:
                one(sock)
            assert asked(sock, TCP_USER_TIMEOUT, socket.TCP_NODELAY) == [5000, 1]
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


# the command socket


def test_maxconn_of_a_command_socket(tmp_path: Path) -> None:
    """`maxconn` of a `stats socket` line lets so many clients in; the next waits until one leaves."""
    text = f"global\n    stats socket {tmp_path}/ctl maxconn 1\n{DEFAULTS}"
    text += f"listen a\n    bind {tmp_path}/a\n"
    with running(TCPROXY, tmp_path, text):
        wait_for((tmp_path / "ctl").exists)
        with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
            first.connect(f"{tmp_path}/ctl")
            first.sendall(b"prompt\n")
            first.settimeout(PATIENCE)
            assert first.recv(100)
            second.connect(f"{tmp_path}/ctl")
            second.sendall(b"show version\n")
            second.settimeout(0.2)
            with pytest.raises(TimeoutError):
                second.recv(100)
            first.close()
            second.settimeout(PATIENCE)
            assert re.match(rb"\d", second.recv(100))


def test_descriptors_of_idle_links() -> None:
    """`tune.pool-low-fd-ratio` and `tune.pool-high-fd-ratio` are shares of what `maxconn` needs."""
    words = "    maxconn 1000\n    tune.pool-low-fd-ratio 10\n    tune.pool-high-fd-ratio 40\n"
    with served(f"global\n{words}{DEFAULTS}listen a\n    bind 127.0.0.1:{{port}}\n") as (service, _, _):
        budget = service.world.budget
        assert (budget.low, budget.high) == (200, 800)
