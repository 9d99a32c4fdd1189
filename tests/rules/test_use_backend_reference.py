"""`use_backend` with conditions, on real connections: HAProxy and tcproxy send the same clients to the same farm."""

from __future__ import annotations

import contextlib
import random
import socket
import sys
from pathlib import Path

import pytest

from tests.running import HAPROXY, EchoServer, free_port, program

CONFIGURATION = """
global
  nbthread 1
defaults
  mode tcp
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend f
  bind 127.0.0.1:{port} name here
  bind 127.0.0.1:{other}
  acl office src 127.1.0.0/16 127.2.3.4
  acl office src -f {file}
  acl guest src 127.9.0.0/255.255.0.0
  use_backend full if {{ be_conn(full) lt 0 }} or {{ nbsrv(full) 0 }} TRUE
  use_backend first if office !guest
  use_backend second if {{ src_port 1:2 }} or guest {{ so_name here }}
  use_backend third unless {{ dst_port {port} }} || {{ src 127.64.0.0/10 }}
  default_backend last
backend full
  server full 127.0.0.1:1
backend first
  server first 127.0.0.1:{first}
backend second
  server second 127.0.0.1:{second}
backend third
  server third 127.0.0.1:{third}
backend last
  server last 127.0.0.1:{last}
"""


def clients() -> list[str]:
    """Return source addresses: the corners of each network, and some by a fixed chance."""
    chance = random.Random(2)
    corners = ["127.1.0.0", "127.1.255.255", "127.2.3.4", "127.2.3.5", "127.9.1.1", "127.10.0.1", "127.64.0.1"]
    listed = ["127.33.1.5", "127.33.1.6", "127.127.255.254", "127.0.0.1"]
    others = [f"127.{chance.choice((1, 9, 33, 70, 5))}.{chance.randrange(3)}.{n}" for n in range(1, 15)]
    return corners + listed + others


def served_by(port: int, source: str) -> bytes:
    """Return the greeting of the server that a client from this address reaches."""
    with socket.create_connection(("127.0.0.1", port), 5, source_address=(source, 0)) as client:
        return client.recv(100)


def picks(words: list[str], folder: Path) -> list[bytes]:
    """Run one of the programs and return who served each client, at each of the two ports."""
    names = ("first", "second", "third", "last")
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(EchoServer(name.encode())).port for name in names}
        listed = folder / "office.lst"
        listed.write_text("# more of the office\n127.33.1.4/31\n\n  127.127.255.254\n")
        port, other = free_port(), free_port()
        file = folder / "rules.cfg"
        file.write_text(CONFIGURATION.format(port=port, other=other, file=listed, **servers))
        stack.enter_context(program(*words, "-db", "-f", str(file), port=port))
        return [served_by(entrance, source) for entrance in (port, other) for source in clients()]


@pytest.mark.reference
def test_clients_reach_the_farm_that_haproxy_chooses(tmp_path: Path) -> None:
    """Networks, files, ports, names, negation and alternatives pick the same backend for every client."""
    expected = picks([HAPROXY], tmp_path)
    assert set(expected) == {b"first", b"second", b"third", b"last"}
    assert picks([sys.executable, "-m", "tcproxy.command"], tmp_path) == expected
