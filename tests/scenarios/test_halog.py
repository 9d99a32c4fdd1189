"""Reports of halog on the log lines of both programs, after the same mixed traffic."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.beside import Scene, Stories, tell
from tests.scenarios.likeness import Line

STORIES = Stories()

MIXED = """
listen {name}
    bind {host}:1000
    bind {host}:1001 accept-proxy
    timeout client 400ms
    timeout server 800ms
    server one {host}:2000
    server two {host}:2001 maxconn 1
listen {name}.bad
    bind {host}:1002
    retries 1
    timeout connect 200ms
    server three {host}:2002
    server four {host}:2003
listen {name}.none
    bind {host}:1003
"""


@STORIES.story(MIXED)
def mixed_traffic(scene: Scene) -> None:
    """Sessions that end well, by reset, by silence; several at once; refused, without a server, without a header."""
    doors = [scene.listen(2000, "one"), scene.listen(2001, "two")]
    for number in range(12):
        client = scene.connect(source=f"127.0.0.{number % 3 + 1}").send(b"Hello" * number)
        server = doors[number % 2].accept().reads(5 * number).send(b"world" * number)
        client.reads(5 * number)
        if number < 8:
            server.close()
            client.ends().close()
        elif number == 8:
            client.reset()
        elif number == 9:
            server.reset()
            client.ends()
        scene.logged()  # the last two fall silent
        scene.until("BACKEND", scur=0)
    first, second, third = (scene.connect(name=name) for name in ("first", "second", "third"))
    scene.until("FRONTEND", scur=3)
    for door, client in ((doors[0], first), (doors[1], second), (doors[0], third)):
        door.accept().close()
        client.ends().close()
        scene.logged()
    for port in (1002, 1002, 1003):
        scene.connect(port).ends().close()
        scene.logged()
    scene.connect(1001).send(b"no header at all, really").ends(reset=False).close()
    scene.logged()


def rounded(found: re.Match[str]) -> str:
    """Return the times of a line rounded down so far that only timeouts, which are multiples of it, are left."""
    return " {}/{}/{} ".format(*(time if time == "-1" else 200 * ((int(time) + 20) // 200) for time in found.groups()))


def as_written(line: Line) -> str:
    """Return the line as rsyslog writes it to a file, without what differs from run to run."""
    text = re.sub(r"^<\d+>.{15} \w+\[\d+\]", "Nov 22 12:00:00 balancer haproxy[1]", line.raw.rstrip("\n"))
    text = re.sub(r"\[\d\d/\w{3}/\d{4}:[\d:.]+\]", "[22/Nov/2026:12:00:00.000]", text)
    text = re.sub(r"(127\.0\.0\.\d):\d+", r"\1:40000", text)
    return re.sub(r" (-?\d+)/(-?\d+)/(-?\d+) ", rounded, text, count=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each program's log as a file."""
    told = tell(list(STORIES.by_name.values()))["mixed-traffic"]
    assert not told.failures
    folder = tmp_path_factory.mktemp("logs")
    files = {program: folder / f"{program}.log" for program in told.scenes}
    for program, scene in told.scenes.items():
        assert len(scene.lines) == 19
        files[program].write_text("".join(as_written(line) + "\n" for line in scene.lines))
    return files


def report(log: Path, options: str) -> str:
    """Return halog's report on a log, with what it says of lines that are too short for it."""
    with log.open() as lines:
        result = subprocess.run(
            ["halog", *options.split()], stdin=lines, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=True, timeout=10,
        )  # fmt: skip
    return result.stdout


OPTIONS = [
    "-c", "-tc", "-q -tc", "-srv", "-ic", "-pct", "-st", "-gt", "-cc", "-u", "-uc", "-ut", "-tcn SC -c", "-TCN -- -c",
    "-e -c", "-E -c", "-Q -c", "-QS -c", "-H -c", "-v -H -c", "-rt 100 -c", "-ad 100 -c", "-m 3 -srv", "-s 4 -srv",
]  # fmt: skip


@pytest.mark.reference
@pytest.mark.program("halog")
@pytest.mark.parametrize("options", OPTIONS)
def test_report(options: str, files: dict[str, Path]) -> None:
    """halog reports the same of either log, whatever it makes of the lines of TCP mode."""
    theirs, ours = report(files["haproxy"], options), report(files["tcproxy"], options)
    assert theirs == ours
    assert theirs


@pytest.mark.reference
@pytest.mark.program("halog")
def test_report_has_content(files: dict[str, Path]) -> None:
    """The log that halog reads has every server's name and all of its lines."""
    assert report(files["tcproxy"], "-c") == "19\n"
    names = report(files["tcproxy"], "-srv")
    for name in ("/one", "/two", ".bad/three", ".bad/four", ".none/<NOSRV>"):
        assert f"mixed-traffic{name} " in names
