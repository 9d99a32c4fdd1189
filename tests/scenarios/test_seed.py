"""The configurations that users brought, on loopback addresses and scratch paths, unchanged otherwise."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.running import HAPROXY, PATIENCE, TCPROXY, EchoServer, answers, free_port, program, wait_for

SEED = Path(__file__).parent.parent / "seed"


def ten_hellos(port: int) -> list[bytes]:
    """Do what the users' client does: connect, send Hello and read it back, ten times."""
    back = []
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        for _ in range(10):
            client.sendall(b"Hello")
            back.append(client.recv(1024))
    return back


def tcp_configuration(tmp_path: Path, servers: tuple[int, int], ports: tuple[int, int]) -> str:
    """Return 000-tcp.cfg with addresses of loopback, and its paths in a scratch folder."""
    text = (SEED / "000-tcp.cfg").read_text()
    for old, new in (
        ("/var/lib/haproxy", str(tmp_path / "lib")),
        ("/run/haproxy/admin.sock", str(tmp_path / "admin.sock")),
        ("*:12280", f"127.0.0.1:{ports[0]}"),
        ("*:12281", f"127.0.0.1:{ports[1]}"),
        ("192.168.126.130:12280", f"127.0.0.1:{servers[0]}"),
        ("192.168.126.130:12282", f"127.0.0.1:{servers[1]}"),
    ):
        assert old in text
        text = text.replace(old, new)
    return text


class LogSocket:
    """A /dev/log in a scratch folder."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        path.chmod(0o666)
        self.socket.setblocking(False)
        self.lines: list[str] = []

    def read(self) -> list[str]:
        """Return every line that came so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.lines.append(self.socket.recv(4096).decode())
        return self.lines

    def has(self, part: str) -> bool:
        """Return whether a line with this part came."""
        return any(part in line for line in self.read())


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: the configuration changes user and root directory")
@pytest.mark.parametrize("name", [pytest.param(HAPROXY, marks=pytest.mark.reference, id="haproxy"), TCPROXY])
def test_two_tcp_frontends_as_a_daemon(name: str, tmp_path: Path) -> None:
    """000-tcp.cfg: a daemon of its own user, two ports that echo; a stopped server is marked down, logged, refused."""
    for parent in [tmp_path, *list(tmp_path.parents)[:2]]:
        parent.chmod(0o755)
    (tmp_path / "lib" / "dev").mkdir(parents=True)
    log = LogSocket(tmp_path / "lib" / "dev" / "log")  # as Debian's rsyslog does: seen from inside the chroot
    ports = free_port(), free_port()
    pidfile, cfg = tmp_path / "pid", tmp_path / "haproxy.cfg"
    with EchoServer() as one, EchoServer() as two:
        cfg.write_text(tcp_configuration(tmp_path, (one.port, two.port), ports))
        started = subprocess.run([name, "-f", str(cfg), "-D", "-p", str(pidfile)], timeout=60, check=False)
        assert started.returncode == 0
        pid = int(pidfile.read_text())
        try:
            for port in ports:
                assert ten_hellos(port) == [b"Hello"] * 10
            status = Path(f"/proc/{pid}/status").read_text()
            assert "\nUid:\t0\t" not in status
            assert Path(f"/proc/{pid}/root").readlink() == tmp_path / "lib"
            asked = subprocess.run(
                ["socat", "stdio", str(tmp_path / "admin.sock")], input="show info\n", text=True, capture_output=True,
                timeout=60, check=True,
            )  # fmt: skip
            assert f"Pid: {pid}\n" in asked.stdout
            wait_for(lambda: log.has("cti_1_front"), what="the log line of the first connection")
            one.close()
            wait_for(lambda: log.has("Server cti_1_back/server_1 is DOWN, reason: Layer4 connection problem"))
            wait_for(lambda: log.has("backend cti_1_back has no server available!"))
            with socket.create_connection(("127.0.0.1", ports[0]), PATIENCE) as refused:
                assert refused.recv(100) == b""
            assert ten_hellos(ports[1]) == [b"Hello"] * 10
        finally:
            os.kill(pid, signal.SIGUSR1)
            wait_for(lambda: not Path(f"/proc/{pid}/root").exists() or not _alive(pid), what="the daemon to stop")
    assert not any(answers(port) for port in ports)


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_ten_handovers_lose_no_client(tmp_path: Path) -> None:
    """A loop of clients sees no error while the program is replaced ten times with -sf.

    The reference is not asked: without `expose-fd listeners` the kernel resets who waits at its old socket.
    """
    port, pidfile, cfg = free_port(), tmp_path / "pid", tmp_path / "haproxy.cfg"
    with EchoServer() as server:
        cfg.write_text(
            "defaults\n mode tcp\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n"
            f"listen one\n bind 127.0.0.1:{port}\n server s 127.0.0.1:{server.port}\n"
        )
        words = [TCPROXY, "-f", str(cfg), "-D", "-p", str(pidfile)]
        subprocess.run(words, timeout=60, check=True)
        pids = [int(pidfile.read_text())]
        clients = 0
        try:
            for _ in range(10):
                successor = subprocess.Popen([*words, "-sf", str(pids[-1])])
                while successor.poll() is None or clients % 20:
                    assert ten_hellos(port) == [b"Hello"] * 10
                    clients += 1
                assert successor.returncode == 0
                pids.append(int(pidfile.read_text()))
                deadline = time.monotonic() + PATIENCE
                while _alive(pids[-2]):
                    assert ten_hellos(port) == [b"Hello"] * 10
                    assert time.monotonic() < deadline, "the old process does not leave"
        finally:
            for pid in pids:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGTERM)
    assert len(set(pids)) == 11


class Place(BaseHTTPRequestHandler):
    """Answers with the name of its server."""

    def do_GET(self) -> None:
        """Answer a GET."""
        name = self.server.name.encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(name)))
        self.end_headers()
        self.wfile.write(name)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class Machine(ThreadingHTTPServer):
    """A web server, by default on a port that the system gives."""

    def __init__(self, name: str, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), Place)
        self.name = name
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of checks, which connect and leave."""

    def stop(self) -> None:
        """Listen no more."""
        self.shutdown()
        self.server_close()


def http_configuration(folder: Path, name: str, ports: list[int], machines: list[Machine]) -> str:
    """Return 003-http-and-stats.cfg on loopback.

    nbproc stays for tcproxy, which takes it; HAProxy 2.6 does not. Its `ulimit-n` is less than what versions since 2.3
    want for its `maxconn`: they start only where limits are no law.
    """
    text = (SEED / "003-http-and-stats.cfg").read_text()
    one, two, three = machines
    for old, new in (
        ("ulimit-n        16384", "ulimit-n        16384\n        no strict-limits"),
        ("/var/empty", str(folder)),
        ("0.0.0.0:82", f"127.0.0.1:{ports[0]}"),
        ("127.0.0.1:80\n", f"127.0.0.1:{one.server_port}\n"),
        ("0.0.0.0:1080", f"127.0.0.1:{ports[1]}"),
        ("*:80", f"127.0.0.1:{ports[2]}"),
        ("IP_OF_MACHINE_01:8080", f"127.0.0.1:{two.server_port}"),
        ("IP_OF_MACHINE_02:8080", f"127.0.0.1:{three.server_port}"),
    ):
        assert old in text
        text = text.replace(old, new)
    return text if name == TCPROXY else text.replace("nbproc          4", "")


def fetch(port: int, path: str = "/") -> tuple[int, str]:
    """Return the status and the body of an answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: the configuration changes user and root directory")
@pytest.mark.parametrize("name", [pytest.param(HAPROXY, marks=pytest.mark.reference, id="haproxy"), TCPROXY])
def test_http_as_a_daemon(name: str, tmp_path: Path) -> None:
    """003-http-and-stats.cfg: an HTTP proxy, and a farm of two, by a daemon of user 99 in a chroot."""
    for parent in [tmp_path, *list(tmp_path.parents)[:2]]:
        parent.chmod(0o755)
    pidfile, cfg, empty = tmp_path / "pid", tmp_path / "haproxy.cfg", tmp_path / "empty"
    empty.mkdir()
    machines = [Machine("nginx"), Machine("appZ_01"), Machine("appZ_02")]
    ports = [free_port() for _ in range(3)]
    cfg.write_text(http_configuration(empty, name, ports, machines))
    started = subprocess.run([name, "-f", str(cfg), "-D", "-p", str(pidfile)], timeout=60, check=False)
    assert started.returncode == 0
    pid = int(pidfile.read_text())
    try:
        assert [fetch(ports[0]) for _ in range(3)] == [(200, "nginx")] * 3
        assert fetch(ports[1])[0] == 503, "no server, and not the page"
        status, page = fetch(ports[1], "/stats")
        assert status == 200
        assert "<title>Statistics" in page and "appZ_02" in page
        assert fetch(ports[1], "/stats;csv")[1].count("\nappZ-backend,") == 3
        assert sorted(fetch(ports[2])[1] for _ in range(4)) == ["appZ_01"] * 2 + ["appZ_02"] * 2
        assert "\nUid:\t99\t99\t99\t99\n" in Path(f"/proc/{pid}/status").read_text()
        assert "\nGid:\t99\t99\t99\t99\n" in Path(f"/proc/{pid}/status").read_text()
        assert Path(f"/proc/{pid}/root").readlink() == empty
    finally:
        os.kill(pid, signal.SIGUSR1)
        wait_for(lambda: not _alive(pid), what="the daemon to stop")
        for machine in machines:
            machine.stop()


def site_configuration(folder: Path, port: int, log: int, machines: list[Machine]) -> tuple[str, dict[str, str]]:
    """Return 003-site.cfg on loopback, unchanged but for ports, and the variables of its site."""
    text = (SEED / "003-site.cfg").read_text()
    for old, new in (
        ("${LISTEN}:80", f"${{LISTEN}}:{port}"),
        ("${LOGGER}:514", f"${{LOGGER}}:{log}"),
        ("${CACHE_PFX}.1:18080", f"${{CACHE_PFX}}.1:{machines[0].server_port}"),
        ("${CACHE_PFX}.2:18080", f"${{CACHE_PFX}}.1:{machines[1].server_port}"),
        ("${SERVER_PFX}.1:8080", f"${{SERVER_PFX}}.1:{machines[2].server_port}"),
        ("${SERVER_PFX}.2:8080", f"${{SERVER_PFX}}.1:{machines[3].server_port}"),
    ):
        assert old in text
        text = text.replace(old, new)
    variables = dict(line.split("=", 1) for line in (SEED / "003-site1.env").read_text().split())
    (folder / "abuse.lst").write_text("127.0.0.66\n")
    moved = {"LISTEN": "127.0.0.1", "CACHE_PFX": "127.0.0", "SERVER_PFX": "127.0.0", "LOGGER": "127.0.0.1"}
    return text, variables | moved | {"ABUSERS": str(folder / "abuse.lst")}


@pytest.mark.parametrize("name", [pytest.param(HAPROXY, marks=pytest.mark.reference, id="haproxy"), TCPROXY])
def test_a_site_with_its_page(name: str, tmp_path: Path) -> None:
    """003-site.cfg: files go to one farm, the rest to another, abusers are sent away, the page has a password."""
    machines = [Machine(one) for one in ("cache1", "cache2", "server1", "server2")]
    port = free_port()
    text, variables = site_configuration(tmp_path, port, free_port(), machines)
    (tmp_path / "site.cfg").write_text(text)
    try:
        with program(name, "-db", "-f", str(tmp_path / "site.cfg"), port=port, env={**os.environ, **variables}):
            assert {fetch(port)[1] for _ in range(4)} == {"server1", "server2"}
            assert {fetch(port, "/a.css")[1] for _ in range(4)} == {"cache1", "cache2"}
            abuser = socket.create_connection(("127.0.0.1", port), PATIENCE, ("127.0.0.66", 0))
            with abuser, contextlib.suppress(OSError):
                abuser.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert abuser.recv(100) == b""
            assert fetch(port, "/stats;csv")[0] == 401
            manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            manager.add_password(None, f"http://127.0.0.1:{port}/", *variables["STATSLP"].split(":", 1))
            opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
            with opener.open(f"http://127.0.0.1:{port}/stats;csv", timeout=PATIENCE) as answer:
                assert answer.read().count(b"\nserver,") == 3
    finally:
        for machine in machines:
            machine.stop()
