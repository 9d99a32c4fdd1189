"""The same lines, conditions and files given to HAProxy and to our reader: the same words, verdicts and places."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest

from tcproxy.grammar.diagnostics import Diagnostics, escaped
from tcproxy.grammar.environment import Environment
from tcproxy.grammar.predicates import check_condition
from tcproxy.grammar.reader import Reader, find_files

from ..running import HAPROXY
from .test_lines import CASES, ERRORS
from .test_predicates import FALSE, TRUE, WRONG, conditions

pytestmark = pytest.mark.reference

VARIABLES = {"V": "val", "E": "", "L": "a b  c", "S": " lead ", "Q": "x\"y'z #w \\n", "HOME": "/"}

Told = list[tuple[str, int, str]]
"""Level, line and sentence of each message about a line."""

_LABEL = re.compile(r"^\[(NOTICE|WARNING|ALERT|DIAG)\] +\(\d+\) : ", re.MULTILINE)
_PLACE = re.compile(r"config : parsing \[x\.cfg:(\d+)\] ?: ?(.*)", re.DOTALL)


def reference(directory: Path, content: bytes) -> tuple[int, Told, bool]:
    """Return HAProxy's exit code, messages, and whether it stopped reading altogether."""
    (directory / "x.cfg").write_bytes(content)
    run = subprocess.run([HAPROXY, "-c", "-f", "x.cfg"], cwd=directory, env=VARIABLES, capture_output=True)
    parts = _LABEL.split(run.stderr.decode("utf-8", "surrogateescape"))[1:]
    told = []
    for level, text in zip(parts[::2], parts[1::2], strict=True):
        if place := _PLACE.match(text.removesuffix("\n")):
            told.append((level.lower(), int(place[1]), place[2]))
    aborted = run.returncode == 1 and b"Fatal errors found" not in run.stderr
    return run.returncode, told, aborted


def ours(content: bytes) -> tuple[Told, bool]:
    """Return our messages about the same file, and whether we stopped; the warning of empty words is ours alone."""
    reader = Reader(Diagnostics(1), Environment(VARIABLES))
    for _ in reader.read_bytes("x.cfg", content):
        pass
    told = []
    for item in reader.diagnostics.items:
        if "an empty word ends the line" in item.message:
            continue
        if place := _PLACE.match(f"config : {item.message}"):
            told.append((item.level, int(place[1]), place[2]))
    return told, reader.aborted


def shown(sentence: str) -> str:
    """Return what we show of HAProxy's sentence: control characters and bytes that are no text as escapes."""
    return "\n".join(map(escaped, sentence.split("\n")))


def position(sentence: str) -> int:
    """Return the position that an error tells, or 0."""
    found = re.search(r"at position (\d+)", sentence)
    return int(found[1]) if found else 0


def compare(directory: Path, lines: list[bytes]) -> None:
    """Let both read `.notice LINE` for each line, and compare what each became."""
    # HAProxy reads a line twice when it outgrows its buffer, and finds a `${NAME-text}` cut that it took the
    # first time: a long line in front makes the buffer large enough for all.
    long = b"x" * 1000
    for start in range(0, len(lines), 45):  # fifty errors end a file
        chunk = [long, *lines[start : start + 45]]
        content = b"".join(b" .notice " + line + b"\n" for line in chunk)
        (_, expected, _), (found, _) = reference(directory, content), ours(content)
        assert [one[:2] for one in found] == [one[:2] for one in expected], chunk
        for (level, number, ours_text), (_, _, text) in zip(found, expected, strict=True):
            if level == "notice":
                assert ours_text == shown(text), chunk[number - 1]
            elif chunk[number - 1].isascii():  # it counts bytes, we count characters
                assert position(ours_text) == position(text), (chunk[number - 1], ours_text, text)


def test_lines(tmp_path: Path) -> None:
    """The cases of the tokenizer's own tests, each as a line of its own."""
    compare(tmp_path, [text.encode() for text, _ in CASES + ERRORS if ".LINE" not in text])


FRAGMENTS = rb"""a|b |"|'|\|$|{|}|V|${V}|"${L[*]}"|"${S[*]}"|-|[*]|#|\x4|1|\n|"$V"|'x y'|\ |"${N-d f}"|.LINE|=
|${N[*]-q r}|"$.LINE"|\xc3\xa9|\x00|.|"\$V"|"a|\t""".replace(b"\n", b"").split(b"|")


def test_random_lines(tmp_path: Path) -> None:
    """Lines made of pieces of quoting, escaping and expansion."""
    chance = random.Random(1)
    fragments = [*FRAGMENTS, b"\xc3\xa9", b"\xff", b"\r", b"\t", b" "]
    compare(tmp_path, [b"".join(chance.choices(fragments, k=chance.randint(1, 7))) for _ in range(1800)])


def test_predicates() -> None:
    """-cc gives the same code for every condition of the tests, but where the builds differ."""
    for text in conditions(TRUE) + conditions(FALSE) + conditions(WRONG):
        if "feature(OPENSSL" in text or "2.6.12-" in text:
            continue  # a feature that it has; the packaged version 2.6.12-1 has a suffix
        quoted = re.sub(r"""([\\"'])""", r"\\\1", text)  # the line's own quoting comes first
        run = subprocess.run([HAPROXY, "-cc", quoted], env=VARIABLES, capture_output=True)
        assert check_condition(quoted, Environment(VARIABLES))[0] == run.returncode, (text, run.stderr)


CONDITIONS = ["0", "1"] * 4 + ["foo", "", "defined(V)", "1 1", '"$E"', '"${L[*]}"', '"!  0"', '"" ""', '"$.LINE"']
OTHERS = [".notice x"] * 4 + [".alert x", "'a", ".warning w", ".notice a b", "global", '"" x', "[a]", "[a", "[]"]


def _block(chance: random.Random) -> str:
    lines = []
    for _ in range(chance.randint(1, 9)):
        condition = chance.choice(CONDITIONS)
        kinds = [f".if {condition}", f".elif {condition}", ".else", ".endif", chance.choice(OTHERS)]
        lines.append(chance.choices(kinds, [27, 13, 10, 20, 30])[0])
    lines += [".endif"] * chance.choice([0, 0, 1, 1, 2])
    return "\n".join(lines) + "\n"


def test_random_blocks(tmp_path: Path) -> None:
    """Files of nested conditions: the same lines speak at the same level, and the same files stop the reading."""
    chance = random.Random(2)
    for _ in range(150):
        content = _block(chance).encode()
        (_, expected, stopped), (found, aborted) = reference(tmp_path, content), ours(content)
        assert [one[:2] for one in found] == [one[:2] for one in expected], content
        assert aborted == stopped, content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"global",
        b"global\n ",
        b"global\n#",
        b"global\n\0",
        b"global\0\n",
        b"dae\0mon\nglobal\n",
        b"\xef\xbb\xbfglobal\n",
        b"global\r\n daemon\r\n",
        b"[a-b.c:9_] # x\n",
        b"[a b]\n",
        b"[a]x\n",
        b"foo\n" * 60,
        b".if 1\n" * 120,
        b"global\n" + b"x " * 64 + b"x\n",
        b"global\n " + b"#" * 70000 + b"\n",
        b"no\ndefault\n",
        b".diag x\n.diag x y\n.warning\n.alert\n",
    ],
)
def test_files(tmp_path: Path, content: bytes) -> None:
    """Files with broken ends, stray bytes, too much of something: alerts at the same lines."""
    (_, expected, stopped), (found, aborted) = reference(tmp_path, content), ours(content)
    assert list(dict.fromkeys(one[:2] for one in found)) == list(dict.fromkeys(one[:2] for one in expected))
    assert aborted == stopped


def test_directories(tmp_path: Path) -> None:
    """The files of a directory are read in the same order, under the same names."""
    for name in ("b.cfg", "a.cfg", "B.cfg", "é.cfg", ".h.cfg", "x.conf", "10.cfg", "9.cfg"):
        (tmp_path / name).write_text(".notice x\n")
    for argument in (".", "./", "x.conf"):
        run = subprocess.run([HAPROXY, "-c", "-f", argument], cwd=tmp_path, capture_output=True, text=True)
        expected = re.findall(r"parsing \[(.*):1\]", run.stderr)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            assert find_files([argument], Diagnostics(1)) == expected
