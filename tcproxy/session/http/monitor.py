"""Answers to monitoring systems (`monitor-uri`, `monitor fail`, manual 4.2), of which no backend and no line knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.session.stages import LOCAL

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy
    from tcproxy.session.http.rules import Rule
    from tcproxy.session.http.session import HttpSession


def monitor(front: Proxy) -> Rule | None:
    """Return what answers a frontend's `monitor-uri`; None without one."""
    if not front.monitor_uri:
        return None
    uri = front.monitor_uri.encode("utf-8", "surrogateescape")
    is_path = uri.startswith(b"/")
    fails = [condition.holds for condition in front.monitor_fails]

    def answer(session: HttpSession) -> bool:
        request = session.request
        assert request is not None
        if request.target != uri and not (is_path and request.path == uri):
            return True
        session.frontend.counters.intercepted += 1
        session.told = True
        session.decide(LOCAL, "R")
        session.answer(503 if any(holds(session) for holds in fails) else 200)
        return False

    return answer
