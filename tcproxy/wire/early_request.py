"""The request of HTTP/1 that the bytes of a connection in TCP mode begin with, as it is written.

Nothing of it is forwarded from here, so nothing is brought into another form: its Host, its target and its Connection
headers stay, as in HAProxy's fetches in TCP mode.
"""

from __future__ import annotations

import re

from tcproxy.wire.http1 import Codec, RequestHead
from tcproxy.wire.http1.codec import find_end
from tcproxy.wire.http1.fields import OddLine
from tcproxy.wire.http1.head import is_later, joined_lines
from tcproxy.wire.http_guess import begins_with_request
from tcproxy.wire.unread import NEVER, Unread

_START = re.compile(rb"(?:\r?\n)*+([^ \t]++)[ \t]++([^ \t\r\n]++)(?:[ \t]++([^ \t\r\n]*+))?\r?\n")
_OLDEST = b"HTTP/1.0"


def early_request(data: bytes, codec: Codec) -> RequestHead | Unread:
    """Return the head of the request, once it came; NEVER where the bytes begin none. codec: see http_guess.py."""
    found = begins_with_request(data, codec)
    start = _START.match(data)
    if isinstance(found, Unread) or start is None:
        return found if isinstance(found, Unread) else NEVER
    method, target, version = start.groups()
    if not version:
        return RequestHead(method, target, _OLDEST, 0, [], False)
    lines = joined_lines(data[start.start(1) : find_end(data, start.end() - 1)])
    try:
        fields = codec.known.read(lines[1:])
    except OddLine:
        return NEVER
    return RequestHead(method, target, version, int(is_later(version)), fields, True)
