"""Lines of rules of HTTP: HAProxy refuses each of them exactly if tcproxy refuses it.

HAProxy stops at the first `http-request` line that it refuses, so each stands in a file of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tests.rules.line_cases import LINES

FILES = Path(__file__).parent.parent / "golden" / "files"
WHOLE, TEXT = f"{FILES}/whole.http", f"{FILES}/text.http"
BEGIN = f"""
http-errors e
    errorfile 404 {WHOLE}
defaults
    timeout connect 1s
    timeout client 1s
    timeout server 1s
listen l
    bind 127.0.0.1:8099
"""
ACCEPTED = (
    "", "if TRUE", "unless TRUE", "if", "deny_status 404", "deny_status 404 if TRUE", "deny_status 402 hdr a b",
    "deny_status 404 status 405",
    f"status 402 errorfile {WHOLE}", "status 200", "status 402", "status 599", "status 0404", "status 404 status 405",
    "status 404 default-errorfiles", "default-errorfiles hdr a b content-type c", f"errorfile {WHOLE}",
    f"status 404 errorfile {WHOLE} if TRUE", "errorfiles e", "status 404 errorfiles e", "content-type a/b",
    "content-type a/b string x", "content-type a/b string x if TRUE", f"content-type a/b file {FILES}/empty.http",
    f"content-type a/b file {TEXT}", f"content-type a/b lf-file {TEXT}", "content-type a/b lf-string %HM",
    "status 204 hdr a b", "status 304 hdr a b unless TRUE", "hdr a b", "hdr a b hdr a %ci if TRUE",
    "hdr Content-Type b",
)  # fmt: skip
REFUSED = (
    "TRUE", "further", "hdr a b further", "deny_status", "deny_status ''", "deny_status if TRUE", "deny_status abc",
    "deny_status 402", "deny_status 402 if TRUE", "deny_status 199", "deny_status 404 deny_status 405",
    "status 404 deny_status 405", "content-type a/b deny_status 404", "status", "status if TRUE", "status 199",
    "status 600", "status -404", "status 40x", "status 402 default-errorfiles", "default-errorfiles default-errorfiles",
    "errorfile", f"errorfile {FILES}/missing.http", "errorfile ''",
    f"errorfile {FILES}/chunked.http", "errorfiles", "status 402 errorfiles e", "status 404 errorfiles f",
    "content-type", "content-type '' string x", "content-type a/b string", "content-type a/b string ''", "string x",
    "string x file y", "content-type a/b string x string y", f"content-type a/b file {FILES}/missing.http",
    "content-type a/b lf-string ''", "status 204 content-type a/b string x", "status 304 content-type a/b string x",
    "hdr", "hdr a", "hdr a %nonsense", "status 404 if nonsense",
)  # fmt: skip
"""Words behind `http-request deny`, or `tarpit`."""


def refused_here(path: Path) -> bool:
    """Return whether tcproxy refuses a file."""
    return language.read([str(path)], Environment(), Diagnostics(1)) is None


def refused_by_reference(path: Path) -> bool:
    """Return whether HAProxy refuses a file."""
    program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    assert program
    return subprocess.run([program, "-c", "-q", "-f", str(path)], capture_output=True, timeout=60).returncode != 0


def written(folder: Path, action: str, words: str, mode: str = "http") -> Path:
    """Return a file with such a rule."""
    path = folder / "haproxy.cfg"
    path.write_text(f"{BEGIN}    mode {mode}\n    http-request {action} {words}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("action", ["deny", "tarpit"])
@pytest.mark.parametrize("words", [*ACCEPTED, *REFUSED])
def test_lines(words: str, action: str, tmp_path: Path) -> None:
    """A line is accepted, or refused, as the lists above say."""
    assert refused_here(written(tmp_path, action, words)) == (words in REFUSED)


@pytest.mark.reference
@pytest.mark.parametrize("words", [*ACCEPTED, *REFUSED])
def test_lines_are_refused_alike(words: str, tmp_path: Path) -> None:
    """HAProxy gives each line the same verdict."""
    assert refused_by_reference(written(tmp_path, "deny", words)) == (words in REFUSED)


@pytest.mark.reference
@pytest.mark.parametrize("words", ["", "content-type a/b lf-string %HM", "hdr a %HP", "hdr a %nonsense", "further"])
def test_lines_in_tcp_mode(words: str, tmp_path: Path) -> None:
    """In TCP mode rules are ignored, and what no rule may say is refused all the same."""
    path = written(tmp_path, "tarpit", words, "tcp")
    assert refused_here(path) == refused_by_reference(path)


# all other actions

SECTIONS = ("listen", "frontend", "backend")
NO_FILE = "HAProxy reads the name of a file behind the end of the word"
APART = {
    "http-request capture src id -1": "HAProxy takes a slot that there cannot be",
    "http-request add-acl a": NO_FILE,
    "http-request add-acl(f a": "HAProxy leaves out the last character, whatever it is",
    "http-request add-acl(f)g a": "HAProxy leaves out the last character, whatever it is",
}
"""Lines that tcproxy refuses alone, and why."""


def section(folder: Path, kind: str, line: str) -> Path:
    """Return a file with one line in a section of a kind."""
    path = folder / "haproxy.cfg"
    begin = "global\n    expose-experimental-directives\n" + BEGIN.partition("listen l")[0]
    other = "frontend other\n    mode http\n    bind 127.0.0.1:8098\n"
    own = "    bind 127.0.0.1:8099\n    declare capture request len 4\n    declare capture response len 4\n"
    slots = "" if kind == "backend" else own
    server = "    server s 127.0.0.1:1\n" if kind != "frontend" else ""
    path.write_text(f"{begin}{other}{kind} l\n    mode http\n{slots}{server}    {line}\n", encoding="utf-8")
    return path


@pytest.mark.reference
@pytest.mark.parametrize("kind", SECTIONS)
@pytest.mark.parametrize("words", LINES)
def test_all_lines_are_refused_alike(words: str, kind: str, tmp_path: Path) -> None:
    """HAProxy and tcproxy give each line the same verdict in each kind of section."""
    if (words, kind) in (("use_backend", "backend"), ("use-server", "frontend")):
        return  # HAProxy does not read what it ignores there
    differing = []
    for line in LINES[words]:
        path = section(tmp_path, kind, f"{words} {line}")
        if refused_here(path) != refused_by_reference(path) and f"{words} {line}" not in APART:
            differing.append(line)
    assert not differing
