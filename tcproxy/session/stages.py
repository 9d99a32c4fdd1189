"""How far a session has come, and the letters that tell how it ended (manual 8.5)."""

from __future__ import annotations

from enum import IntEnum

NEVER = float("inf")
CLIENT_ERROR, SERVER_ERROR = "C", "S"
CLIENT_TIMEOUT, SERVER_TIMEOUT = "c", "s"
PROXY, LOCAL, INTERNAL = "P", "L", "I"


class Stage(IntEnum):
    """How far a session has come, and with it the second letter of an end at this moment (manual 8.5)."""

    GREETING = 0
    CHOOSING = 1
    QUEUED = 2
    TURNAROUND = 3
    CONNECTING = 4
    RELAYING = 5
    CLOSED = 6


# plain names, since looking a member up in its class costs ten times as much, and each session does so often
GREETING: Stage = Stage.GREETING
CHOOSING: Stage = Stage.CHOOSING
QUEUED: Stage = Stage.QUEUED
TURNAROUND: Stage = Stage.TURNAROUND
CONNECTING: Stage = Stage.CONNECTING
RELAYING: Stage = Stage.RELAYING
CLOSED: Stage = Stage.CLOSED

LETTERS = {
    GREETING: "R",
    CHOOSING: "C",
    QUEUED: "Q",
    TURNAROUND: "C",
    CONNECTING: "C",
    RELAYING: "D",
    CLOSED: "D",
}
