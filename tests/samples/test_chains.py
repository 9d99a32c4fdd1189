"""Chains of encodings, digests, and readers of formats, by chance, beside HAProxy."""

from __future__ import annotations

from random import Random

import pytest

from tests.samples.reference import differences
from tests.samples.values import blocks, constant, decoded

pytestmark = pytest.mark.reference

LINKS = (
    "base64", "b64dec", "ub64enc", "ub64dec", "hex", "hex2i", "htonl", "be2dec(:,2)", "be2dec(,1,1)", "be2hex(-,3,1)",
    "crc32", "crc32(1)", "crc32c", "djb2", "sdbm(1)", "wt6", "xxh3", "xxh32(5)", "xxh64(-1)", "cut_crlf", "url_dec",
    "url_dec(1)", "url_enc", "json", "json(utf8)", "json(utf8ps)", "sha1", "sha2", "sha2(512)", "digest(md5)",
    "digest(shake128)", "digest(md4)", "hmac(sha256,a2V5)", "hmac(sha1,txn.key)", "secure_memcmp(txn.key)",
    "secure_memcmp(txn.none)", 'json_query("$.a")', 'json_query("$.a",int)', "fix_is_valid", "fix_tag_value(8)",
    "mqtt_is_valid", "mqtt_field_value(connect,flags)", "protobuf(1)", "protobuf(6,int64)", "ungrpc(1)",
    "jwt_verify(HS256,txn.key)", "jwt_verify(none,x)", 'jwt_header_query("$.a")', "jwt_payload_query",
    "aes_gcm_dec(128,AAAAAAAAAAA=,AAAAAAAAAAAAAAAAAAAAAA==,AAAAAA==)", "lower", "upper", "length", "bytes(1,4)",
    "bytes(2)", "set-var(txn.kept)", "add(1)", "not", "bool", "concat(x)", "field(1,:)", "iif(a,b)", "ipmask(16)",
)  # fmt: skip
NUMBERS = (
    "int(0)", "int(-1)", "int(5)", "int(9223372036854775807)", "bool(1)", "ipv4(1.2.3.4)", "ipv6(::1)", "meth(GET)",
)  # fmt: skip
TEXTS = (
    "str(a%20b+c?d+e)", "str(YWJj)", "str(ff00)", "str(1:2:3)", r'str("{\"a\":1}")', "str(a.b.)", "str(true)",
)  # fmt: skip
VARIABLES = {"txn.key": "str(a2V5)", "txn.kept": "int(7)"}


@pytest.mark.parametrize("seed", range(3))
def test_chains(seed: int) -> None:
    """Chains of any order are refused, give a value or give none as in HAProxy."""
    random = Random(seed)
    data = [one for one in blocks(random, 40) if len(one) < 300]
    beginnings = [*NUMBERS, *TEXTS, *map(constant, data), *map(decoded, data), "var(txn.kept)", "var(txn.none)"]
    asked = [",".join([random.choice(beginnings), *random.choices(LINKS, k=random.randint(2, 5))]) for _ in range(1500)]
    asked += [f"{random.choice(beginnings)},{one},{random.choice(LINKS)}" for one in LINKS for _ in range(6)]
    assert differences(asked, VARIABLES) == []
