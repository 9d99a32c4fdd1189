"""Argument types for owners and permissions: users and groups by name and number, modes in octal."""

from __future__ import annotations

import grp
import pwd

from tcproxy.grammar.units import Integer

LAST_ID = 0xFFFFFFFE


class Uid:
    """The number of a user."""

    def read(self, word: str) -> int:
        """Return the number; raises ValueError."""
        return Integer(0, LAST_ID, strict=True).read(word)


class Gid(Uid):
    """The number of a group."""


class User:
    """The name of a user of this machine."""

    def read(self, word: str) -> int:
        """Return the user's number; raises ValueError when there is no such user."""
        try:
            return pwd.getpwnam(word).pw_uid
        except (KeyError, ValueError):
            raise ValueError(f"there is no user '{word}' on this machine") from None


class Group:
    """The name of a group of this machine."""

    def read(self, word: str) -> int:
        """Return the group's number; raises ValueError when there is no such group."""
        try:
            return grp.getgrnam(word).gr_gid
        except (KeyError, ValueError):
            raise ValueError(f"there is no group '{word}' on this machine") from None


class Mode:
    """Permission bits in octal."""

    def read(self, word: str) -> int:
        """Return the bits; raises ValueError."""
        if not word or len(word) > 4 or any(digit not in "01234567" for digit in word):
            raise ValueError(f"'{word}' is not a mode in octal, such as 660")
        return int(word, 8)
