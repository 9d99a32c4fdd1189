"""Converters that decrypt, and that compare secrets (manual 7.3.1)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.encodings import base64_decoded
from tcproxy.samples.kinds import Kind, Value, bytes_of, decode
from tcproxy.samples.rows import Converter, ConvertWith
from tcproxy.samples.variable_arguments import TakeBytes, bytes_of_variable, text_of_variable
from tcproxy.samples.variables import variable_in

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

_NONCE = range(8, 129)
"""How many bytes a nonce may have: `cryptography` takes no shorter one, OpenSSL no longer one."""
_TAG = range(4, 17)
"""How many bytes of its tag a message may have: `cryptography` takes no fewer."""
_LEAST = MappingProxyType({"nonce": _NONCE.start, "tag": _TAG.start})


def _aes_gcm_dec(bits: int, nonce: bytes, key: bytes, tag: bytes) -> ConvertWith:
    if bits not in (128, 192, 256):
        raise ValueError(f"the key has {bits} bits, which is none of 128, 192 and 256")
    size = bits // 8
    decrypt = _decryption()
    take_nonce, take_key, take_tag = (_decoded(*one) for one in (("nonce", nonce), ("key", key), ("tag", tag)))

    def convert(facts: Facts, value: Value) -> Value | None:
        nonce, key, tag = take_nonce(facts), take_key(facts), take_tag(facts)
        if nonce is None or key is None or tag is None:
            return None
        if len(nonce) not in _NONCE or len(key) < size or len(tag) not in _TAG:
            return None
        return decrypt(key[:size], nonce, tag, bytes_of(value))

    return convert


def _decoded(name: str, argument: bytes) -> TakeBytes:
    """Return what takes an argument in base64, which may be the name of a variable. Raises ValueError."""
    variable = variable_in(argument)
    if variable is None:
        data = base64_decoded(argument)
        if data is None:
            raise ValueError(f"the {name} '{decode(argument)}' is neither the name of a variable nor base64")
        least = _LEAST.get(name, 0)
        if data and len(data) < least:
            raise ValueError(f"the {name} has {len(data)} bytes: fewer than {least} are not supported")
        return lambda facts: data
    take = text_of_variable(variable)

    def decode_variable(facts: Facts) -> bytes | None:
        written = take(facts)
        return None if written is None else base64_decoded(written)

    return decode_variable


def _decryption() -> Callable[[bytes, bytes, bytes, bytes], bytes | None]:
    """Return the function that decrypts AES-GCM, and gives None where the tag does not fit."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import GCM

    def decrypt(key: bytes, nonce: bytes, tag: bytes, data: bytes) -> bytes | None:
        decryptor = Cipher(AES(key), GCM(nonce, tag, min_tag_length=_TAG.start)).decryptor()
        plain = decryptor.update(data)
        try:
            return plain + decryptor.finalize()
        except InvalidTag:
            return None

    return decrypt


def _secure_memcmp(word: bytes = b"") -> ConvertWith:
    variable = variable_in(word)
    if variable is None:
        raise ValueError(f"'{decode(word)}' is not the name of a variable")
    take = bytes_of_variable(variable)

    def convert(facts: Facts, value: Value) -> Value | None:
        secret = take(facts)
        return None if secret is None else hmac.compare_digest(secret, bytes_of(value))

    return convert


CONVERTERS = (
    Converter(
        "aes_gcm_dec", Kind.BIN, Kind.BIN,
        "The plain bytes, by AES-GCM with a key of so many bits, nonce, key and tag in base64, or in variables.",
        build_with=_aes_gcm_dec, arguments=(ArgumentType.INTEGER, *[ArgumentType.STRING] * 3), required=4,
    ),
    Converter(
        "secure_memcmp", Kind.BIN, Kind.BOOL,
        "Whether the bytes are those of a variable, compared in a time that does not tell how many are alike.",
        build_with=_secure_memcmp, arguments=(ArgumentType.STRING,), required=1,
    ),
)  # fmt: skip
