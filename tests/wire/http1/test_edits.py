"""Edits of heads: whether a head has a template or a list of headers, it says and writes the same after any of them."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from tcproxy.wire.http1 import BadMessage, Codec, Head, RequestHead, RequestReader, ResponseHead, ResponseReader
from tcproxy.wire.http1.learned import OFTEN
from tcproxy.wire.templates import MOST_DERIVED

from . import corpus

AGAIN = OFTEN + 2
NAMES = (b"x", b"cookie", b"set-cookie", b"x-%s", b"host", b"via", b"x_y")
ADJUST = {b"x": b"X", b"set-cookie": b"SET-Cookie", b"connection": b"CONNECTION"}

Plain = list[tuple[bytes, bytes]]
"""Headers as the simplest thing that can be edited: the model."""
Edit = tuple[str, bytes, bytes]

values = st.binary(max_size=8).map(lambda value: value.translate(None, b"\r\n\0\t").strip(b" "))
filled = values.filter(bool)
edits = st.lists(
    st.tuples(st.sampled_from(["add", "set", "remove", "odd", "replace", "shorten"]), st.sampled_from(NAMES), values),
    max_size=8,
)
lines = st.lists(st.tuples(st.sampled_from(NAMES).filter(lambda name: name != b"host"), filled), max_size=8)
endings = st.sampled_from([b"", b"Connection: close\r\n", b"Connection: keep-alive\r\n"])


def is_odd(name: bytes) -> bool:
    """Return whether a name has an underscore or a percent sign."""
    return b"_" in name or b"%" in name


def change_of(kind: str, text: bytes) -> Callable[[bytes, bytes], bytes | None]:
    """Return a change: to another value, or one that takes a byte, and headers of one byte away."""
    if kind == "replace":
        return lambda name, value: text + name
    return lambda name, value: value[1:] or None


def edit(head: Head, edits: list[Edit]) -> None:
    """Edit a head by its verbs."""
    for verb, name, value in edits:
        if verb == "add":
            head.add(name, value)
        elif verb == "set":
            head.set(name, value)
        elif verb == "remove":
            assert head.has(name) == head.remove(name)
        elif verb == "odd":
            assert any(is_odd(name) for name in head.names) == head.remove_all(is_odd)
        else:
            head.replace({name, b"x"}, change_of(verb, value))


def edit_plain(fields: Plain, edits: list[Edit]) -> Plain:
    """Return the model edited in the same way."""
    for verb, name, value in edits:
        if verb == "odd":
            fields = [one for one in fields if not is_odd(one[0])]
        elif verb in ("set", "remove"):
            fields = [one for one in fields if one[0] != name]
        elif verb != "add":
            change = change_of(verb, value)
            changed = [(one, change(one, old) if one in (name, b"x") else old) for one, old in fields]
            fields = [(one, new) for one, new in changed if new is not None]
        if verb in ("add", "set"):
            fields = [*fields, (name, value)]
    return fields


def check(head: Head, fields: Plain) -> None:
    """Check that a head says what the model says."""
    assert list(head.names) == [name for name, _ in fields]
    assert head.size == len(fields)
    for name in NAMES:
        found = [value for one, value in fields if one == name]
        assert head.values(name) == found
        assert head.value(name) == (found[0] if found else None)
        assert head.has(name) == bool(found)
    assert [(field.name, field.value) for field in head.fields] == fields


def written(start: bytes, fields: Plain, connection: bytes, adjust: dict[bytes, bytes]) -> bytes:
    """Return the bytes that the model is written as."""
    whole = fields + ([(b"connection", connection)] if connection else [])
    return start + b"".join(b"%b: %b\r\n" % (adjust.get(name, name), value) for name, value in whole) + b"\r\n"


def requests_of(message: bytes) -> list[RequestHead]:
    """Read a request by its template and without: the first of the two has a template if any has one."""
    codec = Codec()
    heads = [RequestReader(codec).feed(message) for _ in range(AGAIN)]
    assert heads[0] is not None and heads[-1] is not None
    return [heads[-1], heads[0]]


def responses_of(message: bytes, request: RequestHead) -> list[ResponseHead]:
    """Do the same with a response."""
    codec = Codec()
    heads = [ResponseReader(codec).feed(message, request) for _ in range(AGAIN)]
    assert heads[0] is not None and heads[-1] is not None
    return [heads[-1], heads[0]]


def wire(fields: Plain) -> bytes:
    """Return header lines."""
    return b"".join(b"%b: %b\r\n" % field for field in fields)


def same_of_requests(known: RequestHead, general: RequestHead, edits: list[Edit]) -> None:
    """Check that edits do the same to both heads of one message, and that what was received stays."""
    fields = [(field.name, field.value) for field in general.fields]
    received = 21 + len(general.method) + len(general.target) + len(general.version) + len(b"".join(sum(fields, ())))
    fields = edit_plain(fields, edits)
    for head in (known, general):
        edit(head, edits)
        check(head, fields)
        assert head.received == received
    for close in (False, True):
        for adjust in (None, ADJUST):
            assert known.forward(close, adjust) == general.forward(close, adjust)


def same_of_responses(known: ResponseHead, general: ResponseHead, request: RequestHead, edits: list[Edit]) -> None:
    """Check the same of a response's heads."""
    fields = [(field.name, field.value) for field in general.fields]
    received = 24 + len(general.version) + len(general.reason) + len(b"".join(sum(fields, ())))
    fields = edit_plain(fields, edits)
    for head in (known, general):
        edit(head, edits)
        check(head, fields)
        assert head.received == received
    for keep in (None, False, True):
        for adjust in (None, ADJUST):
            assert known.forward(request, keep, adjust) == general.forward(request, keep, adjust)


@given(lines, endings, edits, values)
def test_a_request_is_edited_as_a_plain_list_is(lines: Plain, ending: bytes, edits: list[Edit], target: bytes) -> None:
    """A request with a template, one with a list and the model say and write the same after any edits."""
    fields = [(b"host", b"a"), *lines]
    known, general = requests_of(b"GET /a HTTP/1.1\r\n" + wire(fields) + ending + b"\r\n")
    assert known.template is not None and general.template is None
    same_of_requests(known, general, edits)
    fields = edit_plain(fields, edits)
    assert known.forward() == written(b"GET /a HTTP/1.1\r\n", fields, b"", {})
    assert known.forward(True, ADJUST) == written(b"GET /a HTTP/1.1\r\n", fields, b"close", ADJUST)
    known.method, known.target = b"PUT", b"/%s" + target
    assert known.forward() == written(b"PUT /%s" + target + b" HTTP/1.1\r\n", fields, b"", {})


@given(lines, endings, edits, st.sampled_from([b"1.0", b"1.1"]))
def test_a_response_is_edited_as_a_plain_list_is(
    lines: Plain, ending: bytes, edits: list[Edit], version: bytes
) -> None:
    """A response with a template, one with a list and the model say and write the same after any edits."""
    asked = RequestReader(Codec()).feed(b"GET / HTTP/" + version + b"\r\n\r\n")
    assert asked is not None
    fields = [*lines, (b"content-length", b"3")]
    known, general = responses_of(b"HTTP/1.1 200 OK\r\n" + wire(fields) + ending + b"\r\n", asked)
    assert known.template is not None and general.template is None
    same_of_responses(known, general, asked, edits)
    fields = edit_plain(fields, edits)
    assert known.forward(asked, False) == written(b"HTTP/1.1 200 OK\r\n", fields, b"close", {})
    known.status, known.reason = 404, b"Not %here"
    assert known.forward(asked, False) == written(b"HTTP/1.1 404 Not %here\r\n", fields, b"close", {})


@settings(max_examples=20, deadline=None)
@given(edits)
def test_heads_of_the_corpus_are_edited_alike(edits: list[Edit]) -> None:
    """Whatever message of the corpus is read, by a template or not: edits do the same to it."""
    for message in corpus.requests():
        try:
            known, general = requests_of(message)
        except (AssertionError, BadMessage):
            continue
        same_of_requests(known, general, edits)
    asked = RequestReader(Codec()).feed(corpus.REQUESTS["GET"])
    assert asked is not None
    for _, message in corpus.responses():
        try:
            known_response, general_response = responses_of(message, asked)
        except (AssertionError, BadMessage):
            continue
        same_of_responses(known_response, general_response, asked, edits)


def test_edits_of_one_head_are_in_no_other() -> None:
    """Heads of one template share a template, and an edit of one leaves the others as they are."""
    codec = Codec()
    heads = [RequestReader(codec).feed(b"GET / HTTP/1.1\r\nHost: a\r\nX: %d\r\n\r\n" % number) for number in range(9)]
    before, last = heads[-2:]
    assert before is not None and last is not None and before.template is last.template is not None
    last.set(b"x", b"other")
    last.add(b"y", b"1")
    assert before.forward() == b"GET / HTTP/1.1\r\nhost: a\r\nx: 7\r\n\r\n"
    assert last.forward() == b"GET / HTTP/1.1\r\nhost: a\r\nx: other\r\ny: 1\r\n\r\n"


def test_the_same_edits_lead_to_the_same_template() -> None:
    """What edits lead to is worked out once, so that a head with edits costs one format to write."""
    message = b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n"
    codec = Codec()
    heads = [RequestReader(codec).feed(message) for _ in range(9)]
    for head in heads[-2:]:
        assert head is not None
        head.add(b"z", b"3")
        head.remove(b"x")
    assert heads[-1].template is heads[-2].template is not None  # type: ignore[union-attr]


def test_nobody_makes_templates_grow() -> None:
    """However many names are added to heads of one template, few templates are kept, and all edits hold."""
    codec = Codec()
    message = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    for number in range(3 * MOST_DERIVED):
        head = RequestReader(codec).feed(message)
        assert head is not None
        head.add(b"x-%d" % number, b"1")
        head.add(b"y", b"2")
        assert head.forward() == b"GET / HTTP/1.1\r\nhost: a\r\nx-%d: 1\r\ny: 2\r\n\r\n" % number
    assert len(codec.requests.last._added) <= MOST_DERIVED
