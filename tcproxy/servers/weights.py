"""Arithmetic of a server's weight and limits: during slow start, with `fullconn`, and for `set weight`."""

from __future__ import annotations

import re

from tcproxy.interfaces import WEIGHT_SCALE

HEAVIEST = 256
_NUMBER = re.compile(r"\s*([+-]?[0-9]+)(.*)", re.DOTALL)


def warming_seconds(slowstart: int) -> int:
    """Return whole seconds of a `slowstart` in ms, as HAProxy rounds them."""
    return (slowstart + 999) // 1000


def growing_weight(user_weight: int, elapsed: int, duration: int) -> int:
    """Return the effective weight (sixteenths) `elapsed` of `duration` seconds after a start: never quite nothing."""
    return user_weight * ((WEIGHT_SCALE * elapsed + duration) // duration)


def growing_limit(limit: int, elapsed: int, duration: int) -> int:
    """Return the sessions allowed `elapsed` of `duration` seconds after a start; at least one."""
    return max(1, limit * (100 * elapsed // duration) // 100)


def dynamic_limit(minconn: int, maxconn: int, sessions: int, fullconn: int) -> int:
    """Return a server's limit while its backend has `sessions` sessions (manual 5.2, minconn; fullconn in 4.2)."""
    if sessions >= fullconn:
        return maxconn
    return max(minconn, sessions * maxconn // fullconn)


def requested_weight(text: str, initial: int, dynamic: bool) -> int:
    """Return the weight that `set weight` asks for: `N` or `N%` of the initial one (management 9.3).

    dynamic: whether the backend's strategy can follow a change. Raises ValueError with a sentence for the operator.
    """
    if not text:
        raise ValueError("A weight is needed: a number from 0 to 256, or a percentage of the initial weight.")
    number = _NUMBER.fullmatch(text)
    if number is None:
        raise ValueError(f"'{text}' does not begin with a number.")
    value = int(number[1])
    if number[2] == "%":
        if value < 0:
            raise ValueError("A percentage cannot be negative.")
        value = min(initial * value // 100, HEAVIEST)
    elif not 0 <= value <= HEAVIEST:
        raise ValueError(f"A weight goes from 0 to {HEAVIEST}; {value} does not.")
    elif number[2]:
        raise ValueError(f"Nothing may follow the number in '{text}', except '%'.")
    if value not in (0, initial) and not dynamic:
        raise ValueError("This backend's balancing is static: only '0%' and '100%' are possible.")
    return value
