"""Small web servers that tell what they were asked: for sites that are played by both programs."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from types import TracebackType

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
REASONS = {200: b"OK", 201: b"Created", 404: b"Not Found", 500: b"Internal Server Error"}


class Telling:
    """A server that answers with its name, and the request as it came, in the body.

    `/status/N` in the path makes the answer's status; `/cookie` and `/header/NAME/VALUE` make headers.
    """

    def __init__(self, name: str) -> None:
        self.name = name.encode()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port: int = self.listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Telling:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(ConnectionError):
            data = b""
            while True:
                while b"\r\n\r\n" not in data:
                    more = client.recv(65536)
                    if not more:
                        return
                    data += more
                head, _, rest = data.partition(b"\r\n\r\n")
                found = _LENGTH.search(head)
                length = int(found[1]) if found else 0
                while len(rest) < length:
                    rest += client.recv(65536)
                body, data = rest[:length], rest[length:]
                client.sendall(self._answer(head, body))

    def _answer(self, head: bytes, body: bytes) -> bytes:
        start = head.partition(b"\r\n")[0]
        status, more = 200, b""
        words = start.split(b" ")[1].partition(b"?")[0].split(b"/")
        if b"status" in words[:-1]:
            status = int(words[words.index(b"status") + 1])
        if b"cookie" in words:
            more += b"Set-Cookie: id=1; path=/\r\n"
        if b"header" in words[:-2]:
            at = words.index(b"header")
            more += words[at + 1] + b": " + words[at + 2] + b"\r\n"
        told = head + b"\n\n" + body
        if start.startswith(b"HEAD "):
            told = b""
        reason = REASONS.get(status, b"Other")
        return (
            b"HTTP/1.1 %d %b\r\nServer: telling\r\nX-Server: %b\r\n%bContent-Length: %d\r\n\r\n%b"
            % (status, reason, self.name, more, len(told), told)
        )
