"""See that an installed wheel works: twistd lists it, and a proxy of each program passes a connection."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

BIN = Path(sys.executable).parent


def listening() -> socket.socket:
    """Serve b'hello' to every client on a free port; return the listening socket."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            client, _ = server.accept()
            with client:
                client.sendall(b"hello")

    threading.Thread(target=serve, daemon=True).start()
    return server


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def ask(port: int) -> bytes:
    """Return what the proxy's server says, once the proxy is there."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as client:
            return client.recv(100)
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


@contextlib.contextmanager
def running(*words: str) -> Iterator[None]:
    """Run a program until the block ends."""
    process = subprocess.Popen(words)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def main() -> None:
    """Check the programs of this environment."""
    shown = subprocess.run([BIN / "twistd", "--help"], capture_output=True, text=True, check=True).stdout
    if "tcproxy" not in shown:
        raise SystemExit("twistd --help does not list tcproxy")
    with tempfile.TemporaryDirectory() as folder:
        for words in (["tcproxy", "-db", "-f"], ["twistd", "-n", "--pidfile=", "tcproxy", "--config"]):
            port, server = free_port(), listening()
            path = Path(folder, f"{words[0]}.cfg")
            path.write_text(
                "defaults\n mode tcp\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n"
                f"listen one\n bind 127.0.0.1:{port}\n server s 127.0.0.1:{server.getsockname()[1]}\n"
            )
            with running(str(BIN / words[0]), *words[1:], str(path)):
                if ask(port) != b"hello":
                    raise SystemExit(f"{words[0]} did not pass the connection on")
            print(f"{words[0]}: a connection went through")


if __name__ == "__main__":
    main()
