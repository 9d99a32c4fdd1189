"""The action and the service of the docs, and what becomes of such plug-ins that fail or wait, with real traffic."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from tcproxy.interfaces import IAction, IService
from tests.running import free_port, program, wait_for
from tests.test_extending import EXAMPLES, load, tcproxy
from tests.test_extending_samples import HEAD, refusal_of

OTHERS = '''
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer
from tcproxy.interfaces import Answer, IAction, IService, Outcome

EVERY = ("http-request", "http-response", "http-after-response", "tcp-request connection", "tcp-request session",
         "tcp-request content", "tcp-response content")
held = []

@implementer(IAction)
class Doing:
    name, manual, kinds, waits = "doing", "Does what it is told.", EVERY, True
    def parse(self, words):
        return words
    def act(self, message, words):
        what = words[0]
        if what == "raise":
            return {}["key"]
        if what == "wrong":
            return 7
        if what == "reject":
            return Outcome.REJECT
        if what == "set":
            message.set_variable(words[1], words[2])
            return None
        if what == "header":
            message.add_header(words[1], words[2])
            return None
        if what == "count":
            message.set_header("x-count", str(len(message.values("x-many"))))
            return None
        if what == "answer":
            return Answer(int(words[1]), words[2].encode(), [("x-from", "plugin")])
        if what == "fired":
            return succeed(Answer(202, b"fired"))
        if what == "failed":
            return fail(RuntimeError("no"))
        if what == "hold":
            held.append(Deferred(lambda deferred: held.remove(deferred)))
            return held[-1]
        if what == "free":
            message.set_header("x-held", str(len(held)))
            for one in held[:]:
                held.remove(one)
                one.callback(Answer(203, b"free"))
            return None

@implementer(IAction)
class Odd:
    name, manual, kinds, waits = "odd", "Has a set that there is not.", ("http-reply",), False
    parse = act = lambda self, *words: None

@implementer(IService)
class Serving:
    name, manual, wants_body = "serving", "Fails.", False
    def serve(self, request):
        if request.path == b"/raise":
            raise KeyError("key")
        if request.path == b"/text":
            return "text"
        if request.path == b"/length":
            return Answer(200, b"", [("Content-Length", "3")])
        if request.path == b"/piece":
            return Answer(200, iter(["text"]))
        if request.path == b"/split":
            return Answer(200, b"", [("x", "a\\r\\nb")])
        return fail(RuntimeError("no"))

doing, odd, serving = Doing(), Odd(), Serving()
'''
BACK = """
backend own
    http-request return status 200 hdr x-user %[req.hdr(x-user)] hdr x-key %[req.hdr(x-api-key)] hdr x-a %[var(txn.a)]
"""


def install(folder: Path) -> None:
    """Install the examples, and other plug-ins, as files of a plug-in folder."""
    plugins = folder / "tcproxy" / "plugins"
    plugins.mkdir(parents=True)
    shutil.copy(EXAMPLES / "action_example.py", plugins / "check_key.py")
    shutil.copy(EXAMPLES / "service_example.py", plugins / "mirror.py")
    (plugins / "others.py").write_text(OTHERS)


@contextmanager
def proxy(folder: Path, lines: str, mode: str = "http") -> Iterator[tuple[int, Any]]:
    """Run a proxy with these lines in its frontend; give its port, and the process."""
    install(folder)
    port = free_port()
    config = folder / "t.cfg"
    config.write_text(HEAD.format(port=port).replace("mode http", f"mode {mode}") + lines)
    with program(*tcproxy(folder, "-db", "-f", str(config)), port=port) as running:
        yield port, running


def curl(port: int, path: str = "/", *words: str) -> tuple[int, dict[str, str], str]:
    """Return status, headers and body of an answer; status 0 where there is none."""
    command = ["curl", "-s", "-m", "10", "-i", *words, f"http://127.0.0.1:{port}{path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    head, _, body = done.stdout.partition("\n\n")
    first, *rest = head.split("\n") if head else ("- 0",)
    fields = (line.partition(":") for line in rest)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in fields}, body


def told_by(running: Any) -> str:
    """End a proxy; return what it told."""
    running.terminate()
    _, told = running.communicate(timeout=20)
    return str(told)


def test_the_action_of_the_docs(tmp_path: Path) -> None:
    """A key that the file knows passes, and its user is told; any other is refused; a condition holds as always."""
    (tmp_path / "keys").write_text("k1 alice\nk2 bob\n")
    lines = f"    http-request check-key {tmp_path}/keys unless {{ path /health }}\n    default_backend own\n{BACK}"
    with proxy(tmp_path, lines) as (port, _):
        status, fields, _ = curl(port, "/", "-H", "X-Api-Key: k2")
        assert (status, fields["x-user"], "x-key" in fields) == (200, "bob", False)
        assert curl(port, "/", "-H", "X-Api-Key: k3")[0] == 401
        status, fields, body = curl(port)
        assert (status, fields["www-authenticate"], body) == (401, "Key", "This needs a key.\n")
        assert curl(port, "/health")[0] == 200


def test_rehearsals_wait_for_plugins(tmp_path: Path) -> None:
    """`tcproxy explain` tells what an action has changed when its Deferred fires, what failed; `test` plays both."""
    (tmp_path / "keys").write_text("k1 alice\n")
    install(tmp_path)
    config, cases = tmp_path / "t.cfg", tmp_path / "test_keys.proxy.toml"
    lines = f"    http-request check-key {tmp_path}/keys\n    http-request doing raise if {{ path /raise }}\n"
    config.write_text(f"{HEAD.format(port=80)}{lines}    http-request use-service mirror\n")
    cases.write_text(
        'configuration = "t.cfg"\n'
        '[[case]]\nname = "known"\nrequest = "GET /mirror/numbers?5"\nheaders = { X-Api-Key = "k1" }\n'
        'expect = { status = 200 }\n'
        '[[case]]\nname = "unknown"\nrequest = "GET /x"\nheaders = { X-Api-Key = "k2" }\nexpect = { status = 401 }\n'
    )

    def told(*words: str) -> str:
        done = subprocess.run(tcproxy(tmp_path, *words), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "2 of 2 cases as expected" in told("test", str(cases))
    explained = told("explain", "-f", str(config), "GET /raise", "-H", "X-Api-Key: k1")
    assert "      - x-api-key: k1\n      + x-user: alice\n      + txn.user = alice\n" in explained
    assert "HTTP/1.1 500 " in explained and "told: the action 'doing' of " in explained


def test_the_service_of_the_docs(tmp_path: Path) -> None:
    """It answers with the request, its body included; the log line names it as the server."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(tmp_path / "log"))
        log.settimeout(10)
        lines = f"    log {tmp_path}/log local0\n    option httplog\n    option dontlognull\n"
        lines += "    http-request use-service mirror\n"
        with proxy(tmp_path, lines) as (port, _):
            *_, body = curl(port, "/x?y", "-d", "a=b", "-H", "Expect: 100-continue")
            told = json.loads(body.rpartition("\n")[2])
            line = log.recv(4096).decode()
    assert (told["method"], told["uri"], told["body"], told["whole"]) == ("POST", "/x?y", "a=b", True)
    assert ["host", f"127.0.0.1:{port}"] in told["headers"]
    assert " f f/<mirror> " in line and " LR-- " in line


@pytest.mark.parametrize("version", ["--http1.1", "--http1.0"])
def test_a_service_may_answer_in_pieces(tmp_path: Path, version: str) -> None:
    """An answer of unknown length comes whole; a client that reads none of it costs nothing, and may leave."""
    with proxy(tmp_path, "    http-request use-service mirror\n") as (port, _):
        status, fields, body = curl(port, "/mirror/numbers?50000", version)
        assert status == 200 and ("transfer-encoding" in fields) is (version == "--http1.1")
        assert body.split() == [str(number) for number in range(1, 50001)]
        with socket.create_connection(("127.0.0.1", port)) as stalled:
            stalled.sendall(b"GET /mirror/numbers?99999999999 HTTP/1.1\r\nHost: a\r\n\r\n")
            assert stalled.recv(100)
            assert curl(port, "/mirror/numbers?3", version)[2] == "1\n2\n3\n"
        _, fields, body = curl(port, "/mirror/numbers?3", "-I")
        assert body == "" and "transfer-encoding" not in fields
        assert curl(port, "/mirror/numbers", version)[0] == 400


def test_a_rule_may_take_the_body_away(tmp_path: Path) -> None:
    """An answer in pieces that becomes one of a status without a body ends with its head, and the next one follows."""
    lines = "    http-request set-var(txn.bare) int(1) if { query 33 }\n    http-request use-service mirror\n"
    lines += "    http-after-response set-status 204 if { var(txn.bare) -m found }\n"
    with proxy(tmp_path, lines) as (port, _), socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(10)
        client.sendall(b"GET /mirror/numbers?33 HTTP/1.1\r\nHost: a\r\n\r\n")
        client.sendall(b"GET /mirror/numbers?3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        data = b""
        while piece := client.recv(65536):
            data += piece
    first, _, second = data.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 204 ") and b"transfer-encoding" not in first
    assert second.startswith(b"HTTP/1.1 200 OK\r\n") and b"1\n2\n3\n" in second


def test_services_keep_the_connection(tmp_path: Path) -> None:
    """Requests behind one that a service answered are answered in their order, pipelined ones too."""
    with proxy(tmp_path, "    http-request use-service mirror\n") as (port, _), socket.create_connection(
        ("127.0.0.1", port)
    ) as client:
        ask = b"GET /mirror/numbers?%d HTTP/1.1\r\nHost: a\r\n%b\r\n"
        client.sendall(ask % (2, b"") + ask % (30000, b"") + ask % (3, b"Connection: close\r\n"))
        client.settimeout(10)
        data = b""
        while piece := client.recv(65536):
            data += piece
    assert data.count(b"HTTP/1.1 200 OK") == 3 and b"30000\n" in data and data.endswith(b"1\n2\n3\n\r\n0\r\n\r\n")


def test_nobody_else_waits_for_a_deferred(tmp_path: Path) -> None:
    """A request that an action holds goes on when its Deferred fires; it is cancelled when the client leaves."""
    lines = (
        "    http-request doing hold if { path /hold }\n    http-request doing free if { path /free }\n"
        f"    default_backend own\n{BACK.replace('x-key', 'x-held').replace('x-api-key', 'x-held')}"
    )
    with proxy(tmp_path, lines) as (port, _):
        held = socket.create_connection(("127.0.0.1", port))
        held.settimeout(10)
        held.sendall(b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        with socket.create_connection(("127.0.0.1", port)) as leaving:
            leaving.sendall(b"POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
            assert curl(port)[0] == 200
        wait_for(lambda: curl(port, "/free")[1]["x-held"] in ("1", "0"), what="the request of the client that left")
        answer = b""
        while not answer.endswith(b"free"):
            answer += held.recv(4096)
        held.close()
    assert answer.startswith(b"HTTP/1.1 203 ")


def test_actions_in_every_set(tmp_path: Path) -> None:
    """Actions set variables, change the headers of their own message, answer, and reject."""
    lines = f"""
    tcp-request connection doing set sess.a one
    tcp-request session doing set sess.b two
    tcp-request content doing set txn.a three
    http-request doing count
    http-request doing answer 299 "hello" if {{ path /answer }}
    http-request doing reject if {{ path /reject }}
    http-request doing fired if {{ path /fired }}
    http-request return status 200 hdr x-count %[req.hdr(x-count)] if {{ path /count }}
    http-after-response doing header x-after %[path]
    http-after-response set-header x-all %[var(sess.a)]%[var(sess.b)]%[var(txn.a)]
    default_backend own
{BACK}"""
    with proxy(tmp_path, lines) as (port, _):
        status, fields, body = curl(port, "/answer")
        assert (status, fields["x-from"], body, fields["x-all"]) == (299, "plugin", "hello", "onetwothree")
        assert fields["x-after"] == "%[path]"  # words are words: a format is the plug-in's own matter
        assert curl(port, "/reject")[0] == 0
        assert curl(port, "/fired")[::2] == (202, "fired")
        assert curl(port, "/count", "-H", "X-Many: 1", "-H", "X-Many: 2")[1]["x-count"] == "2"


def test_an_action_may_answer_in_place_of_a_response(tmp_path: Path) -> None:
    """In `http-response` rules an answer takes the response's place."""
    inner = free_port()
    lines = f"""
    default_backend servers
backend servers
    http-response doing answer 298 "instead" if {{ status 200 }}
    server s 127.0.0.1:{inner}
frontend inner
    bind 127.0.0.1:{inner}
    http-request return status 200 string "the response" content-type text/plain
"""
    with proxy(tmp_path, lines) as (port, _):
        assert curl(port)[::2] == (298, "instead")


def test_rejecting_in_tcp_mode(tmp_path: Path) -> None:
    """In the rule sets of TCP an action lets a connection pass, or closes it."""
    lines = "    tcp-request content doing reject\n"
    with proxy(tmp_path, lines, mode="tcp") as (port, _), socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(10)
        assert client.recv(10) == b""


def test_a_failure_costs_one_request(tmp_path: Path) -> None:
    """What a plug-in raises, fails with or returns wrongly is told once as its own; the request is answered 500."""
    lines = """
    http-request doing raise if { path /act }
    http-request doing wrong if { path /wrong }
    http-request doing failed if { path /failed }
    http-request use-service serving unless { path /good /act /wrong /failed }
    http-request return status 200
"""
    with proxy(tmp_path, lines) as (port, running):
        for path in ("/act", "/wrong", "/failed", "/raise", "/text", "/length", "/split", "/other"):
            assert (path, curl(port, path)[0]) == (path, 500)
        assert curl(port, "/piece")[0] in (200, 500)  # its head may have left
        assert curl(port, "/good")[0] == 200
        told = told_by(running)
    assert told.count("the action 'doing' of") == 1 and "others.py failed in 'act': KeyError: 'key' (line " in told
    assert told.count("the service 'serving' of") == 1 and "failed in 'serve': KeyError: 'key' (line " in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("http-request check-key", "write the file of the keys"),
        ("http-request check-key /nowhere/keys", "there is no file /nowhere/keys"),
        ("http-response check-key /nowhere", "can stand behind 'http-request' only"),
        ("http-request odd", "has ('http-reply',) as 'kinds', and not some of"),
        ("http-request chek-key x", "did you mean 'check-key' maybe?"),
        ("http-request use-service", "needs the name of a service behind it"),
        ("http-request use-service mirrow", "there is no service 'mirrow'; did you mean 'mirror' maybe?"),
        ("http-request use-service lua.x", "the service 'lua.x' is not supported yet"),
    ],
)
def test_what_cannot_be_is_told_with_the_line(tmp_path: Path, line: str, words: str) -> None:
    """Errors of `parse`, wrong sets and unknown names are errors of the configuration."""
    install(tmp_path)
    assert words in refusal_of(tmp_path, line)


def test_the_examples_are_complete() -> None:
    """Each has all that its interface asks for."""
    assert verifyObject(IAction, load("action_example").check_key)
    assert verifyObject(IService, load("service_example").mirror)
