"""The action `http-request normalize-uri` (manual 4.2), which HAProxy calls an experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tcproxy.rules.actions.request_line import TARGET
from tcproxy.rules.actions.rows import Act, Action, ActionWords, Assembly, Ends, Exchange, Made
from tcproxy.rules.sets import REQUESTS
from tcproxy.wire import normal_targets as normal
from tcproxy.wire.targets import path_of, with_path, with_query

Change = Callable[[bytes], bytes | None]


def _of_query(path: bytes) -> bytes:
    begin, mark, query = path.partition(b"?")
    return with_query(begin + mark, normal.sort_query(query)) if mark else path


PATHS: Mapping[tuple[str, str], Change] = {
    ("path-merge-slashes", ""): normal.merge_slashes,
    ("path-strip-dot", ""): normal.strip_dots,
    ("path-strip-dotdot", ""): lambda path: normal.strip_double_dots(path, False),
    ("path-strip-dotdot", "full"): lambda path: normal.strip_double_dots(path, True),
}
"""What changes a path without its query."""
WHOLES: Mapping[tuple[str, str], Change] = {
    ("fragment-encode", ""): normal.encode_fragment,
    ("fragment-strip", ""): normal.strip_fragment,
    ("percent-decode-unreserved", ""): lambda path: normal.decode_unreserved(path, False),
    ("percent-decode-unreserved", "strict"): lambda path: normal.decode_unreserved(path, True),
    ("percent-to-uppercase", ""): lambda path: normal.upper_escapes(path, False),
    ("percent-to-uppercase", "strict"): lambda path: normal.upper_escapes(path, True),
    ("query-sort-by-name", ""): _of_query,
}
"""What changes a path with its query."""


def _read(words: ActionWords) -> Made:
    """Read `NORMALIZER [full|strict]`."""
    if not words.reading.process.get("expose_experimental_directives"):
        raise words.refuse("this is an experiment of HAProxy 2.6, and needs 'expose-experimental-directives'")
    at = words.at
    name = words.word("a normalizer")
    every = {**PATHS, **WHOLES}
    option = next((one for one in ("full", "strict") if (name, one) in every and words.take(one)), "")
    alone = (name, option) in PATHS
    change = every.get((name, option))
    if change is None:
        known = ", ".join(sorted({one for one, _ in every}))
        raise words.refuse(f"there is no normalizer '{name}'; there are {known}", at)
    return Made(lambda assembly: _normalizing(assembly, change, alone), TARGET)


def _normalizing(assembly: Assembly, change: Change, alone: bool) -> Act:
    """Return what changes the path of a request. alone: the query stays as it is."""
    note, malformed = assembly.note_line, assembly.malformed

    def normalize(exchange: Exchange) -> bool:
        request = exchange.request
        path = path_of(request.target)
        if not path:
            return True
        if alone:
            path = path.partition(b"?")[0]
        new = change(path)
        if new is None:
            malformed(exchange)
            return False
        if new != path:
            note(exchange)
            request.set_line(request.method, with_path(request.target, new, not alone))
        return True

    return normalize


ACTIONS = (
    Action("normalize-uri", REQUESTS, "Give the target a normal form.", _read, "NORMALIZER [full|strict]",
           Ends.SOMETIMES),
)  # fmt: skip
