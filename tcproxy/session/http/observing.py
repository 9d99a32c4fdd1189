"""Exchanges as a health check (manual 5.2, `observe layer7`): which answers count as errors of their server.

The words of the causes are HAProxy's: they stand in log lines and statistics, where monitoring looks for them.
"""

from __future__ import annotations

from typing import Any

from tcproxy.session.http.state import Exchange

STATUS = "Wrong http response"
HEAD = "Invalid http response (headers)"
BODY = "Invalid http response"
READING = "Read error (http)"
SILENT = "Read timeout (http)"
CLOSED = "Close from server (http)"

CLIENTS_FAULT = (501, 505)
"""Statuses above 500 that the request causes, not the server."""


def answered(exchange: Exchange, status: int) -> None:
    """Tell the server's health watch whether an answer is good, by its status."""
    if status < 500 or status in CLIENTS_FAULT:
        _tell(exchange, True, "")
    else:
        _tell(exchange, False, STATUS)


def failed(exchange: Exchange, cause: str) -> None:
    """Tell the server's health watch of a failed answer.

    Where the link failed, HAProxy's message no longer counts this session as one of the server's.
    """
    _tell(exchange, False, cause, gone=int(cause in (READING, SILENT, CLOSED)))


def _tell(exchange: Exchange, good: bool, cause: str, gone: int = 0) -> None:
    server = exchange.server
    if server is None or server.watch is None or server.model.observe != "layer7":
        return
    watch: Any = server.watch
    if good:
        watch.observed(True)
        return
    # `on-marked-down shutdown-sessions` may end all sessions of the server now, but not this one
    server.sessions.discard(exchange)
    watch.observed(False, cause, gone)
    server.sessions.add(exchange)
