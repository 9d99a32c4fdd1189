"""How rules end connections and sessions of TCP mode: without an answer, and counted as denied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tcproxy.rules.sets import SetKind
from tcproxy.session.log_lines import refuse
from tcproxy.session.stages import PROXY
from tcproxy.session.state import Connection, Stream


def reject_connection(connection: Connection) -> None:
    """Reset a connection that no rule lets in; it never was a session, and has no log line."""
    connection.frontend.counters.denied_connections += 1
    connection.bind.counters.denied_connections += 1
    drop(connection, True)


def reject_session(connection: Connection) -> None:
    """Close a connection that a rule refuses; it never was a session.

    As in HAProxy it has a log line only if it has sent a header.
    """
    connection.frontend.counters.denied_sessions += 1
    connection.bind.counters.denied_sessions += 1
    if connection.greeting is not None:
        refuse(connection, "Success", reset=False)
    else:
        drop(connection, False)


def drop(connection: Connection, reset: bool) -> None:
    """End a connection that never became a session."""
    connection.refused().logged = True
    if reset:
        connection.client.close(reset=True)
    connection.end()


def reject_request(stream: Stream) -> None:
    """End a session whose first bytes a rule refuses."""
    # HAProxy does not count it at the backend
    stream.frontend.counters.denied_requests += 1
    stream.bind.counters.denied_requests += 1
    stream.decide(PROXY, "R")
    stream.end()


def drop_unheard(connection: Connection) -> None:
    """Forget a connection that never became a session; its client hears nothing of that."""
    _count_drop(connection)
    vanish(connection)
    drop(connection, False)


def drop_stream_unheard(stream: Stream) -> None:
    """Forget the client's connection: no FIN, no reset tells of it, where the system allows that."""
    _count_drop(stream)
    if stream.farm is not None:
        stream.farm.counters.denied_requests += 1
    vanish(stream.connection)
    stream.decide(PROXY, "R")
    stream.end()


def vanish(connection: Connection) -> None:
    """Close a client's connection unheard."""
    connection.client.vanish()
    connection.client_done = connection.client_shut = True
    connection.client.close()


def _count_drop(stream: Connection | Stream) -> None:
    stream.frontend.counters.denied_requests += 1
    stream.bind.counters.denied_requests += 1


def reject_response(stream: Stream) -> None:
    """End a session whose server sent bytes that a rule refuses."""
    for counters in (stream.frontend.counters, stream.bind.counters):
        counters.denied_responses += 1
    if stream.farm is not None:
        stream.farm.counters.denied_responses += 1
    if stream.server is not None:
        stream.server.counters.denied_responses += 1
    stream.decide(PROXY, "D")
    stream.end()


def speak_http(stream: Any) -> None:
    """Go on in HTTP with a client that came in TCP mode: the session is replaced, and is closed from now on."""
    stream.client.speak_http()


REJECTING: Mapping[SetKind, Callable[[Any], None]] = {
    SetKind.TCP_CONNECTION: reject_connection,
    SetKind.TCP_SESSION: reject_session,
    SetKind.TCP_CONTENT: reject_request,
    SetKind.TCP_RESPONSE: reject_response,
}
