"""What this program can do, in HAProxy's names of build options: read by `.if feature(NAME)` and by `-vv`.

Only what is true stands here as present: a configuration decides by it what it asks for.
"""

from __future__ import annotations

from importlib.util import find_spec
from types import MappingProxyType

LANGUAGE_VERSION = "2.6.12"
"""The version of HAProxy whose language we speak: `version_atleast` compares with it."""

PRESENT = """
    ACCEPT4 EPOLL GETADDRINFO LINUX_SPLICE LINUX_TPROXY POLL PRCTL TFO TPROXY
"""

ABSENT = """
    51DEGREES BACKTRACE CLOSEFROM CPU_AFFINITY CRYPT_H DEVICEATLAS DL ENGINE EVPORTS KQUEUE LIBCRYPT LUA
    MEMORY_PROFILING NETFILTER NS OBSOLETE_LINKER OPENSSL OT PCRE PCRE2_JIT PCRE_JIT PROCCTL PROMEX QUIC
    RT SLZ STATIC_PCRE STATIC_PCRE2 SYSTEMD THREAD THREAD_DUMP WURFL ZLIB
"""

PACKAGES = {"PCRE2": "pcre2"}
"""Names that are present where a Python package is installed."""

FEATURES = MappingProxyType(
    dict(
        sorted(
            [(name, True) for name in PRESENT.split()]
            + [(name, False) for name in ABSENT.split()]
            + [(name, find_spec(package) is not None) for name, package in PACKAGES.items()]
        )
    )
)
"""Name of each build option of HAProxy 2.6, and whether we have what it stands for."""


def feature_list() -> str:
    """Return the table in the form of `-vv`: `-51DEGREES +ACCEPT4 ...`."""
    return " ".join(f"{'+' if present else '-'}{name}" for name, present in FEATURES.items())


def tls_library() -> str:
    """Return name and version of the TLS library, such as `OpenSSL 3.0.15 3 Sep 2024`.

    It is the one that pyOpenSSL uses, which the package cryptography carries, and not that of Python's own `ssl`.
    """
    # takes a tenth of a second to load, and few configurations ask
    from cryptography.hazmat.backends.openssl import backend

    return backend.openssl_version_text()
