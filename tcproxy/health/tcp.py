"""The TCP check: a server that accepts a connection passes (manual 5.2, `check` without an option)."""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from tcproxy.interfaces import CheckStatus, IConversation, IHealthChecker, IServer, Verdict


@implementer(IConversation)
class TcpConversation:
    """Sends nothing: a connection that stands is enough."""

    layer = 4

    def connected(self) -> Verdict | bytes | None:
        """End the check: it passed."""
        return Verdict(CheckStatus.L4_OK)

    def received(self, data: bytes) -> Verdict | bytes | None:
        """Return nothing: the check ended before."""
        return None

    def ended(self) -> Verdict | None:
        """Return nothing: the check ended before."""
        return None


@implementer(IHealthChecker)
class TcpCheck:
    """Connects, and closes at once."""

    name = "tcp"
    manual = "A server is up when it accepts a TCP connection."

    def parse(self, words: Sequence[str]) -> object:
        """Take no words."""
        if words:
            raise ValueError(f"the TCP check takes no options, found '{words[0]}'")
        return None

    def conversation(self, server: IServer, options: object) -> IConversation:
        """Return one run of the check."""
        return TcpConversation()
