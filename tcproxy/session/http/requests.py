"""`http-request` rules of a section, taken in their order (manual 4.2). The actions themselves stand in other files."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tcproxy.model.http_requests import RequestRule
from tcproxy.model.proxy import Proxy
from tcproxy.session.http import refusals, retries
from tcproxy.session.http.state import Exchange, Rule

ACTIONS: Mapping[str, Callable[[RequestRule, Proxy, Proxy], Rule]] = {
    "deny": refusals.denying,
    "disable-l7-retry": retries.disabling,
    "tarpit": refusals.tarpitting,
}
"""By name of an action, the function that makes it of a rule; given the frontend, and the section whose rule it is.

No rule follows one that waits: the wait ends with an answer.
"""


def of_frontend(front: Proxy) -> Rule | None:
    """Return the rule that takes those of a frontend in order; None when it has none."""
    return _in_order(front, front)


def of_backend(front: Proxy, back: Proxy) -> Rule | None:
    """Return the rule that takes those of a backend in order; a `listen` section has them as a frontend."""
    return None if back.is_frontend and back.name == front.name else _in_order(front, back)


def _in_order(front: Proxy, owner: Proxy) -> Rule | None:
    if not owner.http_requests:
        return None
    rules = [(rule.condition, ACTIONS[rule.action](rule, front, owner)) for rule in owner.http_requests]

    def decide(exchange: Exchange) -> bool:
        for condition, act in rules:
            if (condition is None or condition.holds(exchange)) and not act(exchange):
                return False
        return True

    return decide
