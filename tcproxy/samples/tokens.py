"""Converters of JSON web tokens in their compact form: three texts in base64 for URLs, joined by dots (RFC 7519).

Signatures are verified, not what a token claims. `cryptography` is imported when a configuration names a public key.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.encodings import base64url_decoded
from tcproxy.samples.json_queries import query
from tcproxy.samples.kinds import Kind, Value, bytes_of, decode
from tcproxy.samples.rows import Convert, Converter, ConvertWith
from tcproxy.samples.variable_arguments import TakeBytes, text_of_variable
from tcproxy.samples.variables import variable_in

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

VALID, INVALID, UNKNOWN_ALGORITHM, UNMANAGED_ALGORITHM, MALFORMED, UNKNOWN_KEY = 1, 0, -1, -2, -3, -5
"""What jwt_verify gives, by the numbers of the manual."""

_HASHES: Mapping[bytes, str] = MappingProxyType({b"256": "sha256", b"384": "sha384", b"512": "sha512"})
_ALGORITHM = re.compile(rb"(HS|RS|ES|PS)(256|384|512)|none")
_PUBLIC_KEY = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


def _part_query(number: int) -> Callable[..., Convert]:
    """Return what builds the converter of this part of a token."""

    def build(path: bytes = b"", output: bytes = b"") -> Convert:
        ask = query(path or b"$", output)
        if not path:
            return lambda value: None  # HAProxy 2.6.12 gives nothing without a path, whatever its manual says

        def convert(value: Value) -> Value | None:
            parts = bytes_of(value).split(b".", number + 1)
            decoded = base64url_decoded(parts[number]) if len(parts) > number else None
            return None if decoded is None else ask(decoded)

        return convert

    return build


def _jwt_verify(algorithm: bytes, key: bytes) -> ConvertWith:
    variable, key_variable = variable_in(algorithm), variable_in(key)
    if variable is None:
        if not _ALGORITHM.fullmatch(algorithm):
            raise ValueError(f"'{decode(algorithm)}' is not the name of an algorithm of RFC 7518")
        if algorithm.startswith(b"PS"):
            raise ValueError(f"signatures by '{decode(algorithm)}' are not verified")
    public_key = _public_key(key) if key_variable is None else None
    take_algorithm = _constant(algorithm) if variable is None else text_of_variable(variable)
    take_key = _constant(key) if key_variable is None else text_of_variable(key_variable)

    def convert(facts: Facts, value: Value) -> Value | None:
        algorithm, key = take_algorithm(facts), take_key(facts)
        if algorithm is None or key is None:
            return None
        return verdict(bytes_of(value), algorithm, key, public_key)

    return convert


def _constant(data: bytes) -> TakeBytes:
    return lambda facts: data


def verdict(token: bytes, algorithm: bytes, secret: bytes, public_key: PublicKey | None) -> int:
    """Return what the verification of a token gives (VALID, ...).

    secret: for an algorithm of the HMAC family; public_key: for the others, None without one.
    """
    named = _ALGORITHM.fullmatch(algorithm)
    if named is None:
        return UNKNOWN_ALGORITHM
    parts = token.split(b".", 3)
    family = named[1]
    if len(parts) > 3 or len(parts) < (2 if family is None else 3):
        return MALFORMED
    written = parts[2] if len(parts) == 3 else b""
    if family is None:
        return INVALID if written else VALID
    signature = base64url_decoded(written) if written else None
    if signature is None:
        return MALFORMED
    signed = token[: -1 - len(written)]
    if family == b"HS":
        return int(hmac.compare_digest(hmac.digest(secret, signed, _HASHES[named[2]]), signature))
    if family == b"PS":
        return UNMANAGED_ALGORITHM
    if public_key is None:
        return UNKNOWN_KEY
    if family == b"ES":
        if len(signature) % 2:
            return MALFORMED
        signature = _as_dss(signature)
    return int(public_key.verifies(signed, signature, _HASHES[named[2]]))


def _as_dss(signature: bytes) -> bytes:
    """Return two numbers that stand side by side (RFC 7518, section 3.4) in the form that ECDSA is verified with."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))


class PublicKey:
    """A public key, RSA or of an elliptic curve. verifies: whether a signature of a text by this hash is its own."""

    def __init__(self, pem: bytes) -> None:
        """Read the key. Raises ValueError."""
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            key = load_pem_public_key(pem)
        except UnsupportedAlgorithm as error:
            raise ValueError(str(error)) from None
        by_name: dict[str, hashes.HashAlgorithm] = {
            "sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()
        }  # fmt: skip

        def verifies(text: bytes, signature: bytes, hash_name: str) -> bool:
            digest = by_name[hash_name]
            try:
                if isinstance(key, RSAPublicKey):
                    key.verify(signature, text, PKCS1v15(), digest)
                elif isinstance(key, EllipticCurvePublicKey):
                    key.verify(signature, text, ECDSA(digest))
                else:
                    return False
            except InvalidSignature:
                return False
            return True

        self.verifies = verifies


def _public_key(path: bytes) -> PublicKey | None:
    """Return the first public key in PEM of a file; None where there is no such file, or none in it."""
    try:
        match = _PUBLIC_KEY.search(Path(decode(path)).read_bytes())
        return PublicKey(match[0]) if match else None
    except (OSError, ValueError):
        return None


CONVERTERS = (
    Converter(
        "jwt_header_query", Kind.BIN, Kind.ANY,
        "What json_query finds at this path in the header of a JSON web token.",
        build=_part_query(0), arguments=(ArgumentType.STRING, ArgumentType.STRING),
    ),
    Converter(
        "jwt_payload_query", Kind.BIN, Kind.ANY,
        "What json_query finds at this path in the payload of a JSON web token.",
        build=_part_query(1), arguments=(ArgumentType.STRING, ArgumentType.STRING),
    ),
    Converter(
        "jwt_verify", Kind.BIN, Kind.SINT,
        "1 if the signature of a JSON web token is valid, 0 if not, -1 to -5 if that cannot be told. The key is a "
        "secret, or the file of a public key.",
        build_with=_jwt_verify, arguments=(ArgumentType.STRING, ArgumentType.STRING), required=2,
    ),
)  # fmt: skip
