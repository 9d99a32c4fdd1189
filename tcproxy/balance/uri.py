"""`balance uri`: the URI of a request chooses its server, so that each server caches a part of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zope.interface import implementer

from tcproxy.balance.keyed import KeyedStrategy
from tcproxy.balance.words import refuse_parentheses
from tcproxy.interfaces import IFarmStrategy, IRequest


@dataclass(frozen=True, slots=True)
class UriKey:
    """The part of a URI that is hashed.

    length: bytes at most, 0 for all. depth: directories at most, 0 for all. whole: the query, too.
    path_only: without scheme and authority.
    """

    length: int = 0
    depth: int = 0
    whole: bool = False
    path_only: bool = False

    def __call__(self, request: IRequest) -> bytes | None:
        """Return the part; None where there is no URI."""
        uri: bytes | None = request.uri()
        if uri is None:
            return None
        if self.path_only:
            uri = path_of(uri)
        if self.length:
            uri = uri[: self.length]
        if not self.whole:
            uri = uri.partition(b"?")[0]
        return _to_depth(uri, self.depth) if self.depth else uri


def _to_depth(uri: bytes, depth: int) -> bytes:
    """Return the URI up to the slash behind `depth` directories."""
    at = -1
    for _ in range(depth + 1):
        at = uri.find(b"/", at + 1)
        if at < 0:
            return uri
    return uri[:at]


def path_of(uri: bytes) -> bytes:
    """Return path and query of a URI in origin or absolute form, b"" where it has none."""
    if uri.startswith(b"/"):
        return uri
    _, mark, rest = uri.partition(b"://")
    if not mark:
        return b""
    slash = rest.find(b"/")
    return rest[slash:] if slash >= 0 else b""


@implementer(IFarmStrategy)
class UriHash(KeyedStrategy):
    """The same URI meets the same server."""

    name = "uri"
    manual = "a hash of the URI, or of a part of it, chooses the server, by hash-type"

    def parse(self, words: Sequence[str]) -> UriKey:
        """Take `len N`, `depth N`, `whole` and `path-only`, in any order."""
        refuse_parentheses(self.name, words)
        numbers = {"len": 0, "depth": 0}
        flags = {"whole": False, "path-only": False}
        rest = iter(words)
        for word in rest:
            if word in flags:
                flags[word] = True
            elif word in numbers:
                numbers[word] = _positive(word, next(rest, ""))
            else:
                raise ValueError(f"it takes 'len', 'depth', 'whole' and 'path-only', and not '{word}'")
        return UriKey(numbers["len"], numbers["depth"], flags["whole"], flags["path-only"])


def _positive(name: str, word: str) -> int:
    if not (word.isascii() and word.isdigit()) or int(word) == 0:
        raise ValueError(f"'{name}' needs a number above 0 behind it, and not '{word}'")
    return int(word)
