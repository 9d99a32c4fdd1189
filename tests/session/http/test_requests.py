"""What strategies see of a request: the interface that their authors know."""

from __future__ import annotations

from typing import Any

from zope.interface.verify import verifyObject

from tcproxy.interfaces import IRequest
from tests.session.http.plays import HttpStage
from tests.session.plays import Stage


def test_what_strategies_see() -> None:
    """A session is the request that it carries; in TCP mode there are only bytes."""
    client = HttpStage().client()
    client.asks(b"GET http://h/a?b HTTP/1.1\r\nHost: h\r\nX-A: 1, 2\r\nX-A: 3\r\n\r\n")
    session: Any = client.session.exchange
    assert verifyObject(IRequest, session)
    assert (session.uri(), session.header(b"x-a"), session.header(b"x-b")) == (b"http://h/a?b", b"1, 2", None)
    assert (session.body(), session.data()) == (None, b"")
    stage = Stage(answers="later")
    end = stage.client()
    end.held = b"hello"
    session = end.session
    assert verifyObject(IRequest, session)
    assert (session.uri(), session.header(b"x-a"), session.body(), session.data()) == (None, None, None, b"hello")
