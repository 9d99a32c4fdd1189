"""JSON lines: `%{+json}o`, names of items, types, and `option httplog json`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.language import read_text
from tcproxy.report import formats
from tcproxy.report.log_variables import HTTP_VARIABLES, VARIABLES
from tcproxy.samples.formats import read_format
from tcproxy.samples.writing import text_of
from tcproxy.service import log_formats
from tests.report.test_formats import record
from tests.session.http.plays import HttpStage
from tests.session.http.test_exchanges import asked


def line(text: str, http: bool = True, captured: frozenset[str] = frozenset(), **facts: object) -> Any:
    """Return what the line of a plain session says, read as JSON."""
    form = formats.compile(text, http=http, captured=captured)
    return json.loads(form.render(record(line=b"GET /a HTTP/1.1", **facts)))


def test_types_are_kept_and_what_is_absent_is_null() -> None:
    """Numbers are numbers, booleans are booleans, text is text, and what is missing is null."""
    text = (
        "%{+json}o %(ip)ci %(port)cp %(status)ST %(bytes)B %(server_port)sp %(cookie)CC %(id)ID %(yes)[bool(true)] "
        "%(no)[bool(false)] %(number)[int(-5)] %(address)[ipv6(::1)] %(none)[str(),upper] %(empty)[str()] "
        "%(undefined)[var(txn.nothing)] %(word)[str(12)] %(request)r %(retries)rc %(millis)ms"
    )
    stage = HttpStage()
    found = line(text, status=200, facts=asked(stage)[0].session.exchange, redispatched=True)
    assert found == {
        "ip": "10.0.1.2", "port": 33313, "status": 200, "bytes": 212, "server_port": None, "cookie": None, "id": None,
        "yes": True, "no": False, "number": -5, "address": "::1", "none": "", "empty": "", "undefined": None,
        "word": "12", "request": "GET /a HTTP/1.1", "retries": 3, "millis": 443,
    }  # fmt: skip


def test_items_without_a_name_are_called_as_they_are_written() -> None:
    """A variable without a name has its own, a sample its expression; text between items is left out."""
    assert line("a %{+json}o %ci - %[str(x),upper] %(n)cp z") == {"ci": "10.0.1.2", "str(x),upper": "X", "n": 33313}


def test_a_type_behind_a_name() -> None:
    """A name may ask for a type: text of a number, a number of text, a truth of a number."""
    found = line("%{+json}o %(a:str)[int(5)] %(b:sint)[str(7x)] %(c:bool)[int(2)] %(d:sint)[bool(true)]")
    assert found == {"a": "5", "b": 7, "c": True, "d": 1}


def test_one_value_in_a_line_of_text() -> None:
    """The flag on one item alone writes a value of JSON into a line of text."""
    form = formats.compile("%f %{+json}f %{+json}[int(5)] %{+json}[str(a)]", http=True)
    assert form.render(record()) == 'fnt "fnt" 5 "a"'


@pytest.mark.parametrize("text", ["%{+json}o", "%{+json}o plain text"])
def test_nothing_to_tell_is_an_empty_object(text: str) -> None:
    """A format without items is an empty object."""
    assert line(text) == {}


def test_captured_headers_are_lists() -> None:
    """%hrl and %hsl are arrays with null for a header that was not there, %hr is its text; nothing captured is null."""
    captures = (b'a"b', None, b"\xff")
    text = "%{+json}o %hr %hrl %hsl"
    found = line(text, captured=frozenset({"request"}), request_captures=captures)
    assert found == {"hr": "{a#22b||#FF}", "hrl": ["a#22b", None, "#FF"], "hsl": None}


@given(st.binary(max_size=20))
def test_any_bytes_of_a_cookie_make_json(value: bytes) -> None:
    """Whatever a client sends, the line is JSON in UTF-8; what is not UTF-8 becomes U+FFFD."""
    cookie = value.decode("utf-8", "surrogateescape")
    form = formats.compile("%{+json}o %CC", http=True)
    text = form.render(record(request_cookie=cookie)).encode()
    assert json.loads(text) == {"CC": value.decode("utf-8", "replace")}


@given(st.binary(max_size=20))
def test_any_bytes_of_a_sample_make_json(value: bytes) -> None:
    """The same of samples."""
    form = formats.compile(f"%{{+json}}o %(n)[bin({value.hex() or '00'})]", http=True)
    assert json.loads(form.render(record())) == {"n": (value or b"\0").decode("utf-8", "replace")}


def test_every_variable_has_a_value() -> None:
    """Every variable is written in JSON, also of a session that reached nothing."""
    names = sorted({*VARIABLES, *HTTP_VARIABLES})
    form = formats.compile("%{+json}o" + "".join(f" %{name}" for name in names), http=True)
    assert set(json.loads(form.render(record(line=b"")))) == set(names)


def test_formats_of_rules_may_be_json() -> None:
    """A rule's format may be an object too: for a payload, say."""
    form = read_format("%{+json}o %(a)[int(1)] %(b)[bin(782279)]", "name")
    assert json.loads(text_of(form, lambda piece: lambda facts: b"")(None)) == {"a": 1, "b": 'x"y'}


@pytest.mark.parametrize(
    ("option", "mode"), [("httplog json", "http"), ("tcplog json", "tcp"), ("httplog json", "tcp")]
)
def test_options(option: str, mode: str) -> None:
    """`option httplog json` and `option tcplog json` write the fields of their formats by the names of the manual."""
    text = f"frontend a\n mode {mode}\n bind 127.0.0.1:1\n option {option}\n log 127.0.0.1:514 local0\n"
    configuration = read_text(text, Environment({}), Diagnostics(1), name="a.cfg")
    assert configuration is not None
    form, _, _ = log_formats(configuration.proxies[0])
    found = json.loads(form.render(record(line=b"GET /a HTTP/1.1", status=200)))
    assert found["client_ip"] == "10.0.1.2"
    assert found["bytes_read"] == 212
    assert found["srv_conn"] == 4
    assert ("http_request" in found) == (mode == "http")
