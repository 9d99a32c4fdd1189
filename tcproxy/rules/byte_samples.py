"""Samples of bytes (`req.len`, `req.ssl_sni` ...) in conditions of proxies in HTTP mode, where there are none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tcproxy.grammar.statements import Origin
from tcproxy.model.proxy import Proxy
from tcproxy.samples.rows import OF_BYTES


def wasted(proxies: Iterable[Proxy]) -> Iterator[tuple[Origin, str]]:
    """Return each such sample that a rule's condition uses, once: where it stands, and the sentence.

    proxies: in HTTP mode. As HAProxy does, `redirect`, `monitor fail` and persistence are passed over.
    """
    for proxy in proxies:
        rules = [*proxy.use_backends, *proxy.use_servers, *proxy.every_rule()]
        conditions = [rule.condition for rule in rules if rule.condition is not None]
        tests = (test for condition in conditions for term in condition.terms() for test in term.acl.tests)
        for origin, name in dict.fromkeys(
            (test.origin, test.expression.fetch.name) for test in tests if test.expression.fetch.reads == OF_BYTES
        ):
            yield origin, f"{proxy.kind} '{proxy.name}' : '{name}' looks at bytes, of which 'mode http' has none"
