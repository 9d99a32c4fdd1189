"""The row of `acl`, and the functions of this room that the reader of a configuration calls.

A configuration without ACLs and conditions needs nothing else of this room: therefore the row of `acl` stands here, and
its code is imported only when a line needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tcproxy.grammar.rows import NAMED, NAMED_BACK, NAMED_FRONT, PROXY, Draft, Reading, Row
from tcproxy.grammar.statements import Origin, Refused, Statement

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy
    from tcproxy.model.userlists import UserList
    from tcproxy.rules.conditions import Condition, Named
    from tcproxy.samples.expressions import Expression


def parse_acl(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `acl NAME CRITERION [flags] [operator] [pattern] ...`. Raises Refused."""
    from tcproxy.rules import acls

    acls.parse_acl(statement, draft, reading)


def read_condition(
    statement: Statement, start: int, draft: Draft, reading: Reading, place: str = "frontend_use_backend"
) -> Condition | None:
    """Read the condition of a rule, from the word `start` on; None without one. Raises Refused.

    place: the name of the Place (samples/places.py) where it will be met, to warn of samples that do not exist there;
    "" where HAProxy does not warn. `Reading.conditions` is set to this function.
    """
    from tcproxy.rules import conditions
    from tcproxy.samples.places import Place

    met = Place[place.upper()] if place else None
    return conditions.parse_condition(statement, start, reading, met, draft.get("acls"), draft)


def read_sample(statement: Statement, at: int, reading: Reading, place: str) -> Expression:
    """Read the word at an index as a sample, for a place (see `read_condition`). Raises Refused.

    `Reading.read_sample` is set to this function.
    """
    from tcproxy.samples.expressions import parse_expression
    from tcproxy.samples.patterns.files import PatternFiles
    from tcproxy.samples.places import Place

    title, met = " ".join(statement.words[:at]), Place[place.upper()]
    try:
        found = parse_expression(statement.words[at], reading.name, PatternFiles(reading, statement))
    except ValueError as wrong:
        raise Refused(f"'{title}' : {wrong}", at) from None
    if not met.allows(found.fetch.places):
        raise Refused(f"'{title}' : the fetch '{found.fetch.name}' cannot be used in a '{met.words}'", at)
    return found


def unresolved(
    proxies: Iterable[Proxy],
    userlists: Mapping[str, UserList],
    refused: Collection[str] = (),
    formats: Sequence[Named] = (),
) -> Iterator[tuple[Origin, str]]:
    """Return each proxy, server, userlist or group that a sample names in vain: where, and the sentence to tell.

    refused: names of proxies, and of servers as BACKEND/SERVER, whose own declarations were refused: they are not told.
    formats: what the formats of sections name.
    """
    every = list(proxies)
    if formats or any(proxy.acls or proxy.rules or proxy.expressions() or any(proxy.conditions()) for proxy in every):
        from tcproxy.rules import conditions

        yield from conditions.unresolved(every, userlists, refused, formats)


def wasted(proxies: Iterable[Proxy]) -> Iterator[tuple[Origin, str]]:
    """Return each sample of bytes in a condition of a proxy in HTTP mode: where, and the sentence to warn with."""
    every = [proxy for proxy in proxies if proxy.mode == "http" and any(proxy.conditions())]
    if every:
        from tcproxy.rules import byte_samples

        yield from byte_samples.wasted(every)


def _reader(kind: str) -> Callable[[Statement, Draft, Reading], None]:
    """Return what reads the lines of a rule set, by its name in SetKind."""

    def parse(statement: Statement, draft: Draft, reading: Reading) -> None:
        from tcproxy.rules import lines
        from tcproxy.rules.sets import SetKind

        lines.parse_rule(SetKind[kind], statement, draft, reading)

    return parse


def parse_statistics_rule(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `stats http-request allow|deny|auth ...`."""
    from tcproxy.rules import statistics_rules

    statistics_rules.parse(statement, draft, reading)


def parse_tcp_request(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `tcp-request connection|session|content|inspect-delay ...`."""
    from tcproxy.rules import tcp_lines

    tcp_lines.parse_request(statement, draft, reading)


def parse_tcp_response(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `tcp-response content|inspect-delay ...`."""
    from tcproxy.rules import tcp_lines

    tcp_lines.parse_response(statement, draft, reading)


def parse_use_backend(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `use_backend NAME [if|unless CONDITION]`."""
    from tcproxy.rules import switching

    switching.parse_use_backend(statement, draft, reading)


def parse_use_server(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `use-server NAME if|unless CONDITION`."""
    from tcproxy.rules import switching

    switching.parse_use_server(statement, draft, reading)


def finish(draft: Draft, groups: Mapping[str, Draft], reading: Reading) -> None:
    """Find the answers that rules take out of `http-errors` sections. groups: these sections."""
    if draft.get("rules"):
        from tcproxy.rules import lines

        lines.finish(draft, groups, reading)


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
    Row("http-after-response", PROXY, "Change all responses, those of our own too.", parse=_reader("HTTP_AFTER"),
        unnamed_defaults=False, manual="4.2", core=True),
    Row("http-request", PROXY, "Decide about requests, and change them.", parse=_reader("HTTP_REQUEST"),
        unnamed_defaults=False, manual="4.2", core=True),
    Row("http-response", PROXY, "Decide about responses, and change them.", parse=_reader("HTTP_RESPONSE"),
        unnamed_defaults=False, manual="4.2", core=True),
    Row("stats http-request", NAMED, "Decide who may see the statistics page.", parse=parse_statistics_rule,
        manual="4.2", core=True),
    Row("tcp-request", PROXY, "Decide about clients' connections, and about their first bytes.",
        parse=parse_tcp_request, unnamed_defaults=False, manual="4.2"),
    Row("tcp-response", PROXY, "Decide about the first bytes of servers.", parse=parse_tcp_response,
        unnamed_defaults=False, manual="4.2"),
    Row("use-server", NAMED_BACK, "Send sessions to a server under a condition.", parse=parse_use_server,
        manual="4.2", core=True),
    Row("use_backend", NAMED_FRONT, "Send sessions to a backend under a condition.", parse=parse_use_backend,
        manual="4.2", core=True),
)  # fmt: skip
