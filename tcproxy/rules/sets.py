"""The kinds of rule sets (manual 4.2): each is an ordered list of rules that a section says line by line.

A set is named by the words in front of its rules' actions. All of them are read (lines.py) and compiled (compiling.py)
in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tcproxy.samples.places import Place


class SetKind(Enum):
    """One kind of rule set: the words of its lines; where its conditions are met, in a frontend and in a backend."""

    TCP_CONNECTION = ("tcp-request connection", Place.FRONTEND_CONNECTION, None)
    TCP_SESSION = ("tcp-request session", Place.FRONTEND_SESSION, None)
    TCP_CONTENT = ("tcp-request content", Place.FRONTEND_CONTENT, Place.BACKEND_CONTENT)
    TCP_RESPONSE = ("tcp-response content", Place.BACKEND_RESPONSE_CONTENT, Place.BACKEND_RESPONSE_CONTENT)
    HTTP_REQUEST = ("http-request", Place.FRONTEND_REQUEST_HEADER, Place.BACKEND_REQUEST_HEADER)
    HTTP_RESPONSE = ("http-response", Place.FRONTEND_RESPONSE_HEADER, Place.BACKEND_RESPONSE_HEADER)
    HTTP_AFTER = ("http-after-response", Place.FRONTEND_RESPONSE_HEADER, Place.BACKEND_RESPONSE_HEADER)

    def __init__(self, words: str, frontend: Place, backend: Place | None) -> None:
        self.words = words
        self.frontend = frontend
        self.backend = backend

    def place(self, kind: str) -> Place:
        """Return the place of its conditions in a section of this kind (`frontend`, `listen`, `backend`)."""
        return self.backend if kind == "backend" and self.backend is not None else self.frontend

    def places(self, kind: str) -> tuple[Place, ...]:
        """Return the places of its actions' samples: a section that is both frontend and backend has both."""
        if self.backend is None or kind == "frontend":
            return (self.frontend,)
        return (self.backend,) if kind == "backend" else (self.frontend, self.backend)


HTTP = frozenset({SetKind.HTTP_REQUEST, SetKind.HTTP_RESPONSE, SetKind.HTTP_AFTER})
EVERY = frozenset(SetKind)
REQUESTS = frozenset({SetKind.HTTP_REQUEST})
RESPONSES = frozenset({SetKind.HTTP_RESPONSE, SetKind.HTTP_AFTER})
MESSAGES = frozenset({SetKind.HTTP_REQUEST, SetKind.HTTP_RESPONSE})
ADMISSION = frozenset({SetKind.TCP_CONNECTION, SetKind.TCP_SESSION})
TCP_REQUESTS = frozenset({*ADMISSION, SetKind.TCP_CONTENT})
TCP = frozenset({*TCP_REQUESTS, SetKind.TCP_RESPONSE})
TCP_CONTENTS = frozenset({SetKind.TCP_CONTENT, SetKind.TCP_RESPONSE})


@dataclass(frozen=True, slots=True)
class ByName:
    """A backend that is found when a session is there: `find` is given the session."""

    find: Callable[[Any], Any]
