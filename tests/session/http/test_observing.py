"""What a server's health is told of its answers (`observe layer7`), and what the message of its loss counts."""

from __future__ import annotations

import pytest

from tests.session.http.plays import FakeLink, HttpStage
from tests.session.plays import FakeWatch

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


def watched() -> tuple[HttpStage, FakeWatch, FakeLink]:
    """Return a stage whose only server was asked, with its watch and its link."""
    stage = HttpStage(server={"observe": "layer7"}, retries=0)
    server = stage.farm.servers[0]
    watch = server.watch = FakeWatch(server, marks_down=True)
    client = stage.client()
    client.asks(GET)
    return stage, watch, stage.link


def test_an_answer_is_told() -> None:
    """A good status passes, one above 500 fails, except those that tell of the request (501, 505)."""
    for status, good in ((200, True), (404, True), (501, True), (505, True), (500, False), (503, False)):
        _, watch, link = watched()
        link.answers(b"HTTP/1.1 %d Any\r\nContent-Length: 0\r\n\r\n" % status)
        assert watch.heard == [(good, "" if good else "Wrong http response")]


@pytest.mark.parametrize(
    ("how", "cause", "active"),
    [
        ("ends", "Close from server (http)", 0),
        ("breaks", "Read error (http)", 0),
        ("silent", "Read timeout (http)", 0),
        ("errs", "Invalid http response (headers)", 1),
    ],
)
def test_a_lost_connection_is_not_counted_in_the_message(how: str, cause: str, active: int) -> None:
    """The message counts this session only while its link stands; the server's own counter never changes for it."""
    stage, watch, link = watched()
    if how == "silent":
        stage.wait(60.01)
    else:
        getattr(link, how)()
    assert watch.heard == [(False, cause)]
    assert watch.current == [1]
    assert f" {active} sessions active," in stage.announced[0]
    assert stage.farm.servers[0].counters.current == 0
