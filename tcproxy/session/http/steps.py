"""The way of a request to a server: what differs from the way of a connection (session/steps.py, attempts.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcproxy.session.http import retries
from tcproxy.session.stages import NEVER, Stage

if TYPE_CHECKING:
    from tcproxy.session.http.rules import Rule
    from tcproxy.session.http.session import HttpSession


def await_request(session: Any) -> bool:
    """Wait for the first request; whoever reads it goes on with the steps behind this one."""
    http: HttpSession = session
    http.first_step = http.at
    http.await_request()
    return False


def take_way(session: Any) -> bool:
    """The backend is known: do what it and the frontend ask for (rules.py)."""
    http: HttpSession = session
    way = http.way = http.settings.way(http.backend)
    return all(rule(http) for rule in way.requests) if way.requests else True


def go_on(session: HttpSession, rule: Rule | None) -> None:
    """A rule's wait is over: do what follows it. None: of the frontend, whose rules are steps."""
    if rule is None or all(other(session) for other in session.way.behind(rule)):
        session.run()
    else:
        session.settle()


def deliver(session: Any) -> bool:
    """The link stands: send the request."""
    http: HttpSession = session
    link, client, way = http.link, http.client, http.way
    assert link is not None and http.request is not None
    http.stage = Stage.RELAYING
    now = http.connected_at = http.frontend.world.clock.seconds()
    link.stamp = now
    http.expires = NEVER
    if not link.uses and http.server is not None and http.server.watch is not None:
        http.observed(http.server)
    http.soonest = way.soonest
    for edit in way.sending:
        edit(http)
    if way.retries is None:
        link.ask(http.request, client, way.says_close)
    else:
        retries.ask(http)
    return False
