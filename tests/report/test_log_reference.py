"""Our log lines beside haproxy's for the same facts: headers, formats, and what halog makes of them."""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.logs import LogTarget
from tcproxy.report import formats
from tcproxy.report.outlets import INFO, Outlet
from tcproxy.report.record import Record
from tcproxy.report.sinks import Sinks
from tests.running import HAPROXY, EchoServer, program

FORMATS = ("", "local", "rfc3164", "rfc5424", "priority", "short", "raw", "timed", "iso")


@contextlib.contextmanager
def collector() -> Iterator[socket.socket]:
    """Return a UDP socket to log to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        listening.bind(("127.0.0.1", 0))
        yield listening


def gather(listening: socket.socket, wanted: int) -> list[str]:
    """Return as many lines as are wanted, in the order of their arrival."""
    found: list[str] = []
    deadline = time.monotonic() + 10
    while len(found) < wanted and time.monotonic() < deadline:
        if select.select([listening], [], [], 0.1)[0]:
            found.append(listening.recv(70000).decode())
    assert len(found) == wanted, found
    return found


@contextlib.contextmanager
def reference(path: Path, text: str, *listeners: socket.socket) -> Iterator[subprocess.Popen[str]]:
    """Run haproxy in TCP mode on listening sockets that it inherits: clients may come before it is up."""
    head = "defaults\n mode tcp\n timeout connect 2s\n timeout client 5s\n timeout server 5s\n"
    (path / "a.cfg").write_text(text.replace("DEFAULTS\n", head))
    descriptors = [listener.fileno() for listener in listeners]
    with program(HAPROXY, "-db", "-f", str(path / "a.cfg"), pass_fds=descriptors) as process:
        yield process


def listener() -> socket.socket:
    """Return a listening socket of 127.0.0.1."""
    return socket.create_server(("127.0.0.1", 0))


def visit(front: socket.socket) -> None:
    """Be one client of an echo server; a refusal is fine."""
    with socket.create_connection(front.getsockname(), 5) as client, contextlib.suppress(OSError):
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        while client.recv(100):
            pass


TIMES = (
    (r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d", "DATE"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d", "ISO"),
)


def timeless(line: str, pid: int) -> str:
    """Return a line without what differs from one run to the next."""
    for pattern, word in TIMES:
        line = re.sub(pattern, word, line, count=1)
    return re.sub(rf"\b{pid}\b", "PID", line)


@pytest.mark.reference
@pytest.mark.parametrize("sent", [None, "", "some.host"])
def test_headers_are_the_references(tmp_path: Path, sent: str | None) -> None:
    """Header and line of each format equal haproxy's byte for byte, `log-send-hostname` or not."""
    with collector() as theirs, collector() as ours, EchoServer() as server, listener() as front:
        log = f" log 127.0.0.1:{theirs.getsockname()[1]}"
        text = "global\n log-tag some-tag\n" + f" log-send-hostname {sent}\n" * (sent is not None)
        text += "".join(f"{log} {f'format {form}' * bool(form)} local3\n" for form in FORMATS)
        text += "DEFAULTS\n log global\n log-format 'to %f %%'\n log-format-sd '[x@1 f=%f]'\n"
        text += f"listen fnt\n bind fd@{front.fileno()}\n server s 127.0.0.1:{server.port}\n"
        with reference(tmp_path, text, front) as process:
            visit(front)
            expected = [timeless(line, process.pid) for line in gather(theirs, len(FORMATS))]
        here = Address(Family.INET, "127.0.0.1", ours.getsockname()[1])
        logs = [LogTarget(here, facility=19, format=form) for form in FORMATS]
        outlet = Outlet(logs, "some-tag", sent, Sinks())
        outlet.send(INFO, "to fnt %", "[x@1 f=fnt]")
        assert [timeless(line, os.getpid()) for line in gather(ours, len(FORMATS))] == expected


def moment(date: str) -> float:
    """Return the seconds of a date like `06/Feb/2009:12:12:51.443` (and a little, against rounding)."""
    return time.mktime(time.strptime(date[:-4], "%d/%b/%Y:%H:%M:%S")) + int(date[-3:]) / 1000 + 0.0001


VARIABLES = (
    "%Ts.%ms %pid %Tw %Tc %Td %Tt %Th %Tu %cp %bp %ac %fc %bc %sc %rc %rt|"
    "%ci %fi:%fp %bi %si:%sp %t %T %Tl %ft %f %b %s %B %U %sq %bq %lc %H %ID %ts %tsc %ST %sslv %sslc"
    " [%hr%hrl%hs%hsl]"
)
"""First the facts that only haproxy can know, then the fields to compare."""


def told(facts: str) -> dict[str, object]:
    """Return the facts that haproxy printed in front of the bar, as fields of a Record."""
    stamp, _pid, wait, *rest = facts.split()
    connect, _data, total, handshake, _, client, local, *counts = (int(word) for word in rest)
    return {
        "accepted": float(stamp) + 0.0001,
        "queue": int(wait) - 1 if int(wait) >= 0 else -1,
        "connect": connect,
        "total": total,
        "handshake": handshake,
        "client": ("127.0.0.1", client),
        "local": ("127.0.0.1", local),
        "active": counts[0],
        "frontend_active": counts[1],
        "backend_active": counts[2],
        "server_active": counts[3],
        "retries": counts[4],
        "number": counts[5],
    }


FLAGS = ("", "%{+Q}o ", "%{+X}o ", "%{+Q,+X}o ", "%{+E}o ")


@pytest.mark.reference
def test_variables_are_the_references(tmp_path: Path) -> None:
    """Every variable, plain and under each flag, prints what haproxy prints for the same session."""
    fronts = [listener() for _ in FLAGS]
    with collector() as theirs, EchoServer() as server:
        text = f"DEFAULTS\n log 127.0.0.1:{theirs.getsockname()[1]} len 4000 format raw local0\n"
        for front, flags in zip(fronts, FLAGS, strict=True):
            port = front.getsockname()[1]
            text += f"listen fnt{port}\n bind fd@{front.fileno()}\n server s 127.0.0.1:{server.port}\n"
            text += f" log-format '{VARIABLES.split('|')[0]}|{flags.strip()}{VARIABLES}'\n"
        with reference(tmp_path, text, *fronts) as process:
            for front, flags in zip(fronts, FLAGS, strict=True):
                visit(front)
                facts, expected = gather(theirs, 1)[0].split("|", 1)
                port = front.getsockname()[1]
                compare(facts, expected.rstrip("\n"), flags.strip(), port, server.port, process.pid)


def compare(facts: str, expected: str, flags: str, port: int, server: int, pid: int) -> None:
    """Make our line of haproxy's facts, and compare."""
    name = f"fnt{port}"
    record = Record(
        **told(facts),  # type: ignore[arg-type]
        front=("127.0.0.1", port), remote=("127.0.0.1", server), frontend=name, backend=name, server="s",
        bytes_in=5, bytes_out=5,
    )  # fmt: skip
    ours = formats.compile(flags + VARIABLES).render(record)
    for mine, other in ((f"{os.getpid()}", f"{pid}"), (f"{os.getpid():04X}", f"{pid:04X}")):
        ours = ours.replace(f" {mine} ", f" {other} ", 1)
    assert ours == expected


@pytest.mark.reference
def test_the_default_and_the_error_format_are_the_references(tmp_path: Path) -> None:
    """The fixed formats print what haproxy prints, for TCP and for UNIX sockets."""
    path = str(tmp_path / "s")
    with collector() as theirs, listener() as front:
        text = (
            f"DEFAULTS\n log 127.0.0.1:{theirs.getsockname()[1]} format raw local0\n"
            f"frontend fnt\n option tcplog\n bind fd@{front.fileno()} name web accept-proxy\n"
            f"frontend other\n bind {path} id 9\n"
        )
        with reference(tmp_path, text, front):
            visit(front)
            failed = gather(theirs, 1)[0]
            with socket.socket(socket.AF_UNIX) as local:
                local.connect(path)
                connected = gather(theirs, 1)[0]
    found = re.fullmatch(r"127\.0\.0\.1:(\d+) \[(.+)\] fnt/web: (.+)\n", failed)
    assert found
    client = ("127.0.0.1", int(found[1]))
    record = Record(client=client, accepted=moment(found[2]), frontend="fnt", bind="web", cause=found[3])
    assert formats.error_format().render(record) + "\n" == failed
    record.client = record.front = ("unix", 9)
    record.frontend = "other"
    assert formats.DEFAULT.render(record) + "\n" == connected


@pytest.mark.reference
@pytest.mark.parametrize(
    "text",
    ["%ci", "%", "%%", "%foo", "% ci", "%1", "%(x)", "%{+Q ci", "%{+Q}", "%{+Z}ci", "%HM", "%hr", "%o"],
)
def test_verdicts_are_the_references(tmp_path: Path, text: str) -> None:
    """What haproxy accepts as a format in TCP mode compiles, and what it refuses is refused."""
    path = tmp_path / "a.cfg"
    path.write_text(f"defaults\n mode tcp\nlisten a\n bind 127.0.0.1:1\n log-format '{text}'\n")
    accepted = subprocess.run([HAPROXY, "-c", "-f", str(path)], capture_output=True).returncode == 0
    try:
        formats.check(text)
    except ValueError:
        assert not accepted
    else:
        assert accepted


@pytest.mark.reference
@pytest.mark.program("halog")
def test_halog_reports_the_same(tmp_path: Path) -> None:
    """halog makes of our lines what it makes of haproxy's lines for the same sessions."""
    with collector() as theirs, EchoServer() as server, listener() as good, listener() as bad:
        text = (
            f"global\n log-tag haproxy\nDEFAULTS\n retries 0\n option tcplog\n"
            f" log 127.0.0.1:{theirs.getsockname()[1]} local0\n"
            f"listen good\n bind fd@{good.fileno()}\n server s1 127.0.0.1:{server.port}\n"
            f"listen bad\n bind fd@{bad.fileno()}\n server s2 127.0.0.1:1\n"
        )
        with reference(tmp_path, text, good, bad):
            for front in (good, bad) * 3:
                visit(front)
            lines = gather(theirs, 6)
    mine = rewritten(lines)
    assert [line.split("]: ", 1)[1] for line in mine] == [line.split("]: ", 1)[1] for line in lines]
    assert "good/s1" in halog("-srv", mine)
    for option in ("-srv", "-st", "-tc", "-pct", "-c", "-srv -e"):
        assert halog(option, mine) == halog(option, lines)


def rewritten(lines: Sequence[str]) -> list[str]:
    """Return the lines of the same sessions as we send them."""
    layout = formats.compile(formats.TCPLOG)
    with collector() as ours:
        here = Address(Family.INET, "127.0.0.1", ours.getsockname()[1])
        outlet = Outlet([LogTarget(here, facility=16)], "haproxy", None, Sinks())
        for line in lines:
            outlet.send(INFO, layout.render(parsed(line)))
        return gather(ours, len(lines))


def halog(options: str, lines: Sequence[str]) -> str:
    """Return halog's report on lines as a syslog server would file them."""
    date = re.compile(r"<\d+>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ")
    filed = "".join(date.sub("Nov 22 10:00:00 localhost ", line) for line in lines)
    words = ["halog", "-q", *options.split()]
    return subprocess.run(words, input=filed, capture_output=True, text=True, check=True).stdout


def parsed(line: str) -> Record:
    """Return the record of a tcplog line."""
    words = line.split("]: ", 1)[1].split()
    client, date, frontend, target, timers, sent, termination, counts, queues = words
    host, port = client.split(":")
    backend, server = target.split("/")
    wait, connect, total = (int(number) for number in timers.split("/"))
    active = [int(number) for number in counts.split("/")]
    return Record(
        client=(host, int(port)), accepted=moment(date[1:-1]), frontend=frontend,
        backend=backend, server=server,
        queue=wait - 1 if wait >= 0 else -1, connect=connect, total=total, bytes_out=int(sent),
        termination=termination, active=active[0], frontend_active=active[1], backend_active=active[2],
        server_active=active[3], retries=active[4],
        server_queue=int(queues.split("/")[0]), backend_queue=int(queues.split("/")[1]),
    )  # fmt: skip
