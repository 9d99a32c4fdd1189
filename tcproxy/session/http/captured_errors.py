"""Keep bad messages for `show errors`: the last one of each proxy."""

from __future__ import annotations

from time import time

from tcproxy.model.replies import BUFSIZE
from tcproxy.report.error_captures import NONE, ErrorCapture
from tcproxy.session.http.state import ClientConnection, Exchange
from tcproxy.wire.http1 import BadMessage

NOBODY = (NONE, -1)


def keep_request(connection: ClientConnection, error: BadMessage) -> None:
    """Keep what is no request."""
    model = connection.frontend.model
    _keep(connection, error, "request", (model.name, model.id), NOBODY, NOBODY)


def keep_response(exchange: Exchange, error: BadMessage) -> None:
    """Keep what is no response."""
    front, backend, server = exchange.frontend.model, exchange.backend, exchange.server
    if backend is not None:
        named = (server.name, server.id) if server is not None else NOBODY
        model = backend.model
        _keep(exchange.connection, error, "response", (model.name, model.id), (front.name, front.id), named)


def _keep(
    connection: ClientConnection, error: BadMessage, kind: str, proxy: tuple[str, int], other: tuple[str, int],
    server: tuple[str, int],
) -> None:  # fmt: skip
    world = connection.frontend.world
    room = world.configuration.process.tune.get("tune.bufsize", BUFSIZE)
    try:
        host, port = connection.client_address
    except OSError:
        host, port = "?", 0
    world.errors.keep(
        ErrorCapture(
            kind, proxy, other, server, f"{host}:{port}", time(), world.errors.count, error.data[:room], error.position,
            error.reason, room,
        )
    )  # fmt: skip
