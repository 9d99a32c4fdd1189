"""Samples of bytes beside HAProxy: the values of pieces of many messages, and whether rules wait for more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.kinds import Kind, cast
from tests.rules.world import client
from tests.samples.content import Answers, Seen, answers
from tests.wire.hellos import HELLOS, OLD_HELLOS, hello, old_hello, protocols, server_name, spoiled

pytestmark = pytest.mark.reference

RDP = b"\x03\x00\x00\x2a\x25\xe0\x00\x00\x00\x00\x00"
RDP_PACKETS = [
    RDP + b"Cookie: mstshash=abc\r\n", RDP + b"cOOkie:  x=\r\n", RDP + b"Cookie: =y\r\n", RDP + b"Cookie: y\r\n",
    RDP + b"Cookie: y=1\n", RDP + b"Cookie: msts=1\rx", RDP + b"Cookie: MSTS=1\r\nCookie: mstshash=2\r\n",
    RDP + b"\1\0\x08\0", RDP + b"Cookie: y=a\0b\r\n", RDP + b"Xookie: y=a\r\n", RDP + b"Cookie:msts;q=a\r\n",
    b"\x02" + RDP[1:] + b"Cookie: a=b\r\n", b"\x03", RDP[:10],
]  # fmt: skip
DISTCC = [
    b"DIST00000001ARGC00000002ARGV00000002ccARGV00000003abcDOTI00000004xyzw", b"DIST0000000g", b"DIST0000000A",
    b"NAME00000003DIST00000001", b"NAME00000003abcDIST00000002", b"STAT00000003DIST00000001", b"dist00000001",
    b"ARGC00000001aARGC00000003abc", b"ABCD%08x" % 15336, b"ABCD%08x" % 15337, b"ABCD7fffffff", b"DONE00000003",
    b"NFIL00000001DIST00000004", b"CDIR00000001xDIST00000004", b"SERR00000000SOUT00000000DOTO00000002abARGV00000000",
]  # fmt: skip
HEADS = [
    b"G", b"GET ", b"GET /", b"GET /\n", b"GET / \r\n", b"POST /\r\n", b"GET / FOO\n", b"GET / foo\n", b"\rG", b"\n",
    b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"\r\n\nGET / HTTP/1.0\n\n", b"(",
    b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", b"GET / HTTP/1.1\nho st: b\n", b"GET / HTTP/1.1\nhost: b\0\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"POST / HTTP/1.1\r\nContent-length: x\r\n\r\n", b"SSH-2.0-OpenSSH\r\n",
    b"POST / HTTP/1.1\r\nContent-length: 5\r\nContent-length: 6\r\n\r\n", b"GET / HTTP/1.0\r\ncontent-length: 1\n\n",
    b"GET /a b HTTP/1.1\r\n\r\n", b"GET / XTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", b"GET http://a/ HTTP/1.1\r\nhost: b\r\n\r\n", b"A" * 9000,
    b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 98 + b"\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 99 + b"\r\n",
    b"GET / HTTP/1.1\r\n\rx", b"GET / HTTP/1.1\r\na: b\rc", b"GET / HTTP/1.1\r\n\x80", b"GET / HTTP/1.1\r\n a\r\n\r\n",
    b"GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", b"GET / HTTP/1.1\r\na : b\r\n\r\n",
]  # fmt: skip
BLOCKS = [b"a", b"abc", b"\x03abcde", b"\0\3abcdef", b"\0\0\0", b"\xff" * 20, b"\0\0\x3f\xff" + b"x" * 100, b"x" * 9000]
PAYLOADS = [
    *(f"req.payload({words})" for words in (
        "0,0", "0,2", "2,3", "1,0", "3,0", "-1,0", "0,-1", "4294967296,2", "16384,0", "16385,0", "16384,1", "0,16384",
    )),
    *(f"req.payload_lv({words})" for words in (
        "0,1", "0,2", "0,4", "0,9", "1,1", "0,1,", "0,1,+", "0,1,-", "0,1,010", "0,1,+1", "0,1,+2", "0,1,-1", "2,1,-3",
        "0,1,0", "0,1,1", "0,1,2", "0,1,3", "0,1,4", "16384,1", "20000,1", "4294967296,1", "0,1,99999999999",
    )),
    "payload(1,2)", "payload_lv(0,1)", "req.len", "req_len",
]  # fmt: skip
DISTCC_FETCHES = [
    "distcc_param(DIST)", "distcc_param(ARGV,2)", "distcc_param(ARGV,0)", "distcc_param(ARGV,-1)", "distcc_param(DOTI)",
    "distcc_body(ARGV)", "distcc_body(ARGV,2)", "distcc_body(DIST)", "distcc_body(NAME)", "distcc_param(ARGC,2)",
]  # fmt: skip
RDP_FETCHES = [
    "req.rdp_cookie", "req.rdp_cookie(MSTS)", "rdp_cookie(mstshash)", "req.rdp_cookie_cnt", "rdp_cookie_cnt(msts)",
]  # fmt: skip
HELLO_FETCHES = [
    "req.ssl_hello_type", "req.ssl_sni", "req.ssl_alpn", "req.ssl_ec_ext", "req.ssl_st_ext", "req.ssl_ver",
]  # fmt: skip
BOTH_HELLOS = st.one_of(spoiled(HELLOS), spoiled(OLD_HELLOS))
Asked = tuple[str, bytes]
FEW = settings(
    max_examples=3, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def ours(text: str, data: bytes, side: str = "request") -> Seen:
    """Return what tcproxy takes from these bytes."""
    expression = parse_expression(text, "f")
    here, there = (data, None) if side == "request" else (b"?", data)
    facts = client(request=None, data=lambda: here, response_data=lambda: there, wait_over=False)
    value = expression.take(facts)  # type: ignore[arg-type]
    assert expression.waits is not None
    waits = expression.waits(facts)  # type: ignore[arg-type]
    to_bytes = cast(expression.kind, Kind.BIN)
    assert to_bytes is not None
    return Seen.of(None if value is None else to_bytes(value), waits)  # type: ignore[arg-type]


def differences(theirs: Answers, asked: Sequence[Asked], side: str = "request") -> Sequence[object]:
    """Return what HAProxy sees otherwise: the expression, the bytes, its answer, ours."""
    found = _differences(theirs, asked, side)
    # a machine that stalled may have let inspect-delay pass before the bytes came: ask once more
    return found and _differences(theirs, [(text, data) for text, data, _, _ in found], side)


def _differences(theirs: Answers, asked: Sequence[Asked], side: str) -> list[tuple[str, bytes, Seen, Seen]]:
    told = theirs.ask(asked)
    pairs = [(text, data, seen, ours(text, data, side)) for (text, data), seen in zip(asked, told, strict=True)]
    return [pair for pair in pairs if pair[2] != pair[3]]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """Run a HAProxy that knows the expressions of this file about requests."""
    every = [*PAYLOADS, *DISTCC_FETCHES, *RDP_FETCHES, *HELLO_FETCHES, "req.proto_http"]
    with answers(tmp_path_factory.mktemp("contents"), every) as found:
        yield found


@pytest.mark.parametrize(
    ("fetches", "contents"),
    [
        (PAYLOADS, BLOCKS), (DISTCC_FETCHES, DISTCC), (RDP_FETCHES, RDP_PACKETS), (["req.proto_http"], HEADS),
        (HELLO_FETCHES, [hello([server_name(b"a")]), hello([protocols(b"h2")]), old_hello(), b"\x16", b"x"]),
    ],
    ids=["blocks", "distcc", "rdp", "heads", "hellos"],
)  # fmt: skip
def test_named_cases(theirs: Answers, fetches: list[str], contents: list[bytes]) -> None:
    """Each fetch gives what HAProxy's gives, and waits where it waits."""
    assert differences(theirs, [(text, data) for text in fetches for data in contents]) == []


@FEW
@given(st.lists(BOTH_HELLOS, min_size=40, max_size=60))
def test_spoiled_hellos(theirs: Answers, contents: list[bytes]) -> None:
    """Hellos that are cut or wrong give the same. Not compared: those that lack their last bytes (see below)."""
    asked = [(text, data) for data in contents if data and not lacks_its_end(data) for text in HELLO_FETCHES]
    assert differences(theirs, asked) == []


def lacks_its_end(data: bytes) -> bool:
    """Return whether a ClientHello lacks 1 to 4 bytes: HAProxy reads it then, with whatever its buffer has there."""
    return data[:1] == b"\x16" and 0 < 9 + int.from_bytes(data[6:9], "big") - len(data) <= 4


@FEW
@given(st.lists(st.builds(lambda data, at: data[: at % len(data) + 1], st.sampled_from(
    [*RDP_PACKETS, RDP + b"Cookie: mstshash=abc\r\n"]), st.integers(0, 99)), min_size=20, max_size=30))  # fmt: skip
def test_cut_packets(theirs: Answers, contents: list[bytes]) -> None:
    """Packets of Remote Desktop clients that came in part give the same."""
    assert differences(theirs, [(text, data) for text in RDP_FETCHES for data in contents]) == []


def test_responses(tmp_path: Path) -> None:
    """The bytes of a server give what HAProxy sees of them; `payload` means these in its rules."""
    server = hello(None, kind=2)
    contents = [b"a", b"\0\3abcdef", server, server[:20], server[:-1], b"DIST00000003ARGV00000002cc", b"\x15\3\1"]
    fetches = [
        "res.len", "res.payload(0,0)", "res.payload(1,2)", "res.payload_lv(0,2)", "res.ssl_hello_type", "payload(1,2)",
        "payload(0,100)", "payload_lv(0,2)", "rep_ssl_hello_type", "distcc_param(DIST)", "distcc_body(ARGV)",
    ]  # fmt: skip
    with answers(tmp_path, fetches, side="response") as found:
        asked = [(text, data) for text in fetches for data in contents]
        assert differences(found, asked, "response") == []
