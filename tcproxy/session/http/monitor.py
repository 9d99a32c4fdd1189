"""Answers to monitors (`monitor-uri`, `monitor fail`, manual 4.2), which no backend and no log line tells of."""

from __future__ import annotations

from tcproxy.model.proxy import Proxy
from tcproxy.session.http.state import Exchange, Rule
from tcproxy.session.stages import LOCAL


def monitor(front: Proxy) -> Rule | None:
    """Return the rule that answers a frontend's `monitor-uri`; None without one."""
    if not front.monitor_uri:
        return None
    uri = front.monitor_uri.encode("utf-8", "surrogateescape")
    is_path = uri.startswith(b"/")
    fails = [condition.holds for condition in front.monitor_fails]

    def answer(exchange: Exchange) -> bool:
        request = exchange.request
        assert request is not None
        if request.target != uri and not (is_path and request.path == uri):
            return True
        exchange.frontend.counters.intercepted += 1
        exchange.logged = True
        exchange.decide(LOCAL, "R")
        exchange.answer(503 if any(holds(exchange) for holds in fails) else 200)
        return False

    return answer
