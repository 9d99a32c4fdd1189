"""What other readers of HTTP/1 make of the bytes that we forward: h11, and llhttp as httptools wraps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import h11
import httptools

Headers = list[tuple[bytes, bytes]]


@dataclass
class Message:
    """One message as a reader understands it; Connection headers are left out, since whoever forwards sets them."""

    start: tuple[object, ...]
    headers: Headers = field(default_factory=list)
    body: bytes = b""


def plain(headers: Any) -> Headers:
    """Return headers as they are compared: framing ones by their meaning, for h11 writes them anew."""
    found = []
    for name, value in headers:
        name, value = bytes(name).lower(), bytes(value)
        if name == b"content-length":
            value = b"%d" % int(value)
        elif name == b"transfer-encoding":
            value = value.lower()
        if name != b"connection":
            found.append((name, value))
    return found


def h11_requests(data: bytes) -> list[Message] | None:
    """Return the requests that h11 sees, whole ones only; None when it refuses any."""
    found: list[Message] = []
    while data:
        reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        reader.receive_data(data)
        try:
            message = _h11_message(reader)
        except h11.RemoteProtocolError:
            return None
        if message is None:
            return found
        found.append(message)
        data = reader.trailing_data[0]
        if message.start[0] == b"CONNECT":
            break
    return found


def h11_response(asked: bytes, data: bytes) -> Message | None:
    """Return the final response that h11 sees before the server closes; None when it refuses it."""
    method, target = asked.split(b" ")[:2]
    headers = [(b"host", b"a")]
    if b"Upgrade" in asked:
        headers += [(b"connection", b"upgrade"), (b"upgrade", b"foo")]
    reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    reader.send(h11.Request(method=method, target=target, headers=headers))
    reader.send(h11.EndOfMessage())
    reader.receive_data(data)
    reader.receive_data(b"")
    try:
        return _h11_message(reader)
    except h11.RemoteProtocolError:
        return None


def _h11_message(reader: h11.Connection) -> Message | None:
    message = None
    while True:
        event = reader.next_event()
        if isinstance(event, h11.Request):
            message = Message((event.method, event.target), plain(event.headers))
        elif isinstance(event, h11.InformationalResponse) and event.status_code != 101:
            continue
        elif isinstance(event, h11.Response | h11.InformationalResponse):
            message = Message((event.status_code,), plain(event.headers))
            if event.status_code == 101:
                return message
        elif isinstance(event, h11.Data) and message:
            message.body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage) or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            return message
        elif event is h11.NEED_DATA:
            return None


class _Events:
    """Gathers what httptools calls back."""

    def __init__(self) -> None:
        self.whole: list[Message] = []
        self.now = Message(())
        self.target = b""
        self.in_body = False
        self.parser: Any = None

    def on_message_begin(self) -> None:
        self.now, self.target, self.in_body = Message(()), b"", False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_body:
            self.now.headers += plain([(name, value)])

    def on_headers_complete(self) -> None:
        self.in_body = True
        if isinstance(self.parser, httptools.HttpRequestParser):
            self.now.start = (self.parser.get_method(), self.target)
        else:
            self.now.start = (self.parser.get_status_code(),)

    def on_body(self, body: bytes) -> None:
        self.now.body += body

    def on_message_complete(self) -> None:
        self.whole.append(self.now)


def httptools_requests(data: bytes) -> list[Message] | None:
    """Return the requests that llhttp sees, whole ones only; None when it refuses any."""
    events = _Events()
    events.parser = httptools.HttpRequestParser(events)
    try:
        events.parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError:
        return None
    return events.whole


def httptools_responses(data: bytes) -> tuple[list[Message], Message] | None:
    """Return the responses that llhttp sees, and the one that only the close would end; None when it refuses any."""
    events = _Events()
    events.parser = httptools.HttpResponseParser(events)
    try:
        events.parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError:
        return None
    return events.whole, events.now
