"""A health check: a Redis server is up when it answers PING, and down while it still loads its data.

Use it with `option redis-ping`, or `option redis-ping PASSWORD` where the server wants one.
"""

from collections.abc import Sequence

from zope.interface import implementer

from tcproxy.interfaces import CheckStatus, IConversation, IHealthChecker, IServer, Verdict

LONGEST = 512
"""Bytes of an answer's line at the most; a server that says more is no Redis."""


@implementer(IConversation)
class RedisPing:
    """One run: AUTH if there is a password, then PING. Answers come in pieces of any size, so they are gathered."""

    layer = 7  # silence is reported as a timeout of layer 7

    def __init__(self, password: str) -> None:
        self.questions = [b"PING\r\n"]
        if password:
            self.questions.insert(0, f"AUTH {password}\r\n".encode())
        self.heard = b""

    def connected(self) -> Verdict | bytes | None:
        """Ask the first question."""
        return self.questions.pop(0)

    def received(self, data: bytes) -> Verdict | bytes | None:
        """Wait for a whole line, then ask on, or come to a verdict."""
        self.heard += data
        line, end, rest = self.heard.partition(b"\r\n")
        if not end:
            return Verdict(CheckStatus.L7_RESPONSE, "line too long") if len(line) > LONGEST else None
        self.heard = rest
        if line.startswith(b"-"):
            return Verdict(CheckStatus.L7_STATUS, line[1:].decode("ascii", "replace"))
        if self.questions and line == b"+OK":
            return self.questions.pop(0)
        if line == b"+PONG":
            return Verdict(CheckStatus.L7_OK, "PONG")
        return Verdict(CheckStatus.L7_RESPONSE, "this is not Redis")

    def ended(self) -> Verdict | None:
        """Say why a server that hangs up early is down."""
        return Verdict(CheckStatus.L7_RESPONSE, "closed before it answered")


@implementer(IHealthChecker)
class RedisPingCheck:
    """The word behind `option`."""

    name = "redis-ping"
    manual = "A server is up when it answers the PING of Redis."

    def parse(self, words: Sequence[str]) -> str:
        """Read the password, if there is one; what is wrong is told with the file and line."""
        if len(words) > 1:
            raise ValueError("write a password behind it, or nothing")
        return words[0] if words else ""

    def conversation(self, server: IServer, options: object) -> RedisPing:
        """Return a fresh conversation: every check is a connection of its own."""
        assert isinstance(options, str)
        return RedisPing(options)


redis_ping = RedisPingCheck()
