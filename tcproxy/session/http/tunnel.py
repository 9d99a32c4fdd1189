"""A tunnel: the relay of an HTTP connection that left HTTP, by 101 or by CONNECT.

That of an upgrade (101) ends with its server, as in HAProxy; that of CONNECT is like a TCP session's.
"""

from __future__ import annotations

from tcproxy.session.http.state import ClientConnection, Exchange
from tcproxy.session.relay import Relay
from tcproxy.session.stages import CLIENT_TIMEOUT, SERVER_TIMEOUT


class Tunnel(Relay):
    """Two joined ends that have spoken HTTP. switched: the tunnel is one of an upgrade."""

    __slots__ = ("switched",)

    def __init__(self, connection: ClientConnection, exchange: Exchange) -> None:
        super().__init__(connection, exchange)
        self.switched = exchange.response is not None and exchange.response.status == 101

    def _shut_server(self) -> None:
        if self.switched and self.server_done and self.stream.error in (CLIENT_TIMEOUT, SERVER_TIMEOUT):
            self.server_shut = True
            self.close_link(reset=True)
        else:
            super()._shut_server()

    def _shut_client(self) -> None:
        if self.switched:
            self.client.mute()
            self.connection.client_done = True
            if not self.server_shut:
                self._shut_server()
        super()._shut_client()
