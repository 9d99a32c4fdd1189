"""Actions that add, set, change and remove headers (manual 4.2, `http-request set-header` and its like)."""

from __future__ import annotations

from collections.abc import Callable

from tcproxy.rules.actions.rewriting import read_search, rewriting
from tcproxy.rules.actions.rows import Act, Action, ActionWords, Assembly, Ends, Exchange, Made, Text
from tcproxy.rules.sets import HTTP, SetKind
from tcproxy.wire.listed import change_elements
from tcproxy.wire.messages import Head
from tcproxy.wire.targets import authority_of, with_authority

SHORT = 128
"""Bytes of a value that fits any head of at most ROOMY bytes: some ninety rules add no more than a buffer has."""
ROOMY = 4096


def of_request(assembly: Assembly) -> bool:
    """Return whether the rules of a set change requests, and not responses."""
    return assembly.kind is SetKind.HTTP_REQUEST


def _name(words: ActionWords) -> bytes:
    return words.word("the name of a header").lower().encode("utf-8", "surrogateescape")


def _changed(name: bytes) -> tuple[str, ...]:
    of_host = ("path",) if name == b"host" else ()  # a target in absolute form follows
    return (f"header {name.decode('ascii', 'replace')}", *of_host)


def _reading(making: Callable[[bytes, Text, Assembly], Act]) -> Callable[[ActionWords], Made]:
    """Return what reads `NAME FORMAT`."""

    def read(words: ActionWords) -> Made:
        name, form = _name(words), words.format("a value")
        return Made(
            _followed(name, lambda assembly: making(name, assembly.text(form), assembly)),
            _changed(name), form.expressions,
        )  # fmt: skip

    return read


def _setting(name: bytes, text: Text, assembly: Assembly) -> Act:
    """Return what replaces all headers of a name by one."""
    fits, failed = assembly.fits, assembly.failed

    def set_of_request(exchange: Exchange) -> bool:
        head, value = exchange.request, text(exchange)
        if len(value) > SHORT or head.received > ROOMY:
            head.remove(name)
            if not fits(exchange, len(name) + len(value)):
                return failed(exchange)
        head.set(name, value)
        return True

    def set_of_response(exchange: Exchange) -> bool:
        head, value = exchange.response, text(exchange)
        if len(value) > SHORT or head.received > ROOMY:
            head.remove(name)
            if not fits(exchange, len(name) + len(value)):
                return failed(exchange)
        head.set(name, value)
        return True

    return set_of_request if of_request(assembly) else set_of_response


def _adding(name: bytes, text: Text, assembly: Assembly) -> Act:
    """Return what adds a header behind all others."""
    fits, failed = assembly.fits, assembly.failed

    def add_to_request(exchange: Exchange) -> bool:
        head, value = exchange.request, text(exchange)
        if (len(value) > SHORT or head.received > ROOMY) and not fits(exchange, len(name) + len(value)):
            return failed(exchange)
        head.add(name, value)
        return True

    def add_to_response(exchange: Exchange) -> bool:
        head, value = exchange.response, text(exchange)
        if (len(value) > SHORT or head.received > ROOMY) and not fits(exchange, len(name) + len(value)):
            return failed(exchange)
        head.add(name, value)
        return True

    return add_to_request if of_request(assembly) else add_to_response


def _followed(name: bytes, make: Callable[[Assembly], Act]) -> Callable[[Assembly], Act]:
    """Let a request's target in absolute form follow its Host header, if that is the name."""
    if name != b"host":
        return make

    def followed(assembly: Assembly) -> Act:
        act, note = make(assembly), assembly.note_line
        if not of_request(assembly):
            return act

        def set_host(exchange: Exchange) -> object:
            if not act(exchange):
                return False
            request = exchange.request
            if authority_of(request.target) is not None:
                host = request.values(b"host")[-1:]
                note(exchange)
                request.set_line(request.method, with_authority(request.target, *host))
            return True

        return set_host

    return followed


# del-header

METHODS: dict[str, Callable[[bytes], Callable[[bytes], object]]] = {
    "beg": lambda text: lambda name: name.startswith(text),
    "end": lambda text: lambda name: name.endswith(text),
    "sub": lambda text: lambda name: text in name,
}
"""How names of headers are compared with a text, both in lower case."""
OTHER_METHODS = ("str", "reg")


def _read_deletion(words: ActionWords) -> Made:
    """Read `NAME [-m str|beg|end|sub|reg]`."""
    text = words.word("the name of a header")
    at = words.at
    method = words.word("a matching method") if words.take("-m") else "str"
    if method not in METHODS and method not in OTHER_METHODS:
        known = ", ".join(("str", *METHODS, "reg"))
        raise words.refuse(f"names of headers are compared by one of {known}, and not '{method}'", at + 1)
    name = text.lower().encode("utf-8", "surrogateescape")
    if method == "str":
        return Made(lambda assembly: _removing(name, of_request(assembly)), _changed(name))
    if method == "reg":
        words.at = at - 1
        goes, _ = read_search(words)
        words.at = at + 2
        return Made(lambda assembly: _removing_all(goes, of_request(assembly)))
    found = METHODS[method](name)
    return Made(lambda assembly: _removing_all(found, of_request(assembly)))


def _removing(name: bytes, request: bool) -> Act:
    def remove_of_request(exchange: Exchange) -> None:
        exchange.request.remove(name)

    def remove_of_response(exchange: Exchange) -> None:
        exchange.response.remove(name)

    return remove_of_request if request else remove_of_response


def _removing_all(goes: Callable[[bytes], object], request: bool) -> Act:
    def remove_of_request(exchange: Exchange) -> None:
        exchange.request.remove_all(goes)

    def remove_of_response(exchange: Exchange) -> None:
        exchange.response.remove_all(goes)

    return remove_of_request if request else remove_of_response


# replace-header, replace-value


def _replacing(elements: bool) -> Callable[[ActionWords], Made]:
    """Return what reads `NAME REGEX FORMAT`. elements: of lists, each element is looked at by itself."""

    def read(words: ActionWords) -> Made:
        name = _name(words)
        (search, groups), form = read_search(words), words.format("a replacement")

        def make(assembly: Assembly) -> Act:
            rewrite, request = rewriting(form, groups, assembly), of_request(assembly)
            fits, failed = assembly.fits, assembly.failed

            def replace(exchange: Exchange) -> bool:
                head: Head = exchange.request if request else exchange.response
                if not head.has(name):
                    return True
                done = True

                def change(name: bytes, value: bytes) -> bytes:
                    nonlocal done
                    match = search(value) if done else None
                    if match is None:
                        return value
                    new = rewrite(match, exchange)
                    if new is None or (len(new) > SHORT and not fits(exchange, len(new) - len(value))):
                        done = False
                        return value
                    return new

                head.replace((name,), change_elements(change) if elements else change)
                return done or failed(exchange)

            return replace

        return Made(_followed(name, make), _changed(name), form.expressions)

    return read


ACTIONS = (
    Action("add-header", HTTP, "Add a header behind all others.", _reading(_adding), "NAME FORMAT", Ends.SOMETIMES),
    Action("del-header", HTTP, "Remove all headers of a name, or whose names match.", _read_deletion,
           "NAME [-m str|beg|end|sub|reg]"),
    Action("replace-header", HTTP, "Replace the values of a header that match, wholly.", _replacing(False),
           "NAME REGEX FORMAT", Ends.SOMETIMES),
    Action("replace-value", HTTP, "Replace those elements of a header's values that match, wholly.", _replacing(True),
           "NAME REGEX FORMAT", Ends.SOMETIMES),
    Action("set-header", HTTP, "Remove all headers of a name, and add one.", _reading(_setting), "NAME FORMAT",
           Ends.SOMETIMES),
)  # fmt: skip
