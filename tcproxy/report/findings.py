"""The result of a health check as text for log lines, in the words of HAProxy, because log readers look for them.

Which check it was, and how the server changed, is written by tcproxy/health and tcproxy/servers.
"""

from __future__ import annotations

from typing import Protocol

from tcproxy.interfaces import CheckStatus


class Finding(Protocol):
    """The result of a check. code: of layer 7. message: a few words. duration_ms: -1 for none."""

    status: CheckStatus
    code: int
    message: str
    duration_ms: int


WITH_CODE = frozenset(
    {
        CheckStatus.L7_OK,
        CheckStatus.L7_OK_CONDITIONAL,
        CheckStatus.L7_STATUS,
        CheckStatus.PROCESS_ERROR,
        CheckStatus.PROCESS_TIMEOUT,
        CheckStatus.PROCESS_OK,
    }
)
"""Results that have a code from the server, for instance a status of HTTP."""


def printable(text: str) -> str:
    """Return a server's own words made safe for a quoted string in a log: other octets in hexadecimal, as <0D>."""
    octets = text.encode("utf-8", "surrogateescape")
    return "".join(chr(o) if 32 <= o < 127 and o not in b'<>"' else f"<{o:02X}>" for o in octets)


def told(finding: Finding) -> str:
    """Return `, reason: WORDS, code: N, info: "MESSAGE", check duration: Nms`, without the parts that are missing."""
    code = f", code: {finding.code}" if finding.status in WITH_CODE else ""
    info = f', info: "{printable(finding.message)}"' if finding.message else ""
    duration = f", check duration: {finding.duration_ms}ms" if finding.duration_ms >= 0 else ""
    return f", reason: {finding.status.words}{code}{info}{duration}"
