"""What is said of bytes that are no message. The pages and log lines made of it are told elsewhere."""

from __future__ import annotations


class BadMessage(ValueError):
    """The peer sent bytes that are no message of ours; nothing behind them on that connection can be trusted.

    status: what a client is answered: 400, 413 or 422 for a bad request, 502 for a bad response. reason: our own
    words. position: byte in the head, or in the body's bytes since its beginning, where the trouble was seen.
    """

    def __init__(self, status: int, reason: str, position: int = 0) -> None:
        super().__init__(f"{reason} (at byte {position})")
        self.status = status
        self.reason = reason
        self.position = position
