"""`balance rdp-cookie`: which bytes are hashed, and that HAProxy picks the same servers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.balance.farms import Client
from tests.balance.reference import NAMES, NamedServers
from tests.balance.strategies import KEYED
from tests.running import HAPROXY, TCPROXY, program, wait_for

START = bytes(11)
"""What stands before the cookie: the packet's headers, which nobody looks at."""


def packet(text: str) -> bytes:
    """Return a client's first packet."""
    return START + text.encode() + b"\r\n"


@pytest.mark.parametrize(
    ("words", "said", "key"),
    [
        ("", packet("Cookie: mstshash=jane"), b"jane"),
        ("", packet("cOOkie:mstsHASH=jane;x"), b"jane;x"),
        ("", packet("Cookie: mstshash="), None),
        ("", packet("Cookie: msts=jane"), None),
        ("(msts)", packet("Cookie: MSTS=1.2.0000"), b"1.2.0000"),
        ("", packet("Cookie: mstshash=jane")[:-1], None),
        ("", b"", None),
    ],
)
def test_what_is_hashed(words: str, said: bytes, key: bytes | None) -> None:
    """The value of the cookie of that name, once its line is there."""
    assert KEYED["rdp-cookie"].parse([words] if words else [])(Client(said=said)) == key


FARMS = ["rdp-cookie", "rdp-cookie(msts)", "rdp-cookie\n hash-type consistent"]
SAID: Sequence[bytes] = [
    *(packet(f"Cookie: mstshash={name}") for name in ("jane", "joe", "jim", "jack", "jill", "jane", "joe")),
    *(packet(f"Cookie: MSTS={number}.15629.0000") for number in range(5)),
    packet("Cookie: mstshash="), packet("Cookie: other=jane"), b"hello", packet("Cookie: mstshash=long")[:-1],
]  # fmt: skip


def picks(command: str, folder: Path, servers: NamedServers) -> list[str]:
    """Return who served the clients of each farm."""
    text = "defaults\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n"
    for number, farm in enumerate(FARMS):
        text += f"listen l{number}\n bind unix@{folder}/{number}\n balance {farm}\n"
        for name in NAMES:
            text += f" server {name} 127.0.0.1:{servers.ports[name]} weight {ord(name) % 4 + 1}\n"
    (folder / "cfg").write_text(text)
    with program(command, "-db", "-f", str(folder / "cfg")) as process:
        wait_for((folder / str(len(FARMS) - 1)).exists, what=command)
        return ["".join(_served(process, folder / str(number), said) for said in SAID) for number in range(len(FARMS))]


def _served(process: subprocess.Popen[str], place: Path, said: bytes) -> str:
    """Return who serves a client that comes and speaks while the program stands still: both are found at once."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        os.kill(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        client.connect(str(place))
        client.sendall(said)
        os.kill(process.pid, signal.SIGCONT)
        return client.recv(1).decode()


@pytest.mark.reference
def test_picks_of_the_program(tmp_path: Path) -> None:
    """The same cookies lead to the same servers, and clients without one take their turns."""
    servers = NamedServers()
    try:
        found = []
        for command in (HAPROXY, TCPROXY):
            folder = tmp_path / Path(command).name
            folder.mkdir()
            found.append(picks(command, folder, servers))
    finally:
        servers.close()
    assert found[0] == found[1]
    assert len(set(found[0][0])) > 3
