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
    INSPECTING = 1
    CHOOSING = 2
    QUEUED = 3
    TURNAROUND = 4
    CONNECTING = 5
    RELAYING = 6
    CLOSED = 7


# plain names, since looking a member up in its class costs ten times as much, and each session does so often
GREETING: Stage = Stage.GREETING
INSPECTING: Stage = Stage.INSPECTING
CHOOSING: Stage = Stage.CHOOSING
QUEUED: Stage = Stage.QUEUED
TURNAROUND: Stage = Stage.TURNAROUND
CONNECTING: Stage = Stage.CONNECTING
RELAYING: Stage = Stage.RELAYING
CLOSED: Stage = Stage.CLOSED

LETTERS = {
    GREETING: "R",
    INSPECTING: "R",
    CHOOSING: "C",
    QUEUED: "Q",
    TURNAROUND: "C",
    CONNECTING: "C",
    RELAYING: "D",
    CLOSED: "D",
}
