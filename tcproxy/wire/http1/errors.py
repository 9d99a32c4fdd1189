"""The error for bytes that are no HTTP/1 message. Sessions make pages and log lines of it."""

from __future__ import annotations


class BadMessage(ValueError):
    """The peer sent bytes that are no message; nothing behind them on that connection can be trusted.

    status: of the answer to the client: 400, 413 or 422 for a bad request, 502 for a bad response. reason: in words of
    ours. position: index of the first wrong byte, counted from the beginning of the head or of the body. data: what was
    read of that, as far as it is known.
    """

    data = b""

    def __init__(self, status: int, reason: str, position: int = 0) -> None:
        super().__init__(f"{reason} (at byte {position})")
        self.status = status
        self.reason = reason
        self.position = position
