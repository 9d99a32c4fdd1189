"""Converters that make a message digest or a message authentication code (manual 7.3.1).

Digests have the names that OpenSSL 3.0 has for them, in letters of either case.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.encodings import base64_decoded
from tcproxy.samples.kinds import Kind, Value, bytes_of, decode
from tcproxy.samples.rows import Convert, Converter, ConvertWith
from tcproxy.samples.variable_arguments import text_of_variable
from tcproxy.samples.variables import variable_in

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts


class Digest(Protocol):
    """A message digest at work, as hashlib has it."""

    def update(self, data: bytes, /) -> None:
        """Add data."""

    def digest(self) -> bytes:
        """Return the digest of the data so far."""
        ...

    def copy(self) -> Digest:
        """Return one more, with the same data so far."""
        ...


_NAMES = """
md5          MD5 SSL3-MD5 RSA-MD5 md5WithRSAEncryption 1.2.840.113549.2.5
md5-sha1     MD5-SHA1
ripemd160    RIPEMD RIPEMD160 RIPEMD-160 RMD160 RSA-RIPEMD160 ripemd160WithRSA 1.3.36.3.2.1
sm3          SM3 RSA-SM3 sm3WithRSAEncryption 1.2.156.10197.1.401
sha1         SHA1 SHA-1 SSL3-SHA1 RSA-SHA1 RSA-SHA1-2 sha1WithRSAEncryption 1.3.14.3.2.26
sha224       SHA224 SHA-224 SHA2-224 RSA-SHA224 sha224WithRSAEncryption 2.16.840.1.101.3.4.2.4
sha256       SHA256 SHA-256 SHA2-256 RSA-SHA256 sha256WithRSAEncryption 2.16.840.1.101.3.4.2.1
sha384       SHA384 SHA-384 SHA2-384 RSA-SHA384 sha384WithRSAEncryption 2.16.840.1.101.3.4.2.2
sha512       SHA512 SHA-512 SHA2-512 RSA-SHA512 sha512WithRSAEncryption 2.16.840.1.101.3.4.2.3
sha512_224   SHA512-224 SHA-512/224 SHA2-512/224 RSA-SHA512/224 sha512-224WithRSAEncryption 2.16.840.1.101.3.4.2.5
sha512_256   SHA512-256 SHA-512/256 SHA2-512/256 RSA-SHA512/256 sha512-256WithRSAEncryption 2.16.840.1.101.3.4.2.6
sha3_224     SHA3-224 RSA-SHA3-224 id-rsassa-pkcs1-v1_5-with-sha3-224 2.16.840.1.101.3.4.2.7
sha3_256     SHA3-256 RSA-SHA3-256 id-rsassa-pkcs1-v1_5-with-sha3-256 2.16.840.1.101.3.4.2.8
sha3_384     SHA3-384 RSA-SHA3-384 id-rsassa-pkcs1-v1_5-with-sha3-384 2.16.840.1.101.3.4.2.9
sha3_512     SHA3-512 RSA-SHA3-512 id-rsassa-pkcs1-v1_5-with-sha3-512 2.16.840.1.101.3.4.2.10
shake_128    SHAKE128 SHAKE-128 2.16.840.1.101.3.4.2.11
shake_256    SHAKE256 SHAKE-256 2.16.840.1.101.3.4.2.12
blake2b      BLAKE2b512 BLAKE2b-512 1.3.6.1.4.1.1722.12.2.1.16
blake2s      BLAKE2s256 BLAKE2s-256 1.3.6.1.4.1.1722.12.2.2.8
"""
"""Names of hashlib, and OpenSSL's names for the same digests."""
_BY_NAME: Mapping[str, str] = MappingProxyType(
    {name.lower(): line.split()[0] for line in _NAMES.split("\n") if line for name in line.split()[1:]}
)
_RETIRED = frozenset(("md4", "rsa-md4", "md4withrsaencryption", "whirlpool"))
"""OpenSSL 3.0 knows these names, and computes none of them unless its configuration loads the legacy provider."""
_EXTENDABLE: Mapping[str, int] = MappingProxyType({"shake_128": 16, "shake_256": 32})
"""The digests that have no length of their own, and how many bytes OpenSSL takes of them."""


def digest_named(word: bytes) -> str | None:
    """Return hashlib's name of a digest, None for one that gives no sample. Raises ValueError."""
    name = decode(word)
    if name.lower() in _RETIRED:
        return None
    found = _BY_NAME.get(name.lower())
    if found is None:
        raise ValueError(f"'{name}' is not the name of a message digest")
    try:
        hashlib.new(found)
    except ValueError:
        raise ValueError(f"the hashlib of this Python has no digest '{name}'") from None
    return found


def _nothing(value: Value) -> Value | None:
    return None


def _digest(word: bytes = b"") -> Convert:
    name = digest_named(word)
    if name is None:
        return _nothing
    size = _EXTENDABLE.get(name)
    if size is not None:
        return lambda value: hashlib.new(name, bytes_of(value)).digest(size)  # type: ignore[call-arg]
    return _by(lambda data: hashlib.new(name, data))


def _by(new: Callable[[bytes], Digest]) -> Convert:
    return lambda value: new(bytes_of(value)).digest()


_SHA2: Mapping[int, Callable[[bytes], Digest]] = MappingProxyType(
    {224: hashlib.sha224, 256: hashlib.sha256, 384: hashlib.sha384, 512: hashlib.sha512}
)


def _sha2(bits: int = 256) -> Convert:
    new = _SHA2.get(bits)
    if new is None:
        raise ValueError(f"there is no SHA-2 of {bits} bits, only of 224, 256, 384 and 512")
    return _by(new)


def _hmac(word: bytes, key: bytes) -> ConvertWith:
    name = digest_named(word)
    variable = variable_in(key)
    constant = base64_decoded(key) if variable is None else None
    if variable is None and constant is None:
        raise ValueError(f"the key '{decode(key)}' is neither the name of a variable nor base64")
    if name is None or name in _EXTENDABLE:
        return lambda facts, value: None
    if constant is not None:
        return _with_key(name, constant)
    assert variable is not None
    take = text_of_variable(variable)

    def convert(facts: Facts, value: Value) -> Value | None:
        written = take(facts)
        secret = None if written is None else base64_decoded(written)
        return None if secret is None else hmac.digest(secret, bytes_of(value), name)

    return convert


def _with_key(name: str, key: bytes) -> ConvertWith:
    keyed = hmac.new(key, digestmod=name)

    def convert(facts: Facts, value: Value) -> Value | None:
        code = keyed.copy()
        code.update(bytes_of(value))
        return code.digest()

    return convert


CONVERTERS = (
    Converter(
        "digest", Kind.BIN, Kind.BIN, "The message digest of this name, as OpenSSL has it.",
        build=_digest, arguments=(ArgumentType.STRING,), required=1,
    ),
    Converter(
        "hmac", Kind.BIN, Kind.BIN,
        "The message authentication code by the digest of this name, with a key in base64, or in a variable.",
        build_with=_hmac, arguments=(ArgumentType.STRING, ArgumentType.STRING), required=2,
    ),
    Converter("sha1", Kind.BIN, Kind.BIN, "The SHA-1 digest: 20 bytes.", _by(hashlib.sha1)),
    Converter(
        "sha2", Kind.BIN, Kind.BIN, "The SHA-2 digest of so many bits, 256 if none are said.",
        build=_sha2, arguments=(ArgumentType.INTEGER,),
    ),
)  # fmt: skip
