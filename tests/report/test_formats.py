"""Log formats: what compiles, what is refused and where, and what lines come out."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.report import formats
from tcproxy.report.formats import FormatError, Moment
from tcproxy.report.log_variables import VARIABLES
from tcproxy.report.record import Record


def record(**facts: object) -> Record:
    """Return the record of a plain session."""
    usual: dict[str, object] = {
        "client": ("10.0.1.2", 33313),
        "front": ("10.0.3.31", 8012),
        "accepted": time.mktime((2009, 2, 6, 12, 12, 51, 0, 0, -1)) + 0.443,
        "frontend": "fnt",
        "bind": "f1",
        "backend": "bck",
        "server": "srv1",
        "queue": 4,
        "connect": 2,
        "total": 5007,
        "bytes_out": 212,
        "active": 1,
        "frontend_active": 2,
        "backend_active": 3,
        "server_active": 4,
        "retries": 3,
        "server_queue": 5,
        "backend_queue": 6,
    }
    return Record(**(usual | facts))  # type: ignore[arg-type]


def line(text: str, early: bool = False, **facts: object) -> str:
    """Return the line that a format makes of the plain session."""
    return formats.compile(text, early).render(record(**facts))


def test_tcplog_has_the_fields_of_the_manual() -> None:
    """`option tcplog` writes the fields of manual 8.2.2 in their order (Tw as HAProxy 2.6 counts it)."""
    assert line(formats.TCPLOG) == (
        "10.0.1.2:33313 [06/Feb/2009:12:12:51.443] fnt bck/srv1 5/2/5007 212 -- 1/2/3/4/3 5/6"
    )


def test_a_session_that_reached_nothing() -> None:
    """Timers that were never reached print -1, and no server prints <NOSRV>."""
    assert line("%b/%s %Tw/%Tc/%Td", server="<NOSRV>", queue=-1, connect=-1) == "bck/<NOSRV> -1/-1/-1"


def test_logasap_marks_what_would_have_grown() -> None:
    """With `option logasap` total times and bytes to the client carry a plus, and nothing else does."""
    assert line("%Tt %Tu %B %U %Td %Tc", early=True) == "+5007 +5007 +212 0 5001 2"


def test_a_redispatch_marks_the_retries() -> None:
    """A plus in front of the retries says that the last one went to another server."""
    assert line("%rc", redispatched=True) == "+3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%{+Q}o %ci %cp %{-Q}f %b %Tt%% [%ts]", '"10.0.1.2" 33313 fnt "bck" 5007% [--]'),
        ("%{+X}o %ci %cp %rt %lc %ms %B", "0A000102 8221 0000 0000 1BB 212"),
        ("%{+X}ci %ci", "0A000102 10.0.1.2"),
        ("%{+Q,+E}f", '"fnt"'),
        ("  a   b ", "a b "),
        ("a %hr b", "a b"),
        ("%{+Q}o %o x", "x"),
        ("%%%% {%ci} 'x' \\ é", "%% {10.0.1.2} 'x' \\ é"),
        ("%(x)%-y", "(x)-y"),
        ("%bi:%bp %si:%sp", "-:- -:-"),
        ("%{+Q}bi:%{+Q}bp", '"":""'),
        ("%{+Z}f%{Q}f%{}f", "fntfntfnt"),
        ("%ft %tsc %ST %ID", "fnt ---- 0 -"),
        ("%ci_%cp-", "10.0.1.2_33313-"),
    ],
)
def test_texts_and_their_lines(text: str, expected: str) -> None:
    """Flags, merged spaces, literal signs and missing values come out as with the reference."""
    assert line(text) == expected


def test_escaping() -> None:
    """Flag E puts a backslash in front of quotes, backslashes and closing brackets."""
    assert line("%{+E}f|%{+Q,+E}f", frontend='a"b\\c]d') == 'a\\"b\\\\c\\]d|"a\\"b\\\\c\\]d"'


def test_addresses_of_unix_sockets_and_tls() -> None:
    """UNIX sockets print `unix` and a number even in hexadecimal; TLS marks the frontend's name."""
    made = line("%ci:%cp %{+X}ci %bi:%bp %ft", client=("unix", 9), local=("unix", 0), tls=True)
    assert made == "unix:9 unix unix:0 fnt~"


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("abc %", 4, "ends the format"),
        ("%foo bar", 0, "no variable %foo"),
        ("ab %ci2", 3, "no variable %ci2"),
        ("% ci", 0, "must follow"),
        ("%1", 0, "must follow"),
        ("x%{+Q ci", 2, "not closed"),
        ("%{+Q} a", 0, "none follows"),
        ("%[nosuch]", 0, "unknown fetch"),
        ("a %[src", 2, "closing bracket"),
        ("%[src,]", 0, "a converter is missing"),
        ("%[ src]", 0, "the name of a fetch is missing"),
        ("%[src ]", 0, "closing bracket"),
        ("%{+cbor}o", 1, "not supported by tcproxy yet"),
        ("%(a:int)[src]", 4, "no type"),
        ("%(a:str)ci", 0, "cannot be chosen"),
        ("%(a:sint)[ipv6(::1)]", 0, "cannot become"),
        ("%HM", 0, "mode http"),
    ],
)
def test_refusals_name_the_place(text: str, position: int, words: str) -> None:
    """What cannot be written is refused with a sentence and the position."""
    with pytest.raises(FormatError) as caught:
        formats.check(text)
    assert caught.value.position == position
    assert words in str(caught.value)
    assert f"character {position + 1}" in str(caught.value)


def test_when_the_line_is_written() -> None:
    """What is known only at the end makes the line wait for it, unless `option logasap` is on."""
    assert formats.DEFAULT.moment is Moment.ACCEPT
    assert formats.compile("%ci %b/%s").moment is Moment.ESTABLISHED
    assert formats.compile("%ci %B").moment is Moment.END
    assert formats.compile("%ci %B", early=True).moment is Moment.ESTABLISHED


def test_needs_name_the_address_pairs() -> None:
    """A format says which addresses it prints, so that a session looks up no others."""
    assert formats.compile("%ci %bp").needs == {"client", "local"}
    assert formats.compile(formats.TCPLOG).needs == {"client"}


def test_fixed_formats() -> None:
    """The default and the error format write what manual 8.2.1 and 8.2.5 show."""
    assert formats.DEFAULT.render(record()) == "Connect from 10.0.1.2:33313 to 10.0.3.31:8012 (fnt/TCP)"
    assert formats.error_format().render(record(cause="nothing came")) == (
        "10.0.1.2:33313 [06/Feb/2009:12:12:51.443] fnt/f1: nothing came"
    )


PIECES = st.lists(
    st.sampled_from(["%%", " ", "{", "}", "'", '"', "\\", "é", "\udc80", "\n", "%{+Q}", "%{-X,+E}o", "%"])
    | st.sampled_from([f"%{name}" for name in VARIABLES])
    | st.text(max_size=3)
).map("".join)


@given(PIECES)
def test_any_text_compiles_or_is_refused(text: str) -> None:
    """No text, however odd, does anything but compile into a line or raise FormatError."""
    try:
        formats.check(text)
    except FormatError as refusal:
        assert 0 <= refusal.position < len(text)
    else:
        assert isinstance(line(text), str)


@given(st.text(st.characters(exclude_characters="% ")))
def test_literal_text_comes_out_unchanged(text: str) -> None:
    """Text without percent signs and spaces is the line itself: nothing of it is taken for code."""
    assert line(text) == text
