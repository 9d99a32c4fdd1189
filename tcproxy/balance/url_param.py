"""`balance url_param`: a parameter of the query, or of a posted form, chooses the server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from zope.interface import implementer

from tcproxy.balance.keyed import KeyedStrategy
from tcproxy.balance.words import refuse_parentheses
from tcproxy.interfaces import IFarmStrategy, IRequest


@dataclass(frozen=True, slots=True)
class ParameterKey:
    """The value of the first parameter of this name, as written: not decoded.

    wants_body: the body of a POST is searched, so the session waits for it before it picks. As in HAProxy 2.6, that is
    so with and without `check_post`.
    """

    name: bytes
    wants_body: bool = True

    def __call__(self, request: IRequest) -> bytes | None:
        """Return the value, that of the query before that of the body; None where it has neither."""
        uri: bytes | None = request.uri()
        if uri is None:
            return None
        found = self._find(uri.partition(b"?")[2])
        if found is not None:
            return found
        body: bytes | None = request.body()
        found = self._find(body) if body else None
        return None if found is None else _written(found)

    def _find(self, parameters: bytes) -> bytes | None:
        begin = self.name + b"="
        for parameter in parameters.split(b"&"):
            if parameter.startswith(begin):
                return parameter[len(begin) :]
        return None


_TOKEN = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]")


def _written(value: bytes) -> bytes | None:
    """Return a posted value; None where it begins as no token does, so that binary data is not taken for a form.

    As in HAProxy, only the first byte is looked at, and a value that begins with a blank is empty.
    """
    if not value or _TOKEN.match(value):
        return value
    return b"" if value[:1] in b" \t\r\n" else None


@implementer(IFarmStrategy)
class UrlParamHash(KeyedStrategy):
    """The same value of a parameter, such as the id of a user, meets the same server."""

    name = "url_param"
    manual = "a hash of a parameter of the query or of a posted form chooses the server, by hash-type"

    def parse(self, words: Sequence[str]) -> ParameterKey:
        """Take the parameter's name, and `check_post [N]`."""
        refuse_parentheses(self.name, words)
        if not words or not words[0]:
            raise ValueError("it needs the name of a parameter behind it")
        if len(words) > 1 and words[1] != "check_post":
            raise ValueError(f"it takes 'check_post' behind the name, and not '{words[1]}'")
        return ParameterKey(words[0].encode("utf-8", "surrogateescape"))
