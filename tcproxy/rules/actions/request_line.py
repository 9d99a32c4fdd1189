"""Actions that change a request's method and target (manual 4.2, `http-request set-path` and its like)."""

from __future__ import annotations

from collections.abc import Callable

from tcproxy.rules.actions.headers import SHORT
from tcproxy.rules.actions.rewriting import read_search, rewriting
from tcproxy.rules.actions.rows import Act, Action, ActionWords, Assembly, Ends, Exchange, Made, Text
from tcproxy.rules.sets import REQUESTS
from tcproxy.wire.targets import authority_of, path_of, with_path, with_query

Change = Callable[[bytes, bytes], bytes]
"""Makes another target of a target and a text."""
TARGET = ("path",)
"""What samples read that depend on the target: its path, its query, all of it."""


def _read_method(words: ActionWords) -> Made:
    """Read `FORMAT`."""
    form = words.format("a method")

    def make(assembly: Assembly) -> Act:
        text, note = assembly.text(form), assembly.note_line

        def set_method(exchange: Exchange) -> None:
            note(exchange)
            exchange.request.set_line(text(exchange), exchange.request.target)

        return set_method

    return Made(make, ("method",), form.expressions)


def _setting(change: Change) -> Callable[[ActionWords], Made]:
    """Return what reads `FORMAT`. change: makes the new target of the old one and the text."""

    def read(words: ActionWords) -> Made:
        form = words.format("what to set")

        def make(assembly: Assembly) -> Act:
            return _retargeting(assembly, change, assembly.text(form))

        return Made(make, TARGET, form.expressions)

    return read


def _retargeting(assembly: Assembly, change: Change, text: Text) -> Act:
    note, fits, failed = assembly.note_line, assembly.fits, assembly.failed

    def retarget(exchange: Exchange) -> bool:
        request = exchange.request
        target = change(request.target, text(exchange))
        more = len(target) - len(request.target)
        if more > SHORT and not fits(exchange, more):
            return failed(exchange)
        note(exchange)
        request.set_line(request.method, target)
        return True

    return retarget


def _uri(target: bytes, text: bytes) -> bytes:
    return text


def _read_uri(words: ActionWords) -> Made:
    """Read `FORMAT`: a target of another authority changes the Host header, too."""
    form = words.format("a target")

    def make(assembly: Assembly) -> Act:
        return _followed_by_host(_retargeting(assembly, _uri, assembly.text(form)))

    return Made(make, (*TARGET, "header host"), form.expressions)


def _followed_by_host(retarget: Act) -> Act:
    def set_uri(exchange: Exchange) -> object:
        if not retarget(exchange):
            return False
        request = exchange.request
        host = authority_of(request.target)
        if host is not None and request.has(b"host"):
            request.replace((b"host",), lambda name, value: host)
        return True

    return set_uri


def _replacing(part: Callable[[bytes], bytes], change: Change) -> Callable[[ActionWords], Made]:
    """Return what reads `REGEX FORMAT`. part: what is looked at of a target; change: puts another in its place."""

    def read(words: ActionWords) -> Made:
        (search, groups), form = read_search(words), words.format("a replacement")

        def make(assembly: Assembly) -> Act:
            rewrite, failed = rewriting(form, groups, assembly), assembly.failed

            def replace(exchange: Exchange) -> bool:
                old = part(exchange.request.target)
                match = search(old) if old else None
                if match is None:
                    return True
                new = rewrite(match, exchange)
                if new is None:
                    return failed(exchange)
                return bool(_retargeting(assembly, change, lambda exchange: new)(exchange))

            return _followed_by_host(replace) if change is _uri else replace

        return Made(make, (*TARGET, "header host") if change is _uri else TARGET, form.expressions)

    return read


def _query(target: bytes, text: bytes) -> bytes:
    return with_query(target, text)


def _path_and_query(target: bytes, text: bytes) -> bytes:
    return with_path(target, text, True)


def _path(target: bytes, text: bytes) -> bytes:
    return with_path(target, text, False)


def _path_alone(target: bytes) -> bytes:
    return path_of(target).partition(b"?")[0]


ACTIONS = (
    Action("replace-path", REQUESTS, "Replace the path if it matches.", _replacing(_path_alone, _path),
           "REGEX FORMAT", Ends.SOMETIMES),
    Action("replace-pathq", REQUESTS, "Replace the path with its query if they match.",
           _replacing(path_of, _path_and_query), "REGEX FORMAT", Ends.SOMETIMES),
    Action("replace-uri", REQUESTS, "Replace the whole target if it matches.", _replacing(lambda target: target, _uri),
           "REGEX FORMAT", Ends.SOMETIMES),
    Action("set-method", REQUESTS, "Set the method.", _read_method, "FORMAT"),
    Action("set-path", REQUESTS, "Set the path; the query stays.", _setting(_path), "FORMAT", Ends.SOMETIMES),
    Action("set-pathq", REQUESTS, "Set the path with the query.", _setting(_path_and_query), "FORMAT",
           Ends.SOMETIMES),
    Action("set-query", REQUESTS, "Set the query; the path stays.", _setting(_query), "FORMAT", Ends.SOMETIMES),
    Action("set-uri", REQUESTS, "Set the whole target.", _read_uri, "FORMAT", Ends.SOMETIMES),
)  # fmt: skip
