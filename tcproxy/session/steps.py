"""The way of a session from the accept to the relay: the ordered table of steps, and the first ones.

A step returns True when the next may follow at once, False when the session waits or has ended, or when it was the
last; whoever ends the wait calls `session.run` again. The steps towards a server stand in attempts.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tcproxy.model.bind import Bind
from tcproxy.report.formats import Moment
from tcproxy.session import attempts
from tcproxy.session.stages import CHOOSING, CLIENT_ERROR, CLOSED, GREETING, SERVER_ERROR
from tcproxy.session.telling import refuse, tell
from tcproxy.wire.proxy_protocol import BadProxyHeader, Fault, ProxyHeaderParser

if TYPE_CHECKING:
    from tcproxy.session.frontend import Entrance, Frontend
    from tcproxy.session.session import Session


FAULTS = {
    Fault.STRANGE: "Received something which does not look like a PROXY protocol header",
    Fault.TRUNCATED: "Truncated PROXY protocol header received",
    Fault.UNHANDLED: "Received an unhandled protocol in the PROXY protocol header",
    Fault.INVALID: "Received an invalid PROXY protocol header",
}
"""The words of log lines, which tools look for."""


def table(frontend: Frontend, bind: Bind) -> tuple[Callable[[Session], bool], ...]:
    """Return the steps of the clients of one listening address: only those that have something to do."""
    steps: list[Callable[[Session], bool]] = []
    if bind.accept_proxy:
        steps += [await_header, read_header]
    elif frontend.model.mode == "http":
        pass
    else:
        steps.append(look)
    if frontend.model.mode == "http":
        from tcproxy.session.http.redirects import redirect_to_server
        from tcproxy.session.http.steps import await_request, deliver, take_way

        assert frontend.http is not None
        steps += [await_request, *frontend.http.rules]  # type: ignore[list-item]  # of an HttpSession
        steps += [choose_backend, take_way, attempts.find_server]
        if any(server.redir for proxy in frontend.world.configuration.backends() for server in proxy.servers):
            steps.append(redirect_to_server)
        steps += [attempts.connect, deliver]
        return tuple(steps)
    if frontend.outlet is not None and frontend.form is not None and frontend.form.moment is Moment.ACCEPT:
        steps.append(tell_accepted)
    steps.append(choose_backend)
    if frontend.http is not None:
        from tcproxy.session.http.upgrade import speak_http

        steps.append(speak_http)
    steps += [attempts.find_server, attempts.connect, attempts.relay]
    return tuple(steps)


def upgraded(entrance: Entrance) -> Entrance:
    """Return the same entrance with the steps of clients that came in TCP mode and speak HTTP now."""
    from tcproxy.session.http.upgrade import steps_of

    return steps_of(entrance, choose_backend)


def look(session: Session) -> bool:
    """Read what came with the connection, or has ended it already: it counts before the first decision."""
    session.client.look()
    return session.stage is not CLOSED


def await_header(session: Session) -> bool:
    """Wait for the PROXY header (`accept-proxy`), for as long as `timeout client` allows."""
    session.greeting = ProxyHeaderParser()
    session.stage = GREETING
    return False


def read_header(session: Session) -> bool:
    """Read what came of the header; a bad one closes the connection."""
    parser = session.greeting
    client = session.client
    data, client.held = client.held, b""
    try:
        header = parser.feed(data)
    except BadProxyHeader as error:
        session.greeting = error.header  # whose addresses the line names, as far as they are known
        refuse(session, FAULTS[error.fault])
        return False
    if header is None:
        session.at -= 1
        return False
    session.greeting = header
    client.held = parser.rest
    # the header is none of the client's bytes, and only now this is a session
    client.moved = len(parser.rest)
    session.frontend.greeted()
    session.stage = CHOOSING
    session.handshake = int((session.frontend.world.clock.seconds() - session.began) * 1000)
    if session.client_done:
        session.settle()
    return session.stage is not CLOSED


def tell_accepted(session: Session) -> bool:
    """Write the log line of a frontend that logs its clients as they come; a PROXY header is known by now."""
    tell(session, Moment.ACCEPT)
    return True


def choose_backend(session: Session) -> bool:
    """Take the first backend whose condition holds, or the default one (`use_backend`, `default_backend`)."""
    frontend = session.frontend
    backend = frontend.fallback
    for condition, candidate in frontend.rules:
        if condition is None or condition.holds(session):
            backend = candidate
            break
    if backend is None:
        session.decide(SERVER_ERROR, "C")
        session.give_up()
        return False
    session.backend = backend
    session.server_limit = backend.server
    backend.farm.enter()
    for tie in backend.ties:
        tie(session)
    if session.client_shut and (backend.http is None or frontend.model.mode == "http"):
        left_early(session)
        return False
    return True


def left_early(session: Session) -> None:
    """The client had left before anything could be done for it: its backend counts that."""
    session.decide(CLIENT_ERROR, "R")
    session.frontend.counters.request_errors += 1
    session.frontend.aborted_by_client(session)
    session.end()
