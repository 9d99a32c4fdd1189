"""What the statistics page costs: processor time of one page, as a ratio to HAProxy's (`python -m benchmarks.page`).

Both programs run side by side with the same backend of many servers, and are asked in turns, so that a busy machine
slows both. Nothing is asserted here.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

PROGRAMS = {"haproxy": shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin") or "haproxy"}
PROGRAMS["tcproxy"] = str(Path(sys.executable).with_name("tcproxy"))
CONFIGURATION = """
defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 10s
frontend page
    bind 127.0.0.1:{port}
    stats uri /
    stats show-legends
    stats admin if TRUE
backend many
    server-template s {servers} 127.0.0.1:9
"""


def used(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fetch(port: int, form: str) -> int:
    """Ask for the page; return its bytes."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{form}", timeout=30) as answer:
        return len(answer.read())


def start(name: str, port: int, servers: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a program, and wait until it answers."""
    path = folder / f"{name}.cfg"
    path.write_text(CONFIGURATION.format(port=port, servers=servers))
    process = subprocess.Popen([PROGRAMS[name], "-db", "-f", str(path)], stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            fetch(port, ";csv")
            return process
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{name} does not start")


def main() -> None:
    """Measure, and print a line for each form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--port", type=int, default=18190)
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ports = {name: wish.port + at for at, name in enumerate(PROGRAMS)}
        running = {name: start(name, port, wish.servers, Path(folder)) for name, port in ports.items()}
        try:
            for form in ("", ";csv", ";json"):
                print(line_of(form, wish, ports, running))
        finally:
            for process in running.values():
                process.terminate()
                process.wait()


def line_of(
    form: str, wish: argparse.Namespace, ports: dict[str, int], running: dict[str, subprocess.Popen[bytes]]
) -> str:
    """Return what one form costs: milliseconds of processor time a page, and the ratio."""
    spent: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(wish.rounds):
        for name, process in running.items():
            before = used(process.pid)
            sizes = [fetch(ports[name], form) for _ in range(wish.pages)]
            spent[name].append((used(process.pid) - before) / len(sizes) * 1000)
    ours, theirs = (statistics.median(spent[name]) for name in ("tcproxy", "haproxy"))
    ratio = f"{ours / theirs:.1f}x" if theirs else "-"
    return f"{form or 'html':6} tcproxy {ours:6.2f} ms, haproxy {theirs:6.2f} ms a page: {ratio}"


if __name__ == "__main__":
    main()
