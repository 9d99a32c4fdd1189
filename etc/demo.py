"""Run a demonstration: a tiny web server for each port of the `server` lines of a file, and the proxy before them.

    python etc/demo.py [etc/demo.cfg]

Needs nothing but the standard library and the tcproxy program. Ctrl-C ends it all.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BROKEN = 4.0
"""Seconds."""


class Shop(BaseHTTPRequestHandler):
    """Answers every request with the name of its server. Asked for /break, the server is broken for a while."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: Street

    def do_GET(self) -> None:
        """Answer a GET."""
        if self.path == "/break":
            self.server.broken = time.monotonic() + BROKEN
        broken = self.server.broken > time.monotonic()
        body = (f"{self.server.name} is broken\n" if broken else f"hello from {self.server.name}\n").encode()
        self.send_response(503 if broken else 200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: the proxy's log is what there is to see."""


class Street(ThreadingHTTPServer):
    """A server that is not troubled by health checks, which connect and say nothing.

    broken: until when, in monotonic seconds.
    """

    name = ""
    broken = 0.0

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


def open_shop(name: str, port: int) -> None:
    """Serve on a port of the loopback address, for as long as the program runs."""
    server = Street(("127.0.0.1", port), Shop)
    server.name = name
    threading.Thread(target=server.serve_forever, daemon=True).start()


def what_to_try(text: str) -> str:
    """Return commands that show the proxy of this configuration at work."""
    doors = re.findall(r"^\s*bind\s+(\S+)", text, re.MULTILINE)
    control = re.search(r"^\s*stats socket\s+(\S+)", text, re.MULTILINE)
    lines = ["", "The proxy is running. In another terminal, try:", ""]
    if doors:
        url = f"http://{doors[0]}"
        lines += [
            f"    for i in 1 2 3 4 5 6 7 8; do curl -s {url}/; done",
            "        # who answers?",
            f"    for i in 1 2 3 4; do curl -s -b /tmp/tcproxy-demo.jar -c /tmp/tcproxy-demo.jar {url}/; done",
            "        # a client that keeps its cookie stays with its server",
            f"    curl -s -b SHOP=two {url}/break",
            f"        # that server is broken now, for {BROKEN:.0f} seconds: see the log, and ask again, cookie or not",
        ]
    lines += [f"    for i in 1 2 3 4; do curl -s http://{door}/; done\n        # by TCP" for door in doors[1:]]
    if control:
        lines += [
            f'    echo "show stat" | socat stdio {control[1]} | cut -d, -f1,2,8,18,41',
            "        # how many sessions each, in which state, how many answered well?",
            f'    echo "disable server shops/one" | socat stdio {control[1]}',
            "        # then ask again; `enable` brings it back",
        ]
    return "\n".join([*lines, "", "The log follows. Ctrl-C ends it.", ""])


def main() -> int:
    """Start the servers and the proxy, and wait for the proxy's end."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("demo.cfg"))
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"^\s*server\s+(\S+)\s+127\.0\.0\.1:(\d+)", text, re.MULTILINE)
    for port, name in {port: name for name, port in reversed(found)}.items():
        try:
            open_shop(name, int(port))
        except OSError as wrong:
            sys.exit(f"The server {name} cannot listen on port {port}: {wrong.strerror}. Does another demo run?")
    program = str(Path(sys.executable).with_name("tcproxy"))
    proxy = subprocess.Popen([program, "-db", "-f", str(path)])
    signal.signal(signal.SIGINT, lambda *_: proxy.send_signal(signal.SIGINT))
    signal.signal(signal.SIGTERM, lambda *_: proxy.send_signal(signal.SIGTERM))
    print(what_to_try(text), flush=True)
    code = proxy.wait()
    for name in re.findall(r"^\s*stats socket\s+(/\S+)", text, re.MULTILINE):
        Path(name).unlink(missing_ok=True)  # a proxy leaves it for a successor, and here comes none
    return 0 if code in (-signal.SIGINT, -signal.SIGTERM) else code


if __name__ == "__main__":
    sys.exit(main())
