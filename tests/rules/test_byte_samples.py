"""Samples of bytes in conditions: HTTP mode has no bytes, and a warning says so, as HAProxy's does."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.running import HAPROXY, TCPROXY

WASTED = [
    "req.len gt 1", "req.ssl_sni a", "req.ssl_ver gt 3", "req.payload(0,1) -m found", "payload_lv(0,1) -m found",
    "req.rdp_cookie_cnt gt 0", "rdp_cookie a", "distcc_param(DIST) 1", "distcc_body(DIST) -m found",
]  # fmt: skip
UNWARNED = ["monitor fail", "redirect location /", "force-persist", "ignore-persist"]
"""Rules whose conditions HAProxy does not look into."""
USEFUL = ["req.proto_http", "wait_end", "src 127.0.0.1", "fc_rtt gt 1"]


def warned_lines(program: str, file: Path) -> list[int]:
    """Return the lines that a program warns of."""
    run = subprocess.run([program, "-c", "-f", str(file)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return sorted(int(line) for line in re.findall(rf"WARNING.*{file.name}:([0-9]+)", run.stderr))


def write(folder: Path, mode: str) -> Path:
    """Write a configuration with a rule for each test, the wasted ones first, from line 8 on."""
    lines = ["defaults", f"  mode {mode}", "  timeout client 1s", "  timeout server 1s", "  timeout connect 1s"]
    lines += ["listen f", "  bind 127.0.0.1:1", *(f"  use_backend b if {{ {test} }}" for test in [*WASTED, *USEFUL])]
    lines += ["listen g", "  bind 127.0.0.1:1", "  monitor-uri /m"] if mode == "http" else []
    lines += [f"  {rule} if {{ {WASTED[0]} }}" for rule in UNWARNED] if mode == "http" else []
    file = folder / "bytes.cfg"
    file.write_text("\n".join([*lines, "backend b", "  server s 127.0.0.1:1"]) + "\n")
    return file


def test_in_http_mode_they_are_warned_of(tmp_path: Path) -> None:
    """Each rule with a sample of bytes gets a warning in HTTP mode, none in TCP mode."""
    assert warned_lines(TCPROXY, write(tmp_path, "http")) == list(range(8, 8 + len(WASTED)))
    assert warned_lines(TCPROXY, write(tmp_path, "tcp")) == []


@pytest.mark.reference
def test_haproxy_warns_of_the_same_lines(tmp_path: Path) -> None:
    """HAProxy warns of these lines in HTTP mode."""
    assert warned_lines(HAPROXY, write(tmp_path, "http")) == list(range(8, 8 + len(WASTED)))
