"""The places where a sample may be taken, and which fetch may stand in which.

The order is that of HAProxy's list of fetches (`-dKsmp`): a fetch's places are a text of 22 letters,
`Y` or `.`, as that list prints them.
"""

from __future__ import annotations

from enum import Enum


class Place(Enum):
    """A rule set, or another moment of a session: its column in HAProxy's list, its name there."""

    FRONTEND_CONNECTION = (0, "frontend tcp-request connection rule")
    FRONTEND_SESSION = (1, "frontend tcp-request session rule")
    FRONTEND_CONTENT = (2, "frontend tcp-request content rule")
    FRONTEND_REQUEST_HEADER = (3, "frontend http-request header rule")
    FRONTEND_REQUEST_BODY = (4, "frontend http-request body rule")
    FRONTEND_USE_BACKEND = (5, "frontend use-backend rule")
    BACKEND_CONTENT = (6, "backend tcp-request content rule")
    BACKEND_REQUEST_HEADER = (7, "backend http-request header rule")
    BACKEND_REQUEST_BODY = (8, "backend http-request body rule")
    BACKEND_SET_SERVER = (9, "backend use-server, balance or stick-match rule")
    SERVER_SOURCE = (10, "server source selection")
    BACKEND_RESPONSE_CONTENT = (11, "backend tcp-response content rule")
    BACKEND_RESPONSE_HEADER = (12, "backend http-response header rule")
    BACKEND_RESPONSE_BODY = (13, "backend http-response body rule")
    BACKEND_STICK_STORE = (14, "backend stick-store rule")
    FRONTEND_RESPONSE_CONTENT = (15, "frontend tcp-response content rule")
    FRONTEND_RESPONSE_HEADER = (16, "frontend http-response header rule")
    FRONTEND_RESPONSE_BODY = (17, "frontend http-response body rule")
    LOGS = (18, "logs")
    TCP_CHECK = (19, "backend tcp-check rule")
    CONFIGURATION = (20, "configuration parser")
    COMMAND = (21, "CLI parser")

    def __init__(self, column: int, words: str) -> None:
        self.column = column
        self.words = words

    def allows(self, places: str) -> bool:
        """Return whether a fetch of these places may stand here."""
        return places[self.column] == "Y"


ANYWHERE = "YYYYYYYYYYYYYYYYYYYYYY"
"""Constants and facts of the machine."""

WHILE_RUNNING = "YYYYYYYYYYYYYYYYYYYY.Y"
"""Facts of the running process: everywhere but while the configuration is read."""

WITH_CLIENT = "YYYYYYYYYYYYYYYYYYYY.."
"""Facts of the client's connection."""

IN_SESSION = "YYYYYYYYYYYYYYYYYYY..."
"""Facts of the frontend and the listener: wherever a session is, which leaves out checks."""

WITH_BACKEND = "......YYYYYYYYYYYYYY.."
"""Facts of the backend, once it is chosen."""

WITH_SERVER = "..........YYYYYYYYYY.."
"""Facts of the server, once it is chosen."""

WITH_LINK = "...........YYYYYYYYY.."
"""Facts of the connection to the server, once it stands, and of a response, also when that is passed on."""

OF_REQUESTS = "..YYYYYYYYY..........."
"""Facts of a request, or bytes of a client, before they are passed on."""

OF_RESPONSES = "...........YYYYYYY.Y.."
"""Facts of a response, or bytes of a server, before they are passed on, and of what a health check got."""

OF_EITHER = "..YYYYYYYYYYYYYYYY.Y.."
"""Facts of what the side sent that the place is about: a request or a response."""

OF_EXCHANGES = "..YYYYYYYYYYYYYYYYY..."
"""What is known of a request until its log line."""
