"""`balance hdr(NAME)`: a header of the request chooses the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zope.interface import implementer

from tcproxy.balance.keyed import KeyedStrategy
from tcproxy.balance.words import parenthesised
from tcproxy.interfaces import IFarmStrategy, IRequest


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """The first value of the first header of this name (lower case). domain_only: of a host, the domain's own label."""

    name: bytes
    domain_only: bool = False

    def __call__(self, request: IRequest) -> bytes | None:
        """Return the value; None where there is none, or an empty one."""
        value: bytes | None = request.header(self.name)
        if value is None:
            return None
        value = first_of(value)
        if not value:
            return None
        return label(value) if self.domain_only else value


def first_of(value: bytes) -> bytes:
    """Return the first element of a list in a header, without the blanks around it; commas in quotes part nothing."""
    if b"," not in value:
        return value.strip(b" \t")
    quoted = escaped = False
    for at, octet in enumerate(value):
        if escaped:
            escaped = False
        elif quoted and octet == 0x5C:
            escaped = True
        elif octet == 0x22:
            quoted = not quoted
        elif octet == 0x2C and not quoted:
            return value[:at].strip(b" \t")
    return value.strip(b" \t")


def label(host: bytes) -> bytes:
    """Return the label before the last dot: `example` of `www.example.com`. A host without a dot is one whole.

    As in HAProxy, a dot at the very beginning does not count as one, and no label is empty.
    """
    dot = host.rfind(b".", 1)
    if dot < 0:
        return host
    return host[host.rfind(b".", 0, max(dot - 1, 0)) + 1 : dot]


@implementer(IFarmStrategy)
class HeaderHash(KeyedStrategy):
    """The same value of a header meets the same server."""

    name = "hdr"
    manual = "a hash of a header chooses the server, by hash-type"

    def parse(self, words: Sequence[str]) -> HeaderKey:
        """Take the header's name in parentheses, and `use_domain_only`."""
        name = parenthesised(words)
        if not name:
            raise ValueError("it needs the name of a header in parentheses, as in 'hdr(host)'")
        if len(words) > 1 and words[1] != "use_domain_only":
            raise ValueError(f"it takes 'use_domain_only' behind the name, and not '{words[1]}'")
        return HeaderKey(name.lower().encode("utf-8", "surrogateescape"), len(words) > 1)
