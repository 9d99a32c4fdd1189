"""`tcp-request content` rules of HTTP mode: they see a request's head, before all other rules (manual 4.2).

The actions of `tcp-response content` rules stand here, too; deliver.py has their step.

They wait only within a request whose body is not whole, until that is whole, or fills a buffer, or the section's
inspect-delay is over. As in HAProxy a request that a frontend's rules refuse counts as none: its line says `<BADREQ>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tcproxy.model.proxy import Proxy
from tcproxy.rules.actions.rows import Assembly
from tcproxy.rules.sets import SetKind
from tcproxy.session.endings import vanish
from tcproxy.session.http.captures import nothing_captured
from tcproxy.session.http.inner import InnerServer
from tcproxy.session.http.request_body import BodyWait, full_at
from tcproxy.session.http.state import Exchange, Rule
from tcproxy.session.stages import CLIENT_TIMEOUT, NEVER, PROXY

if TYPE_CHECKING:
    from tcproxy.rules.lines import Rule as Line


class _Deciding(InnerServer):
    """Stands in a wait's place while conditions are asked. wait: how far the rules are (rules/waiting.py)."""

    __slots__ = ("wait",)

    def __init__(self, exchange: Exchange, wait: Any) -> None:
        super().__init__(exchange)
        self.wait = wait

    @property
    def wait_over(self) -> bool:  # type: ignore[override]  # of other servers it never changes
        """Return whether conditions must be known now."""
        return bool(self.wait.known)


class ContentWait(BodyWait):
    """The wait of rules for more of a request. until: monotonic seconds when it ends. wait: see _Deciding."""

    __slots__ = ("until", "wait")

    def __init__(self, exchange: Exchange, full: int, delay: float, wait: Any) -> None:
        super().__init__(exchange, full)
        self.until = exchange.expires = exchange.now() + delay
        self.wait = wait

    def over(self) -> None:
        """No more is to be waited for: decide."""
        exchange = self.exchange
        self._give_back()
        exchange.expires = NEVER
        self.wait.over = True
        exchange.inner = _Deciding(exchange, self.wait)
        exchange.run()

    def late(self) -> None:
        """The delay is over, or the client was silent for too long, which ends the exchange where it has a backend."""
        if self.exchange.now() < self.until:
            self.exchange.decide(CLIENT_TIMEOUT, "R")
            self._lose()
        else:
            self.over()

    def left(self) -> None:
        """The client left within its request."""
        self._lose()

    def _lose(self) -> None:
        """Let all rules decide, so that a backend counts the abort."""
        exchange = self.exchange
        exchange.asked_at = exchange.now()
        assert exchange.request is not None
        exchange.client.count_request(exchange.request)
        exchange.connection.broken = True
        exchange.connection.close_client()
        self.over()


def reject(exchange: Exchange) -> None:
    """Close the client's connection without an answer."""
    counters, request = exchange.frontend.counters, exchange.request
    assert request is not None
    counters.denied_requests += 1
    exchange.bind.counters.denied_requests += 1
    exchange.inner = None
    exchange.asked_at = 0.0
    if not exchange.connection.client_shut:
        exchange.client.count_request(request)
    if exchange.backend is None:
        # the request is not read yet; its stream counts all the same
        counters.requests -= 1
        counters.unbegun -= 1
        exchange.request = None
        if exchange.captured is None:
            exchange.captured = nothing_captured(exchange.frontend.model)
    exchange.decide(PROXY, "R")
    exchange.abort()


def drop(exchange: Exchange) -> None:
    """Close the client's connection unheard: no FIN, no reset tells of it, where the system allows that."""
    if exchange.backend is not None:
        exchange.backend.farm.counters.denied_requests += 1
    if not exchange.connection.client_shut:
        assert exchange.request is not None
        exchange.client.count_request(exchange.request)
    vanish(exchange.connection)
    reject(exchange)


def reject_response(exchange: Exchange) -> None:
    """Close both connections; the client is not answered."""
    counters = [exchange.frontend.counters, exchange.bind.counters]
    if exchange.farm is not None:
        counters.append(exchange.farm.counters)
    if exchange.server is not None:
        counters.append(exchange.server.counters)
    for one in counters:
        one.denied_responses += 1
    exchange.decide(PROXY, "D")
    exchange.abort()


def close_server(exchange: Exchange) -> None:
    """Close the link, as if the server had closed it."""
    link = exchange.link
    link.session.ended(link)


def wait(owner: Proxy) -> bool:
    """Return whether a condition of a section's rules may be waited for."""
    if not owner.request_delay:
        return False
    from tcproxy.rules.waiting import rule_waits  # a configuration without rules needs none of it

    return any(map(rule_waits, owner.rules_of(SetKind.TCP_CONTENT)))


def inspecting(rules: Sequence[Line], assembly: Assembly, delay: float) -> Rule:
    """Return the step of rules that may wait, for so many seconds."""
    from tcproxy.rules.waiting import Wait, decide, waiting_rules

    made = waiting_rules(rules, assembly)

    def inspect(exchange: Exchange) -> bool:
        inner = exchange.inner
        wait = inner.wait if isinstance(inner, _Deciding) else Wait(exchange.client.whole)
        exchange.inner = _Deciding(exchange, wait)
        verdict = decide(made, exchange, wait)
        if verdict:
            exchange.inner = None
        elif verdict is None:
            exchange.next_step -= 1
            exchange.inner = ContentWait(exchange, full_at(exchange), delay, wait)
        return bool(verdict)

    return inspect
