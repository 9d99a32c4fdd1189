"""Real software around the proxy in HTTP mode: curl, git and websockets before it; nginx, waitress and uvicorn behind.

One proxy serves all of it, with a section for each server.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import waitress
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.running import TCPROXY, free_port, program
from tests.scenarios.test_real_clients import found, output

CONFIGURATION = """
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
listen nginx
    bind 127.0.0.1:{nginx.front}
    server s 127.0.0.1:{nginx.server}
listen wsgi
    bind 127.0.0.1:{wsgi.front}
    server s 127.0.0.1:{wsgi.server}
listen asgi
    bind 127.0.0.1:{asgi.front}
    timeout client 1s
    timeout server 1s
    timeout tunnel 20s
    server s 127.0.0.1:{asgi.server}
listen short
    bind 127.0.0.1:{short.front}
    timeout tunnel 300ms
    server s 127.0.0.1:{asgi.server}
listen browser
    bind 127.0.0.1:{browser.front}
    cookie SRV insert indirect nocache
    server one 127.0.0.1:{browser.server} cookie one
    server two 127.0.0.1:{other.server} cookie two
"""
NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/err;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    client_max_body_size 100m;
    server {{
        listen 127.0.0.1:{port};
        root {folder};
        location /up/ {{ dav_methods PUT; create_full_put_path on; }}
    }}
}}
"""
ECHO = """
async def application(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        if event.get("text") == "close":
            await send({"type": "websocket.close", "code": 4001, "reason": "as asked"})
            return
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})
"""


class Ports:
    """Where the proxy listens, and where the server behind it does."""

    def __init__(self) -> None:
        self.front, self.server = free_port(), free_port()


class Site:
    """The proxy's ports by section, and a folder that any user may read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {name: Ports() for name in ("nginx", "wsgi", "asgi", "short", "browser", "other")}

    def url(self, name: str, scheme: str = "http") -> str:
        """Return the root of a section as clients name it."""
        return f"{scheme}://127.0.0.1:{self.ports[name].front}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run the proxy."""
    folder = tmp_path_factory.mktemp("site")
    for one in [folder, *list(folder.parents)[:2]]:
        one.chmod(0o755)
    made = Site(folder)
    path = folder / "haproxy.cfg"
    path.write_text(CONFIGURATION.format(**made.ports))
    with program(TCPROXY, "-db", "-f", str(path), port=made.ports["nginx"].front):
        yield made


@pytest.fixture(scope="module")
def nginx(site: Site) -> Iterator[Site]:
    """Run nginx, with a file of a million bytes."""
    (site.folder / "index.html").write_text("hello from nginx")
    (site.folder / "million").write_bytes(bytes(range(250)) * 4000)
    conf = site.folder / "nginx.conf"
    port = site.ports["nginx"].server
    conf.write_text(NGINX.format(folder=site.folder, port=port))
    words = ["-e", str(site.folder / "err"), "-c", str(conf)]
    with program(found("nginx"), *words, *(["-g", "user root;"] if os.getuid() == 0 else []), port=port):
        yield site


@pytest.fixture(scope="module")
def wsgi(site: Site) -> Iterator[Site]:
    """Run waitress in a thread: git's own server program for repositories, digests of what is posted for the rest."""
    port = site.ports["wsgi"].server
    server = waitress.create_server(application(site.folder), host="127.0.0.1", port=port, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield site
    server.close()


def application(folder: Path) -> Callable[..., list[bytes]]:
    """Return a WSGI application."""

    def answer(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        body = environ["wsgi.input"].read()
        if ".git/" in environ["PATH_INFO"]:
            return git_backend(folder, environ, body, start_response)
        said = f"{environ['REQUEST_METHOD']} {len(body)} {hashlib.sha1(body).hexdigest()}".encode()
        start_response("200 OK", [("Content-Type", "text/plain")])
        # pieces without a length: the server sends chunks
        return [said[:10], said[10:]]

    return answer


def git_backend(
    folder: Path, environ: dict[str, Any], body: bytes, start_response: Callable[..., object]
) -> list[bytes]:
    """Run `git http-backend` for a request, as any CGI server does."""
    variables = {name: value for name, value in environ.items() if name.isupper() and isinstance(value, str)}
    variables |= {"GIT_PROJECT_ROOT": str(folder), "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "someone"}
    variables |= {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(["git", "http-backend"], input=body, env=variables, capture_output=True, check=True)
    head, _, rest = done.stdout.partition(b"\r\n\r\n")
    fields = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")]
    status = dict(fields).get("Status", "200 OK")
    start_response(status, [field for field in fields if field[0] != "Status"])
    return [rest]


@pytest.mark.program("nginx")
@pytest.mark.program("curl")
def test_curl_fetches_from_nginx(nginx: Site) -> None:
    """curl keeps its connection; HTTP/1.0, HEAD and ranges come as nginx means them."""
    url = nginx.url("nginx")
    kept = output("curl", "-sS", "-w", " %{num_connects}\n", f"{url}/", f"{url}/", f"{url}/")
    assert kept == "hello from nginx 1\nhello from nginx 0\nhello from nginx 0\n"
    old = output("curl", "-sS", "-0", "-i", f"{url}/")
    assert old.startswith("HTTP/1.1 200 OK\n") and old.endswith("\n\nhello from nginx")
    assert "\nconnection: close\n" in old
    head = output("curl", "-sS", "-I", f"{url}/million")
    assert "content-length: 1000000\n" in head
    part = output("curl", "-sS", "-i", "-r", "65-69", f"{url}/million")
    assert part.startswith("HTTP/1.1 206 ") and part.endswith("\n\nABCDE")
    parts = output("curl", "-sS", "-r", "65-66,97-99", f"{url}/million")
    assert "\n\nAB\n" in parts and "\n\nabc\n" in parts
    target = nginx.folder / "fetched"
    output("curl", "-sS", "--parallel", *[word for i in range(20) for word in (f"{url}/million", "-o", f"{target}{i}")])
    million = (nginx.folder / "million").read_bytes()
    assert all(Path(f"{target}{i}").read_bytes() == million for i in range(20))


@pytest.mark.program("nginx")
@pytest.mark.program("curl")
def test_curl_uploads(nginx: Site, wsgi: Site, tmp_path: Path) -> None:
    """Megabytes arrive with a length and in chunks, after `100 Continue` and without waiting for it."""
    big = tmp_path / "big"
    big.write_bytes(os.urandom(4_000_000))
    body = big.read_bytes()
    told = f"POST 4000000 {hashlib.sha1(body).hexdigest()}"
    post = ["curl", "-sS", "--data-binary", f"@{big}", wsgi.url("wsgi")]
    for words in (["-H", "Expect:"], [], ["-H", "Transfer-Encoding: chunked"], ["-0"]):
        assert output(*post, *words) == told, words
    waits = ["-sS", "-v", "--expect100-timeout", "30", "-H", "Expect: 100-continue"]
    for place, words in (("sized", []), ("chunked", ["-H", "Transfer-Encoding: chunked"])):
        request = [*waits, *words, "-T", str(big), f"{nginx.url('nginx')}/up/{place}"]
        done = subprocess.run(["curl", *request], capture_output=True, timeout=60, check=True)
        assert b"< HTTP/1.1 100 Continue" in done.stderr and b"< HTTP/1.1 201 Created" in done.stderr
        assert (nginx.folder / "up" / place).read_bytes() == body


@pytest.mark.program("nginx")
@pytest.mark.program("git")
def test_git(nginx: Site, wsgi: Site, tmp_path: Path) -> None:
    """git pushes and clones over its smart protocol, and clones over the dumb one, which is nothing but files."""
    safe = {"HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "PATH": os.environ["PATH"]}

    def git(*words: str, at: Path = tmp_path) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "safe.directory=*"]
        done = subprocess.run(
            ["git", *who, *words], cwd=at, env=safe, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    bare, work = nginx.folder / "repo.git", tmp_path / "work"
    git("init", "-q", "--bare", "-b", "main", str(bare))
    git("init", "-q", "-b", "main", str(work))
    (work / "big").write_bytes(os.urandom(2_000_000))
    for text in ("one", "two"):
        (work / "file").write_text(text)
        git("add", ".", at=work)
        git("commit", "-q", "-m", text, at=work)
    # a small buffer: what is larger goes in chunks
    git("-c", "http.postBuffer=65536", "push", "-q", f"{wsgi.url('wsgi')}/repo.git", "main", at=work)
    git("update-server-info", at=bare)
    for number, url in enumerate((wsgi.url("wsgi"), nginx.url("nginx"))):
        clone = tmp_path / f"clone{number}"
        git("clone", "-q", f"{url}/repo.git", str(clone))
        assert (clone / "big").read_bytes() == (work / "big").read_bytes()
        assert git("log", "--format=%s", at=clone) == "two\none\n"


@pytest.fixture(scope="module")
def asgi(site: Site) -> Iterator[Site]:
    """Run uvicorn."""
    (site.folder / "echo.py").write_text(ECHO)
    port = site.ports["asgi"].server
    words = ["-m", "uvicorn", "--log-level", "error", "--port", str(port), "--app-dir", str(site.folder)]
    with program(sys.executable, *words, "echo:application", port=port):
        yield site


def test_websocket(asgi: Site) -> None:
    """Messages, pings and the close pass both ways; silence longer than the other timeouts does not end a tunnel."""
    with connect(asgi.url("asgi", "ws"), max_size=None, open_timeout=30) as client:
        client.send("hello")
        assert client.recv(30) == "hello"
        big = os.urandom(3_000_000)
        client.send(big)
        assert client.recv(30) == big
        assert client.ping().wait(30)
        threading.Event().wait(1.3)  # more than `timeout client` and `timeout server`
        client.send("still there")
        assert client.recv(30) == "still there"
        client.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(30)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as asked")


def test_websocket_timeout(asgi: Site) -> None:
    """`timeout tunnel` ends a connection that says nothing."""
    with connect(asgi.url("short", "ws"), open_timeout=30, ping_interval=None) as client:
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(30)
        assert closed.value.rcvd is None, "no message of a close came, only the end"


PAGE = """
<!DOCTYPE html>
<script>
    var count = 0;
    addEventListener("load", () => document.getElementById("said").append(count + " objects, " + document.cookie));
</script>
<p id="said"></p>
"""
PAGE += "".join(f'<script src="/{n}.js"></script>\n<img src="/{n}.svg" onload="count++">\n' for n in range(50))
OBJECTS = {"": (PAGE, "text/html"), "js": ("count++;", "text/javascript")}
OBJECTS["svg"] = ('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>', "image/svg+xml")
CHROMIUM = (
    "chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --dump-dom"
)


class Shop(BaseHTTPRequestHandler):
    """Serves the page and its objects; what was asked, and with which cookies, stays with the server."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        """Answer a GET."""
        kind = self.path.rpartition("/")[2].rpartition(".")[2]
        self.server.asked[kind] += 1  # type: ignore[attr-defined]
        self.server.cookies.append(self.headers.get("Cookie"))  # type: ignore[attr-defined]
        text, type_ = OBJECTS.get(kind, ("", "text/plain"))
        self.send_response(200)
        self.send_header("Content-Type", type_)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.mark.program("chromium")
def test_a_browser_stays_with_its_server(site: Site, tmp_path: Path) -> None:
    """Chromium loads a page of a hundred objects, all from the server that its cookie names, which never sees it."""
    servers = []
    for name in ("browser", "other"):
        server = ThreadingHTTPServer(("127.0.0.1", site.ports[name].server), Shop)
        server.asked, server.cookies = Counter(), []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    try:
        words = [*CHROMIUM.split(), f"--user-data-dir={tmp_path}", f"{site.url('browser')}/"]
        seen = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
    assert '<p id="said">100 objects, SRV=' in seen
    [home] = [server for server in servers if server.asked]
    assert (home.asked[""], home.asked["js"], home.asked["svg"]) == (1, 50, 50)
    assert set(home.cookies) == {None}
