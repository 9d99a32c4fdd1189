"""The fetch and the converter of the docs, and what becomes of such plug-ins that fail, with real traffic."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from tcproxy.interfaces import IConverter, IFetch
from tests.running import free_port, program
from tests.test_extending import EXAMPLES, load, tcproxy

HEAD = """
defaults
    mode http
    timeout client 5s
    timeout connect 1s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port}
"""

FAILING = '''
from zope.interface import implementer
from tcproxy.interfaces import IConverter, IFetch

class Named:
    manual = "Fails."
    def parse(self, arguments):
        return arguments

@implementer(IFetch)
class Broken(Named):
    name, kind = "broken", "int"
    def take(self, facts, parsed):
        if facts.header(b"x-text"):
            return "text"
        return {}["key"]

@implementer(IConverter)
class Refusing(Named):
    name, takes, gives = "refusing", "str", "str"
    def convert(self, value, parsed):
        raise RuntimeError("no")

@implementer(IFetch)
class Odd(Named):
    name, kind = "odd", "number"
    def take(self, facts, parsed):
        return 1

broken, refusing, odd = Broken(), Refusing(), Odd()
'''


def install(folder: Path) -> None:
    """Install the examples, and plug-ins that fail, as files of a plug-in folder."""
    plugins = folder / "tcproxy" / "plugins"
    plugins.mkdir(parents=True)
    shutil.copy(EXAMPLES / "fetch_example.py", plugins / "cookies_of.py")
    shutil.copy(EXAMPLES / "converter_example.py", plugins / "masked.py")
    (plugins / "failing.py").write_text(FAILING)


def refusal_of(folder: Path, line: str) -> str:
    """Return what is told of a line in a frontend, which is refused with its place. The plug-ins are installed."""
    config = folder / "t.cfg"
    config.write_text(f"{HEAD.format(port=1)}    {line}\n")
    checked = subprocess.run(tcproxy(folder, "-c", "-f", str(config)), capture_output=True, text=True, timeout=60)
    assert checked.returncode == 1, checked.stderr
    assert f"[{config}:9]" in checked.stderr
    return checked.stderr


def ask(port: int, *headers: str, path: str = "/") -> tuple[int, dict[str, str]]:
    """Return status and headers of an answer."""
    command = ["curl", "-s", "-m", "10", "-o", "/dev/null", "-D", "-"]
    for header in headers:
        command += ["-H", header]
    done = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, timeout=20)
    first, *rest = done.stdout.strip().split("\n")
    fields = (line.partition(":") for line in rest)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in fields}


def test_samples_of_plugins_decide_and_are_written(tmp_path: Path) -> None:
    """The fetch stands in a condition and in a variable; the converter stands behind our fetches, in formats too."""
    install(tmp_path)
    port = free_port()
    config = tmp_path / "t.cfg"
    config.write_text(
        HEAD.format(port=port)
        + """
    unique-id-format %[path,masked]-%[cookies_of(a,b)]
    http-error status 403 content-type text/plain lf-string x hdr X-Id %[unique-id]
    http-request set-var(txn.count) cookies_of(a,b) if { path / }
    http-request set-var(txn.user) req.hdr(x-user) masked(2) if TRUE
    http-request set-var-fmt(txn.both) "%[var(txn.count)]/%[req.hdr(x-user),masked]"
    http-request deny deny_status 403 if { cookies_of(a,b) ge 2 }
    http-request return hdr X-Count %[var(txn.count)] hdr X-User %[var(txn.user)] hdr X-Both %[var(txn.both)] hdr X-P {}
""".replace("{}", "%[path,masked]")
    )
    with program(*tcproxy(tmp_path, "-db", "-f", str(config)), port=port):
        status, fields = ask(port, "Cookie: a=1; c=2", "X-User: alice")
        assert (status, fields["x-count"], fields["x-user"], fields["x-both"]) == (200, "1", "al***", "1/a****")
        assert fields["x-p"] == "/"
        status, fields = ask(port, "Cookie: b=1; a=2")
        assert (status, fields["x-id"]) == (403, "/-2")
        assert "x-count" not in ask(port, "X-User: alice")[1]


def test_a_failure_costs_one_request(tmp_path: Path) -> None:
    """What a plug-in raises or returns wrongly is told once as its own; its request is answered 500, others go on."""
    install(tmp_path)
    port = free_port()
    config = tmp_path / "t.cfg"
    config.write_text(
        HEAD.format(port=port)
        + """
    http-request set-var(txn.a) broken if { path /broken }
    http-request set-var(txn.b) path,refusing if { path /refusing }
    http-request return status 200
"""
    )
    with program(*tcproxy(tmp_path, "-db", "-f", str(config)), port=port) as proxy:
        assert ask(port, path="/broken")[0] == 500
        assert ask(port, "X-Text: 1", path="/broken")[0] == 500
        assert ask(port, path="/refusing")[0] == 500
        assert ask(port)[0] == 200
        proxy.terminate()
        _, told = proxy.communicate(timeout=20)
    assert told.count("the fetch 'broken' of") == 1
    assert "failing.py failed in 'take': KeyError: 'key' (line " in told
    assert "the converter 'refusing' of" in told
    assert "failed in 'convert': RuntimeError: no (line " in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("http-request deny if { cookies_of ge 1 }", "write the names of cookies in parentheses"),
        ("http-request set-var(txn.a) path,masked(x)", "write masked, or masked(N) with a number"),
        ("http-request deny if { odd 1 }", "has 'number' as 'kind', which is none of bin, bool, int, ip, str"),
    ],
)
def test_what_cannot_be_is_told_with_the_line(tmp_path: Path, line: str, words: str) -> None:
    """Errors of `parse`, and kinds that there are not, are errors of the configuration."""
    install(tmp_path)
    assert words in refusal_of(tmp_path, line)


def test_the_examples_are_complete() -> None:
    """Each has all that its interface asks for."""
    assert verifyObject(IFetch, load("fetch_example").cookies_of)
    assert verifyObject(IConverter, load("converter_example").masked)


def test_an_answer_may_use_maps(tmp_path: Path) -> None:
    """A format of an answer is read with its line, and so it has what maps need when the proxy starts."""
    (tmp_path / "names.map").write_text("/ root\n")
    port = free_port()
    config = tmp_path / "t.cfg"
    config.write_text(f"{HEAD.format(port=port)}    http-request return hdr x %[path,map({tmp_path}/names.map)]\n")
    with program(*tcproxy(tmp_path, "-db", "-f", str(config)), port=port):
        assert ask(port)[1]["x"] == "root"
