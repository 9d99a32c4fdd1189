"""Lines of `tcp-request` and `tcp-response` beside HAProxy: each is refused, warned of, or accepted by both."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tests.running import HAPROXY

AT_ONCE = 40
"""Lines a configuration: HAProxy reads no further behind its fiftieth fault."""
DEFAULTS = "defaults\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n"
SECTIONS = {
    "frontend": "frontend f{n}\n bind 127.0.0.1:1\n",
    "frontend in HTTP mode": "frontend f{n}\n mode http\n bind 127.0.0.1:1\n",
    "backend": "backend f{n}\n",
    "backend in HTTP mode": "backend f{n}\n mode http\n",
    "listen": "listen f{n}\n bind 127.0.0.1:1\n",
    "named defaults": "defaults f{n}\n",
}
"""A section of each kind that the lines may stand in, by a name of its own."""
SETS = ("tcp-request connection", "tcp-request session", "tcp-request content", "tcp-response content")
PLAIN = ("accept", "reject", "close", "silent-drop", "allow", "deny", "")
ARGUMENTS = {
    "expect-proxy": ("", "layer4", "layer5", "layer4 layer4", "LAYER4"),
    "expect-netscaler-cip": ("", "layer4", "layer7"),
    "switch-mode": ("", "http", "tcp", "http proto", "http proto h1", "http proto h3", "http foo", "HTTP", "http h1"),
    "set-src": ("", "src", "dst", "foo", "ipv4(1.2.3.4)", "int(3)", "src foo"),
    "set-src-port": ("", "src_port", "int(5)", "int(5) foo", "foo"),
    "set-dst": ("", "src", "dst foo"),
    "set-dst-port": ("", "int(3)", "src"),
    "set-mark": ("", "1", "0x1F", "x", "1x", "-1", "99999999999", "1 2", "010"),
    "set-tos": ("", "1", "0x1F", "x", "300", "-1"),
    "set-nice": ("", "1", "-2000", "x", "1 2"),
    "set-log-level": ("", "silent", "info", "emerg", "foo", "INFO", "info foo", "err", "warning", "warn"),
    "set-priority-class": ("", "int(1)", "1", "src"),
    "set-priority-offset": ("", "int(1)", "1"),
    "set-var(sess.a)": ("", "src", "src foo", "foo", "req.len", "res.len", "path"),
    "set-var(txn.a)": ("src", "int(1)"),
    "set-var(res.a)": ("src",),
    "set-var(foo)": ("src",),
    "set-var()": ("src",),
    "set-var": ("src",),
    "set-var(sess.a": ("src",),
    "set-var-fmt(sess.a)": ("%ci", "a%[src]b", "%[foo]", "%zz", "%ci foo"),
    "unset-var(sess.a)": ("", "foo"),
    "unset-var": ("",),
    "capture": (
        "", "src", "src len", "src len 0", "src len x", "src len 5", "src id 1", "src len 5 foo", "foo len 5",
        "req.len len 4", "res.len len 4", "path len 4", "src len -1",
    ),
}  # fmt: skip
TAILS = (
    "if TRUE", "unless FALSE", "if", "unless", "if foo", "if { src 1.2.3.4 }", "if { src 1.2.3.4", "if { path /x }",
    "if { req.len gt 3 }", "if { res.len gt 3 }", "if !TRUE", "foo", "if TRUE or", "if { foo }", "if HTTP",
    "if REQ_CONTENT", "if WAIT_END",
)  # fmt: skip
OTHERS = (
    "tcp-request", "tcp-response", "tcp-request foo", "tcp-response foo", "tcp-response connection accept",
    "tcp-response session accept", "tcp-request connections accept",
    *(
        f"{word} inspect-delay{delay}"
        for word in ("tcp-request", "tcp-response")
        for delay in ("", " x", " 5", " 5s", " 0", " -1", " 5s foo", " 5y", " 1d", " 99999999999", " 5S", " 1.5")
    ),
)  # fmt: skip
NOT_YET = "not supported by tcproxy yet"


def _lines() -> Iterator[str]:
    yield from OTHERS
    for words, action in itertools.product(SETS, PLAIN):
        yield f"{words} {action}".rstrip()
    for words, (action, arguments) in itertools.product(SETS, ARGUMENTS.items()):
        for argument in arguments:
            yield f"{words} {action} {argument}".rstrip()
    for words, action, tail in itertools.product(SETS, ("accept", "reject", "silent-drop"), TAILS):
        yield f"{words} {action} {tail}"


def _configurations(section: str) -> Iterator[tuple[str, dict[int, str]]]:
    """Yield configurations that have each line in a section of its own, and the lines by their numbers."""
    every = list(_lines())
    for begin in range(0, len(every), AT_ONCE):
        text, found = DEFAULTS, {}
        for line in every[begin : begin + AT_ONCE]:
            text += SECTIONS[section].format(n=text.count("\n"))
            text += f" {line}\n"
            found[text.count("\n")] = line
        yield text, found


def _verdicts(said: Iterator[tuple[str, str]], lines: dict[int, str]) -> dict[str, str]:
    """Return what is said of each line: the first letter of the worst level, and whether it is not done yet."""
    found = dict.fromkeys(lines.values(), "accepted")
    for level, message in said:
        match = re.search(r"\.cfg:(\d+)\]", message)
        if match and int(match[1]) in lines:
            line = lines[int(match[1])]
            if NOT_YET in message:
                found[line] = "later"
            elif found[line] not in ("refused", "later"):
                found[line] = "refused" if level.lower() == "alert" else "warned"
    return found


def _of_haproxy(file: Path, lines: dict[int, str]) -> dict[str, str]:
    run = subprocess.run([HAPROXY, "-c", "-f", str(file)], capture_output=True, text=True, check=False)
    assert "too many fatal errors" not in run.stderr
    said = re.findall(r"^\[(ALERT|WARNING)\] *\(\d+\) : config : (.*)$", run.stderr, re.MULTILINE)
    return _verdicts(iter(said), lines)


def _of_tcproxy(file: Path, lines: dict[int, str]) -> dict[str, str]:
    diagnostics = Diagnostics(1)
    language.read([str(file)], Environment({}), diagnostics)
    return _verdicts(((item.level, str(item.message)) for item in diagnostics.items), lines)


@pytest.mark.reference
@pytest.mark.parametrize("section", SECTIONS)
def test_lines_have_the_verdicts_of_haproxy(section: str, tmp_path: Path) -> None:
    """Each generated line is accepted, warned of or refused as by HAProxy, unless its action is refused by name."""
    file = tmp_path / "lines.cfg"
    wrong = []
    for text, lines in _configurations(section):
        file.write_text(text)
        theirs, ours = _of_haproxy(file, lines), _of_tcproxy(file, lines)
        wrong += [
            f"{line}: {theirs[line]} by haproxy, {ours[line]} by tcproxy"
            for line in lines.values()
            if ours[line] not in (theirs[line], "later")
        ]
    assert wrong == []
