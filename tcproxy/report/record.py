"""The facts of a session that its log line may name; the session fills them in while it lives.

How facts become text stands in formats.py, where the text goes in outlets.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tcproxy.report.messages import Captures

NOWHERE = ("-", 0)
"""An address that is not known (no connection yet): logs print `-` for it."""


@dataclass(slots=True)
class Record:
    """The facts of one session, as its log line may name them (configuration manual 8.2 and 8.4).

    Addresses are pairs (text, port), as getpeername() gives them cut to two. Of a UNIX socket: ("unix", id of
        the listener) for `client` and `front`, ("unix", 0) for `local` and `remote`. `client` connected to
        `front`; we connected from `local` to `remote`, the server's address.
        A session need only fill in the pairs that `Format.needs` names.
    accepted: wall-clock seconds of the accept. Timers are whole milliseconds, -1 where never reached:
        handshake (Th), queue (Tw; from the accept to the end of the queue), connect (Tc; from there to the
        server's connection), total (Tt; from the accept).
    bytes_in: from the client (U); bytes_out: to the client (B).
    termination: two letters (8.5); cookie: the two that `%tsc` puts behind them, of the request's persistence cookie
        and the response's. cause: words of a failure before there was a session (error format).
    Connection counts at the moment of the log line: process (ac), frontend (fc), backend (bc), server (sc).
    server_queue, backend_queue: sessions ahead in the queue when it was entered.
    Of HTTP: status (ST), idle and request (Ti, TR: until the request's first byte, and until its whole head), response
        (Tr: from the server's connection to its response's head), begun (wall-clock seconds of the request's first
        byte), line of the request, b"" for none; what was captured of headers and cookies.
        Then `queue` counts from the end of the request, of which Tw tells.
    sequence: of the line in its frontend (lc). number: of the session in the process (rt).
    facts: what samples are taken from (samples/facts.py).
    """

    client: tuple[str, int] = NOWHERE
    front: tuple[str, int] = NOWHERE
    local: tuple[str, int] = NOWHERE
    remote: tuple[str, int] = NOWHERE
    accepted: float = 0.0
    frontend: str = ""
    bind: str = ""
    mode: str = "tcp"
    tls: bool = False
    backend: str = ""
    server: str = "<NOSRV>"
    handshake: int = 0
    queue: int = -1
    connect: int = -1
    total: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    termination: str = "--"
    cookie: str = "--"
    cause: str = ""
    active: int = 0
    frontend_active: int = 0
    backend_active: int = 0
    server_active: int = 0
    retries: int = 0
    redispatched: bool = False
    server_queue: int = 0
    backend_queue: int = 0
    sequence: int = 0
    number: int = 0
    unique_id: str = ""
    status: int = -1
    begun: float = 0.0
    idle: int = 0
    request: int = -1
    response: int = -1
    line: bytes = b""
    request_captures: Captures = ()
    response_captures: Captures = ()
    request_cookie: str | None = None
    response_cookie: str | None = None
    facts: Any = None
