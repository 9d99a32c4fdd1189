"""The door of this room for whoever reads a configuration.

Most configurations have neither an ACL nor a condition, and then nothing else here needs to be imported: that is
why the row of `acl` stands here, apart from its code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tcproxy.grammar.rows import PROXY, Draft, Row
from tcproxy.grammar.statements import Origin, Reading, Statement

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy
    from tcproxy.rules.conditions import Condition


def parse_acl(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `acl NAME CRITERION [flags] [operator] [pattern] ...`. Raises Refused."""
    from tcproxy.rules import acls

    acls.parse_acl(statement, draft, reading)


def read_condition(statement: Statement, start: int, draft: Draft, reading: Reading) -> Condition | None:
    """Read the condition of a `use_backend` rule, from the word `start` on; None without one. Raises Refused.

    This is what `Reading.conditions` is set to.
    """
    from tcproxy.rules import conditions
    from tcproxy.samples.places import Place

    place = Place.FRONTEND_USE_BACKEND
    return conditions.parse_condition(statement, start, reading, place, draft.get("acls"))


def unresolved(proxies: Iterable[Proxy]) -> Iterator[tuple[Origin, str]]:
    """Return each frontend, backend or server that a sample names in vain: where, and the sentence to tell."""
    every = list(proxies)
    if any(proxy.acls or any(rule.condition for rule in proxy.use_backends) for proxy in every):
        from tcproxy.rules import conditions

        yield from conditions.unresolved(every)


WORDS = (
    Row(
        "acl",
        PROXY,
        "Name a test of the client, its request, or the state of the proxy.",
        parse=parse_acl,
        manual="4.2",
        unnamed_defaults=False,
        core=True,
    ),
)
