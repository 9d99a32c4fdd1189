"""Cookie and Set-Cookie headers in every mode of `cookie`, through haproxy and through tcproxy: who sees what, and who
serves whom, with the letters of the log.

A request's header `x-set` tells its server what to set, so that one keep-alive connection for each mode is enough.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tcproxy.wire.cookies import read_date, write_date
from tests.running import HAPROXY, TCPROXY, wait_for

pytestmark = pytest.mark.reference

MODES = {
    "passive": "cookie C",
    "rewrite": "cookie C rewrite",
    "insert": "cookie C insert",
    "insert indirect": "cookie C insert indirect",
    "insert preserve": "cookie C insert preserve",
    "insert indirect preserve": "cookie C insert indirect preserve",
    "prefix": "cookie C prefix",
    "prefix indirect": "cookie C prefix indirect",
    "indirect": "cookie C indirect",
    "postonly": "cookie C insert postonly",
    "nocache": "cookie C insert indirect nocache",
    "maxidle": "cookie C insert indirect maxidle 1h",
    "maxlife": "cookie C insert indirect maxlife 2h",
    "attributes": "cookie C insert maxidle 1h maxlife 2h domain a.b attr X=y secure httponly domain c.d attr Z",
    "ignored": "cookie C insert indirect\n    ignore-persist if TRUE",
    "forced": "cookie C rewrite\n    force-persist if TRUE",
    "persist": "cookie C insert indirect\n    option persist",
}
SERVERS = ("A", "B", "down", "backup")
COOKIES = {"A": "cookie A", "B": "cookie B", "down": "cookie down disabled", "backup": "cookie A backup"}

COOKIE_HEADERS = (
    b"C=A", b"C=B", b"C=down", b"C=Z", b"C=", b"C", b"", b"C = B", b"C\t=  A  ", b'C="A"', b"c=A", b"CC=A", b"C=A=B",
    b"a=1; C=A", b"C=A; a=1", b"a=1; C=A; b=2", b"a=1;C=A;b=2", b"a=1 ;  C=A\t;  b=2", b"C=A; C=B", b"C=Z; C=B; x=y",
    b"a=1, C=B, b=2", b"a=1; C=A;", b";C=A", b"; C=A; a=1", b"a=1;;C=A", b"C=A;;a=1", b"a; C=A; b", b"a = 1; b= 2",
    b"$Version=1; C=A", b"$Version=1; C=A; $Path=/", b"$Version=1; a=1; C=A; $Path=/; $Port; b=2", b"C=A; $Path=/; a=1",
    b'a="x;C=A;y"; C=B', b'a="x\\";C=A"; C=B', b'a="open; C=A', b'C="x;y"; b=1', b'a=x"y;z"; C=A', b"C=A;\ta=1 ",
    b"C=A~x", b"C=A~x; a=1", b"C=~x", b"C=A~", b"C=A~x~y", b"a=1; C=B~x y ; b", b"C=Z~x",
    b"C=down; C=B", b"C=down; C=Z", b"a=1; C=down", b"=A; C=A", b"C D=A; C=A", b"C=A|", b"C=A|bcd", b"C=A|?????",
    b"C=A|//////", b"C=A|gAAAA|gAAAA", b"C=A|{now}", b"C=B|{recent}", b"C=B|{old}", b"C=B|{future}", b"C=B|{far}",
    b"C=B|{recent}|{recent}", b"C=B|{recent}|{old}", b"C=B|{recent}|{older}", b"C=B|{old}|{recent}x", b"C=B||{older}",
    b"C=Z|{old}; C=B", b"C=B|{future}|{far}", b"a=1; C=B|{old}|{recent}; b=2",
)  # fmt: skip
"""Values of Cookie headers; dates are put in by name."""
DATES = {"recent": -2000, "old": -4000, "older": -9000, "future": 80000, "far": 90000}
"""Seconds from now."""

SET_COOKIES = (
    b"C=x", b"C=x; Path=/; Expires=Thu, 01-Jan-1970 00:00:01 GMT", b"C = x ; Secure", b'C="x;y"; a', b"C=", b"C",
    b"CC=x", b"c=x", b"; C=x", b"a=1; C=x", b"a = 1", b"C=x,C=y", b"C==x", b"C=A~x", b"=x",
)  # fmt: skip
OWN = ([], *([line] for line in SET_COOKIES), [b"C=x", b"a=1"], [b"a=1", b"C=x; Path=/", b"C=y"])

CACHE_HEADERS = (
    "", "Cache-Control: max-age=1", "Cache-Control: public", "Cache-Control: public, s-maxage=9", "ETag: x",
    "Expires: 0", "Cache-Control: private\r\nETag: x",
    "Cache-Control: max-age=0, public\r\nETag: x", "Pragma: no-cache\r\nETag: x",
    "Cache-Control: public, no-store\r\nLast-Modified: x", 'Cache-Control: no-cache="set-cookie"\r\nETag: x',
    "Cache-Control: PUBLIC ,x\r\nETag: x", "Pragma: x, no-cache\r\nETag: x", 'Cache-Control: a="b,private"\r\nETag: x',
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One request. cookies: Cookie headers; own: what its server sets; more: further lines of the response."""

    mode: str
    cookies: tuple[bytes, ...] = ()
    own: tuple[bytes, ...] = ()
    method: str = "GET"
    status: int = 200
    more: str = ""

    def request(self, number: int, now: float) -> bytes:
        """Return its bytes; the target carries its number. now: what dates are reckoned from."""
        lines = [f"{self.method} /{number} HTTP/1.1", "Host: a", f"x-status: {self.status}"]
        lines += [f"x-set: {line.hex()}" for line in self.own] + [f"x-more: {self.more.encode().hex()}"]
        if self.method == "POST":
            lines.append("Content-Length: 0")
        dates = {name: write_date(int(now + ahead) // 4).decode() for name, ahead in DATES.items()}
        dates["now"] = write_date(int(now) + 400 >> 2).decode()
        headers = b"".join(b"Cookie: " + _dated(line, dates) + b"\r\n" for line in self.cookies)
        return "\r\n".join(lines).encode() + b"\r\n" + headers + b"\r\n"


def _dated(line: bytes, dates: dict[str, str]) -> bytes:
    return re.sub(rb"\{(\w+)\}", lambda found: dates[found[1].decode()].encode(), line)


def cases() -> list[Case]:
    """Return all cases: each request header in each mode, each response header with and without a request's cookie."""
    found = [Case(mode, (line,)) for mode, line in itertools.product(MODES, COOKIE_HEADERS)]
    found += [Case(mode, (b"a=1", b"b=2; C=B", b"C=A")) for mode in MODES]
    found += [
        Case(mode, cookies, tuple(own))
        for mode, own, cookies in itertools.product([*list(MODES)[:9], "ignored"], OWN, ((), (b"C=A",)))
    ]
    found += [Case("postonly", cookies, method="POST") for cookies in ((), (b"C=A",))]
    found += [
        Case("nocache", method=method, status=status, more=more)
        for more, (method, status) in itertools.product(
            CACHE_HEADERS, (("GET", 200), ("POST", 200), ("GET", 302), ("OPTIONS", 404))
        )
    ]
    return found


CASES = cases()

# the servers


def _response(head: bytes) -> bytes:
    """Return what a server answers to this request: as it was asked, and which Cookie headers it saw."""
    lines = head.split(b"\r\n")
    asked = [line.partition(b": ") for line in lines]
    seen = b" & ".join(line for line in lines if line.lower().startswith(b"cookie"))
    status = next(value for name, _, value in asked if name == b"x-status")
    more = bytes.fromhex(next(value for name, _, value in asked if name == b"x-more").decode())
    answer = [b"HTTP/1.1 %b OK" % status, b"Content-Length: 0", b"x-seen: " + seen.hex().encode()]
    answer += [b"Set-Cookie: " + bytes.fromhex(value.decode()) for name, _, value in asked if name == b"x-set"]
    return b"\r\n".join([*answer, *filter(None, [more]), b"", b""])


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            link, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_converse, args=(link,), daemon=True).start()


def _converse(link: socket.socket) -> None:
    with link, contextlib.suppress(OSError):
        while head := _head(link):
            link.sendall(_response(head))


def _head(link: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        piece = link.recv(65536)
        if not piece:
            return b""
        data += piece
    return data[:-4]


# the two programs


def _configuration(host: str, log: int, servers: list[int]) -> str:
    text = (
        f"global\n    log 127.0.0.1:{log} format raw local0\ndefaults\n    mode http\n    log global\n"
        "    timeout client 20s\n    timeout server 20s\n    timeout connect 20s\n    log-format '%HU %s %tsc'\n"
    )
    for number, words in enumerate(MODES.values()):
        text += f"listen l{number}\n    bind {host}:{9001 + number}\n    {words}\n"
        for name, port in zip(SERVERS, servers, strict=True):
            text += f"    server {name} {host}:{port} {COOKIES[name]}\n"
    return text


@contextlib.contextmanager
def _running(program: str, host: str, folder: Path) -> Iterator[socket.socket]:
    """Run the program around its servers; yield the socket of its log."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server((host, 0))) for _ in SERVERS]
        for listener in listeners:
            threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        log = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        log.bind(("127.0.0.1", 0))
        log.settimeout(10)
        path = folder / "proxy.cfg"
        path.write_text(_configuration(host, log.getsockname()[1], [one.getsockname()[1] for one in listeners]))
        process = subprocess.Popen([program, "-db", "-f", str(path)], stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: process.poll() is not None or _open(host, 9001), 20, program)
            yield log
        finally:
            process.kill()
            process.wait()
            for listener in listeners:
                listener.shutdown(socket.SHUT_RDWR)


def _open(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


def _play(program: str, host: str, folder: Path, now: float) -> list[str]:
    """Return what came of each case: what the server saw, what the client got, and the log line."""
    told = []
    with _running(program, host, folder) as log:
        for number, mode in enumerate(MODES):
            with socket.create_connection((host, 9001 + number), 10) as client:
                for index, case in enumerate(CASES):
                    if case.mode == mode:
                        client.sendall(case.request(index, now))
                        told.append(f"{case}\n{_told(_head(client), _line(log, index))}")
    return told


def _line(log: socket.socket, number: int) -> str:
    while True:
        line = log.recv(9000).decode().strip()
        if line.startswith(f"/{number} "):
            return line


def _told(head: bytes, line: str) -> str:
    lines = [one for one in head.split(b"\r\n") if re.match(rb"set-cookie|cache-control|x-seen", one)]
    seen = [bytes.fromhex(one[8:].decode()) for one in lines if one.startswith(b"x-seen: ")]
    return "\n".join([*map(str, seen), *(_undated(one) for one in lines if one[:6] != b"x-seen"), line])


def _undated(line: bytes) -> str:
    """Return a Set-Cookie header with the date of this moment as a word."""

    def word(found: re.Match[bytes]) -> bytes:
        return b"|NOW" if abs(read_date(found[1]) * 4 - time.time()) < 300 else found[0]

    return re.sub(rb"\|([A-Za-z0-9+/]{5})(?=[|;])", word, line).decode("latin-1")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    """Play all cases around both programs, at the same time."""
    found: dict[str, list[str]] = {}
    now = time.time()

    def play(name: str, place: int) -> None:
        host = f"127.{os.getpid() >> 8 & 127 | 64}.{os.getpid() & 255}.{place}"
        found[name] = _play(HAPROXY if name == "haproxy" else TCPROXY, host, tmp_path_factory.mktemp(name), now)

    threads = [threading.Thread(target=play, args=pair) for pair in (("haproxy", 11), ("tcproxy", 12))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found["haproxy"], found["tcproxy"]


@pytest.mark.parametrize("mode", MODES)
def test_cookies_are_treated_alike(mode: str, both: tuple[list[str], list[str]]) -> None:
    """Servers and clients see the same cookies with either program, and the log names the same server and letters."""
    reference, ours = ([told for told in one if f"mode='{mode}'" in told] for one in both)
    assert len(reference) > len(COOKIE_HEADERS)
    assert ours == reference
