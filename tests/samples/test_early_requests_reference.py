"""Fetches of HTTP in TCP mode beside HAProxy: of requests that came in whole, in part, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.samples.content import answers
from tests.samples.http_cases import requests
from tests.samples.test_contents_reference import HEADS, differences

FETCHES = """
path url pathq query hdr(host) hdr(host,1) req.ver base baseq base32 cook(a) cook_cnt(a) urlp(a) http_auth_user url32
req.hdr(x) req.fhdr(x) hdr_cnt(x) hdr(connection) hdr(te) url_ip url_port
"""
MORE = [
    b"GET /a?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: a, b\r\n\r\n", b"GET /a?b HTTP/1.1\r\nHost: h\r\n",
    b"POST /?a=1 HTTP/1.0\r\nContent-Length: 5\r\nCookie: a=2\r\n\r\na=1", b"GET /q\r\n",
    b"\r\n\r\nGET /q HTTP/1.1\nHost:h\n\n",
    b"GET http://1.2.3.4:80/ HTTP/1.1\r\nhost: 1.2.3.4:80\r\n\r\n", b"GET / HTTP/1.1\r\nx: a\r\n b\r\nX: c\n\n",
    b"GET / HTTP/1.1\r\nauthorization: Basic YTpi\r\nTE: gzip\r\n\r\nxyz",
    b"PATCH / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
]  # fmt: skip


@pytest.mark.reference
def test_requests_in_tcp_mode(tmp_path: Path) -> None:
    """Each fetch gives what HAProxy's gives of the bytes so far, as they are written, and waits where it waits."""
    odd = [case.request for case in requests(40, 21)]
    with answers(tmp_path, [*FETCHES.split(), "method"]) as theirs:
        asked = [(text, data) for text in FETCHES.split() for data in [*HEADS, *MORE, *odd]]
        asked += [("method", data) for data in MORE[:6]]  # of other methods it keeps no text in variables
        assert differences(theirs, asked) == []
