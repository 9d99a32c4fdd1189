"""Converters of texts and data never raise, whatever they are given, and need a time that grows with its length."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.kinds import Kind, Sample, Value
from tests.rules.world import client

CHAINS = (
    "b64dec", "ub64dec", "base64", "ub64enc", "hex", "hex2i", "be2dec(:,3)", "be2hex(:,3,1)", "crc32c", "xxh3",
    "xxh32(7)", "xxh64",
    "wt6(1)",
    "digest(sha256)", "hmac(sha1,a2V5)",
    "aes_gcm_dec(128,AAAAAAAAAAAAAAAA,AAAAAAAAAAAAAAAAAAAAAA==,AAAAAAAAAAAAAAAAAAAAAA==)",
    "cut_crlf", "json", "json(utf8)", "json(utf8ps)", "url_dec(1)", "url_enc", 'json_query("$.a[1].b")',
    'json_query("$[0]",int)',
    'jwt_header_query("$.a")', 'jwt_payload_query("$.a",int)', "jwt_verify(HS256,secret)", "jwt_verify(none,x)",
    "fix_is_valid",
    "fix_tag_value(49)", "mqtt_is_valid", "mqtt_field_value(connect,username)", "mqtt_field_value(connack,33)",
    "protobuf(1.2)",
    "protobuf(1.2,sint64)", "protobuf(1,double)", "ungrpc(2)", "ungrpc(1.1,float)",
)  # fmt: skip
EXPRESSIONS = {chain: parse_expression(f"var(txn.data),{chain}", "f").take for chain in CHAINS}
NASTY = (
    b"[", b"{", b'{"a":', b"[[", b"[1,", b'"\\', b'[{"a":[1,{"b":[', b"1", b"1e9", b"\\u00", b"=", b"A===", b"QQ==",
    b"%", b"%41",
    b"+", b".", b"\x80",
    b"\xff", b"\n", b"8=\1", b"10=\1", b"\x08", b"\x0a\x7f", b"\x12\x00", b"\x0a\x02", b"\x10\x00\x04MQTT",
    b"&\0\0\0\0", b"\0\0\0\0\0", b"a:b,",
    b'{"x":[[{},{}],[]],', b"0", b"\xf0\x90", b"-", b"aaaa",
)  # fmt: skip
"""What is repeated many times."""
LONG = 30_000
PATIENCE = 1.0
"""Seconds that no converter needs for LONG bytes: most need thousandths."""


def convert(chain: str, sample: Sample) -> Value | None:
    """Return what the converters make of a variable's value."""
    return EXPRESSIONS[chain](client(variables=lambda scope: {"data": sample}))


@given(st.binary(max_size=200), st.sampled_from((Kind.STR, Kind.BIN)))
@settings(max_examples=300, deadline=None)
def test_no_converter_raises(data: bytes, kind: Kind) -> None:
    """Any bytes, as a text or as data, give a value or none."""
    for chain in CHAINS:
        convert(chain, Sample(kind, data))


@given(st.lists(st.sampled_from(NASTY), max_size=30).map(b"".join))
@settings(max_examples=300, deadline=None)
def test_no_converter_raises_for_what_looks_right(data: bytes) -> None:
    """Pieces of what the converters read, in any order, give a value or none."""
    for chain in CHAINS:
        convert(chain, Sample(Kind.BIN, data))


@pytest.mark.parametrize("chain", CHAINS)
def test_time_grows_with_length(chain: str) -> None:
    """No text that repeats one of the pieces thousands of times keeps a converter busy."""
    for piece in NASTY:
        data = piece * (LONG // len(piece))
        begun = time.process_time()
        convert(chain, Sample(Kind.STR, data))
        convert(chain, Sample(Kind.BIN, data[:-1] + b"\0"))
        assert time.process_time() - begun < PATIENCE, piece
