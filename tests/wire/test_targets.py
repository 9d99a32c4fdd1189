"""Targets of requests as rules part and change them, their normal forms, and lists in headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.wire.listed import change_elements
from tcproxy.wire.normal_targets import (
    decode_unreserved,
    merge_slashes,
    sort_query,
    strip_dots,
    strip_double_dots,
    upper_escapes,
)
from tcproxy.wire.targets import authority_of, path_of, with_authority, with_path, with_query

PATHS = st.lists(st.sampled_from([b"/", b"a", b".", b"..", b"%41", b"%zz", b"%2f"]), max_size=9).map(
    lambda pieces: b"/" + b"".join(pieces)
)
VALUES = st.lists(st.sampled_from([b"a", b",", b" ", b'"', b"\\", b"b c"]), max_size=9).map(b"".join)


@pytest.mark.parametrize(
    ("target", "path", "authority"),
    [
        (b"/a?b", b"/a?b", None), (b"*", b"", None), (b"http://h", b"", b"h"), (b"http://h/a", b"/a", b"h"),
        (b"http://u:p@h:81/a?b", b"/a?b", b"h:81"), (b"h:80", b"", None),
    ],
)  # fmt: skip
def test_the_parts_of_a_target(target: bytes, path: bytes, authority: bytes | None) -> None:
    """A target in origin form has a path, one in absolute form may have both, and no other has any."""
    assert (path_of(target), authority_of(target)) == (path, authority)


@given(PATHS, PATHS)
def test_a_new_path_leaves_the_rest(path: bytes, other: bytes) -> None:
    """The authority stays, and the query where it is not part of what is set."""
    assert with_path(b"http://h" + path + b"?q", other, False) == b"http://h" + other + b"?q"
    assert with_path(b"http://h" + path + b"?q", other, True) == b"http://h" + other
    assert with_query(path + b"?q", b"") == path + b"?"
    assert with_authority(b"http://u@h" + path, b"n:1") == b"http://u@n:1" + path


@given(PATHS)
def test_normal_forms_are_normal(path: bytes) -> None:
    """Each normal form of a normal form is that form itself."""
    for change in (merge_slashes, strip_dots, lambda text: strip_double_dots(text, True), sort_query):
        assert change(change(path)) == change(path)
    upper = upper_escapes(path, False)
    assert upper is not None and upper_escapes(upper, False) == upper
    assert (upper_escapes(path, True) is None) is (b"%zz" in path) is (decode_unreserved(path, True) is None)
    assert b".." not in strip_double_dots(path, True).split(b"/")


@given(VALUES)
def test_elements_that_stay_leave_the_list_as_it_is(value: bytes) -> None:
    """A change that changes nothing leaves all blanks and commas where they are."""
    assert change_elements(lambda name, element: element)(b"x", value) == value


def test_elements_are_changed_one_by_one() -> None:
    """Commas in quotes part nothing, and blanks around a changed element go."""
    change = change_elements(lambda name, element: b"<%b>" % element)
    assert change(b"x", b'"a,b", c ,, d,') == b'<"a,b">,<c>,<>,<d>,<>'
