"""Facts of the machine and the process as samples (manual 7.3.2): time, chance, names, environment."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.constants import constant
from tcproxy.samples.kinds import Kind, Value, decode, encode
from tcproxy.samples.places import ANYWHERE, WHILE_RUNNING
from tcproxy.samples.rows import Fetch, Take

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

_NANOSECONDS = {b"s": 1_000_000_000, b"ms": 1_000_000, b"us": 1000}


def _date(offset: int = 0, unit: bytes = b"s") -> Take:
    if unit not in _NANOSECONDS:
        raise ValueError(f"'{decode(unit)}' is none of s, ms and us")
    divisor = _NANOSECONDS[unit]
    return lambda facts: time.time_ns() // divisor + offset


def _microseconds(facts: Facts) -> Value | None:
    return time.time_ns() // 1000 % 1_000_000


def _rand(limit: int = 1 << 32) -> Take:
    import random

    return lambda facts: (random.getrandbits(32) * limit) >> 32


def _uuid(version: int = 4) -> Take:
    if version != 4:
        raise ValueError(f"UUIDs of version {version} are not made, only those of version 4")
    import uuid

    return lambda facts: str(uuid.uuid4()).encode("ascii")


def _hostname() -> Take:
    return constant(encode(socket.gethostname()))


def _env(name: bytes = b"") -> Take:
    variable = decode(name)

    def take(facts: Facts) -> Value | None:
        environment = facts.world.configuration.environment
        value = None if environment is None else environment.get(variable)
        return None if value is None else encode(value)

    return take


FETCHES = (
    Fetch(
        "date", Kind.SINT, ANYWHERE, "Seconds since 1970 (or ms, or us), plus an offset in the same unit.",
        build=_date, arguments=(ArgumentType.INTEGER, ArgumentType.STRING),
    ),
    Fetch("date_us", Kind.SINT, ANYWHERE, "The microseconds in the current second.", _microseconds),
    Fetch(
        "env", Kind.STR, ANYWHERE, "The value of this environment variable.",
        build=_env, arguments=(ArgumentType.STRING,), required=1,
    ),
    Fetch("hostname", Kind.STR, ANYWHERE, "The name of the machine.", build=_hostname),
    Fetch("nbproc", Kind.SINT, ANYWHERE, "1, as in HAProxy 2.6.", constant(1)),
    Fetch("proc", Kind.SINT, ANYWHERE, "1, as in HAProxy 2.6.", constant(1)),
    Fetch(
        "rand", Kind.SINT, ANYWHERE, "A random integer from 0 up to this number (2^32 without one).",
        build=_rand, arguments=(ArgumentType.INTEGER,),
    ),
    Fetch(
        "stopping", Kind.BOOL, WHILE_RUNNING, "True during a soft stop.", lambda facts: facts.world.stopping
    ),
    Fetch("thread", Kind.SINT, ANYWHERE, "0: there is one thread.", constant(0)),
    Fetch(
        "uuid", Kind.STR, ANYWHERE, "A random UUID (version 4).",
        build=_uuid, arguments=(ArgumentType.INTEGER,),
    ),
)  # fmt: skip
