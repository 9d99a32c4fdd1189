"""`tcp-response content` rules of TCP mode: a relay that holds back what the server sends until they have decided.

What the client sends passes meanwhile. The rules are looked at when the link stands, and whenever bytes came; they wait
for no more than the section's inspect-delay, until the server ends, or until a buffer is full (manual 4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tcproxy.rules.actions.rows import Assembly
from tcproxy.rules.lines import Rule
from tcproxy.rules.waiting import WaitingRule, decide, waiting_rules
from tcproxy.session.ends import End
from tcproxy.session.inspection import Inspection
from tcproxy.session.relay import Relay


class InspectedRelay(Relay):
    """A relay whose server is inspected. full: bytes held at which no more are waited for. rules: None once through."""

    __slots__ = ("full", "rules")

    def __init__(self, stream: Any, rules: Sequence[WaitingRule], delay: float, full: int) -> None:
        super().__init__(stream, stream)
        self.rules: Sequence[WaitingRule] | None = rules
        self.full = full
        stream.inspection = Inspection(delay)

    def join(self) -> None:
        """Pass the client's bytes from now on, and hold those of the server."""
        client, link = self.client, self.link
        self.connection.relay = self
        client.session = link.session = self
        client.join(link)
        if not self.over:
            link.hold_back()
            self._inspect()
        if not self.over:
            link.listen()

    def _inspect(self) -> None:
        """Let the rules decide, if they are not through."""
        if self.rules is None:
            return
        stream: Any = self.stream
        inspection, now = stream.inspection, stream.now()
        done = self.server_done or len(self.link.held) >= self.full or now >= inspection.until
        inspection.over = inspection.over or done
        verdict = decide(self.rules, stream, inspection)
        if verdict:
            self.let_go()
        elif verdict is None:
            inspection.wait(now)
            self.connection.strike_by(inspection.until)

    def let_go(self) -> None:
        """The rules are through: pass what is held, and all that follows."""
        self.rules = None
        self.stream.inspection = None  # type: ignore[attr-defined]  # it is a TcpSession
        self.link.let_go()

    # events of the ends

    def heard(self, end: End) -> None:
        """Bytes came that are held back."""
        if end is self.link:
            self._inspect()

    def ended(self, end: End) -> None:
        """FIN came from this side: of a server it ends the wait."""
        if end is self.link and self.rules is not None and not self.over:
            self.stream.inspection.over = True  # type: ignore[attr-defined]  # it is a TcpSession
            self._inspect()
        super().ended(end)

    def broke(self, end: End | None, errno: int) -> None:
        """A connection failed: the client has what is held back, as in HAProxy."""
        if self.rules is not None and not self.over:
            self.let_go()
        super().broke(end, errno)

    def _server_silent(self) -> None:
        if self.rules is not None:
            self.let_go()
        super()._server_silent()

    # time

    def alarmed(self, now: float) -> None:
        """The deadline struck: the wait of the rules is over, or a side is silent for too long."""
        self._inspect()
        if not self.over:
            super().alarmed(now)

    def _next_deadline(self, now: float) -> float:
        at = super()._next_deadline(now)
        return at if self.rules is None else min(at, self.stream.inspection.until)  # type: ignore[attr-defined]


def close_server(stream: Any) -> None:
    """Close the link; the client is given what the server has sent."""
    relay = stream.relay
    relay.let_go()
    relay.close_link(reset=True)
    relay.settle()


def inspecting(rules: Sequence[Rule], assembly: Assembly, delay: float, full: int) -> Callable[[Any], Relay]:
    """Return what makes the relays of a backend whose rules inspect its servers. delay: seconds."""
    made = waiting_rules(rules, assembly)
    return lambda stream: InspectedRelay(stream, made, delay, full)
