"""Converters of JSON web tokens beside HAProxy, with keys that are made for the test."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.samples.reference import differences
from tests.samples.values import spoiled, text

pytestmark = pytest.mark.reference

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1(), "k256": ec.SECP256K1()}
PRIVATE = {
    "rsa": rsa.generate_private_key(65537, 2048),
    **{name: ec.generate_private_key(curve) for name, curve in CURVES.items()},
    "ed": ed25519.Ed25519PrivateKey.generate(),
}
VARIABLES = {
    "txn.hs": "str(HS256)", "txn.ps": "str(PS256)", "txn.odd": "str(XS256)", "txn.lower": "str(hs256)",
    "txn.key": "str(secret)",
    "txn.none": "str(none)", "txn.empty": "str()",
}  # fmt: skip


def coded(data: bytes) -> str:
    """Return data in base64 for URLs, without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def parts(algorithm: str) -> str:
    """Return the header and the payload of a token."""
    return (
        coded(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
        + "."
        + coded(b'{"sub":"x","n":5,"r":[1,"a"],"t":true}')
    )


def secret_token(algorithm: str, secret: bytes = b"secret") -> str:
    """Return a token that is signed with a secret."""
    body = parts(algorithm)
    return f"{body}.{coded(hmac.digest(secret, body.encode(), 'sha' + algorithm[2:]))}"


def numbers(name: str, algorithm: str) -> tuple[str, int, int]:
    """Return header and payload, and the two numbers of their signature by a key of an elliptic curve."""
    body = parts(algorithm)
    key = PRIVATE[name]
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return (body, *utils.decode_dss_signature(key.sign(body.encode(), ec.ECDSA(HASHES[algorithm[2:]]))))


def curve_token(name: str, algorithm: str, size: int) -> str:
    """Return a token that is signed by a key of an elliptic curve, its numbers written with so many bytes."""
    body, one, two = numbers(name, algorithm)
    return f"{body}.{coded(one.to_bytes(size, 'big') + two.to_bytes(size, 'big'))}"


def rsa_token(algorithm: str) -> str:
    """Return a token that is signed by the RSA key."""
    body, key = parts(algorithm), PRIVATE["rsa"]
    assert isinstance(key, rsa.RSAPrivateKey)
    return f"{body}.{coded(key.sign(body.encode(), padding.PKCS1v15(), HASHES[algorithm[2:]]))}"


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    """Write public keys to files, and files that are none; return them by name."""
    files = {}
    for name, key in PRIVATE.items():
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for suffix, data in (("pub", public), ("key", private), ("both", private + b"text\n" + public)):
            files[f"{name}.{suffix}"] = tmp_path / f"{name}.{suffix}"
            files[f"{name}.{suffix}"].write_bytes(data)
    for name, data in (("empty", b""), ("bad", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")):
        files[name] = tmp_path / name
        files[name].write_bytes(data)
    return {**files, "absent": tmp_path / "absent", "folder": tmp_path}


def test_queries() -> None:
    """Header and payload are decoded however many parts a token has; without a path there is no sample."""
    random = Random(1)
    token = secret_token("HS256")
    header, payload, _ = token.split(".")
    tokens = [token, header, f"{header}.", f"{header}.{payload}", f"{token}.", f"{token}.x.y", "", ".", "..",
    f".{payload}",
              f"..{payload}", f"!.{payload}", f"{header}.!.x", f"{header}==.{payload}==.", "a.b.c"]  # fmt: skip
    tokens += [spoiled(random, token.encode(), b".=!A").decode() for _ in range(60)]
    words = ("($.alg)", "($.sub)", "($.n)", "($.n,int)", "($.t)", "($.r[1])", "", "($)")
    asked = [f"str({one}),jwt_{part}_query{word}" for one in tokens for part in ("header", "payload") for word in words]
    more = ("()", "('')", "(,)", "(,int)", "($.n,str)", "($.n,int,)", "($.n,)", "(,x)")
    asked += [f"str({token}),jwt_{part}_query{word}" for part in ("header", "payload") for word in more]
    assert differences(asked) == []


def test_secrets() -> None:
    """Tokens of the HMAC family, with right and wrong secrets, and broken ones, give the numbers of HAProxy."""
    random = Random(2)
    tokens = [secret_token(f"HS{size}") for size in HASHES] + [
        secret_token("HS256", b"other"),
        f"{parts('none')}.",
        parts("none"),
    ]
    token = tokens[0]
    tokens += [
        f"{token}.x",
        f"{token}.",
        f"{parts('HS256')}.!!",
        f"{parts('HS256')}.A",
        "",
        ".",
        "..",
        "...",
        f"{token}=",
    ]
    tokens += [spoiled(random, token.encode(), b".=!A").decode() for _ in range(60)]
    algorithms = (
        "HS256",
        "HS384",
        "HS512",
        "none",
        "txn.hs",
        "txn.ps",
        "txn.odd",
        "txn.lower",
        "txn.none",
        "txn.no",
        "txn.empty",
    )
    asked = [f"str({one}),jwt_verify({name},secret)" for one in tokens for name in algorithms]
    secrets = ("", "txn.key", "txn.no", "txn.empty", "other", "s ecret", "/etc/passwd", "txn.a-b")
    asked += [f"str({token}),jwt_verify({name},{key})" for name in algorithms for key in secrets]
    wrong = (
        "",
        "hs256",
        "XS256",
        "HS1",
        "NONE",
        "PS256",
        "PS384",
        "PS512",
        "HS256 ",
        "txn.",
        "txn.a-b",
        "HS2560",
        "None",
    )
    asked += [f"str({token}),jwt_verify({name},secret)" for name in wrong]
    asked += [f"str({token}),jwt_verify{words}" for words in ("", "()", "(HS256)", "(HS256,secret,)", "(HS256,)")]
    asked += [f"bin({token.encode().hex()}00),jwt_verify(HS256,secret)", "int(5),jwt_verify(HS256,secret)"]
    assert differences(asked, VARIABLES) == []


def test_public_keys(keys: dict[str, Path]) -> None:
    """Signatures by RSA and elliptic curves are verified with the public key of a file, as HAProxy does."""
    random = Random(3)
    tokens = [rsa_token(f"RS{size}") for size in HASHES]
    for name, size in (("p256", 32), ("p384", 48), ("p521", 66), ("k256", 32)):
        tokens += [curve_token(name, f"ES{bits}", size) for bits in HASHES]
    body, one, two = numbers("p256", "RS256")
    tokens.append(f"{body}.{coded(utils.encode_dss_signature(one, two))}")
    files = [keys[name] for name in ("rsa.pub", "p256.pub", "p384.pub", "p521.pub", "k256.pub", "ed.pub")]
    algorithms = [family + size for family in ("RS", "ES") for size in HASHES]
    asked = [f"str({token}),jwt_verify({name},{file})" for token in tokens for name in algorithms for file in files]
    odd = [keys[name] for name in ("rsa.key", "rsa.both", "empty", "bad", "absent", "folder")]
    asked += [f"str({tokens[0]}),jwt_verify({name},{file})" for name in ("RS256", "ES256", "HS256") for file in odd]
    wider = [
        curve_token("p256", "ES256", 33),
        curve_token("p256", "ES256", 40),
        *(spoiled(random, tokens[3].encode(), b".A=").decode() for _ in range(40)),
    ]
    asked += [f"{text(one.encode())},jwt_verify(ES256,{keys['p256.pub']})" for one in wider]
    assert differences(asked, VARIABLES) == []
