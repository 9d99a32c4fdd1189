"""Conditions on bytes that may still come beside HAProxy: met, not met, or not yet decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcproxy.rules.waiting import three_valued
from tests.rules.world import client, condition
from tests.samples.content import Seen, answers
from tests.wire.hellos import hello, server_name

pytestmark = pytest.mark.reference

CONDITIONS = [
    "{ req.len gt 5 }", "!{ req.len gt 5 }", "{ req.len 3 }", "{ req.len lt 9 } { req.len gt 5 }",
    "{ req.payload(0,2) -m bin 6162 }", "{ req.payload(0,6) -m found }", "!{ req.payload(0,6) -m found }",
    "{ req.payload(0,0) -m sub cd }", "{ req.payload(0,0),upper -m str ABCDEF }", "{ req.ssl_sni one.example }",
    "!{ req.ssl_sni one.example }", "{ req.ssl_hello_type 1 }", "{ req.ssl_hello_type 1 } || { req.len 3 }",
    "{ req.payload(0,9) -m found } || { always_true }", "{ req.payload(0,9) -m found } { always_false }",
    "{ always_false } { req.payload(0,9) -m found }", "WAIT_END", "!WAIT_END", "{ always_true } WAIT_END", "HTTP",
    "REQ_CONTENT", "RDP_COOKIE", "{ req.rdp_cookie_cnt 0 }", "{ req.proto_http } or { req.len gt 100 }",
    "{ always_true } !{ req.len gt 5 } || { src 127.0.0.2 }", "{ src 127.0.0.2 } || { wait_end }", "!HTTP",
]  # fmt: skip
HELLO = hello([server_name(b"one.example")])
CONTENTS = [b"abc", b"abcdef", b"GET / HTTP/1.0\r\n\r\n", HELLO, HELLO[:40], hello([server_name(b"two.example")])]


def ours(text: str, data: bytes) -> Seen:
    """Return what tcproxy makes of a condition: whether it is met in the end, and whether it waits before that."""
    facts = client(data=lambda: data, wait_over=False)
    compiled = condition(text)
    holds = three_valued(compiled)
    assert holds is not None
    first = holds(facts)
    facts.wait_over = True
    last = compiled.holds(facts) if first is None else first
    return Seen.of(b"\0\0\0\0\0\0\0\1" if last else None, first is None)


def test_conditions_wait_as_in_haproxy(tmp_path: Path) -> None:
    """Each condition is decided at once, or waits, or is decided when nothing more comes, where HAProxy's is."""
    with answers(tmp_path, [f"if {text}" for text in CONDITIONS]) as theirs:
        asked = [(text, data) for text in CONDITIONS for data in CONTENTS]
        for _ in range(2):  # a machine that stalled may have let inspect-delay pass before the bytes came
            told = theirs.ask([(f"if {text}", data) for text, data in asked])
            asked = [one for one, seen in zip(asked, told, strict=True) if seen != ours(*one)]
    assert asked == []
