"""The programs that are measured in HTTP mode: configurations of HAProxy, tcproxy, nginx and others."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.kinds import KINDS, PLAIN_KIND, Kind
from benchmarks.programs import SPLICE, TCPROXY_WORDS, Program, configured, find

NGINX_CONFIGURATION = """\
daemon off;
user {user} {group};
worker_processes 1;
pid {folder}/pid;
error_log /dev/null;
events {{ worker_connections 12000; }}
http {{
    access_log {access_log};
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000000;
    upstream target {{
        server 127.0.0.1:{target};
        keepalive 64;
        keepalive_requests 100000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://target;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_max_temp_file_size 0;
        }}
    }}
}}
"""

CADDY_CONFIGURATION = """\
{{
    admin off
    auto_https off
    log {{
        output discard
    }}
}}
http://:{port} {{
    bind 127.0.0.1
    reverse_proxy 127.0.0.1:{target}
}}
"""

NODE_PROGRAM = """\
const http = require('http');
const agent = new http.Agent({{ keepAlive: true, maxSockets: 64 }});
const headers = {{ connection: 'keep-alive' }};
const proxy = require('http-proxy').createProxyServer({{ target: 'http://127.0.0.1:{target}', agent, headers }});
proxy.on('error', (error, request, response) => response.destroy());
http.createServer((request, response) => proxy.web(request, response)).listen({port}, '127.0.0.1', 4096);
"""
"""Of the client's Connection header http-proxy tells the server, too: without `headers` close would break its pool."""


def _nginx(access_log: str) -> Callable[[Path, int, int], list[str]]:
    def line(folder: Path, port: int, target: int) -> list[str]:
        home = folder / f"nginx-{port}"
        home.mkdir()
        text = NGINX_CONFIGURATION.format(
            folder=home, port=port, target=target, access_log=access_log.format(target=target),
            user=pwd.getpwuid(os.getuid()).pw_name, group=grp.getgrgid(os.getgid()).gr_name,
        )  # fmt: skip
        file = home / "nginx.conf"
        file.write_text(text)
        return [find("nginx") or "nginx", "-p", str(home), "-c", str(file), "-e", "stderr"]

    return line


def _reverse_proxy(folder: Path, port: int, target: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.reverseproxy", str(port), "127.0.0.1", str(target)]


def _caddy(folder: Path, port: int, target: int) -> list[str]:
    file = folder / f"caddy-{port}.Caddyfile"
    file.write_text(CADDY_CONFIGURATION.format(port=port, target=target))
    home = [f"XDG_CONFIG_HOME={folder}", f"XDG_DATA_HOME={folder}"]
    return ["env", "GOMAXPROCS=1", *home, "caddy", "run", "--adapter", "caddyfile", "--config", str(file)]


def _node(folder: Path, port: int, target: int) -> list[str]:
    file = folder / f"node-{port}.js"
    file.write_text(NODE_PROGRAM.format(port=port, target=target))
    return ["env", f"NODE_PATH={_node_modules()}", "node", str(file)]


def _node_modules() -> str:
    """Return where node's packages are installed for all users, and Debian's."""
    folders = ["/usr/share/nodejs", os.environ.get("NODE_PATH", "")]
    if shutil.which("npm"):
        asked = subprocess.run(["npm", "root", "-g"], capture_output=True, text=True, check=False)
        folders.append(asked.stdout.strip())
    return ":".join(folder for folder in folders if folder)


HAPROXY = Program("HAProxy", configured("haproxy http", "haproxy", mode="http"), "haproxy")
HAPROXY_LOG = Program(
    "HAProxy", configured("haproxy httplog", "haproxy", mode="http", kind=KINDS["httplog"]), "haproxy"
)
HAPROXY_SPLICE = Program("HAProxy", configured("haproxy http splice", "haproxy", mode="http", kind=SPLICE), "haproxy")
TCPROXY = Program("tcproxy", configured("tcproxy http", *TCPROXY_WORDS, mode="http"))
TCPROXY_LOG = Program("tcproxy", configured("tcproxy httplog", *TCPROXY_WORDS, mode="http", kind=KINDS["httplog"]))
TCPROXY_SPLICE = Program("tcproxy", configured("tcproxy http splice", *TCPROXY_WORDS, mode="http", kind=SPLICE))


def of_kind(kind: Kind) -> tuple[Program, ...]:
    """Return HAProxy and tcproxy with one kind of configuration, and both with the plain one."""

    def pair(kind: Kind, mark: str = "", plain: bool = False) -> tuple[Program, Program]:
        name = kind.name
        haproxy = configured(f"haproxy {name}", "haproxy", mode="http", kind=kind)
        tcproxy = configured(f"tcproxy {name}", *TCPROXY_WORDS, mode="http", kind=kind)
        return (
            Program(f"HAProxy{mark}", haproxy, "haproxy", plain=plain),
            Program(f"tcproxy{mark}", tcproxy, plain=plain),
        )

    return *pair(kind), *pair(PLAIN_KIND, PLAIN, plain=True)


COLLECTED = tuple(
    Program(
        f"tcproxy, {name}",
        configured(f"tcproxy {kind}", sys.executable, "-m", "benchmarks.collecting", kind, mode="http"),
    )
    for kind, name in (("off", "no collector"), ("whole", "nothing frozen"))
)
"""The program with another garbage collector."""
PLAIN = ", plain"
"""Behind the name of a program with the plain configuration, where another kind is measured."""

NGINX = Program("nginx", _nginx("off"), "nginx")
NGINX_LOG = Program("nginx", _nginx("syslog:server=127.0.0.1:{target} combined"), "nginx")
REVERSE_PROXY = Program("twisted.web ReverseProxyResource", _reverse_proxy, share=0.1)
CADDY = Program("Caddy", _caddy, "caddy", share=0.25, asked=True)
NODE = Program("node http-proxy", _node, "node", share=0.25, asked=True)
