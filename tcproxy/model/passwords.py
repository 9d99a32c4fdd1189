"""Passwords that are kept as hashes of crypt(3): all schemes that the machine's libcrypt has.

HAProxy asks the same library. Python's own module for it left with Python 3.13, so it is called by ctypes.
"""

from __future__ import annotations

import ctypes
import hmac
from functools import cache

_NAMES = ("libcrypt.so.1", "libcrypt.so.2", "libcrypt.so")
_WORKSPACE = 1 << 18
"""Bytes that crypt_r may need at the most: 32 KiB in libxcrypt, 128 KiB in old glibc."""
_MALFORMED, _DISABLED = 1, 2
"""Answers of crypt_checksalt."""


@cache
def _library() -> ctypes.CDLL:
    """Return libcrypt. Raises ValueError where the machine has none."""
    for name in _NAMES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.crypt_r.restype = ctypes.c_char_p
        library.crypt_r.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p)
        return library
    raise ValueError("there is no libcrypt on this machine, which hashes of passwords need")


def is_known(setting: bytes) -> bool:
    """Return whether a text is a hash, or the beginning of one, of a scheme that libcrypt has. Raises ValueError."""
    library = _library()
    if hasattr(library, "crypt_checksalt"):
        return library.crypt_checksalt(ctypes.c_char_p(setting)) not in (_MALFORMED, _DISABLED)
    return hashed(b"", setting) is not None


def fits(password: bytes, secret: bytes) -> bool:
    """Return whether `secret` is a hash of this password. It takes milliseconds, and more for strong schemes."""
    found = hashed(password, secret)
    return found is not None and hmac.compare_digest(found, secret)


def hashed(password: bytes, setting: bytes) -> bytes | None:
    """Return the hash of a password. setting: what hashes of the scheme begin with, or a whole one. None: unknown."""
    found: bytes | None = _library().crypt_r(password, setting, ctypes.create_string_buffer(_WORKSPACE))
    return None if found is None or found.startswith(b"*") else found
