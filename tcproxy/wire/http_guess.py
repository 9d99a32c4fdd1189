"""Whether a stream of bytes begins with a request of HTTP/1, before anything is known of it.

HAProxy 2.6 takes more for HTTP here than it forwards in HTTP mode: requests of HTTP/0.9 and of other versions, and
some that it refuses for their meaning (a websocket without its key, say). tests/samples/test_contents_reference.py
compares.
"""

from __future__ import annotations

import re

from tcproxy.wire.http1 import BadMessage, Codec, CodecLimits, RequestReader
from tcproxy.wire.http1.fields import TOKEN
from tcproxy.wire.unread import NEVER, NOT_YET, Unread

LINES = 99
"""Lines of a head at the most."""
_EMPTY_LINES = re.compile(rb"(?:\r?\n)*+")
_START = re.compile(rb"(" + TOKEN + rb")[ \t]++([!-\"$-~]++)(?:[ \t]++([A-Z0-9./]*+))?\r?")
_PARTIAL_LINE = re.compile(rb"(?:(?:" + TOKEN + rb")?(?::[^\r]*+)?|[ \t][^\r]*+)\r?")
_UPGRADE = re.compile(rb"\nupgrade:", re.IGNORECASE)
_METHODS = {b"PRI": b"OPTIONS"}
"""What our reader refuses by its name, as the beginning of HTTP/2."""


def guessing_codec() -> Codec:
    """Return the codec that `begins_with_request` needs: it knows no templates of anything that is forwarded."""
    return Codec(CodecLimits(max_headers=LINES, any_payload=True))


def begins_with_request(data: bytes, codec: Codec) -> bool | Unread:
    """Return True once the head of a request came; NEVER where the bytes so far cannot begin one."""
    at = _EMPTY_LINES.match(data).end()  # type: ignore[union-attr]  # it matches nothing, too
    newline = data.find(b"\n", at)
    if newline >= 0:
        start = _START.fullmatch(data, at, newline)
        if start is None:
            return NEVER
        if not start[3]:
            return True if start[1] == b"GET" else NEVER  # HTTP/0.9 has no headers
        fields = _UPGRADE.sub(b"\nx:", data[newline:].replace(b"\0", b"\1"))
        data = b"%b %b HTTP/1.0%b" % (_METHODS.get(start[1], start[1]), start[2], fields)
    try:
        if RequestReader(codec).feed(data) is not None:
            return True
    except BadMessage:
        return NEVER
    if newline >= 0 and not _PARTIAL_LINE.fullmatch(data, data.rindex(b"\n") + 1):
        return NEVER
    return NOT_YET
