"""Fetches of HTTP by themselves: where HAProxy gives another answer than one would think, and odd bytes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.samples import cookies, credentials, headers, http_messages, url_params, urls
from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.kinds import Value
from tcproxy.samples.loose_numbers import loose_integer, loose_ipv4
from tcproxy.samples.rows import Fetch
from tcproxy.wire.http1.fields import Field
from tcproxy.wire.http1.request import RequestHead
from tcproxy.wire.http1.response import ResponseHead
from tests.rules.world import client, matches


def asked(
    *headers: tuple[str, str], target: str = "/", method: str = "GET", body: bytes = b"", **more: Any
) -> SimpleNamespace:
    """Return the facts of a request."""
    fields = [Field(name.encode(), value.encode("latin-1")) for name, value in headers]
    request = RequestHead(method.encode(), target.encode("latin-1"), b"HTTP/1.1", 1, fields, True)
    return client(request=request, request_body=lambda: body, request_line=lambda: (b"GET", b"/"), **more)


def answered(*headers: tuple[str, str], status: int = 200) -> SimpleNamespace:
    """Return the facts of a response."""
    facts = asked(("x", "of the request"))
    fields = [Field(name.encode(), value.encode("latin-1")) for name, value in headers]
    facts.response = ResponseHead(b"HTTP/1.1", 1, status, b"", fields)
    return facts


def value(text: str, facts: SimpleNamespace) -> Value | None:
    """Take a sample."""
    return parse_expression(text, "f").take(facts)  # type: ignore[arg-type]


HEADERS = asked(("x", "a, b"), ("host", "h.org"), ("x", '"c,d", ,1.2.3.4:80'))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("req.hdr(x)", b"1.2.3.4:80"), ("hdr(X,1)", b"a"), ("hdr(x,3)", b'"c,d"'), ("hdr(x,4)", b""),
        ("hdr(x,6)", None),
        ("hdr(x,-5)", b"a"), ("hdr(x,-6)", None), ("hdr(x,0)", b"1.2.3.4:80"), ("hdr", None), ("hdr()", b"1.2.3.4:80"),
        ("hdr(,3)", b"h.org"), ("hdr_cnt(x)", 5), ("hdr_cnt", 6), ("req.fhdr(x)", b'"c,d", ,1.2.3.4:80'),
        ("req.fhdr(x,1)", b"a, b"), ("req.fhdr_cnt", 3), ("hdr_ip(x)", bytes((1, 2, 3, 4))), ("hdr_ip(x,1)", None),
        ("req.hdr_names", b"x,host,x"), ("req.hdr_names()", b"x\0host\0x"), ("res.hdr(x)", None), ("hdr(absent)", None),
        ("hdr_cnt(absent)", 0),
    ],
)  # fmt: skip
def test_headers(text: str, found: Value | None) -> None:
    """Values are parted at commas outside of quotes; without parentheses no header is meant, with empty ones any."""
    assert value(text, HEADERS) == found


def test_a_position_has_a_limit() -> None:
    """Positions from the end go back to the tenth, as in HAProxy."""
    parse_expression("hdr(x,-10)", "f")
    with pytest.raises(ValueError, match="-11 is before -10"):
        parse_expression("hdr(x,-11)", "f")


def test_a_test_tries_all_values() -> None:
    """A test of headers, cookies or parameters holds if any value matches, up to one that cannot be converted."""
    assert matches("hdr(x) b", HEADERS) and not matches("hdr(x,1) b", HEADERS)
    assert matches("req.cook(a) 1", asked(("cookie", "a=1; a=2")))
    assert matches("urlp(a) 3", asked(target="/?a=1&a=3"))
    assert matches("hdr(x),b64dec -m found", asked(("x", "YQ==, !!!")))
    assert not matches("hdr(x),b64dec -m found", asked(("x", "!!!, YQ==")))


def test_rules_of_responses_do_not_see_the_request() -> None:
    """Once the response came, fetches of the request give nothing, and those of either give the response."""
    facts = answered(("x", "of the response"), status=404)
    for text in ("req.hdr(x)", "path", "url", "req.cook", "url_param", "req.body", "http_auth_user", "base32"):
        assert value(text, facts) is None, text
    assert value("hdr(x)", facts) == b"of the response"
    assert value("method", facts) == b"GET" and value("status", facts) == 404


def test_what_a_rule_changes_is_seen() -> None:
    """Headers that were set are taken as they are now."""
    facts = asked(("x", "1"))
    facts.request.set(b"x", b"2")
    facts.request.add(b"x", b"3")
    assert (value("hdr(x)", facts), value("hdr_cnt(x)", facts)) == (b"3", 2)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"", 0), (b"12a", 12), (b"-12", -12), (b"+7", -43), (b"1.2", 82), (b"99999999999", 1215752191),
        (b"4294967295", -1), (b"-", 0), (b"0x12", 0),
    ],
)  # fmt: skip
def test_loose_integers(text: bytes, number: int) -> None:
    """Numbers have 32 bits, and bytes before `0` count as digits below it."""
    assert loose_integer(text) == number


@given(st.integers(0, 10**60), st.integers(0, 100))
def test_long_integers_keep_their_lowest_bits(number: int, zeros: int) -> None:
    """However long a number is, its lowest 32 bits remain, as a number with a sign."""
    text = b"0" * zeros + str(number).encode()
    assert loose_integer(text) == (number + 0x80000000 & 0xFFFFFFFF) - 0x80000000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"1.2.3.4", 7), (b"01.002.3.4x", 10), (b"1.2.3.4.", None), (b"1.2.3", None), (b"256.1.1.1", None), (b"", None),
        (b"0" * 9999 + b"1.2.3.4", 10006), (b"9" * 9999 + b".2.3.4", None),
    ],
)  # fmt: skip
def test_loose_addresses(text: bytes, found: int | None) -> None:
    """Zeros may stand before the numbers of an address."""
    told = loose_ipv4(text)
    assert (None if told is None else told[1]) == found


def _fetches() -> tuple[Fetch, ...]:
    files = (cookies, credentials, headers, http_messages, url_params, urls)
    return tuple(row for file in files for row in file.FETCHES)


texts = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40)
pieces = st.lists(st.sampled_from([*'a=;,"\\ 1.:/?&$', "Basic ", "Bearer ", "http://1.2.3.4"]))
odd = st.one_of(texts, pieces.map("".join))


@given(st.lists(st.tuples(st.sampled_from(["x", "host", "cookie", "authorization", "set-cookie"]), odd)), odd, odd)
def test_no_bytes_raise(headers: list[tuple[str, str]], target: str, body: str) -> None:
    """Whatever a message has in it, each fetch gives a value of its kind, or none."""
    facts = asked(*headers, target=target, body=body.encode("latin-1"))
    for response in (None, ResponseHead(b"HTTP/1.1", 1, 200, b"", facts.request.fields)):
        facts.response = response
        for row in _fetches():
            for arguments in {"", "()", "(x)", "(x,1)", "(a)"} if row.arguments else {""}:
                try:
                    expression = parse_expression(f"{row.name}{arguments}", "f")
                except ValueError:
                    continue
                found = expression.take(facts)  # type: ignore[arg-type]
                assert found is None or isinstance(found, bytes | int)
                if expression.every is not None:
                    assert all(isinstance(one, bytes | int) for one in expression.every(facts))  # type: ignore[arg-type]
