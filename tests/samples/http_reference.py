"""Fetches of HTTP in HAProxy and in tcproxy, side by side: values and conditions, taken of the same bytes.

`Play(expressions, conditions).differences(cases)` is what a test asks. One HAProxy process answers for all expressions
of a play, by headers of an answer of its own: of requests it returns what its frontend's rules saw, of responses what
its backend's rules did. tcproxy reads the same bytes with its codec, and takes the same expressions of the heads.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import NamedTuple

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.model.process import Configuration
from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.kinds import Kind, encode
from tcproxy.samples.places import Place
from tcproxy.wire.http1 import BadMessage, Codec, CodecLimits, RequestHead, RequestReader, ResponseHead, ResponseReader
from tcproxy.wire.http1.bodies import body_of
from tests.rules.world import client, condition, reading, server
from tests.running import HAPROXY, PATIENCE, free_port, program

_CONFIGURATION = """\
global
  log /dev/null local0
  nbthread 1
  tune.bufsize 131072
defaults
  mode http
  timeout client 20s
  timeout connect 20s
  timeout server 20s
  retries 0
{lists}
frontend f
  bind 127.0.0.1:{port}
  log global
  option httplog
  option http-buffer-request
  {options}
{front}
{answer}
  default_backend b
backend b
  http-reuse never
  server s 127.0.0.1:{server}
{back}
"""


class Case(NamedTuple):
    """Bytes of a client, and what its server answers: b"" for rules of requests."""

    request: bytes
    response: bytes = b""


PLAIN = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"


class Seen(NamedTuple):
    """What was seen of a case.

    status: 200, or the status with which a message was refused. values: for each expression the bytes as STR and as
    BIN, None without a sample. held: for each condition whether it was met.
    """

    status: int
    values: tuple[tuple[bytes, bytes] | None, ...] = ()
    held: tuple[bool, ...] = ()


@dataclass
class Play:
    """Expressions and conditions of requests, or of responses.

    options: lines of the frontend. lists: lines of `userlist` sections.
    """

    expressions: Sequence[str] = ()
    conditions: Sequence[str] = ()
    of_responses: bool = False
    options: str = ""
    lists: str = ""

    def differences(self, cases: Sequence[Case]) -> list[str]:
        """Return a line for whatever HAProxy and tcproxy see otherwise."""
        lines = []
        for case, theirs in zip(cases, self.of_haproxy(cases), strict=True):
            lines += self._compared(case, theirs, self.of_tcproxy(case))
        return lines

    def _compared(self, case: Case, theirs: Seen, ours: Seen) -> list[str]:
        title = repr(case.response if self.of_responses else case.request)
        if theirs.status != ours.status:
            return [f"{title}\n    HAProxy {theirs.status}, tcproxy {ours.status}"]
        told = []
        for text, one, other in zip(self.expressions, theirs.values, ours.values, strict=True):
            if one != other:
                told.append(f"    {text}: HAProxy {_short(one)}, tcproxy {_short(other)}")
        for text, holds, held in zip(self.conditions, theirs.held, ours.held, strict=True):
            if holds != held:
                told.append(f"    {text}: HAProxy {holds}, tcproxy {held}")
        return ["\n".join([title, *told])] if told else []

    # HAProxy

    def of_haproxy(self, cases: Sequence[Case]) -> list[Seen]:
        """Return what HAProxy sees of each case."""
        with TemporaryDirectory() as folder, _Server(cases) as server:
            port = free_port()
            file = Path(folder, "haproxy.cfg")
            file.write_bytes(encode(self.configuration(port, server.port)))
            with program(HAPROXY, "-db", "-f", str(file), port=port):
                return [self._asked(port, case, server, number) for number, case in enumerate(cases)]

    def configuration(self, port: int, server: int) -> str:
        """Return HAProxy's configuration."""
        kind = "http-response" if self.of_responses else "http-request"
        asked, rules = list(self.expressions), []
        if self.of_responses:  # HAProxy has dropped the response where it writes the answer
            rules += [f"  {kind} set-var(txn.v{n}) {_quoted(text)}" for n, text in enumerate(asked)]
            asked = [f"var(txn.v{n})" for n in range(len(asked))]
        rules += [f"  {kind} set-var(txn.c{n}) bool(true) if {text}" for n, text in enumerate(self.conditions)]
        values = "=" + ";".join(f"%[{text},concat(+),hex]/%[{text},hex]" for text in asked)
        held = "=" + ";".join(f"%[var(txn.c{n})]" for n in range(len(self.conditions)))
        rules.append(f"  {kind} return status 200 hdr x-values {_quoted(values)} hdr x-held {_quoted(held)}")
        front, back = ("", "\n".join(rules)) if self.of_responses else ("\n".join(rules), "")
        return _CONFIGURATION.format(
            port=port, server=server, lists=self.lists, options=self.options, front=front, back=back, answer=""
        )

    def _asked(self, port: int, case: Case, server: _Server, number: int) -> Seen:
        server.number = number
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            connection.sendall(case.request)
            head = connection.makefile("rb")
            line = head.readline()
            status = int(line.split()[1]) if line else 0
            found = {}
            while line := head.readline().rstrip(b"\r\n"):
                name, _, value = line.partition(b":")
                found[name.decode()] = value.strip()
        if "x-values" not in found:
            return Seen(status)
        values = found["x-values"][1:].split(b";") if self.expressions else []
        held = found["x-held"][1:].split(b";") if self.conditions else []
        return Seen(status, tuple(map(_value, values)), tuple(map(bool, held)))

    # tcproxy

    @cached_property
    def _configuration(self) -> Configuration:
        """What tcproxy reads of the sections and options."""
        text = f"{self.lists}\nfrontend f\n  mode http\n  bind 127.0.0.1:1\n  {self.options}\n"
        found = language.read_text(text, Environment(), Diagnostics(1), name="play.cfg")
        assert found is not None
        return found

    def of_tcproxy(self, case: Case) -> Seen:
        """Return what tcproxy sees of a case."""
        try:
            facts = facts_of(case, self.options)
            facts.world.configuration = self._configuration
            facts.frontend.model = self._configuration.proxies[0]
        except BadMessage as error:
            return Seen(error.status)
        place = Place.BACKEND_RESPONSE_HEADER if self.of_responses else Place.FRONTEND_REQUEST_HEADER
        held = tuple(condition(text, place=place, of=reading()).holds(facts) for text in self.conditions)
        return Seen(200, tuple(_taken(text, facts) for text in self.expressions), held)


def facts_of(case: Case, options: str = "") -> SimpleNamespace:
    """Return the facts of an exchange, read of its bytes. Raises BadMessage."""
    codec = Codec(CodecLimits(bufsize=131072, lenient="accept-invalid" in options))
    reader = RequestReader(codec)
    request = reader.feed(case.request)
    assert request is not None
    facts = client(request=request, request_line=lambda: (request.method, request.target))
    facts.request_body = partial(_body, request, reader.take(), codec, 400)
    if case.response:
        answers = ResponseReader(codec)
        facts.server = server("s")
        response = facts.response = answers.feed(case.response, request)
        assert response is not None
        facts.response_body = partial(_body, response, answers.take(), codec, 502)
    return facts


def _body(head: RequestHead | ResponseHead, data: bytes, codec: Codec, status: int) -> bytes:
    return b"".join(body_of(head, codec, status).feed(data)) if data and head.has_body else b""


def _taken(text: str, facts: SimpleNamespace) -> tuple[bytes, bytes] | None:
    expression = parse_expression(text, "f")
    found = []
    for kind in (Kind.STR, Kind.BIN):
        take = expression.taking(kind)
        assert take is not None
        value = take(facts)
        if value is None:
            return None
        assert isinstance(value, bytes)
        found.append(value)
    return found[0], found[1]


def _value(written: bytes) -> tuple[bytes, bytes] | None:
    text, _, binary = written.partition(b"/")
    if not text:
        return None
    return bytes.fromhex(text.decode())[:-1], bytes.fromhex(binary.decode())


def _short(value: object) -> str:
    told = repr(value)
    return told if len(told) < 300 else f"{told[:200]} ... {told[-80:]}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


class _Server(contextlib.AbstractContextManager["_Server"]):
    """A server that answers each request with the response of the case that is under way, and closes."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = cases
        self.number = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for connection in self._accepted():
            with contextlib.suppress(OSError), connection:
                data = b""
                while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
                    data += more
                connection.sendall(self.cases[self.number].response)

    def _accepted(self) -> Iterator[socket.socket]:
        while True:
            try:
                yield self.listener.accept()[0]
            except OSError:
                return

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
