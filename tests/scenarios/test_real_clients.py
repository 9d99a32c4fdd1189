"""Real software on both sides of the proxy: what its users put in front of and behind it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.running import TCPROXY, free_port, program, wait_for
from tests.scenarios.test_one_port import RDP

DEFAULTS = """
defaults
  mode tcp
  timeout client 10s
  timeout server 10s
  timeout connect 5s
"""


def found(name: str) -> str:
    """Return the path of an installed program."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/lib/postgresql/15/bin") or name


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[object]:
    """Return a function that puts tcproxy before the given server ports and returns the proxy's port."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(*ports: int) -> int:
            port = free_port()
            servers = "".join(f"  server s{i} 127.0.0.1:{p}\n" for i, p in enumerate(ports))
            path = tmp_path / f"{port}.cfg"
            path.write_text(f"{DEFAULTS}\nlisten one\n  bind 127.0.0.1:{port}\n{servers}")
            stack.enter_context(program(TCPROXY, "-db", "-f", str(path), port=port))
            return port

        yield start


def output(*words: str, **more: object) -> str:
    """Return what a client program prints; it must end well."""
    result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, **more)  # type: ignore[call-overload]
    assert result.returncode == 0, result.stderr
    return str(result.stdout)


@pytest.mark.program("redis-server")
@pytest.mark.program("redis-cli")
def test_redis(tmp_path: Path, proxied: object) -> None:
    """redis-cli sets, gets and pipes ten thousand values through the proxy."""
    port = free_port()
    with program(found("redis-server"), "--port", str(port), "--save", "", "--dir", str(tmp_path), port=port):
        through = str(proxied(port))  # type: ignore[operator]
        assert output("redis-cli", "-p", through, "set", "a", "1").strip() == "OK"
        commands = "".join(f"SET key{i} {'v' * 50}{i}\r\n" for i in range(10_000))
        said = output("redis-cli", "-p", through, "--pipe", input=commands)
        assert "errors: 0, replies: 10000" in said
        assert output("redis-cli", "-p", through, "get", "key9999").strip().endswith("9999")


@pytest.mark.program("nginx")
@pytest.mark.program("curl")
def test_curl_to_nginx(tmp_path: Path, proxied: object) -> None:
    """curl fetches a small page, twice on one connection, and 20 MB that arrive unchanged."""
    port = free_port()
    (tmp_path / "index.html").write_text("hello from nginx")
    big = os.urandom(20_000_000)
    (tmp_path / "big").write_bytes(big)
    conf = tmp_path / "nginx.conf"
    conf.write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/err; events {{}}\n"
        f"http {{ access_log off; server {{ listen 127.0.0.1:{port}; root {tmp_path}; }} }}\n"
    )
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:2]:
        parent.chmod(0o755)
    with program(found("nginx"), "-e", str(tmp_path / "err"), "-c", str(conf), "-g", "user root;", port=port):
        url = f"http://127.0.0.1:{proxied(port)}"  # type: ignore[operator]
        assert output("curl", "-sS", url + "/", url + "/") == "hello from nginx" * 2
        target = tmp_path / "fetched"
        output("curl", "-sS", "-o", str(target), url + "/big")
        assert target.read_bytes() == big


@pytest.mark.program("psql")
@pytest.mark.program("postgres")
def test_psql(tmp_path: Path, proxied: object) -> None:
    """psql runs queries over the proxy against a PostgreSQL server."""
    port, data = free_port(), tmp_path / "data"
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:2]:
        parent.chmod(0o755)
    data.mkdir()
    as_user = []
    if os.getuid() == 0:
        shutil.chown(data, "postgres")
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    output(*as_user, found("initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-N", cwd=str(tmp_path))
    words = [*as_user, found("postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", ""]
    with program(*words, "-F", port=port, cwd=str(tmp_path)):
        through = str(proxied(port))  # type: ignore[operator]
        client = ["psql", "-h", "127.0.0.1", "-p", through, "-U", "postgres", "-At", "-c"]
        ready = lambda: subprocess.run([*client, "select 1"], capture_output=True, check=False).returncode == 0  # noqa: E731
        wait_for(ready, what="PostgreSQL to start up")
        assert output(*client, "select sum(i) from generate_series(1, 100000) i").strip() == "5000050000"
        assert output(*client, "select pg_cancel_backend(0); select repeat('x', 3000000)").strip()[-3:] == "xxx"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: sshd's folder is /run/sshd, which only root makes")
@pytest.mark.program("sshd")
@pytest.mark.program("ssh")
@pytest.mark.program("ssh-keygen")
def test_ssh(tmp_path: Path, proxied: object) -> None:
    """ssh logs in with a key, runs commands, and brings megabytes through its cipher unchanged."""
    words, sshd = ssh_server(tmp_path, port := free_port())
    with sshd:
        through = str(proxied(port))  # type: ignore[operator]
        (tmp_path / "known").write_text(f"[127.0.0.1]:{through} {(tmp_path / 'host.pub').read_text()}")
        words += ["-p", through, "root@127.0.0.1"]
        assert output(*words, "echo hello") == "hello\n"
        assert output(*words, "cat", input="line\n" * 500_000) == "line\n" * 500_000


def ssh_server(tmp_path: Path, port: int) -> tuple[list[str], AbstractContextManager[object]]:
    """Return the first words of a client of an SSH server, whose key it asks the file `known` for, and the server."""
    for key in ("host", "user"):
        output("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / key))
    config = tmp_path / "sshd_config"
    config.write_text(
        f"HostKey {tmp_path}/host\nPidFile none\nAuthorizedKeysFile {tmp_path}/user.pub\nStrictModes no\n"
        f"UsePAM no\nPermitRootLogin yes\nListenAddress 127.0.0.1:{port}\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)  # where sshd confines its child, otherwise made at boot
    options = (f"UserKnownHostsFile={tmp_path}/known", "StrictHostKeyChecking=yes", "BatchMode=yes")
    words = ["ssh", "-F", "none", "-i", str(tmp_path / "user")]
    words += [word for option in options for word in ("-o", option)]
    # sshd asks for its absolute path
    return words, program(found("sshd"), "-D", "-e", "-f", str(config), port=port)


@pytest.mark.program("nc")
def test_nc_half_close(proxied: object, tmp_path: Path) -> None:
    """nc -N sends a file, shuts its side, and reads the answer of a server that waits for the end of the input."""
    port = free_port()
    text = "line\n" * 50_000
    server = ["socat", f"TCP-LISTEN:{port},reuseaddr,fork,bind=127.0.0.1", "SYSTEM:wc -c"]
    with program(*server, port=port):
        through = str(proxied(port))  # type: ignore[operator]
        assert output("nc", "-N", "127.0.0.1", through, input=text).strip() == str(len(text))


ONE_PORT = """
frontend all
  bind 127.0.0.1:{port}
  tcp-request inspect-delay 2s
  tcp-request content accept if {{ req.ssl_hello_type 1 }}
  tcp-request content accept if {{ req.rdp_cookie(mstshash) -m found }}
  tcp-request content accept if HTTP
  tcp-request content accept if {{ req.payload(0,7) -m str SSH-2.0 }}
  use_backend shop if {{ req.ssl_sni -i shop.example.org }}
  use_backend mail if {{ req.ssl_sni -m end .mail.example.org }}
  use_backend rdp if {{ req.rdp_cookie(mstshash) -m found }}
  use_backend web if HTTP
  default_backend ssh
backend shop
  server s 127.0.0.1:{shop}
backend mail
  server s 127.0.0.1:{mail}
backend rdp
  server s 127.0.0.1:{rdp}
backend web
  server s 127.0.0.1:{web}
backend ssh
  server s 127.0.0.1:{ssh}
"""


class Banner(socketserver.ThreadingTCPServer):
    """Tells its name to each client, by TLS where it is given a certificate, and closes behind what that said."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, name: str, answer: bytes = b"", certificate: Path | None = None) -> None:
        self.answer = answer or name.encode() + b"\n"
        self.tls = None
        if certificate is not None:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)
        super().__init__(("127.0.0.1", 0), Greet)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """Return where it listens."""
        return int(self.server_address[1])


class Greet(socketserver.BaseRequestHandler):
    """One client of a Banner."""

    def handle(self) -> None:
        """Read something, and answer."""
        server: Any = self.server
        with contextlib.suppress(OSError):
            peer = server.tls.wrap_socket(self.request, server_side=True) if server.tls else self.request
            if peer.recv(65536):
                peer.sendall(server.answer)
            (peer.unwrap() if server.tls else peer).close()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: sshd's folder is /run/sshd, which only root makes")
@pytest.mark.program("openssl")
@pytest.mark.program("curl")
@pytest.mark.program("sshd")
@pytest.mark.program("ssh")
def test_one_port_for_ssh_tls_rdp_and_http(tmp_path: Path) -> None:
    """ssh, openssl s_client by two names, a Remote Desktop client's first bytes, and curl each find their server."""
    words, sshd = ssh_server(tmp_path, sshd_port := free_port())
    certificate = tmp_path / "certificate.pem"
    request = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=example.org", "-days", "2")
    output("openssl", *request, "-keyout", str(certificate), "-out", str(tmp_path / "public.pem"))
    certificate.write_text(certificate.read_text() + (tmp_path / "public.pem").read_text())
    banners = {name: Banner(name, certificate=certificate) for name in ("shop", "mail")}
    banners |= {"rdp": Banner("rdp"), "web": Banner("web", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nweb")}
    port = free_port()
    cfg = tmp_path / "one.cfg"
    ports = {name: banner.port for name, banner in banners.items()}
    cfg.write_text(DEFAULTS + ONE_PORT.format(port=port, ssh=sshd_port, **ports))
    with sshd, program(TCPROXY, "-db", "-f", str(cfg), port=port):
        (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {(tmp_path / 'host.pub').read_text()}")
        assert output(*words, "-p", str(port), "root@127.0.0.1", "echo hello") == "hello\n"
        client = ("openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{port}", "-servername")
        assert output(*client, "Shop.example.org", input="x\n") == "shop\n"
        assert output(*client, "in.mail.example.org", input="x\n") == "mail\n"
        assert output("curl", "-sS", f"http://127.0.0.1:{port}/") == "web"
        with socket.create_connection(("127.0.0.1", port), 20) as desktop:
            desktop.sendall(RDP)
            assert desktop.recv(100) == b"rdp\n"
    for banner in banners.values():
        banner.shutdown()
        banner.server_close()
