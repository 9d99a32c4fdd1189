"""What a health check found, as log lines tell it: in the words of HAProxy that log readers look for.

Which check it was, and what became of the server, is said by others (tcproxy/health, tcproxy/servers).
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
"""Results that come with a code of the server's own."""


def printable(text: str) -> str:
    """Return a server's own words made safe for a quoted string in a log: other octets in hexadecimal, as <0D>."""
    octets = text.encode("utf-8", "surrogateescape")
    return "".join(chr(o) if 32 <= o < 127 and o not in b'<>"' else f"<{o:02X}>" for o in octets)


def told(finding: Finding) -> str:
    """Return `, reason: WORDS, code: N, info: "MESSAGE", check duration: Nms`, without what there is not."""
    code = f", code: {finding.code}" if finding.status in WITH_CODE else ""
    info = f', info: "{printable(finding.message)}"' if finding.message else ""
    duration = f", check duration: {finding.duration_ms}ms" if finding.duration_ms >= 0 else ""
    return f", reason: {finding.status.words}{code}{info}{duration}"
