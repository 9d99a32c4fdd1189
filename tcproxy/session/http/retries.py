"""Requests that are sent again because of how a server answered, or did not (manual 4.2, `retry-on`).

A request is kept for that when it is whole before it is sent, and fits a buffer; not once the client has heard of a
1xx answer. Attempts to connect that fail are another matter: they are repeated in session/attempts.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcproxy.session import attempts
from tcproxy.session.http.reuse import give_back

if TYPE_CHECKING:
    from tcproxy.model.http_requests import RequestRule
    from tcproxy.model.proxy import Proxy
    from tcproxy.report.counters import Counters
    from tcproxy.session.http.rules import Rule
    from tcproxy.session.http.session import HttpSession
    from tcproxy.wire.http1 import Piece, ResponseHead

EMPTY, JUNK, SILENT = "empty-response", "junk-response", "response-timeout"
CONNECTING = frozenset({"conn-failure"})


class Replay:
    """A request that may be sent again.

    body: the pieces of its body. counted: bytes of them, as the client's end counts. reused: it went over a link that
    stood, and as the reference has it, each further attempt counts so. allowed: false once it may not be sent again.
    """

    __slots__ = ("allowed", "body", "counted", "reused")

    def __init__(self, body: list[Piece], counted: int, reused: bool, allowed: bool = True) -> None:
        self.body = body
        self.counted = counted
        self.reused = reused
        self.allowed = allowed

    def count_again(self, *passed: Counters) -> None:
        """Count a link that was just counted as a new one as one used again, if an attempt before used one again."""
        if self.reused:
            for counters in passed:
                counters.connections -= 1
                counters.reuses += 1
                counters.renewals += 1


def causes_of(back: Proxy) -> frozenset[Any] | None:
    """Return what a backend's requests are sent again for, statuses as numbers; None for nothing."""
    causes = back.retry_on - CONNECTING
    return frozenset(int(cause) if cause.isdigit() else cause for cause in causes) if causes else None


def ask(session: HttpSession) -> None:
    """Send a request, the first time or again, and keep what it takes to send it once more."""
    request, client, link, replay = session.request, session.client, session.link, session.replay
    assert request is not None
    if replay is None:
        body = client.copied(request)
        if body is not None:
            session.replay = Replay(body, client.moved, link.uses > 0)
    elif replay.allowed:
        client.put_back(replay.body, replay.counted)
        replay.reused = replay.reused or link.uses > 0
    link.ask(request, client, session.way.says_close)


def again(session: HttpSession, cause: str | int, head: ResponseHead | None = None) -> bool:
    """Send the request again, if it may be for this cause. False: it may not; nothing is done.

    head: of the response that was not good enough; its link is kept if it is here as a whole.
    """
    replay, backend = session.replay, session.backend
    causes = session.way.retries
    if replay is None or causes is None or not replay.allowed or cause not in causes:
        return False
    if session.retries >= backend.retries:
        return False
    link, server = session.link, session.server
    if head is not None and server is not None and not session.way.closes and link.skip(head):
        session.link = link.session = None
        give_back(session, server, link)
    else:
        session.close_own_link()
    session.retries += 1
    session.soonest = 0.0  # of the way to a server, anything may be due
    attempts.repeat(session)
    return True


# http-request disable-l7-retry


def disabling(rule: RequestRule, front: Proxy, owner: Proxy) -> Rule:
    """Return what sees to it that requests are not sent again."""

    def disable(session: HttpSession) -> bool:
        session.replay = Replay([], 0, False, allowed=False)
        return True

    return disable
