"""Message digests, authentication codes, decryption and the comparison of secrets, beside HAProxy."""

from __future__ import annotations

from base64 import b64encode
from random import Random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tcproxy.samples.digests import _BY_NAME, _RETIRED
from tcproxy.samples.expressions import parse_expression
from tests.samples.reference import differences
from tests.samples.values import blocks, constant, text

pytestmark = pytest.mark.reference

VARIABLES = {
    "txn.text": "str(abc)", "txn.base64": "str(a2V5)", "txn.odd": "str(a2V)", "txn.cut": "bin(6132560061)",
    "txn.int": "int(1234)", "txn.ip": "ipv4(1.2.3.4)", "txn.ip6": "ipv6(::1)", "txn.empty": "str()",
    "txn.bool": "bool(1)", "txn.method": "meth(GET)", "proc.text": "str(abc)", "sess.text": "str(abc)",
    "req.base64": "str(a2V5)",
}  # fmt: skip
KEYS = (
    *VARIABLES, "txn.none", "res.none", "check.none", "none.none", "txn.", "txn", "txn.a-b", "a2V", "a2V5", "", "a2V5!",
    "a2U=", "YQ==YQ==",
)  # fmt: skip
LONG_KEYS = tuple(key for key in KEYS if "." in key or key in ("a2V", "a2V5!"))
"""Those that are no constants of a few bytes: such nonces and tags are refused, other than by HAProxy."""
UNKNOWN = (
    "", "sha", "sha0", "sha_256", "sha512/256", "blake2b", "null", "md2", "mdc2", "dss1", "id-sha256", "sha256 ",
    "shake_128", "ecdsa-with-SHA256", "1.2.840.113549.1.1.11", "kmac128",
)  # fmt: skip


def coded(data: bytes) -> str:
    """Return data in base64."""
    return b64encode(data).decode()


def test_digests_have_the_names_of_openssl() -> None:
    """Every name of a digest, in letters of either case, gives HAProxy's digest and HMAC; other names are refused."""
    names = [*_BY_NAME, *_RETIRED, *UNKNOWN]
    names += [name.upper() for name in names]
    asked = [f"{value},digest({name})" for name in names for value in ("str(abc)", "str()")]
    asked += [f"str(abc),hmac({name},a2V5)" for name in names]
    asked += [f"str(abc),{name}" for name in ("digest", "digest()", "digest(md5,)", "sha1()", "sha1(1)")]
    asked += [f"str(abc),sha2{bits}" for bits in ("", "()", "(0)", "(1)", "(-256)", "(x)", "(224,)")]
    assert differences(asked) == []


def test_digests_of_data() -> None:
    """sha1, sha2, digest and hmac of data of every length are HAProxy's, and those of other kinds of samples."""
    random = Random(1)
    values = [
        *(constant(data) for data in blocks(random, 20)),
        "int(-5)",
        "ipv4(1.2.3.4)",
        "ipv6(::1)",
        "bool(1)",
        "meth(GET)",
    ]
    chains = ["sha1", *(f"sha2({bits})" for bits in (224, 256, 384, 512))]
    for name in ("md5", "sha256", "sha3-256", "blake2s256", "shake256", "sm3", "md5-sha1"):
        chains += [f"digest({name})", f"hmac({name},{coded(random.randbytes(random.randint(0, 200)))})"]
    assert differences(f"{value},{chain}" for value in values for chain in chains) == []


def test_keys_of_hmac() -> None:
    """A key is base64, or a variable that holds base64; what is neither is refused, or gives no sample."""
    asked = [f"str(abc),hmac({name},{key})" for name in ("sha256", "md4", "shake128") for key in KEYS]
    asked += ["str(abc),hmac", "str(abc),hmac(sha256)", "str(abc),hmac(sha256,a2V5,)"]
    assert differences(asked, VARIABLES) == []


def test_secrets_are_compared_as_blocks_of_data() -> None:
    """secure_memcmp takes nothing but a variable, and compares its bytes, whatever its kind."""
    values = [value for value in VARIABLES.values() if value.startswith(("str", "bin", "int", "ip", "bool", "meth"))]
    asked = [f"{value},secure_memcmp({key})" for value in values for key in KEYS]
    asked += ["str(abc),secure_memcmp", "str(abc),secure_memcmp(txn.text,)"]
    assert differences(asked, VARIABLES) == []


def _sealed(random: Random, bits: int) -> tuple[dict[str, bytes], str]:
    """Return nonce, key and tag, and the constant of what they seal."""
    data = random.choice((b"", b"secret\0text", random.randbytes(random.randint(1, 200))))
    nonce, key = random.randbytes(random.choice((8, 12, 12, 16, 60, 128))), random.randbytes(bits // 8)
    sealed = AESGCM(key).encrypt(nonce, data, None)
    return {"nonce": nonce, "key": key, "tag": sealed[-16:]}, constant(sealed[:-16])


def test_decryption_of_aes_gcm() -> None:
    """aes_gcm_dec decrypts with constants and variables; a wrong nonce, key, tag or text gives no sample."""
    random = Random(2)
    asked, variables = [], dict(VARIABLES)
    for number in range(90):
        bits = random.choice((128, 192, 256))
        parts, data = _sealed(random, bits)
        for name, part in parts.items():
            variables[f"txn.{name}{number}"] = f"str({coded(part)})"
        words = {name: random.choice((coded(part), f"txn.{name}{number}")) for name, part in parts.items()}
        spoiled = [dict(words, tag=coded(parts["tag"][:size])) for size in (0, 4, 8, 12, 15)]
        spoiled += [dict(words, tag=coded(parts["tag"] + b"x")), dict(words, key=coded(parts["key"] + b"xyz"))]
        spoiled += [dict(words, **{name: random.choice(("AAAAAAAAAAAA", "", *LONG_KEYS))}) for name in ("nonce", "tag")]
        spoiled += [
            dict(words, nonce=coded(bytes(129))),
            dict(words, key=random.choice(("txn.none", "none", "txn.odd"))),
        ]
        for one in (words, *spoiled):
            asked.append(f"{data},aes_gcm_dec({bits},{one['nonce']},{one['key']},{one['tag']})")
        asked.append(f"{text(b'other')},aes_gcm_dec({bits},{words['nonce']},{words['key']},{words['tag']})")
    asked += [
        f"str(a),aes_gcm_dec{words}"
        for words in ("", "(128)", "(64,AAAA,AAAA,AAAA)", "(x,A,A,A)", "(128,,,,)", "(128,,)")
    ]
    assert differences(asked, variables) == []


def test_nonces_and_tags_that_are_too_short_are_refused_by_name() -> None:
    """The library that decrypts takes no nonce of less than 8 bytes and no tag of less than 4."""
    nonce, key, tag = coded(bytes(12)), coded(bytes(16)), coded(bytes(16))
    for words in (f"{coded(bytes(7))},{key},{tag}", f"{nonce},{key},{coded(bytes(3))}"):
        with pytest.raises(ValueError, match="are not supported"):
            parse_expression(f"str(x),aes_gcm_dec(128,{words})", "f")
    parse_expression(f"str(x),aes_gcm_dec(128,{coded(bytes(8))},{key},{coded(bytes(4))})", "f")
