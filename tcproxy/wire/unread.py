"""What a reader of bytes returns where it found nothing: more bytes may bring it, or none will."""

from __future__ import annotations

from enum import Enum


class Unread(Enum):
    """Why nothing was read."""

    NOT_YET = "not yet"
    NEVER = "never"


NOT_YET, NEVER = Unread.NOT_YET, Unread.NEVER
