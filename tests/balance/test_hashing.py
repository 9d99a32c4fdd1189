"""Hash functions: published values, ours beside the reference's converters, and how addresses fold."""

from __future__ import annotations

import socket
import tempfile
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.balance.hashing import FUNCTIONS, hash_address, hash_key
from tcproxy.model.proxy import HashType
from tcproxy.wire.hashes import avalanche
from tests.running import HAPROXY, PATIENCE, free_port, program


@pytest.mark.parametrize(
    ("name", "value"), [("djb2", 193485963), ("sdbm", 807794786), ("crc32", 891568578), ("wt6", None)]
)
def test_published_values(name: str, value: int | None) -> None:
    """The functions give the values known for "abc"; each stays within 32 bits."""
    found = FUNCTIONS[name](b"abc")
    assert found == value if value is not None else 0 <= found < 2**32


@given(st.sets(st.integers(0, 2**32 - 1), max_size=50))
def test_avalanche_is_a_bijection(numbers: set[int]) -> None:
    """Different numbers stay different and within 32 bits."""
    mixed = {avalanche(number) for number in numbers}
    assert len(mixed) == len(numbers)
    assert all(0 <= number < 2**32 for number in mixed)


def test_addresses_fold_by_words() -> None:
    """An IPv4 address is its own number; an IPv6 address is its four words joined by exclusive or."""
    plain = HashType("map-based", "wt6")
    assert hash_address(plain, socket.inet_aton("127.1.2.3")) == 0x7F010203
    packed = socket.inet_pton(socket.AF_INET6, "1:2:3:4:5:6:7:8")
    assert hash_address(plain, packed) == 0x10002 ^ 0x30004 ^ 0x50006 ^ 0x70008
    assert hash_address(HashType(avalanche=True), packed) == avalanche(0x10002 ^ 0x30004 ^ 0x50006 ^ 0x70008)


@pytest.mark.reference
def test_functions_are_the_reference_s() -> None:
    """For some keys all functions, plain and with avalanche, give what the reference's converters give."""
    expressions = [f"%[path,{name}({flag})]" for name in FUNCTIONS for flag in (0, 1)]
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "haproxy.cfg")
        path.write_text(
            "defaults\n mode http\n timeout client 5s\n timeout connect 5s\n timeout server 5s\n"
            f"frontend f\n bind 127.0.0.1:{port}\n http-request return status 200 content-type text/plain "
            f'lf-string "{" ".join(expressions)}"\n'
        )
        with program(HAPROXY, "-db", "-f", str(path), port=port):
            for key in ("/", "/index.html", "/" + "abc~-" * 50, "/%E4%B8%AD"):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{key}", timeout=PATIENCE) as answer:
                    theirs = [int(word) % 2**32 for word in answer.read().split()]
                ours = [
                    hash_key(HashType("map-based", name, flag), key.encode())
                    for name in FUNCTIONS
                    for flag in (False, True)
                ]
                assert ours == theirs
