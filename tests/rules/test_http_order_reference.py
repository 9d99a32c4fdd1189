"""Warnings of lines whose order is not that in which they are obeyed: HAProxy and tcproxy warn of the same pairs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.running import HAPROXY, TCPROXY

LINES = {
    "http-request": "http-request set-header a b", "redirect": "redirect location / if FALSE",
    "use_backend": "use_backend other if FALSE", "use-server": "use-server s if FALSE",
    "http-response": "http-response set-header a b", "monitor": "monitor fail if FALSE",
}  # fmt: skip
BEGIN = """
defaults
    mode http
    timeout client 1s
    timeout connect 1s
    timeout server 1s
backend other
listen l
    bind 127.0.0.1:8099
    server s 127.0.0.1:1
"""


def warned(program: str, path: Path) -> tuple[int, int]:
    """Return a program's verdict about a file, and how many warnings it gives."""
    done = subprocess.run([program, "-c", "-f", str(path)], capture_output=True, text=True, timeout=60)
    return done.returncode, (done.stdout + done.stderr).count("[WARNING]")


@pytest.mark.reference
@pytest.mark.parametrize("first", LINES)
def test_lines_out_of_order_are_warned_of(first: str, tmp_path: Path) -> None:
    """Each line behind this one is warned of exactly if HAProxy warns of it."""
    differing = []
    for second in (one for one in LINES if one != first):
        path = tmp_path / "haproxy.cfg"
        path.write_text(f"{BEGIN}    {LINES[first]}\n    {LINES[second]}\n")
        if warned(HAPROXY, path) != warned(TCPROXY, path):
            differing.append(second)
    assert not differing
