"""The programs that are measured, and the load's own: how each is started, and when it is ready."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kinds import PLAIN_KIND, Kind

CONFIGURATION = """\
global
    nbthread 1
    maxconn {connections}
defaults
    mode {mode}
    maxconn {connections}
    timeout connect 5s
    timeout client 60s
    timeout server 60s
{options}
listen measured
    bind 127.0.0.1:{port}
{listen}{servers}{sections}"""
"""One configuration for HAProxy and tcproxy."""

SPLICE = Kind(
    "splice", "splice options", "    option splice-auto\n    option splice-request\n    option splice-response\n"
)
CONNECTIONS = 6_000
READY_SECONDS = 60
"""A bound, for machines that are very busy."""


@dataclass(frozen=True, slots=True)
class Program:
    """One of the measured. words: its command line, of folder, port to listen on, and port of the target.

    needs: a program that must be installed, "" for none. share: the part of a load that it is given, for those that
    would take all the time. asked: it is measured only when it is asked for by name. plain: it has the plain
    configuration, in a measurement of another kind: what that kind costs is told as a ratio to it, too.
    """

    name: str
    words: Callable[[Path, int, int], list[str]]
    needs: str = ""
    share: float = 1.0
    asked: bool = False
    plain: bool = False

    @property
    def there(self) -> bool:
        """Return whether it can be started on this machine."""
        return not self.needs or find(self.needs) is not None


def find(name: str) -> str | None:
    """Return the path of an installed program."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin")


def configuration(kind: Kind, mode: str, port: int, target: int) -> str:
    """Return the text of a configuration that listens on a port, with its server (and its log) on the port `target`."""
    parts = {"listen": kind.listen, "servers": kind.servers, "sections": kind.sections, "options": kind.defaults}
    filled = {name: text.format(target=target) for name, text in parts.items()}
    return CONFIGURATION.format(connections=CONNECTIONS, port=port, mode=mode, **filled)


def configured(
    name: str, *words: str, mode: str = "tcp", kind: Kind = PLAIN_KIND
) -> Callable[[Path, int, int], list[str]]:
    """Return what makes the command line of HAProxy or tcproxy, and its configuration."""

    def line(folder: Path, port: int, target: int) -> list[str]:
        file = folder / f"{name.replace(' ', '-')}-{port}.cfg"
        file.write_text(configuration(kind, mode, port, target))
        program = find(words[0]) or words[0]
        return [program, *words[1:], "-db", "-f", str(file)]

    return line


GUARDED = Kind("guarded", "10,000 networks", listen="    tcp-request connection reject if {{ src -f networks }}\n")
NETWORKS = 10_000


def guarded(name: str, *words: str) -> Callable[[Path, int, int], list[str]]:
    """Return what makes the same with a rule that refuses clients of many networks, of which the load's is none."""
    line = configured(name, *words, kind=GUARDED)

    def line_with_networks(folder: Path, port: int, target: int) -> list[str]:
        file = folder / "networks"
        file.write_text("".join(f"10.{at >> 8}.{at & 255}.0/24\n" for at in range(NETWORKS)))
        found = line(folder, port, target)
        made = Path(found[-1])
        made.write_text(made.read_text().replace("src -f networks", f"src -f {file}"))
        return found

    return line_with_networks


def _forwarder(folder: Path, port: int, target: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.portforward", str(port), "127.0.0.1", str(target)]


TCPROXY_WORDS = (sys.executable, "-m", "tcproxy.command")

HAPROXY = Program("HAProxy", configured("haproxy", "haproxy"), "haproxy")
HAPROXY_SPLICE = Program("HAProxy", configured("haproxy splice", "haproxy", kind=SPLICE), "haproxy")
TCPROXY = Program("tcproxy", configured("tcproxy", *TCPROXY_WORDS))
HAPROXY_GUARDED = Program("HAProxy", guarded("haproxy guarded", "haproxy"), "haproxy")
TCPROXY_GUARDED = Program("tcproxy", guarded("tcproxy guarded", *TCPROXY_WORDS))
TCPROXY_SPLICE = Program("tcproxy", configured("tcproxy splice", *TCPROXY_WORDS, kind=SPLICE))
PORTFORWARD = Program("Twisted portforward", _forwarder)


class CannotStart(RuntimeError):
    """A program ended, or did not listen in time; the text is what it said."""


@dataclass(slots=True)
class Running:
    """A program at work. seconds: from its start until its port answered."""

    process: subprocess.Popen[bytes]
    port: int
    seconds: float = 0.0

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self.process.pid


@contextlib.contextmanager
def started(program: Program, folder: Path, target: int) -> Iterator[Running]:
    """Run a program in front of the port `target` until the block ends. Raises CannotStart."""
    port = free_port()
    words = program.words(folder, port, target)
    with (folder / f"{port}.err").open("w+b") as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(words, stdout=errors, stderr=errors, stdin=subprocess.DEVNULL, preexec_fn=_limits)
        running = Running(process, port)
        try:
            _wait(running, program)
            running.seconds = time.perf_counter() - begin
            yield running
        except CannotStart as failure:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()[-3:]
            raise CannotStart(" / ".join([str(failure), *said])) from None
        finally:
            end(process)


def _wait(running: Running, program: Program) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _answers(running.port):
        if running.process.poll() is not None:
            raise CannotStart(f"{program.name} ended with {running.process.returncode}")
        if time.monotonic() > deadline:
            raise CannotStart(f"{program.name} did not listen within {READY_SECONDS} s")
        time.sleep(0.001)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that this program started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _limits() -> None:
    """Allow as many descriptors as the machine does: both ends of each connection need one."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def load_process(*words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program of the load (benchmarks.load) until the block ends; it is spoken to by lines."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=_limits,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(5)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def answer(process: subprocess.Popen[str]) -> str:
    """Return the next line that a program of the load prints."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise CannotStart("the load ended before it was done")
    return line.strip()
