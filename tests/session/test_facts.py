"""Sessions as the facts of samples: whatever the moment, every fetch gives a value of its kind, or none."""

from __future__ import annotations

from collections.abc import Iterator

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.expressions import Expression, parse_expression
from tcproxy.samples.facts import Facts
from tcproxy.samples.kinds import Kind, Sample
from tcproxy.samples.table import FETCHES
from tcproxy.session.http.exchange import HttpExchange
from tcproxy.session.session import TcpSession
from tests.session.http.plays import HttpStage
from tests.session.plays import Stage

WORDS = {
    ArgumentType.INTEGER: "1", ArgumentType.STRING: "ABCD", ArgumentType.IPV4: "192.0.2.1", ArgumentType.IPV6: "::1",
    ArgumentType.FRONTEND: "web", ArgumentType.BACKEND: "web", ArgumentType.SERVER: "web/s1",
}  # fmt: skip
TYPES: dict[Kind, type] = {
    Kind.BOOL: bool, Kind.SINT: int, Kind.STR: bytes, Kind.BIN: bytes, Kind.METH: bytes, Kind.IPV4: bytes,
    Kind.IPV6: bytes, Kind.ADDR: bytes, Kind.ANY: Sample,
}  # fmt: skip


def every_expression() -> Iterator[Expression]:
    """Return each fetch with arguments that it may have, except those that want other words."""
    for row in FETCHES.values():
        words = [WORDS.get(kind, "x") for kind in row.arguments[: row.required]]
        try:
            yield parse_expression(f"{row.name}({','.join(words)})" if words else row.name, "web")
        except ValueError:
            assert row.name in ("bool", "http_auth", "http_auth_group", "var"), row.name


EVERY = list(every_expression())


def take_all(facts: Facts) -> int:
    """Take all samples; return how many there were."""
    found = 0
    for expression in EVERY:
        value = expression.take(facts)
        if value is not None:
            assert isinstance(value, TYPES[expression.kind]), (expression.text, value)
            found += 1
        if expression.waits is not None:
            assert expression.waits(facts) in (True, False)
    return found


def of_session(session: TcpSession) -> int:
    """Take all samples of a TCP session, which mypy knows to be Facts."""
    return take_all(session)


def of_exchange(exchange: HttpExchange) -> int:
    """Take all samples of an exchange, which mypy knows to be Facts."""
    return take_all(exchange)


def test_samples_of_a_tcp_session() -> None:
    """Before there is a server, while its link is made, while bytes pass, and when all is over."""
    assert of_session(Stage(bind={"accept_proxy": True}).client().session.connection)
    stage = Stage(answers="silent")
    session = stage.client(data=b"abc").session
    early = of_session(session)
    stage.link.connected = True
    stage.link.session.connected()
    assert of_session(session) > early
    session.client.ends()
    session.end()
    assert of_session(session)


def test_samples_of_an_exchange() -> None:
    """Before its server answers, behind the answer, and when the client has left."""
    stage = HttpStage()
    client = stage.client()
    client.asks(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    exchange = stage.link.session
    early = of_exchange(exchange)
    stage.link.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
    assert early and of_exchange(exchange)
    client.ends()
    assert of_exchange(exchange)
