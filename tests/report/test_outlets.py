"""Log targets: headers, levels, samples, lengths, and that no target ever makes anyone wait."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.logs import LogTarget
from tcproxy.report import dates
from tcproxy.report.outlets import ALERT, DEBUG, EMERG, INFO, NOTICE, Outlet
from tcproxy.report.sinks import MOST_LINES, PAUSE, DatagramSink, Sinks
from tests.running import PATIENCE

NOW = 1795375719.25


@pytest.fixture
def syslog() -> Iterator[socket.socket]:
    """Return a UDP socket that log lines are sent to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(PATIENCE)
        yield listening


def udp(listening: socket.socket) -> Address:
    """Return the address of the socket."""
    return Address(Family.INET, "127.0.0.1", listening.getsockname()[1], kind=socket.SOCK_DGRAM)


def lines(listening: socket.socket) -> list[bytes]:
    """Return what has arrived."""
    found = []
    listening.setblocking(False)
    try:
        while True:
            found.append(listening.recv(70000))
    except BlockingIOError:
        return found


def outlet(*targets: LogTarget, hostname: str | None = None, tag: str = "tcproxy") -> Outlet:
    """Return an outlet whose clock stands still."""
    return Outlet(targets, tag, hostname, Sinks(), lambda: NOW)


PID = os.getpid()
ISO = r"2026-11-\d\dT\d\d:\d\d:\d\d\.250000[+-]\d\d:\d\d"


@pytest.mark.parametrize(
    ("form", "hostname", "pattern"),
    [
        ("", None, rf"<134>Nov \d\d \d\d:\d\d:\d\d tcproxy\[{PID}\]: hello\n"),
        ("", "here", rf"<134>Nov \d\d \d\d:\d\d:\d\d here tcproxy\[{PID}\]: hello\n"),
        ("local", "here", rf"<134>Nov \d\d \d\d:\d\d:\d\d tcproxy\[{PID}\]: hello\n"),
        ("rfc3164", None, rf"<134>Nov \d\d \d\d:\d\d:\d\d localhost tcproxy\[{PID}\]: hello\n"),
        ("rfc5424", None, rf"<134>1 {ISO} - tcproxy {PID} - - hello\n"),
        ("rfc5424", "h", rf"<134>1 {ISO} h tcproxy {PID} - - hello\n"),
        ("priority", None, r"<134>hello\n"),
        ("short", None, r"<6>hello\n"),
        ("raw", None, r"hello\n"),
        ("timed", None, rf"<6>{ISO} hello\n"),
        ("iso", None, rf"{ISO} hello\n"),
    ],
)
def test_headers(syslog: socket.socket, form: str, hostname: str | None, pattern: str) -> None:
    """Each format has the header of manual 3.1; `log-send-hostname` turns the default into rfc3164."""
    outlet(LogTarget(udp(syslog), facility=16, format=form), hostname=hostname).send(INFO, "hello")
    assert re.fullmatch(pattern, syslog.recv(2000).decode())


def test_the_systems_own_hostname(syslog: socket.socket) -> None:
    """`log-send-hostname` without a name sends the system's."""
    outlet(LogTarget(udp(syslog)), hostname="").send(INFO, "hello")
    assert f" {socket.gethostname()} " in syslog.recv(2000).decode()


def test_structured_data_is_for_rfc5424_alone(syslog: socket.socket) -> None:
    """`log-format-sd` shows up in rfc5424 lines and nowhere else."""
    here = udp(syslog)
    outlet(LogTarget(here, format="rfc5424"), LogTarget(here, format="short")).send(INFO, "m", "[x@1 a=b]")
    first, second = lines(syslog)
    assert first.endswith(b"- [x@1 a=b] m\n")
    assert second == b"<6>m\n"


def test_levels(syslog: socket.socket) -> None:
    """A target takes lines up to its level, and caps the severest ones to minlevel."""
    log = outlet(LogTarget(udp(syslog), level=NOTICE, minlevel=ALERT, format="short"))
    for level in (EMERG, ALERT, NOTICE, INFO, DEBUG):
        log.send(level, "x")
    assert lines(syslog) == [b"<1>x\n", b"<1>x\n", b"<5>x\n"]


def test_samples_count_the_lines_that_pass_the_level(syslog: socket.socket) -> None:
    """Of each sample's lines only those in the ranges are sent; refused levels are not counted."""
    log = outlet(LogTarget(udp(syslog), format="raw", level=INFO, sample=(((1, 1), (3, 4)), 5)))
    for number in range(1, 11):
        log.send(DEBUG, "no")
        log.send(INFO, str(number))
    assert b"".join(lines(syslog)).split() == [b"1", b"3", b"4", b"6", b"8", b"9"]


@pytest.mark.parametrize(("form", "size"), [("short", 81), ("raw", 80)])
def test_datagrams_are_cut_to_length(syslog: socket.socket, form: str, size: int) -> None:
    """`len 80` cuts as the reference does: its newline counts only where there is no header."""
    outlet(LogTarget(udp(syslog), format=form, length=80)).send(INFO, "y" * 200)
    (line,) = lines(syslog)
    assert (len(line), line[-2:]) == (size, b"y\n")


def test_bytes_that_are_no_text_survive(syslog: socket.socket) -> None:
    """A name that is not UTF-8 in the configuration reaches the log as the same bytes."""
    outlet(LogTarget(udp(syslog), format="raw")).send(INFO, b"\xff\xc3\xa9".decode(errors="surrogateescape"))
    assert lines(syslog) == [b"\xff\xc3\xa9\n"]


class Time:
    """A monotonic clock that tests turn."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


def test_a_unix_target_that_comes_and_goes(tmp_path: Path) -> None:
    """A UNIX target may be missing, appear after a pause, and go: lines in between are dropped and counted."""
    path = str(tmp_path / "log")
    clock = Time()
    sinks = Sinks(clock)
    log = Outlet([LogTarget(Address(Family.UNIX, path), format="raw")], "t", None, sinks)
    log.send(INFO, "one")
    assert sinks.dropped == 1
    for word in (b"two\n", b"three\n"):
        clock.now += PAUSE
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
            listening.bind(path)
            log.send(INFO, word.decode().strip())
            assert lines(listening) == [word]
        Path(path).unlink()
        log.send(INFO, "lost")
        clock.now += PAUSE
    assert sinks.dropped == 3
    sinks.close()


def test_a_restarted_target_misses_nothing(tmp_path: Path) -> None:
    """A UNIX target that is replaced between two lines (a restart of rsyslog) gets both, at once."""
    path, clock = tmp_path / "log", Time()
    sinks = Sinks(clock)
    log = Outlet([LogTarget(Address(Family.UNIX, str(path)), format="raw")], "t", None, sinks)
    for number in range(5):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
            listening.bind(str(path))
            for word in ("a", "b"):
                log.send(INFO, f"{word}{number}")
            assert lines(listening) == [b"a%d\n" % number, b"b%d\n" % number]
        path.unlink()
        clock.now += 1
    assert sinks.dropped == 0
    sinks.close()


class Opened(DatagramSink):
    """A sink that counts the sockets it opens."""

    opened = 0

    def _open(self) -> socket.socket:
        self.opened += 1
        return super()._open()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_nobody_costs_nothing(syslog: socket.socket, tmp_path: Path, family: int) -> None:
    """For a target that nobody listens on, lines are dropped and counted, and hardly a socket is opened."""
    path, clock = str(tmp_path / "log"), Time()
    here: tuple[str, int] = syslog.getsockname()
    syslog.close()
    sink = Opened(family, here if family == socket.AF_INET else path, clock)
    for _ in range(100):
        for _ in range(100):
            sink.write(b"lost\n")
        clock.now += PAUSE
    assert 9_900 <= sink.dropped <= 10_000
    assert sink.opened <= (1 if family == socket.AF_INET else 101)
    with socket.socket(family, socket.SOCK_DGRAM) as again:
        again.bind(here if family == socket.AF_INET else path)
        for _ in range(3):
            clock.now += PAUSE
            sink.write(b"kept\n")
        assert lines(again)[-2:] == [b"kept\n"] * 2
    sink.close()


def test_a_line_that_no_datagram_holds_is_dropped_alone(tmp_path: Path) -> None:
    """A line longer than a datagram may be is dropped; the socket stays, and the next line passes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "log"))
        sink = Opened(socket.AF_UNIX, str(tmp_path / "log"), Time())
        sink.write(b"x" * 10_000_000)
        sink.write(b"kept\n")
        assert (sink.dropped, sink.opened) == (1, 1)
        assert lines(listening) == [b"kept\n"]
        sink.close()


def test_a_full_target_blocks_nobody(tmp_path: Path) -> None:
    """A target that reads nothing fills up; then lines are dropped and counted at once."""
    path = str(tmp_path / "log")
    sinks = Sinks()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(path)
        log = Outlet([LogTarget(Address(Family.UNIX, path), format="raw")], "t", None, sinks)
        for _ in range(3000):
            log.send(INFO, "x" * 100)
        assert 0 < sinks.dropped == 3000 - len(lines(listening))
    sinks.close()


def test_lines_of_a_turn_are_sent_at_its_end(syslog: socket.socket) -> None:
    """Lines wait for the end of the turn, in their order; many, or a sink that closes, do not wait for it."""
    calls: list[Callable[[], object]] = []
    sink = DatagramSink(socket.AF_INET, syslog.getsockname(), later=calls.append)
    sink.write(b"1\n")
    sink.write(b"2\n")
    assert (lines(syslog), len(calls)) == ([], 1)
    calls.pop()()
    assert lines(syslog) == [b"1\n", b"2\n"]
    for _ in range(MOST_LINES):
        sink.write(b"3\n")
    assert lines(syslog) == [b"3\n"] * MOST_LINES
    calls.pop()()
    sink.write(b"4\n")
    assert lines(syslog) == []
    sink.close()
    assert lines(syslog) == [b"4\n"]


def test_a_refused_datagram_costs_no_line(syslog: socket.socket) -> None:
    """The error of an earlier datagram (port unreachable) does not lose the next one."""
    port = syslog.getsockname()[1]
    sink = DatagramSink(socket.AF_INET, ("127.0.0.1", port))
    syslog.close()
    sink.write(b"lost\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", port))
        sink.write(b"kept\n")
        assert lines(again) == [b"kept\n"]
    sink.close()


def test_descriptors_are_never_waited_for() -> None:
    """A pipe takes lines until it is full, its blocking flag untouched; the rest is dropped and counted."""
    reading, writing = os.pipe()
    sinks = Sinks()
    log = Outlet([LogTarget(Address(Family.FD, str(writing)), format="raw", length=65535)], "t", None, sinks)
    log.send(INFO, "short")
    assert os.read(reading, 100) == b"short\n"
    for _ in range(40):
        log.send(INFO, "x" * 6000)
    assert sinks.dropped > 0
    assert os.get_blocking(writing)
    os.close(writing)
    log.send(INFO, "closed")
    os.close(reading)


def test_descriptor_lines_are_cut_with_their_newline() -> None:
    """For a descriptor the newline counts into `len`."""
    reading, writing = os.pipe()
    outlet(LogTarget(Address(Family.FD, str(writing)), format="short", length=80)).send(INFO, "y" * 200)
    assert len(os.read(reading, 1000)) == 80
    os.close(reading)
    os.close(writing)


def test_targets_of_one_address_share_a_sink() -> None:
    """A hundred frontends with `log global` cost one descriptor."""
    sinks = Sinks()
    here = Address(Family.UNIX, "/nowhere")
    assert sinks.sink(here) is sinks.sink(Address(Family.UNIX, "/nowhere"))


def test_addresses_that_cannot_be_logged_to() -> None:
    """A name that does not resolve, or a stream pair, is refused with a sentence."""
    sinks = Sinks()
    with pytest.raises(ValueError, match="cannot be resolved"):
        sinks.sink(Address(Family.INET, "not-an-address", 514))
    with pytest.raises(ValueError, match="sockpair@"):
        sinks.sink(Address(Family.SOCKPAIR, "3"))


def test_english_months_and_padded_days() -> None:
    """Dates have English months, and RFC 3164 pads a day with a space."""
    second = int(time.mktime((2009, 2, 6, 12, 12, 9, 0, 0, -1)))
    assert dates.syslog(second) == "Feb  6 12:12:09"
    assert dates.local(second) == "06/Feb/2009:12:12:09"
    assert re.fullmatch(r"06/Feb/2009:12:12:09 [+-]\d{4}", dates.local_zone(second))
    assert dates.gmt(0) == "01/Jan/1970:00:00:00 +0000"
