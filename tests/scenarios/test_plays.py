"""Plays that run against both programs: first haproxy, which proves the play, then tcproxy.

A play is a .vtc file of varnishtest (Debian's package varnish; language: man vtc), the driver that HAProxy's own
developers test with. A play says what a client, a server and a log target see of the proxy between them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running import TCPROXY, assert_sound

PLAYS = sorted(Path(__file__).parent.glob("*.vtc"))


def run(play: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run one play with the program as the proxy."""
    return subprocess.run(
        ["varnishtest", "-v", str(play)],
        env={**os.environ, "HAPROXY_PROGRAM": program},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.reference
@pytest.mark.program("varnishtest")
@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.stem)
def test_play_holds_for_the_reference(play: Path) -> None:
    """HAProxy itself passes the play, so that the play tells the truth."""
    result = run(play, shutil.which("haproxy") or "haproxy")
    assert result.returncode == 0, result.stdout[-6000:]


@pytest.mark.program("varnishtest")
@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.stem)
def test_play_holds_for_tcproxy(play: Path) -> None:
    """The tcproxy program passes the same play."""
    result = run(play, TCPROXY)
    assert result.returncode == 0, result.stdout[-6000:]
    assert_sound(result.stdout)
