"""Expressions in HAProxy and in tcproxy, side by side: whether each takes the text, and which value comes of it.

`differences(expressions)` is what a test asks: it returns a line for each expression that the two see otherwise.
One HAProxy process answers for all expressions of a call. Messages of refusals are not compared, only whether there is
one. HAProxy reads no argument longer than 16 KiB.
"""

from __future__ import annotations

import re
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, NamedTuple

from tcproxy.samples.expressions import Expression, parse_expression
from tcproxy.samples.kinds import Kind, Sample, cast_sample, encode, sample_of
from tcproxy.samples.variables import SCOPES, Store, read_variable
from tests.rules.world import client
from tests.running import HAPROXY, PATIENCE, free_port, program

BUFFER = 131_072
"""Bytes of HAProxy's buffers, so that long values fit: its limits of memory are not compared."""
_BATCH = 200
_GROUP = 100
"""Expressions of one backend: HAProxy looks at each of their rules for a request."""
_ALERT = re.compile(r"^(?!\[(?:WARNING|NOTICE)).*\[[^\]\[]*\.cfg:([0-9]+)\] ?: (.*)", re.MULTILINE)
_HEAD = f"""\
global
  log /dev/null local0
  tune.bufsize {BUFFER}
defaults
  mode http
  timeout client 30s
  timeout connect 30s
  timeout server 30s
frontend f
  bind 127.0.0.1:%d
  use_backend b%%[path,field(2,/)]
"""
_FOOT = """\
  http-request return status 200 content-type text/plain lf-string +%[var(txn.asked),hex]|%[var(txn.asked),concat(,,),hex] if { var(txn.asked) -m found }
  http-request return status 200 content-type text/plain string none
"""  # noqa: E501


class Answer(NamedTuple):
    """What comes of an expression.

    refused: why it is no expression, None if it is one. text, binary: the value cast to STR and to BIN, which tells
    of its kind, too; None without a sample. died: HAProxy ended without an answer: a fault of its own.
    """

    refused: str | None = None
    text: bytes | None = None
    binary: bytes | None = None
    died: bool = False

    def agrees(self, other: Answer) -> bool:
        """Return whether both refuse, or both give the same."""
        if self.refused is not None or other.refused is not None:
            return self.refused is not None and other.refused is not None
        return self == other

    def __str__(self) -> str:
        if self.died:
            return "died"
        if self.refused is not None:
            return f"refused ({self.refused})"
        return f"{self.text!r} ({self.binary!r})" if self.text != self.binary else repr(self.text)


def differences(expressions: Iterable[str], variables: Mapping[str, str] | None = None) -> list[str]:
    """Return a line for each expression that HAProxy and tcproxy see otherwise.

    variables: full names (`txn.key`), and the expressions that they are set to first.
    """
    asked = list(dict.fromkeys(expressions))
    lines = []
    for expression, theirs in zip(asked, of_haproxy(asked, variables), strict=True):
        ours = of_tcproxy(expression, variables)
        if not ours.agrees(theirs):
            lines.append(f"{_short(expression)}\n    HAProxy: {_short(str(theirs))}\n    tcproxy: {_short(str(ours))}")
    return lines


def _short(text: str) -> str:
    return text if len(text) < 500 else f"{text[:300]} ... {text[-150:]} ({len(text)} letters)"


def of_tcproxy(expression: str, variables: Mapping[str, str] | None = None) -> Answer:
    """Return what tcproxy makes of an expression."""
    facts = facts_with(variables or {})
    try:
        found = parse_expression(expression, "f")
    except ValueError as error:
        return Answer(refused=str(error))
    value = found.take(facts)
    if value is None:
        return Answer()
    return answer_of(sample_of(found.kind, value))


def answer_of(sample: Sample) -> Answer:
    """Return a sample as the answer that tells of it."""
    text, binary = cast_sample(sample, Kind.STR), cast_sample(sample, Kind.BIN)
    assert isinstance(text, bytes) and isinstance(binary, bytes), sample
    return Answer(None, text, binary)


def facts_with(variables: Mapping[str, str]) -> SimpleNamespace:
    """Return the facts of a client with these variables (names, expressions)."""
    stores = {scope: Store(scope=scope) for scope in SCOPES}
    facts = client(variables=stores.__getitem__)
    for name, text in variables.items():
        scope, rest = read_variable(name)
        expression = _value_of_variable(text)
        value = expression.take(facts)
        if value is not None:
            stores[scope][rest] = sample_of(expression.kind, value)
    return facts


@cache
def _value_of_variable(text: str) -> Expression:
    return parse_expression(text, "f")


def of_haproxy(expressions: Sequence[str], variables: Mapping[str, str] | None = None) -> list[Answer]:
    """Return what HAProxy makes of each expression."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "haproxy.cfg")
        return _Questions(expressions, variables or {}, file).answers()


class _Questions:
    """Expressions as rules of backends: the rule of number n applies to a request for /GROUP/n."""

    def __init__(self, expressions: Sequence[str], variables: Mapping[str, str], file: Path) -> None:
        self.expressions = expressions
        self.file = file
        self.refused: dict[int, str] = {}
        self.head = _HEAD + "".join(_rule(name, text) for name, text in variables.items())

    def answers(self) -> list[Answer]:
        self._find_refused()
        asked = [number for number in range(len(self.expressions)) if number not in self.refused]
        found = dict(zip(asked, self._ask(asked), strict=True))
        return [found.get(number, Answer(self.refused.get(number))) for number in range(len(self.expressions))]

    def _write(self, port: int) -> list[int]:
        """Write the configuration, without the refused; return the number of the expression of each line, or -1."""
        text = [self.head % port]
        lines = [-1] * (1 + self.head.count("\n"))
        for start in range(0, len(self.expressions), _GROUP):
            numbers = [n for n in range(start, min(start + _GROUP, len(self.expressions))) if n not in self.refused]
            text += [f"backend b{start // _GROUP}\n"]
            text += [_rule("txn.asked", self.expressions[n], f" if {{ path {_path(n)} }}") for n in numbers]
            text += [_FOOT]
            lines += [-1, *numbers, *[-1] * _FOOT.count("\n")]
        self.file.write_bytes(encode("".join(text)))
        return lines

    def _find_refused(self) -> None:
        """Check, and leave out what is refused, until nothing is: HAProxy stops at 50 errors."""
        while True:
            lines = self._write(1)
            run = subprocess.run([HAPROXY, "-c", "-f", str(self.file)], capture_output=True, check=False)
            if run.returncode == 0:
                return
            said = run.stderr.decode(errors="replace")
            found = {lines[int(line)]: why for line, why in _ALERT.findall(said) if "too many fatal errors" not in why}
            assert found and -1 not in found, said
            self.refused.update(found)

    def _ask(self, numbers: Sequence[int]) -> list[Answer]:
        answers: list[Answer] = []
        while len(answers) < len(numbers):
            answers += self._ask_one_process(numbers[len(answers) :])
        return answers

    def _ask_one_process(self, numbers: Sequence[int]) -> list[Answer]:
        """Return the answers of one process: to all questions, or to the one that it dies of."""
        port = free_port()
        self._write(port)
        answers: list[Answer] = []
        with (
            program(HAPROXY, "-db", "-f", str(self.file), port=port),
            socket.create_connection(("127.0.0.1", port), PATIENCE) as connection,
        ):
            stream = connection.makefile("rb")
            for start in range(0, len(numbers), _BATCH):
                batch = numbers[start : start + _BATCH]
                connection.sendall(
                    b"".join(b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % _path(number).encode() for number in batch)
                )
                for _ in batch:
                    answers.append(_answer(_body(stream)))
                    if answers[-1].died:
                        return answers
        return answers


def _path(number: int) -> str:
    return f"/{number // _GROUP}/{number}"


def _rule(variable: str, expression: str, condition: str = "") -> str:
    """Return the rule that sets a variable; rules of this kind are all read, also behind one that is refused."""
    return f"  tcp-request content set-var({variable}) {quoted(expression)}{condition}\n"


def quoted(text: str) -> str:
    """Return a text as one word of HAProxy's configuration."""
    for letter, escape in (("'", "\\'"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(letter, f"'{escape}'")
    return f"'{text}'"


def _body(stream: BinaryIO) -> bytes | None:
    """Read one response; return its body, None if the connection ends."""
    length = None
    while line := stream.readline().rstrip():
        name, _, value = line.partition(b": ")
        if name == b"content-length":
            length = int(value)
    return stream.read(length) if length is not None else None


def _answer(body: bytes | None) -> Answer:
    if body is None:
        return Answer(died=True)
    if body == b"none":
        return Answer()
    assert body.startswith(b"+"), body
    binary, text = body[1:].split(b"|")
    return Answer(None, bytes.fromhex(text.decode()), bytes.fromhex(binary.decode()))
