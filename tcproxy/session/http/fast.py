"""The fast path of an exchange: what the settings of nearly every site compile to.

A request whose head is all of it, rules that change or look at it without waiting, a link that stands, a response of
a known length. Nothing is decided here that the general way (exchange.py, steps.py, attempts.py) would decide
otherwise: these functions are that way with its calls written out, since a request is worth some fifteen
microseconds of the kernel's time and each call costs a tenth of one. What does not qualify goes on in the general way,
from the step where it left this one; tests play both beside each other.
"""

from __future__ import annotations

from typing import Any

from tcproxy.servers.state import LiveServer, Ticket
from tcproxy.session import attempts
from tcproxy.session.attempts import chosen_backend
from tcproxy.session.http.accounting import account, account_fast
from tcproxy.session.http.log_lines import write_fast, write_line
from tcproxy.session.http.private import ASK_WHO
from tcproxy.session.http.reuse import give_back
from tcproxy.session.http.settings import Route
from tcproxy.session.http.state import ClientConnection, Exchange
from tcproxy.session.persistence import take_slot
from tcproxy.session.settings import BackendSettings
from tcproxy.session.stages import CONNECTING, NEVER, RELAYING
from tcproxy.session.steps import run
from tcproxy.wire.http1 import WholeResponse
from tcproxy.wire.http1.response import PlainResponse

BARE = (b"CONNECT", b"HEAD")
"""Methods whose answers are not a head and its body."""
CLOSE = b"connection: close\r\n\r\n"


def ask(connection: ClientConnection, exchange: Exchange, now: float) -> None:  # noqa: C901  # calls are written out
    """Send a request to a server. now: monotonic seconds when it came."""
    settings = connection.settings
    for rule in settings.rules:
        if not rule(exchange):
            _answered_early(exchange)
            return
    frontend = connection.frontend
    chosen = _choose(connection, exchange) if frontend.backend_rules else frontend.fallback
    route = exchange.route = settings.fast[chosen]
    exchange.backend = backend = route.backend
    exchange.server_limit = backend.server
    farm = backend.farm
    counters = farm.counters  # inlined `Farm.enter` (hot path; see docs/performance)
    if now >= counters.session_rate.until:
        counters.session_rate.turn(now, counters.total)
    counters.total += 1
    current = counters.current = counters.current + 1
    if current > counters.highest:
        counters.highest = current
    for rule in route.requests:
        if not rule(exchange):
            _answered_early(exchange)
            return
    lead = exchange.persistence
    got: LiveServer | Ticket | None
    if lead is None or lead.server is None:
        got = farm.assign(exchange)
    elif lead.server.maxconn:
        got = take_slot(exchange, lead.server)
    else:
        got = lead.server
        farm.take_slot(got, now)
    if not isinstance(got, LiveServer):
        _wait(exchange, route, got)
        return
    exchange.server = got
    exchange.queued_until = now
    if exchange.previous is not None:
        attempts.take_result(exchange, got)  # it comes from a server with a full queue, and counts as redispatched
    link: Any = got.links.take(exchange)
    if link is None:
        _connect(exchange, route)
        return
    link.session = exchange
    got.counters.reuses += 1
    counters.reuses += 1
    got.sessions.add(exchange)
    exchange.link = link
    if frontend.notes_links:
        attempts.note_addresses(exchange, link)
    exchange.fast = True
    exchange.stage = RELAYING
    exchange.connected_at = link.last_progress = now
    connection.soonest = route.soonest
    link.ask(exchange.request, connection.client, False)
    if not connection.closed:
        _see_to_alarm(connection, now + route.soonest)


def _choose(connection: ClientConnection, exchange: Exchange) -> BackendSettings | None:
    """Return the backend that rules choose: once a connection, where they look at nothing that a request can change."""
    chosen = connection.choice
    if chosen is None:
        chosen = chosen_backend(exchange)
        if connection.frontend.rules_are_fixed:
            connection.choice = chosen
    return chosen


def _answered_early(exchange: Exchange) -> None:
    """A rule has answered the request, or holds it."""
    connection = exchange.connection
    if connection.exchange is None and exchange.keep:
        return  # it is answered, and the client waited for
    connection.soonest = 0.0
    exchange.settle()


def _wait(exchange: Exchange, route: Route, got: Ticket | None) -> None:
    """Wait in a queue, or end the exchange if no server is left (`got` is None)."""
    exchange.connection.soonest = 0.0
    exchange.steps = route.steps
    exchange.next_step = route.steps.at_server + 1
    attempts.take_result(exchange, got)
    exchange.settle()


def _connect(exchange: Exchange, route: Route) -> None:
    """Make a new link: none is idle."""
    exchange.connection.soonest = 0.0
    exchange.stage = CONNECTING
    exchange.steps = route.steps
    exchange.next_step = route.steps.at_last  # the last step sends the request
    if attempts.connect_anew(exchange):
        run(exchange)
    else:
        exchange.settle()


def answered(exchange: Exchange, plain: PlainResponse, data: bytes) -> bool:
    """Forward `data` (a response head with all or part of its body) by the fast path.

    Return False, with nothing done, if the exchange does not qualify. What is to come of the body is left to the link.
    """
    client, link, server, request = exchange.client, exchange.link, exchange.server, exchange.request
    status = plain.status
    if server is None or request is None or not (request.minor and client.quiet) or status in ASK_WHO:
        return False
    exchange.answered_at = link.last_progress
    exchange.status = status
    server.counters.answered[status // 100] += 1
    exchange.response = plain
    for edit in exchange.route.responses:
        edit(exchange, plain)
        if exchange.connection.exchange is not exchange:
            return True  # it was answered in the server's place
    keep = exchange.keep = request.keep_alive and not exchange.frontend.world.stopping
    came = len(data) - plain.end
    link.bytes_read += plain.received + came  # above 0 where a 1xx response came before
    wire = plain.template.written % plain.parts  # type: ignore[union-attr]  # inlined `plain.wire`; it has a template
    client.send_now((wire if keep else wire[:-2] + CLOSE) + data[plain.end :])
    if exchange.link is not link:
        return True  # the client is lost, and all is logged
    if came < plain.length:
        link.await_rest(plain.length - came)
        exchange.connection.rearm()
        return True
    exchange.response_whole = link.whole = True
    if client.congested or not (keep and plain.keep_alive):
        exchange.finish()
    else:
        close(exchange)
    return True


def may_answer(exchange: Exchange, whole: WholeResponse) -> bool:
    """Return whether an answer in the server's place may take the fast path: rules of the frontend gave it, the client
    waits for nothing else, and its connection is kept.
    """
    settings, connection, client, request = exchange.settings, exchange.connection, exchange.client, exchange.request
    return (
        bool(settings.fast)
        and exchange.backend is None
        and settings.after is None
        and connection.kept is None
        and not connection.client_done
        and exchange.inner is None
        and not exchange.bytes_ahead
        and whole.keeps
        and request is not None
        and request.minor > 0
        and request.keep_alive
        and request.method not in BARE
        and client.quiet
        and not client.gathered
        and not whole.head.tunnels(request)
        and not settings.closes
        and not exchange.frontend.world.stopping
    )


def answer(exchange: Exchange, whole: WholeResponse) -> None:
    """Send an answer of ours that may take the fast path, end the exchange, and wait for the client's next request."""
    connection, client, settings = exchange.connection, exchange.client, exchange.settings
    exchange.keep = True
    exchange.sent = whole.size + len(whole.body)
    if exchange.scopes is not None:
        exchange.begin_responding()
    wire = whole.wire
    if not wire:
        wire = whole.wire = whole.head.forward(exchange.request, True)  # type: ignore[arg-type]  # there is one
    client.send_now(wire + whole.body)
    if connection.closed or connection.exchange is not exchange:
        return  # the client is lost, and all is logged
    if client.congested:
        exchange.finish()
        return
    account(exchange)
    if settings.lines is not None:
        write_line(exchange)
    now = exchange.now()  # a rule may have waited before it answered
    connection.exchange = None
    connection.first = False
    connection.began = connection.idle_from = now
    wait = settings.keep_alive
    connection.expires = now + wait if wait else NEVER
    connection.soonest = settings.shortest
    client.go_idle()
    _see_to_alarm(connection, now + settings.shortest)


def may_close(exchange: Exchange) -> bool:
    """Return whether an exchange whose client is kept may end by the fast path."""
    link = exchange.link
    return (
        link is not None
        and exchange.server is not None
        and exchange.response_whole
        and not exchange.error
        and not exchange.route.closes
        and exchange.response.keep_alive  # type: ignore[union-attr]  # it is whole
        and link.clean
        and exchange.client.quiet
    )


def close(exchange: Exchange) -> None:
    """End an exchange: count it, log it, give the link back, and wait for the next request."""
    connection, client, server = exchange.connection, exchange.client, exchange.server
    link: Any = exchange.link
    backend = exchange.backend
    assert server is not None and backend is not None
    farm = backend.farm
    now = link.last_progress
    counters = farm.counters
    if exchange.fast:
        account_fast(exchange, counters, server.counters, now)
        counters.current -= 1
        try:
            if exchange.settings.lines is not None:
                write_fast(exchange)
        finally:
            exchange.backend = None
    else:
        account(exchange)
        counters.current -= 1
        try:
            write_line(exchange)
        finally:
            exchange.backend = None
    link.session = None
    link.go_idle()
    if link.private or exchange.status in ASK_WHO:
        give_back(exchange, server, link)
    else:
        server.links.put(link)
    exchange.server = exchange.link = None
    server.sessions.discard(exchange)
    farm.release(server)
    connection.exchange = None
    connection.first = False
    connection.began = connection.idle_from = now
    wait = exchange.settings.keep_alive
    connection.expires = now + wait if wait else NEVER
    client.go_idle()
    _see_to_alarm(connection, now + connection.soonest)


def _see_to_alarm(connection: ClientConnection, at: float) -> None:
    """Set an alarm that strikes by `at`, before which nothing can be due, unless one is set already."""
    alarm = connection.alarm
    if alarm is None:
        if not connection.frontend.world.newcomers.see(connection.number, at):
            connection.rearm()
    elif alarm.at > at:
        connection.rearm()
