"""Numbers, files and patterns of sets beside HAProxy's `show acl` and `show map`; predefined ACLs beside HAProxy's."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.language import read_text
from tcproxy.rules.predefined import PREDEFINED, PREDEFINED_NOT_YET
from tcproxy.samples.patterns.sets import PatternSet
from tests.rules.asking import folder_of
from tests.running import HAPROXY, free_port, program, wait_for
from tests.samples.http_reference import Case, Play

pytestmark = pytest.mark.reference

CONFIGURATION = """
global
  stats socket {socket} level admin
defaults
  mode http
  timeout client 1s
  timeout server 1s
  timeout connect 1s
frontend f
  bind 127.0.0.1:{port}
  acl a src 10.0.0.0/8
  acl a src -f nets
  acl b str(x) -m beg -i -f words -f more abc def
  acl numbers int(5) gt 3 lt 9 1:2 le 0 ge -5
  acl lengths str(x) -m len gt 3 4
  acl c src -u 4 1.2.3.4
  acl d always_true -u 2
  acl found src -m found
  acl e str(x) -f words
  acl m str(x) -M -f map
  use_backend b1 if {{ str(a),map(map) -m found }} LOCALHOST || {{ str(b),map_beg(map,x) b }}
  use_backend b1 if {{ str(a),map_str_int(ints) 5 }} TRUE LOCALHOST
  acl LOCALHOST src 9.9.9.8
  use_backend b1 if LOCALHOST
backend b1
  acl a src 9.9.9.9
  server s 127.0.0.1:1
"""
FILES = {
    "words": b"abc\nabc\ndef\n", "nets": b"10.0.0.0/8\n", "more": b"x\n", "map": b"a 1\nb  2 3\n",
    "ints": b"a 5\nb -6\n",
}  # fmt: skip


def asked(path: str, command: str) -> str:
    """Return what HAProxy answers to a command."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(command.encode() + b"\n")
        return b"".join(iter(lambda: client.recv(65536), b"")).decode()


def theirs(path: str) -> list[tuple[int, str, list[str]]]:
    """Return number, file and lines of all sets that HAProxy has."""
    found = []
    for word in ("acl", "map"):
        for number, file in re.findall(r"^(-?[0-9]+) \((.*?)\)", asked(path, f"show {word}"), re.MULTILINE):
            lines = [line.split(" ", 1)[1] for line in asked(path, f"show {word} #{number}").splitlines() if line]
            found.append((int(number), file, lines))
    return sorted({number: (number, file, lines) for number, file, lines in found}.values())


def shown(one: PatternSet) -> list[str]:
    """Return the lines of a set as HAProxy shows them."""
    return [
        entry.text.decode() + ("" if entry.value is None else f" {entry.value.decode()}") for entry in one.entries()
    ]


def test_sets_are_those_of_haproxy(tmp_path: Path) -> None:
    """Each ACL and each file has the number that it has in HAProxy, and the same patterns and values."""
    path = str(tmp_path / "sock")
    with folder_of(FILES):
        port = free_port()
        text = CONFIGURATION.format(socket=path, port=port)
        Path("sets.cfg").write_text(text)
        with program(HAPROXY, "-db", "-f", "sets.cfg", port=port):
            wait_for(Path(path).exists, what="the socket")
            expected = [one for one in theirs(path) if one[2] != ["0.0.0.0"]]  # of HAProxy's own client of HTTP
        diagnostics = Diagnostics(1)
        configuration = read_text(text, Environment({}), diagnostics, name="sets.cfg")
    assert configuration is not None, [str(item.message) for item in diagnostics.items]
    assert [(one.number, one.file, shown(one)) for one in configuration.patterns.sets] == expected


REQUESTS = [
    b"%b %b HTTP/1.%d\r\nHost: h\r\n%b\r\n" % (method, target, minor, extra)
    for method in (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"FOO", b"get")
    for target in (b"/", b"*", b"http://h/x", b"/a?b://c")
    for minor, extra in ((0, b""), (1, b""), (1, b"Content-Length: 0\r\n"))
]


def test_predefined_acls_hold_as_in_haproxy() -> None:
    """Each ACL that need not be declared, but those of bytes of TCP, says of requests what it says in HAProxy."""
    of_content = {"RDP_COOKIE", "REQ_CONTENT", "WAIT_END"}
    play = Play((), sorted(set(PREDEFINED) - PREDEFINED_NOT_YET - of_content))
    bodies = [Case(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")]
    assert play.differences([*map(Case, REQUESTS), *bodies]) == []


def test_methods_hold_as_in_haproxy() -> None:
    """Criterion `method`: case is ignored in methods alone that HAProxy does not know."""
    conditions = [
        f"{{ method {flag}{name} }}"
        for flag in ("", "-i ", "-m str ", "-m str -i ", "-m beg ", "-m len 3 -- ")
        for name in ("GET", "get", "FOO", "foo", "HEAD POST foo")
        if flag != "-m len 3 -- "
    ]
    assert Play((), conditions).differences([Case(request) for request in REQUESTS if b"/ HTTP" in request]) == []
