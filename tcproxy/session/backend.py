"""The settings of a backend that sessions use, ready for use: times in seconds, options as plain booleans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tcproxy.model.proxy import Proxy
from tcproxy.session.http.reuse import HttpBackend
from tcproxy.session.persistence import ties

if TYPE_CHECKING:
    from tcproxy.servers.farm import Farm

TURNAROUND = 1.0
"""Seconds between a failed attempt and the next one on the same server (manual, `retries`)."""

HASHING = frozenset({"hash", "hdr", "rdp-cookie", "source", "uri", "url_param"})
"""Strategies that lead the same client to the same server."""


def seconds_of(timeouts: Mapping[str, int] | None, name: str) -> float:
    """Return a timeout in seconds; 0 for none."""
    return (timeouts or {}).get(name, 0) / 1000


class Backend:
    """One backend as sessions see it. All timeouts in seconds, 0 for none.

    ties: what of persistence is done with each session in TCP mode; HTTP mode has it in http/rules.py.
    retries: how often a request is tried again at the most; connect_retries: of these, attempts to connect that failed.
    rotates: its strategy ties no client to a server, so that another one may be tried at once.
    """

    __slots__ = (
        "abort_on_close", "connect", "connect_retries", "dispatch", "farm", "http", "independent", "model", "name",
        "nolinger", "queue", "redispatch", "redispatches", "retries", "rotates", "server", "server_fin", "ties",
        "tunnel", "turnaround",
    )  # fmt: skip

    def __init__(self, farm: Farm) -> None:
        model: Proxy = farm.model
        self.farm = farm
        self.model = model
        self.name = model.name
        self.connect = seconds_of(model.timeouts, "connect")
        self.server = seconds_of(model.timeouts, "server")
        self.server_fin = seconds_of(model.timeouts, "server-fin")
        self.queue = seconds_of(model.timeouts, "queue") or self.connect
        self.tunnel = seconds_of(model.timeouts, "tunnel")
        self.turnaround = min(TURNAROUND, self.connect or TURNAROUND)
        self.retries = model.retries
        self.connect_retries = model.retries if "conn-failure" in model.retry_on else 0
        self.redispatches = "redispatch" in model.options or model.redispatch != 0
        self.redispatch = model.redispatch or -1
        self.dispatch = model.dispatch
        self.abort_on_close = "abortonclose" in model.options
        self.nolinger = "nolinger" in model.options
        self.independent = "independent-streams" in model.options
        self.rotates = model.balance.name not in HASHING
        self.ties = ties(model) if model.mode == "tcp" else ()
        self.http = HttpBackend(farm) if model.mode == "http" else None

    def redispatch_due(self, retries: int) -> bool:
        """Say whether the `retries`th retry is one that may go to another server (`option redispatch n`)."""
        if not self.redispatches:
            return False
        every = self.redispatch if self.redispatch > 0 else self.retries + 1 + self.redispatch
        return every > 0 and retries % every == 0
