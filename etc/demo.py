"""Run a demonstration: a tiny web server for each port of the `server` lines of a file, and the proxy before them.

    python etc/demo.py [etc/demo.cfg]
    python etc/demo.py ask SOCKET COMMAND

The second form asks a running proxy one runtime command. Both need nothing but the standard library and the tcproxy
program; what the first one tells to try needs curl, and uses socat where it is installed. Ctrl-C ends it all.
"""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BROKEN = 4.0
"""Seconds."""
PATIENCE = 20.0
"""Seconds that the proxy may take to serve."""


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


def ask(path: str, command: str) -> str:
    """Return the answer of a proxy's command socket. Raises OSError when nobody answers there."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(path)
        client.sendall(command.encode() + b"\n")
        return b"".join(iter(lambda: client.recv(65536), b"")).decode()


def doors_of(text: str) -> list[str]:
    """Return the addresses that a configuration listens on."""
    return re.findall(r"^\s*bind\s+(\S+)", text, re.MULTILINE)


def page_of(text: str) -> tuple[str, str]:
    """Return the address that a configuration shows its statistics page on, and the URL; "" without such a page."""
    found = re.search(r"^\s*bind\s+(\S+)\n\s*stats uri\s+(/\S*)", text, re.MULTILINE)
    return (found[1], f"http://{found[1]}{found[2]}") if found else ("", "")


def control_of(text: str) -> str:
    """Return the path of a configuration's command socket; "" if it has none."""
    found = re.search(r"^\s*stats socket\s+(/\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def what_to_try(text: str, file: Path) -> str:
    """Return commands that show the proxy of this configuration, which stands in a file, at work."""
    control = control_of(text)
    place, page = page_of(text)
    doors = [door for door in doors_of(text) if door != place]
    lines = ["", "The proxy is running. In another terminal, try:", ""]
    if shutil.which("curl") is None:
        lines += ["(curl is not installed: apt-get install curl, or open the addresses with a browser)", ""]
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
    if page:
        lines += [f"    curl -s '{page};csv' | cut -d, -f1,2,18", f"        # or with a browser: {page}"]
    if doors:
        program = Path(sys.executable).with_name("tcproxy")
        lines += [
            f"    {program} explain -f {file.absolute()} 'GET {url}/' -H 'Cookie: SHOP=two'",
            "        # what would the proxy do with this request, and why?",
        ]
    if control:
        lines += [
            f"    {how_to_ask(control, 'show stat')} | cut -d, -f1,2,8,18,41",
            "        # how many sessions each, in which state, how many answered well?",
            f"    {how_to_ask(control, 'disable server shops/one')}",
            "        # then ask again; `enable` brings it back",
        ]
    return "\n".join([*lines, "", "The log follows. Ctrl-C ends it.", ""])


def how_to_ask(path: str, command: str) -> str:
    """Return a shell's line that asks a runtime command, with socat where it is installed."""
    if shutil.which("socat"):
        return f'echo "{command}" | socat stdio {path}'
    return f'{sys.executable} {Path(__file__).absolute()} ask {path} "{command}"'


def open_shops(text: str) -> None:
    """Serve on the port of each `server` line. Exits with a sentence if one is taken."""
    found = re.findall(r"^\s*server\s+(\S+)\s+127\.0\.0\.1:(\d+)", text, re.MULTILINE)
    for port, name in {port: name for name, port in reversed(found)}.items():
        try:
            open_shop(name, int(port))
        except OSError as wrong:
            sys.exit(f"The server {name} cannot listen on port {port}: {wrong.strerror}. Does another demo run?")


def find_doors_free(text: str) -> None:
    """Exit with a sentence if somebody listens already where the proxy is to: it would share the port with them."""
    for door in doors_of(text):
        host, _, port = door.rpartition(":")
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, int(port)))
                probe.listen()
        except OSError as wrong:
            sys.exit(f"The proxy cannot listen on {door}: {wrong.strerror}. Does another demo run?")


def serves(text: str) -> bool:
    """Say whether the proxy answers at its command socket, or takes a client where it has none."""
    control, doors = control_of(text), doors_of(text)
    try:
        if control:
            return bool(ask(control, "show version"))
        host, _, port = doors[0].rpartition(":")
        socket.create_connection((host, int(port)), PATIENCE).close()
        return True
    except OSError:
        return False


def wait_for(proxy: subprocess.Popen[bytes], text: str) -> None:
    """Wait until the proxy serves. Exits with a sentence if it does not."""
    deadline = time.monotonic() + PATIENCE
    while not serves(text):
        if proxy.poll() is not None:
            sys.exit(f"The proxy did not start: exit code {proxy.returncode}.")
        if time.monotonic() > deadline:
            proxy.kill()
            sys.exit(f"The proxy does not serve, {PATIENCE:.0f} seconds after its start.")
        time.sleep(0.05)


def main() -> int:
    """Start the servers and the proxy, and wait for the proxy's end."""
    if sys.argv[1:2] == ["ask"] and len(sys.argv) == 4:
        print(ask(*sys.argv[2:]), end="")
        return 0
    path = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("demo.cfg"))
    text = path.read_text(encoding="utf-8")
    find_doors_free(text)
    open_shops(text)
    program = str(Path(sys.executable).with_name("tcproxy"))
    if subprocess.run([program, "-c", "-f", str(path)], stdout=subprocess.DEVNULL, check=False).returncode:
        return 1
    control = control_of(text)
    if control:
        Path(control).unlink(missing_ok=True)  # one of an earlier run would answer for this one's
    # quiet, for the log of the demonstration tells its events on this terminal already
    proxy = subprocess.Popen([program, "-q", "-db", "-f", str(path)])
    signal.signal(signal.SIGINT, lambda *_: proxy.send_signal(signal.SIGINT))
    signal.signal(signal.SIGTERM, lambda *_: proxy.send_signal(signal.SIGTERM))
    wait_for(proxy, text)
    print(what_to_try(text, path), flush=True)
    code = proxy.wait()
    if control:
        Path(control).unlink(missing_ok=True)  # a proxy leaves it for a successor, and here comes none
    return 0 if code in (-signal.SIGINT, -signal.SIGTERM) else code


if __name__ == "__main__":
    sys.exit(main())
