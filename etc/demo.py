"""Run a demonstration: a tiny web server for each `server` line of a file, and the proxy before them.

    python etc/demo.py [etc/demo.cfg]

Needs nothing but the standard library and the tcproxy program. Ctrl-C ends it all.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Shop(BaseHTTPRequestHandler):
    """Answers every request with the name of its server."""

    def do_GET(self) -> None:
        """Answer a GET."""
        body = f"hello from {self.server.name}\n".encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: the proxy's log is what there is to see."""


class Street(ThreadingHTTPServer):
    """A server that is not troubled by health checks, which connect and say nothing."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


def open_shop(name: str, port: int) -> None:
    """Serve on a port of the loopback address, for as long as the program runs."""
    server = Street(("127.0.0.1", port), Shop)
    server.name = name  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()


def what_to_try(text: str) -> str:
    """Return commands that show the proxy of this configuration at work."""
    door = re.search(r"^\s*bind\s+(\S+)", text, re.MULTILINE)
    control = re.search(r"^\s*stats socket\s+(\S+)", text, re.MULTILINE)
    lines = ["", "The proxy is running. In another terminal, try:", ""]
    if door:
        lines.append(f"    for i in 1 2 3 4 5 6 7 8; do curl -s http://{door[1]}/; done      # who answers?")
    if control:
        lines += [
            f'    echo "show stat" | socat stdio {control[1]}                    # how many each?',
            f'    echo "disable server shops/two" | socat stdio {control[1]}     # then ask again',
        ]
    return "\n".join([*lines, "", "The log follows. Ctrl-C ends it.", ""])


def main() -> int:
    """Start the servers and the proxy, and wait for the proxy's end."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("demo.cfg"))
    text = path.read_text(encoding="utf-8")
    for name, port in re.findall(r"^\s*server\s+(\S+)\s+127\.0\.0\.1:(\d+)", text, re.MULTILINE):
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
