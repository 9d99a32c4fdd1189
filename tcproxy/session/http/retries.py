"""Requests that are sent again because of how a server answered, or did not (manual 4.2, `retry-on`).

A request is kept for that when it is whole before it is sent, and fits a buffer; not once the client has heard of a
1xx answer. Attempts to connect that fail are another matter: they are repeated in session/attempts.py.
"""

from __future__ import annotations

from typing import Any

from tcproxy.model.proxy import Proxy
from tcproxy.report.counters import Counters
from tcproxy.session import attempts
from tcproxy.session.http.reuse import give_back
from tcproxy.session.http.state import Exchange
from tcproxy.wire.http1 import Piece, ResponseHead

EMPTY, JUNK, SILENT = "empty-response", "junk-response", "response-timeout"
CONNECTING = frozenset({"conn-failure"})


class Replay:
    """A request that may be sent again.

    body: the pieces of its body. counted: bytes of them, as the client's end counts. reused: it went over a link that
    stood; HAProxy counts each further attempt as reused, too. allowed: false once it may not be sent again.
    """

    __slots__ = ("allowed", "body", "counted", "reused")

    def __init__(self, body: list[Piece], counted: int, reused: bool, allowed: bool = True) -> None:
        self.body = body
        self.counted = counted
        self.reused = reused
        self.allowed = allowed

    def count_again(self, *passed: Counters) -> None:
        """Count the present link as reused instead of new, as HAProxy does, if an earlier attempt used an idle link."""
        if self.reused:
            for counters in passed:
                counters.connections -= 1
                counters.reuses += 1
                counters.renewals += 1


def causes_of(back: Proxy) -> frozenset[Any] | None:
    """Return the causes for which a backend's requests are sent again, statuses as numbers; None for none."""
    causes = back.retry_on - CONNECTING
    return frozenset(int(cause) if cause.isdigit() else cause for cause in causes) if causes else None


def ask(exchange: Exchange) -> None:
    """Send a request, the first time or again, and keep it for another attempt."""
    request, client, link, replay = exchange.request, exchange.client, exchange.link, exchange.replay
    assert request is not None
    if replay is None:
        body = client.copied(request)
        if body is not None:
            exchange.replay = Replay(body, client.bytes_read, link.uses > 0)
    elif replay.allowed:
        client.put_back(replay.body, replay.counted)
        replay.reused = replay.reused or link.uses > 0
    link.ask(request, client, exchange.route.says_close)


def again(exchange: Exchange, cause: str | int, head: ResponseHead | None = None) -> bool:
    """Retry if `retry-on` names `cause` and a retry is left. Return whether it was retried.

    head: of the response that was not good enough; its link is kept if it is here as a whole.
    """
    replay, backend = exchange.replay, exchange.backend
    causes = exchange.route.retries
    if replay is None or causes is None or backend is None or not replay.allowed or cause not in causes:
        return False
    if exchange.retries >= backend.retries:
        return False
    link, server = exchange.link, exchange.server
    if head is not None and server is not None and not exchange.route.closes and link.skip(head):
        exchange.link = link.session = None
        give_back(exchange, server, link)
    else:
        exchange.close_own_link()
    exchange.retries += 1
    exchange.connection.soonest = 0.0  # the request has no server again: any of its timeouts may be due
    attempts.repeat(exchange)
    return True


# http-request disable-l7-retry


def forbid(exchange: Exchange) -> None:
    """Forbid to send a request again."""
    exchange.replay = Replay([], 0, False, allowed=False)
