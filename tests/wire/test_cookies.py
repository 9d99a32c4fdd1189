"""Cookie and Set-Cookie headers as pieces: what is taken out goes, and all else stays byte by byte."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.wire.cookies import (
    Crumb,
    concerns,
    part_dates,
    plain,
    read_cookies,
    read_date,
    read_set_cookie,
    read_set_cookies,
    rejoined,
    rejoined_set_cookies,
    write_date,
)

PIECES = st.sampled_from(
    [b"C", b"a", b"CC", b"$Path", b"=", b";", b",", b" ", b"\t", b'"', b"\\", b"~", b"|", b"x", b"1"]
)
HEADERS = st.lists(PIECES, max_size=24).map(b"".join)
NAMES = st.text("abcXYZ-_.", min_size=1, max_size=6).map(str.encode).filter(lambda name: name != b"C")
VALUES = st.text("abc123+/=~|. ", max_size=8).map(str.strip).map(str.encode)
QUOTED = st.text("abc;,= C", max_size=8).map(lambda text: f'"{text}"'.encode())
OTHERS = st.lists(st.tuples(NAMES, VALUES | QUOTED).map(b"=".join), max_size=5)


def is_ours(crumb: Crumb) -> bool:
    """Return whether a cookie is called C."""
    return crumb.name == b"C" and crumb.value is not None


def nothing(crumb: Crumb) -> bool:
    """Take out nothing."""
    return False


def unspaced(header: bytes) -> bytes:
    """Return a header without any blanks."""
    return re.sub(rb"[ \t]", b"", header)


@given(HEADERS)
def test_nothing_is_lost(header: bytes) -> None:
    """A header that nothing is taken from keeps all its bytes, but for blanks around equals signs."""
    assert unspaced(rejoined(read_cookies(header), nothing)) == unspaced(header)
    assert unspaced(rejoined_set_cookies(read_set_cookies(header), nothing)) == unspaced(header)
    assert unspaced(read_set_cookie(header).text) == unspaced(header)


@given(HEADERS)
def test_what_need_not_be_read(header: bytes) -> None:
    """A header that `concerns` leaves unread has no cookie of ours, and reading would change nothing."""
    if not concerns(header, b"C"):
        crumbs = read_cookies(header)
        assert not any(map(is_ours, crumbs))
        assert rejoined(crumbs, nothing) == header
        assert read_set_cookie(header).name != b"C"


@given(HEADERS)
def test_ours_goes_and_does_not_come_back(header: bytes) -> None:
    """Whatever the header, no cookie of ours is left in what is written, and writing that again changes nothing."""
    once = rejoined(read_cookies(header), is_ours)
    again = read_cookies(once)
    assert not any(map(is_ours, again))
    assert rejoined(again, is_ours) == once


@given(HEADERS | OTHERS.map(b"; C=x; ".join) | OTHERS.map(b"; ".join))
def test_plain_headers_are_read_alike(header: bytes) -> None:
    """What the pattern of plain headers finds is what reading finds: one cookie of ours, and the rest."""
    found = plain(b"C").fullmatch(header)
    if found is not None:
        before, value, behind = found.groups()
        crumbs = read_cookies(header)
        assert [crumb.value for crumb in crumbs if is_ours(crumb)] == [value]
        assert rejoined(crumbs, nothing) == header == before + b"C=" + value + behind
        assert rejoined(crumbs, is_ours) == (before + behind[2:] if behind else before[:-2])


@given(OTHERS, st.integers(0, 5), VALUES)
def test_other_cookies_stay_as_they_were(others: list[bytes], place: int, value: bytes) -> None:
    """Ours taken out of a header leaves what the client would have sent without it."""
    ours = b"C=" + value
    place = min(place, len(others))
    with_ours = b"; ".join([*others[:place], ours, *others[place:]])
    assert rejoined(read_cookies(with_ours), is_ours) == b"; ".join(others)


@given(OTHERS, VALUES, VALUES)
def test_assign_changes_one_value(others: list[bytes], old: bytes, new: bytes) -> None:
    """Another value for ours changes nothing else."""
    crumbs = read_cookies(b"; ".join([*others, b"C=" + old, *others]))
    for crumb in filter(is_ours, crumbs):
        crumb.assign(new)
    assert rejoined(crumbs, nothing) == b"; ".join([*others, b"C=" + new, *others])


@pytest.mark.parametrize(
    ("header", "left"),
    [
        (b"C=1", b""),
        (b"a=1; C=1", b"a=1"),
        (b"a=1 ; C=1", b"a=1 "),
        (b"C=1; a=1", b"a=1"),
        (b"a=1 ,C=1 , b=2", b"a=1, b=2"),
        (b"$Version=1; C=1; $Path=/; b=2", b"$Version=1; b=2"),
        (b"$Version=1; C=1", b""),
        (b'a="C=1; C=2"; C=3', b'a="C=1; C=2"'),
    ],
)
def test_taken_out(header: bytes, left: bytes) -> None:
    """The delimiter behind ours takes the place of the one before, and its attributes go with it."""
    assert rejoined(read_cookies(header), is_ours) == left


@given(st.integers(0, (1 << 30) - 1))
def test_dates(quarter: int) -> None:
    """A date is read as it was written."""
    assert read_date(write_date(quarter)) == quarter


def test_dates_in_values() -> None:
    """What stands behind the server's value are dates, as far as they can be read."""
    assert part_dates(b"A") == (b"A", 0, 0)
    assert part_dates(b"A|" + write_date(100)) == (b"A", 400, 0)
    assert part_dates(b"A|%b|%b" % (write_date(100), write_date(50))) == (b"A", 400, 200)
    assert part_dates(b"A|abc|a?cde") == (b"A", 0, 0)
