"""The table of protocols: which end a client has, and what makes the links to servers, by what the two sides speak.

A new protocol is one row here. A client's end is chosen when it connects (`with_clients`), and may be changed for
another later, with the bytes already read (`after_bytes`, FrontendFactory.switch).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tcproxy.model.proxy import Proxy
from tcproxy.session.frontend import Frontend
from tcproxy.session.http.connection import HttpConnection
from tcproxy.session.http.upgrade import UpgradedConnection
from tcproxy.session.session import TcpSession
from tcproxy.session.settings import LiveBind
from tcproxy.transport.http1.adjusted import (
    CLIENTS,
    AdjustedClient,
    AdjustedLinkFactory,
    adjust_of,
    adjusting_codec,
)
from tcproxy.transport.http1.client import HttpClient, codec_of
from tcproxy.transport.http1.server import HttpLinkFactory
from tcproxy.transport.relay import ByteClient
from tcproxy.transport.server_links import ServerLinkFactory


@dataclass(frozen=True, slots=True)
class Spoken:
    """One protocol.

    client: makes a client's end of its session, the limit of a buffer, the pool of pipes and the codec. session: makes
    the session of a new client. successor: makes a session that takes the place of one of bytes. codec: makes what the
    ends of a frontend's clients share. links: makes the links to one server.
    """

    client: Callable[[Any, int, Any, Any], Any]
    session: Callable[[LiveBind], Any]
    successor: Callable[[TcpSession], Any] | None
    codec: Callable[[Frontend], Any]
    links: type[ServerLinkFactory]


def _no_codec(frontend: Frontend) -> None:
    """Bytes need none."""


BYTES = Spoken(ByteClient, TcpSession, None, _no_codec, ServerLinkFactory)
HTTP1 = Spoken(HttpClient, HttpConnection, UpgradedConnection, codec_of, HttpLinkFactory)
ADJUSTED_HTTP1 = Spoken(AdjustedClient, HttpConnection, UpgradedConnection, adjusting_codec, AdjustedLinkFactory)
"""HTTP/1 whose heads are written in a form of their own (`h1-case-adjust`, `http-send-name-header`)."""


def with_clients(frontend: Frontend) -> Spoken:
    """Return what a frontend speaks with a client that has just connected."""
    return after_bytes(frontend) if frontend.model.mode == "http" else BYTES


def after_bytes(frontend: Frontend) -> Spoken:
    """Return what a frontend speaks with a client that came in TCP mode and is given to an HTTP backend."""
    return HTTP1 if adjust_of(frontend.model, CLIENTS) is None else ADJUSTED_HTTP1


def with_servers(proxy: Proxy) -> Spoken:
    """Return what a backend speaks with its servers."""
    if proxy.mode != "http":
        return BYTES
    return ADJUSTED_HTTP1 if proxy.send_name_header or proxy.header_case else HTTP1
