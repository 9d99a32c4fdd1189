"""`balance hash SAMPLE`: any sample chooses the server (manual 4.2, `balance`).

rules/words.py reads the sample, since expressions stand above the lines of sections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zope.interface import implementer

from tcproxy.balance.keyed import HashedStrategy
from tcproxy.grammar.statements import Origin
from tcproxy.interfaces import IFarmStrategy, IRequest
from tcproxy.samples.expressions import Expression
from tcproxy.samples.kinds import Kind


@dataclass(frozen=True, slots=True)
class SampleKey:
    """A sample as bytes. expression: what was written, at `origin`; take: gives it."""

    expression: Expression
    origin: Origin
    take: Any

    def __call__(self, request: IRequest) -> bytes | None:
        """Return the sample; None where there is none. As in HAProxy the variables of the request have gone by now."""
        stream: Any = request
        if stream.scopes is not None:
            stream.begin_responding()
        value: bytes | None = self.take(stream)
        return value


@implementer(IFarmStrategy)
class SampleHash(HashedStrategy):
    """The same value of a sample meets the same server."""

    name = "hash"
    manual = "a hash of any sample, as in 'hash src,ipmask(24)', chooses the server, by hash-type"
    takes_sample = True
    # read where the language is joined: what follows the word is one expression

    def parse(self, words: Sequence[str]) -> SampleKey:
        """Refuse what is no sample."""
        raise ValueError("it needs a sample behind it, as in 'hash src,ipmask(24)'")

    def key_of(self, expression: Expression, origin: Origin) -> SampleKey:
        """Return the key of a sample; raises ValueError where it cannot be bytes."""
        take = expression.taking(Kind.BIN)
        if take is None:
            raise ValueError(f"'{expression.text}' cannot be hashed: it gives no bytes")
        return SampleKey(expression, origin, take)
