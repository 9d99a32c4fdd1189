"""Large configurations: what loading them costs beside HAProxy, with the cost of an empty one taken off.

`python -m benchmarks.scale` checks each configuration (`-c -q`) with both programs and prints CPU seconds and MiB.
`python -m benchmarks.scale lookups` times looks into 100,000 networks, in this process.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tcproxy.samples.patterns.methods import METHODS, Flags
from tcproxy.samples.patterns.sets import PatternSet

HEAD = "defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n"
FRONT = "frontend f\n bind 127.0.0.1:39122\n default_backend b\n"
BACK = "backend b\n server s 127.0.0.1:1\n"
NETWORKS = 100_000
RUNS = 2


class Cost(NamedTuple):
    """What a program needs: CPU seconds, and MiB at the most."""

    seconds: float
    memory: float


def backends(count: int, folder: Path) -> str:
    """Return backends with a rule and a server each."""
    rule = " http-request deny if {{ path_beg /x{0} }}\n server s 127.0.0.1:{1}\n"
    return FRONT + BACK + "".join(f"backend b{n}\n" + rule.format(n, 1000 + n % 60000) for n in range(count))


def conditions(count: int, folder: Path) -> str:
    """Return a frontend that chooses by so many ACLs of hosts."""
    acls = (f" acl h{n} hdr(host) -i host{n}.example.org\n use_backend b if h{n}\n" for n in range(count))
    return FRONT + "".join(acls) + BACK


def binds(count: int, folder: Path) -> str:
    """Return a frontend with so many listening addresses."""
    return FRONT + "".join(f" bind 127.{2 + n // 60000}.0.1:{1000 + n % 60000}\n" for n in range(count)) + BACK


def captures(count: int, folder: Path) -> str:
    """Return a frontend that captures so many headers."""
    return FRONT + "".join(f" capture request header x-{n} len 10\n" for n in range(count)) + BACK


def mapped(count: int, folder: Path) -> str:
    """Return a frontend with a map of so many hosts."""
    file = folder / "hosts.map"
    file.write_text("".join(f"host{n}.example.org backend{n}\n" for n in range(count)))
    return FRONT + f" use_backend %[hdr(host),map({file},b)]\n" + BACK


def networks(count: int, folder: Path) -> str:
    """Return a frontend that refuses so many networks."""
    file = folder / "networks.lst"
    file.write_text("".join(f"{text}\n" for text in some_networks(count)))
    return FRONT + f" tcp-request connection reject if {{ src -f {file} }}\n" + BACK


def some_networks(count: int) -> list[str]:
    """Return networks of many sizes."""
    return [f"{10 + n // 65536}.{n // 256 % 256}.{n % 256}.0/{24 + n % 9}" for n in range(count)]


KINDS: tuple[tuple[Callable[[int, Path], str], tuple[int, ...]], ...] = (
    (backends, (1000, 10_000)), (conditions, (10_000,)), (binds, (1000, 10_000)), (captures, (1000, 10_000)),
    (mapped, (100_000,)), (networks, (NETWORKS,)),
)  # fmt: skip


def cost(program: str, file: Path) -> Cost:
    """Return the least of some runs."""
    found, null = [], subprocess.DEVNULL
    # modules that are not compiled anew
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(RUNS):
        words = [program, "-c", "-q", "-f", str(file)]
        process = subprocess.Popen(words, stdout=null, stderr=null, env=environment)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        found.append(Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
    return min(found)


def main() -> None:
    """Print a line for each configuration."""
    places = f"{os.environ.get('PATH', '')}:/usr/sbin:{Path(sys.executable).parent}"
    programs = [str(shutil.which(name, path=places)) for name in ("haproxy", "tcproxy")]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        file = folder / "scale.cfg"
        file.write_text(HEAD + FRONT + BACK)
        empty = [cost(program, file) for program in programs]
        for kind, counts in KINDS:
            for count in counts:
                file.write_text(HEAD + kind(count, folder))
                theirs, ours = (
                    Cost(*(max(one - none, 0.001) for one, none in zip(cost(program, file), start, strict=True)))
                    for program, start in zip(programs, empty, strict=True)
                )
                times, sizes = ours.seconds / theirs.seconds, ours.memory / theirs.memory
                print(
                    f"{kind.__name__:10} {count:7,}  {theirs.seconds:6.3f} {ours.seconds:6.3f} x{times:5.1f}"
                    f"   {theirs.memory:6.1f} {ours.memory:6.1f} x{sizes:4.1f}", flush=True,
                )  # fmt: skip


def lookups() -> None:
    """Print what a look into the networks costs, of addresses within them and outside."""
    found = PatternSet("networks")
    found.fill((number, text.encode(), None) for number, text in enumerate(some_networks(NETWORKS), 1))
    matcher = found.matcher(METHODS["ip"], Flags())
    chance = random.Random(1)
    for name, first in (("within", 10), ("outside", 200)):
        addresses = [bytes([first, *chance.randbytes(3)]) for _ in range(NETWORKS)]
        matcher.match(addresses[0])  # the first look builds the tables
        match, begun = matcher.match, time.process_time()
        for address in addresses:
            match(address)
        print(f"{name:8} {(time.process_time() - begun) / len(addresses) * 1e6:.2f} microseconds a look")


if __name__ == "__main__":
    lookups() if sys.argv[1:] == ["lookups"] else main()
