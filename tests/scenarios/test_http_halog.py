"""Reports of halog on the HTTP log lines of both programs, after the same mixed requests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.scenarios.beside import Scene, Stories, tell
from tests.scenarios.likeness import Line
from tests.scenarios.test_halog import report
from tests.scenarios.test_http_lines import DEFAULTS, Server, request

STORIES = Stories()

MIXED = """
listen {name}
    bind {host}:1000
    option httplog
    timeout server 400ms
    timeout client 400ms
    capture request header Host len 10
    capture response header Server len 10
    capture cookie ID len 10
    server one {host}:2000
    server two {host}:2001
listen {name}.bad
    bind {host}:1002
    option httplog
    retries 1
    timeout connect 200ms
    option redispatch
    server three {host}:2002
    server four {host}:2003
listen {name}.none
    bind {host}:1003
    option httplog
"""
TARGETS = (
    b"/x", b"/x?a=1", b"/x?a=2", b"/500", b"/chunks", b"/silence", b"/x", b"/stall", b"/nonsense", b"/500?again",
    b"/silence", b"/other/place", b"/x", b"/interim",
)  # fmt: skip


@STORIES.story(DEFAULTS + MIXED, bare=True)
def mixed_requests(scene: Scene) -> None:
    """Requests that end well, late, wrong, cut short, badly written, never written; refused, and without a server."""
    servers = [Server(scene, port) for port in (2000, 2001)]
    for number, target in enumerate(TARGETS):
        text = request(b"Cookie: ID=%d" % number, target=target)
        client = scene.connect(source=f"127.0.0.{number % 3 + 1}").send(text)
        client.ends(reset=False, count=False).close()
        scene.logged()
    for text in (b"GET x\r\n\r\n", b"GET", b""):
        client = scene.connect()
        if text:
            client.send(text)
        client.ends(reset=False).close()
        scene.logged()
    for port in (1002, 1002, 1003):
        scene.connect(port).send(request()).ends(reset=False).close()
        scene.logged()
    assert all(server.heads for server in servers)


def rounded(found: re.Match[str]) -> str:
    """Return the times of a line rounded down so far that only timeouts, which are multiples of it, are left."""
    return "/".join(time if time == "-1" else str(200 * ((int(time) + 20) // 200)) for time in found[0].split("/"))


def as_written(line: Line) -> str:
    """Return the line as rsyslog writes it to a file, without what differs from run to run."""
    text = re.sub(r"^<\d+>.{15} \w+\[\d+\]", "Nov 22 12:00:00 balancer haproxy[1]", line.raw.rstrip("\n"))
    text = re.sub(r"\[\d\d/\w{3}/\d{4}:[\d:.]+\]", "[22/Nov/2026:12:00:00.000]", text)
    text = re.sub(r"(127\.0\.0\.\d):\d+", r"\1:40000", text)
    return re.sub(r"(?<= )(?:-?\d+/){4}\d+(?= )", rounded, text, count=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each program's log as a file."""
    told = tell(list(STORIES.by_name.values()))["mixed-requests"]
    assert not told.failures
    folder = tmp_path_factory.mktemp("logs")
    files = {program: folder / f"{program}.log" for program in told.scenes}
    for program, scene in told.scenes.items():
        assert len(scene.lines) == len(TARGETS) + 6
        files[program].write_text("".join(as_written(line) + "\n" for line in scene.lines))
    return files


OPTIONS = [
    "-c", "-tc", "-q -tc", "-srv", "-ic", "-pct", "-st", "-gt", "-cc", "-u", "-uc", "-ue", "-ut", "-ua", "-uao", "-uto",
    "-uba", "-ubt", "-hs 200 -c", "-HS 500:599 -c", "-hs 500: -u", "-hs :499 -st", "-tcn sH -c", "-TCN -- -c", "-e -c",
    "-E -c", "-e -u", "-e -srv", "-Q -c", "-QS -c", "-H -c", "-H -srv", "-v -H -c", "-rt 100 -c", "-RT 100 -c",
    "-ad 100 -c", "-m 3 -srv", "-m 2 -u", "-s 4 -srv", "-time 1763809200: -c", "-e -tc", "-e -st", "-query -u",
    "-hdr 1:1", "-hdr 2:1",
]  # fmt: skip


@pytest.mark.reference
@pytest.mark.program("halog")
@pytest.mark.parametrize("options", OPTIONS)
def test_report(options: str, files: dict[str, Path]) -> None:
    """halog reports the same of either log."""
    theirs, ours = report(files["haproxy"], options), report(files["tcproxy"], options)
    assert theirs == ours
    assert theirs


@pytest.mark.reference
@pytest.mark.program("halog")
def test_lines_are_the_same(files: dict[str, Path]) -> None:
    """The two files say the same, and halog finds servers, targets and statuses in them."""
    theirs, ours = (path.read_text().splitlines() for path in files.values())
    assert [re.sub(r" \d+/(?=\d+/\d+/\d+/)", " ALL/", line) for line in ours] == [
        re.sub(r" \d+/(?=\d+/\d+/\d+/)", " ALL/", line) for line in theirs
    ]
    servers = report(files["tcproxy"], "-srv")
    for name in ("/one", "/two", ".bad/four", ".none/<NOSRV>"):
        assert f"mixed-requests{name} " in servers
    assert "/other/place" in report(files["tcproxy"], "-u")
    statuses = report(files["tcproxy"], "-st")
    for status in ("200", "400", "408", "500", "502", "503", "504"):
        assert re.search(rf"^{status} ", statuses, re.MULTILINE)
