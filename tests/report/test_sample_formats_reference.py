"""Formats with samples beside haproxy: what they write in every use, and which of them are refused."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.language import read_text
from tests.report.test_log_reference import collector, listener, visit
from tests.running import HAPROXY, TCPROXY, EchoServer, program

pytestmark = pytest.mark.reference

BYTES = "".join(f"{code:02x}" for code in range(1, 256))
SAMPLES = (
    "src", "dst_port", "str(ab)", "str(a b)", "str(),upper", "str(a]b)", "int(0)", "int(-5)", "int(255)",
    "int(9223372036854775807)", "bool(true)", "bool(false)", "ipv4(1.2.3.4)", "ipv6(::1)", "ipv6(::ffff:1.2.3.4)",
    "bin(610062)", "bin(00)", "bin(0a0d00)", "bin(220a5d5c7f)", "meth(GET)", "meth(foo)", "fe_name", "be_name",
    "rand(1)", "str(x),length", "str(é),upper", "bin(61ff)", "so_id", "nbsrv", "env(NOT_SET_AT_ALL)", "fe_defbe",
    "dst", "fc_rcvd_proxy", "src,lower", "str(a),lower,upper", "str(a%00b%0a),url_dec", "bin(00ff),hex",
    "var(txn.no)", "var(txn.no,x)", "int(5),neg", "str(1.2.3.4),ipmask(8)", "bin(610062),base64", "status", "method",
    "path", "req.hdr(host)", "req.hdr(host),upper", "capture.req.hdr(0)", "res.hdr(none)", "srv_name", "unique-id",
    "http_first_req", "capture.req.uri", "capture.req.method", "capture.req.ver", "req.body", "url",
)  # fmt: skip
FLAGS = ("", "", "", "{+Q}", "{+E}", "{+X}", "{-M}", "{+M}", "{+Q,+E,+X}", "{Q}", "{+QX}", "{}", "{-Q,+E}", "{+Q;+X}")
TEXTS = ("a", " ", "  ", "|", "%%", "'x'", "[y]", "\\", "é", "%-", "%(", "{", ",", "%]", '"')
VARIABLES = ("ci", "f", "b", "H", "ID", "sslv", "o", "hr", "hsl", "ft", "fi", "fp", "rc")
ALONE = (f"%[bin({BYTES})]", f"%{{+E}}[bin({BYTES})]", f"%{{+Q,+E}}[bin({BYTES})]", "%{+Q}o%[src] %{-Q}[src] %[str()]")


def formats(count: int) -> list[str]:
    """Return formats of chance, always the same ones."""
    chance = random.Random(8)
    return [*ALONE, *(_format(chance) for _ in range(count))]


def _format(chance: random.Random) -> str:
    parts = []
    for _ in range(chance.randrange(1, 7)):
        kind = chance.random()
        if kind < 0.5:
            parts.append(f"%{chance.choice(FLAGS)}[{chance.choice(SAMPLES)}]")
        elif kind < 0.75:
            parts.append(f"%{chance.choice(FLAGS)}{chance.choice(VARIABLES)}" + chance.choice((" ", "|")))
        else:
            parts.append(chance.choice(TEXTS))
    return "".join(parts)


def quoted(text: str) -> str:
    """Return a word of the configuration."""
    letters = {"\\": "\\\\", '"': '\\"', "$": "\\$"}
    return f'"{"".join(letters.get(letter, letter) for letter in text)}"'


USES: dict[str, Callable[[str], str]] = {
    "log-format": lambda text: f" log-format {text}\n",
    "log-format-sd": lambda text: f" log-format x\n log-format-sd {text}\n",
    "unique-id-format": lambda text: f" unique-id-format {text}\n unique-id-header X\n log-format %ID\n",
    "set-header": lambda text: f" http-request set-header X {text}\n log-format x\n",
    "of responses": lambda text: f" http-response set-header X {text}\n log-format x\n",
    "payload": lambda text: (
        f" http-error status 403 content-type a/b lf-string {text} hdr X {text}\n http-request deny\n log-format x\n"
    ),
}


class Origin:
    """A server that keeps the heads of requests, and answers with 200."""

    def __init__(self) -> None:
        self.door = listener()
        self.heads: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        """Return where it listens."""
        port: int = self.door.getsockname()[1]
        return port

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self.door.accept()
                with link:
                    self.heads.append(read_head(link))
                    link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def read_head(sock: socket.socket) -> bytes:
    """Return a head."""
    data = b""
    while not data.endswith(b"\r\n\r\n") and (more := sock.recv(65536)):
        data += more
    return data


def exchange(front: socket.socket) -> bytes:
    """Ask once, and return the whole answer."""
    with socket.create_connection(front.getsockname(), 10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        data = b""
        while more := client.recv(65536):
            data += more
        return data


def play(binary: str, path: Path, text: str, fronts: Sequence[socket.socket], logs: socket.socket, origin: Origin) -> (
    list[tuple[bytes, str, bytes]]
):
    """Return what each frontend answered, logged and forwarded."""
    (path / "a.cfg").write_text(text)
    found = []
    with program(binary, "-db", "-f", str(path / "a.cfg"), pass_fds=[front.fileno() for front in fronts]):
        for front in fronts:
            origin.heads.clear()
            answer = exchange(front)
            line = gather_raw(logs, f"{binary} frontend {len(found)}")
            found.append((answer, line, origin.heads[0] if origin.heads else b""))
    return found


def fair(use: str, text: str) -> bool:
    """Return whether a format can be compared.

    HAProxy 2.6.12 ends in an endless recursion where an id names itself, and sends no answer whose page has a sample of
    the response.
    """
    odd = {"unique-id-format": ("unique-id", "%ID"), "payload": ("res.hdr", "status")}.get(use, ())
    return not any(word in text for word in odd)


def gather_raw(logs: socket.socket, whose: str) -> str:
    """Return one line, whatever its bytes."""
    assert select.select([logs], [], [], 10)[0], f"no line of {whose}"
    return logs.recv(70000).decode("latin-1")


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    """Return a server for all tests of this file."""
    server = Origin()
    yield server
    server.door.close()


@pytest.mark.parametrize("use", USES)
def test_what_is_written_is_the_references(tmp_path: Path, use: str, origin: Origin) -> None:
    """A format writes the same bytes as in HAProxy, in each use, for each kind of sample and under each flag."""
    texts = [text for text in formats(150) if accepted(use, quoted(text)) and fair(use, text)]
    texts = [text for text in texts if use != "log-format" or text.strip(" ")]  # an empty line is not sent
    fronts = [listener() for _ in texts]
    with contextlib.ExitStack() as stack, collector() as logs:
        for front in fronts:
            stack.enter_context(front)
        head = "defaults\n mode http\n timeout connect 2s\n timeout client 5s\n timeout server 5s\n"
        form = "rfc5424" if use == "log-format-sd" else "raw"
        head += f" log 127.0.0.1:{logs.getsockname()[1]} len 9000 format {form} local0\n"
        text = head + "".join(
            f"listen x{at}\n bind fd@{front.fileno()}\n server s 127.0.0.1:{origin.port}\n{USES[use](quoted(text))}"
            for at, (text, front) in enumerate(zip(texts, fronts, strict=True))
        )
        theirs = play(HAPROXY, tmp_path, text, fronts, logs, origin)
        ours = play(TCPROXY, tmp_path, text, fronts, logs, origin)
    for text, other, mine in zip(texts, theirs, ours, strict=True):
        assert told(use, mine) == told(use, other), text


def told(use: str, play: tuple[bytes, str, bytes]) -> object:
    """Return what a format has written of a play: in RFC 5424, what follows the process id."""
    answer, line, head = play
    if use == "log-format-sd":
        return line.split(" - ", 2)[-1]
    if use == "of responses":
        return sorted(answer.split(b"\r\n"))
    return line, sorted(head.split(b"\r\n")), answer if use == "payload" else b""


# TCP mode, and connections that never became a session

OF_TCP: dict[str, Callable[[str], str]] = {
    "log-format": lambda text: f" log-format {text}\n",
    "unique-id-format": lambda text: f" unique-id-format {text}\n log-format '%ID %[str(x)]'\n",
    "error-log-format": lambda text: f" option tcplog\n error-log-format {text}\n",
}
HTTP_MODE = "error-log-format of HTTP"


@pytest.mark.parametrize("use", [*OF_TCP, HTTP_MODE])
def test_sessions_without_requests_are_the_references(tmp_path: Path, use: str) -> None:
    """Lines and ids of TCP mode are HAProxy's, and lines of clients without the PROXY header that is due."""
    failing = use.startswith("error")
    text_of, mode = OF_TCP[use.split(" ")[0]], "http" if use == HTTP_MODE else "tcp"
    as_ids = "unique-id-format" if use == "unique-id-format" else "log-format"
    texts = [text for text in formats(120) if accepted(as_ids, quoted(text), mode) and fair(use, text)]
    # an empty line is not sent; the default of a variable, and whether a request is the first, are others' matters
    odd = ("no,x", "first_req")
    texts = [f"|{text}" for text in texts if not any(word in text for word in odd)]
    fronts = [listener() for _ in texts]
    with contextlib.ExitStack() as stack, collector() as logs, EchoServer() as server:
        for front in fronts:
            stack.enter_context(front)
        head = f"defaults\n mode {mode}\n timeout connect 2s\n timeout client 5s\n timeout server 5s\n"
        head += f" log 127.0.0.1:{logs.getsockname()[1]} len 9000 format raw local0\n"
        text = head + "".join(
            f"listen x{at}\n bind fd@{front.fileno()}{' accept-proxy' * failing}\n server s 127.0.0.1:{server.port}\n"
            f"{text_of(quoted(text))}"
            for at, (text, front) in enumerate(zip(texts, fronts, strict=True))
        )
        theirs, ours = (lines(binary, tmp_path, text, fronts, logs) for binary in (HAPROXY, TCPROXY))
    for text, other, mine in zip(texts, theirs, ours, strict=True):
        assert mine == other, text


def lines(binary: str, path: Path, text: str, fronts: Sequence[socket.socket], logs: socket.socket) -> list[str]:
    """Return the line of a client of each frontend."""
    (path / "a.cfg").write_text(text)
    found = []
    with program(binary, "-db", "-f", str(path / "a.cfg"), pass_fds=[front.fileno() for front in fronts]):
        for front in fronts:
            visit(front)
            found.append(gather_raw(logs, f"{binary} frontend {len(found)}"))
    return found


# verdicts

WRONG = (
    "%[src", "%[ src ]", "%[src ]", "%[src,]", "%[src,,]", "%[]", "%[nosuch]", "%[src,nosuch]", "%{+Q} [src]",
    "%{+Q", "%{+Q}", "%{+Q}1", "%{+Q}{+X}ci", "%", "%%%", "% ", "%1", "%\t", "%oci", "%ciX", "%ci1", "%[src]%",
    "%[str(a]", "%[str(a))]", "%[be_id", "%[src(1)]", "%{+Q}o%", "a%nosuch", "%HM", "%[srv_name]", "%[be_name]",
    "%[env()]", "%[int(a)]", "%[str(a,b)]", "%Bi", "%{}", "%{}[src]", "%{}ci", "%[so_id]%[fe_id]%[srv_id]",
    "%[src,lower", "%[src,lower)]", "%[src,lower(1)]", "%[date(1,x)]", "%[nbsrv(nope)]", "%[srv_conn(x/y)]",
)  # fmt: skip
MODES = ("tcp", "http")


def accepted(use: str, word: str, mode: str = "http") -> bool:
    """Return whether tcproxy accepts a format."""
    text = f"defaults\n mode {mode}\n timeout connect 2s\n timeout client 5s\n timeout server 5s\n"
    text += f"listen x0\n bind 127.0.0.1:1\n server s 127.0.0.1:2\n{USES[use](word)}"
    return read_text(text, Environment({}), Diagnostics(1), name="a.cfg") is not None


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("mode", MODES)
def test_verdicts_are_the_references(tmp_path: Path, use: str, mode: str) -> None:
    """What haproxy accepts as a format is accepted, and what it refuses is refused, in each use and mode."""
    texts = list(WRONG)
    chance = random.Random(use)
    for text in formats(60)[len(ALONE) :]:
        at = chance.randrange(len(text) + 1)
        texts.append(text[:at] + chance.choice(("", "%", "[", "]", "}", "{", "(", ")", ",", " ")) + text[at + 1 :])
    for text in texts:
        # rules of HTTP are left out in TCP mode before the names in them are looked up
        unnamed = mode == "tcp" and use in ("set-header", "of responses") and ("nope" in text or "x/y" in text)
        if "int(-)" not in text and not unnamed:
            compare_verdicts(tmp_path / "a.cfg", use, quoted(text), mode)


def compare_verdicts(path: Path, use: str, word: str, mode: str) -> None:
    """Ask both programs."""
    head = f"defaults\n mode {mode}\n timeout connect 2s\n timeout client 5s\n timeout server 5s\n"
    path.write_text(f"{head}listen x0\n bind 127.0.0.1:1\n server s 127.0.0.1:2\n{USES[use](word)}")
    done = subprocess.run([HAPROXY, "-c", "-f", str(path)], capture_output=True, check=False)
    said = done.stdout + done.stderr
    assert accepted(use, word, mode) == (done.returncode == 0), (use, mode, word, said.decode("utf-8", "replace"))
