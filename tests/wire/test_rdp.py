"""The cookie of Remote Desktop clients."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.wire.rdp import read_rdp_cookie, read_rdp_server

HEAD = b"\x03\x00\x00\x2c\x27\xe0\x00\x00\x00\x00\x00"


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        (b"Cookie: msts=1.2.\r\n", b"msts", b"1.2."),
        (b"COOKIE:   MSTS=1.2.\r\nmore", b"msts", b"1.2."),
        (b"Cookie: mstshash=user\r\n", b"msts", None),
        (b"Cookie: mstshash=user\r\n", b"", b"user"),
        (b"Cookie: msts=1.2.\r", b"msts", None),
        (b"Cookie: msts\r\n=1.2.\r\n", b"", None),
        (b"Kookie: msts=1.2.\r\n", b"", None),
        (b"Cookie: =x\r\n", b"", b"x"),
    ],
)
def test_cookie(text: bytes, name: bytes, value: bytes | None) -> None:
    """The cookie of a name is found behind the header, once its line is whole."""
    assert read_rdp_cookie(HEAD + text, name) == value


@given(st.binary(max_size=60), st.sampled_from([b"", b"msts"]))
def test_any_bytes(data: bytes, name: bytes) -> None:
    """No bytes make it fail."""
    value = read_rdp_cookie(data, name)
    if value is not None:
        read_rdp_server(value)


@pytest.mark.parametrize(
    ("value", "server"),
    [
        (b"16777343.15629.0000", ("127.0.0.1", 3389)),
        (b"16777343.15629", None),
        (b"x.1.", None),
        (b"..", ("0.0.0.0", 0)),
    ],
)
def test_server(value: bytes, server: tuple[str, int] | None) -> None:
    """Address and port are numbers in network order."""
    assert read_rdp_server(value) == server
