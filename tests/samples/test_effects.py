"""Converters that look beyond the sample: backends and servers, slots of captures, and what `debug` tells."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import pytest

from tcproxy.model.captures import Capture
from tcproxy.report.events import Events
from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.kinds import Value
from tests.rules.world import client, farm, server
from tests.running import HAPROXY, free_port, program, stop
from tests.samples.reference import quoted

BACKENDS = """\
backend b
  id 7
  server s1 127.0.0.1:1
  server s2 127.0.0.1:1 disabled
  server s3 127.0.0.1:1 backup
backend c
  server only 127.0.0.1:1 backup
  server other 127.0.0.1:1 backup
backend empty
"""
NAMES = ("b", "c", "empty", "x", "", "f", "#7", "#8", "#", "# 7", "#7x", "#+7", "B", "b ")
SERVERS = ("b/s1", "b/s2", "b/s9", "b/", "/s1", "s1", "", "x/s1", "c/only", "#7/s1", "b/#1", "b/#9", "b/s1/", "f/s1")


def take(text: str, facts: SimpleNamespace) -> Value | None:
    """Take a sample."""
    return parse_expression(text, "f").take(facts)  # type: ignore[arg-type]


def lively() -> SimpleNamespace:
    """Return a client beside the backends above."""
    down = {"usable": False}
    return client(
        farms=[
            farm("b", server("s1", id=1), server("s2", id=2, **down), server("s3", id=3, backup=True), id=7),
            farm("c", server("only", id=1, backup=True), server("other", id=2, backup=True), id=3),
            farm("empty", id=4),
        ]
    )


@pytest.mark.reference
def test_backends_and_servers_are_looked_up_as_by_haproxy(tmp_path: Path) -> None:
    """Names of all forms lead to the backend or server that HAProxy finds, and to no sample where it finds none."""
    texts = [f'str("{name}"),nbsrv' for name in NAMES] + [f'str("{name}"),srv_queue' for name in SERVERS]
    texts += ["int(5),nbsrv", "bin(6200),nbsrv", "bin(622f7331),srv_queue"]
    theirs = _answers(texts, tmp_path / "lookups.cfg")
    ours = ["" if (value := take(text, lively())) is None else str(value) for text in texts]
    assert dict(zip(texts, ours, strict=True)) == dict(zip(texts, theirs, strict=True))


def _answers(texts: list[str], file: Path) -> list[str]:
    """Return the value of each expression in HAProxy, empty without one."""
    port = free_port()
    shown = "|".join(f"%[{text}]" for text in texts)
    file.write_text(
        f"defaults\n  mode http\n  timeout client 5s\n  timeout connect 5s\n  timeout server 5s\n{BACKENDS}"
        f"frontend f\n  bind 127.0.0.1:{port}\n"
        f"  http-request return status 200 content-type text/plain lf-string {quoted(shown)}\n"
    )
    with program(HAPROXY, "-db", "-f", str(file), port=port):
        return str(urlopen(f"http://127.0.0.1:{port}/").read().decode()).split("|")


def test_a_server_without_a_backend_is_one_of_the_backend_at_hand() -> None:
    """The backend chosen counts, and before that the section itself, if it is one with servers."""
    facts = lively()
    facts.farm = farm("d", server("s1", queued=4))
    assert take("str(s1),srv_queue", facts) == 4
    facts.farm = None
    facts.world.farms["f"] = farm("f", server("s1", queued=5))
    assert take("str(s1),srv_queue", facts) == 5


def test_slots_keep_what_fits() -> None:
    """A text goes on whole and is kept up to the length of its slot; a slot that does not exist gives no sample."""
    slots = SimpleNamespace(request=[None, b"old"], response=[None])
    facts = client(captured=slots)
    model = facts.frontend.model.__class__
    facts.frontend.model = model(
        "frontend", "f", request_captures=(Capture("", 3), Capture("host", 9)), response_captures=(Capture("", 2),)
    )
    assert take("str(abcdef),capture-req(0)", facts) == b"abcdef"
    assert take("int(12345),capture-req(1)", facts) == b"12345"
    assert take("str(abc),capture-res(0)", facts) == b"abc"
    assert (slots.request, slots.response) == ([b"abc", b"12345"], [b"ab"])
    assert [take(f"str(a),capture-req({index})", facts) for index in (2, -1)] == [None, None]
    assert take("str(a),capture-res(1)", facts) is None and take("str(a),capture-req(0)", client()) is None


TOLD = (
    "str(a),debug(x,stdout)", "str(),debug(,stdout)", "int(5),debug(pre,stdout)", "bool(1),debug(pre,stdout)",
    "ipv4(1.2.3.4),debug(pre,stdout)", "ipv6(::1),debug(pre,stdout)", "bin(00ff0a41),debug(pre,stdout)",
    "bin(4142),debug(p q,stdout)", "meth(GET),debug(pre,stdout)", "str(\"a\nb\tc\\\\é~\"),debug(pre,stdout)",
    "var(txn.none),debug(none,stdout)", "int(-7),debug(a,stdout),add(1),debug(b,stdout)",
)  # fmt: skip


@pytest.mark.reference
def test_debug_tells_what_haproxy_tells(tmp_path: Path) -> None:
    """Each kind of sample is told with the words that HAProxy has for it."""
    port = free_port()
    rules = "".join(f"  http-request set-var(txn.a) {quoted(text)}\n" for text in TOLD)
    file = tmp_path / "debug.cfg"
    file.write_text(
        f"defaults\n  mode http\n  timeout client 5s\nfrontend f\n  bind 127.0.0.1:{port}\n{rules}"
        f"  http-request return status 200\n",
        encoding="utf-8",
    )
    with program(HAPROXY, "-db", "-f", str(file), port=port) as run:
        urlopen(f"http://127.0.0.1:{port}/").read()
        stop(run)
        assert run.stdout is not None
        theirs = [line.encode() for line in run.stdout.read().splitlines() if line.startswith("[debug]")]
    facts = client(variables=lambda scope: None)
    for text in TOLD:
        take(text, facts)
    assert facts.world.told == [("stdout", line) for line in theirs]


def test_destinations_of_debug() -> None:
    """Without a destination the ring takes it; a destination that does not exist is refused."""
    facts = client()
    assert take("str(a),debug", facts) is not None and facts.world.told == [("buf0", b"[debug] : type=str <a>")]
    for wrong in ("nowhere", "", "BUF0", "null"):
        with pytest.raises(ValueError, match="there is no destination"):
            parse_expression(f"str(a),debug(x,{wrong})", "f")


def test_the_ring_keeps_the_last_events() -> None:
    """The oldest events make room, and each is shown with its moment."""
    empty = Events()
    empty.add(b"")
    moment = len(next(empty.lines())) - 1
    ring = Events(size=2 * moment + len("threefour") + 2 * 2 + 1)
    for line in (b"one", b"three", b"four"):
        ring.add(line)
    shown = list(ring.lines())
    assert [line.split(" ", 1)[1] for line in shown] == ["three\n", "four\n"]
    assert shown[0].startswith("<0>20") and shown[0].split()[0][-6] in "+-"
