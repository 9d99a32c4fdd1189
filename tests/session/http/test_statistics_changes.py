"""Forms of the statistics page: which are let in, and what they say."""

from __future__ import annotations

import pytest

from tcproxy.session.http.statistics_changes import carry_out, comes_from_elsewhere
from tcproxy.session.http.statistics_requests import StatisticsRequest, asked
from tcproxy.wire.http1 import Codec, RequestReader


def request(*headers: str) -> object:
    """Return the head of a posted form with these headers."""
    head = RequestReader(Codec()).feed("\r\n".join(["POST /s HTTP/1.1", "Host: site:81", *headers, "", ""]).encode())
    assert head is not None
    return head


@pytest.mark.parametrize(
    ("headers", "elsewhere"),
    [
        ((), False),
        (("Origin: http://site:81",), False),
        (("Origin: https://SITE:81",), False),
        (("Origin: http://site",), True),
        (("Origin: http://evil",), True),
        (("Origin: null",), True),
        (("Origin: http://[",), True),
        (("Origin: http://site:81@evil",), True),
        (("Referer: http://site:81/s;up",), False),
        (("Referer: http://u:p@site:81/s",), False),
        (("Referer: http://evil/?site:81",), True),
        (("Origin: http://evil", "Referer: http://site:81/s"), True),
        (("Sec-Fetch-Site: same-origin", "Origin: http://site:81"), False),
        (("Sec-Fetch-Site: none",), False),
        (("Sec-Fetch-Site: cross-site",), True),
        (("Sec-Fetch-Site: same-site", "Origin: http://site:81"), True),
        (("Sec-Fetch-Site: same-origin", "Origin: http://evil"), True),
    ],
)
def test_forms_of_other_sites_are_refused(headers: tuple[str, ...], elsewhere: bool) -> None:
    """A form is refused if its browser says that a page of another site has sent it; programs say nothing of that."""
    assert comes_from_elsewhere(request(*headers)) is elsewhere  # type: ignore[arg-type]


def test_forms_without_sense_change_nothing() -> None:
    """Bytes that are no form change nothing, and raise nothing."""
    for body in (b"", b"&&&", b"=", b"s", b"%", b"s=%zz&b=%ff&action=%00", b"\xff\x00=\x01"):
        assert carry_out(body, {}) in ("NONE", "ERRP")


def test_what_is_asked_for() -> None:
    """Words behind the URI are found wherever they stand; a text to choose proxies by has 20 bytes at the most."""
    assert asked(b"", True) == StatisticsRequest()
    assert asked(b";x;csv;up;no-maint;norefresh;st=PART", True) == StatisticsRequest("csv", True, True, True, "PART")
    assert asked(b";norefresh;json-schema", False) == StatisticsRequest("json-schema")
    assert asked(b"?scope=" + b"a" * 30 + b"&x", True).scope == b"a" * 20
    assert asked(b";csv;up;norefresh", True).options() == ";up;norefresh"
