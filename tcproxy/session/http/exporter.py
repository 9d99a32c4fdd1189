"""The service `prometheus-exporter`: answers a request with all statistics (report/exporter.py)."""

from __future__ import annotations

import time

from tcproxy.report.exporter import CONTENT_TYPE, exported, read_wish
from tcproxy.report.info import ProcessFacts
from tcproxy.session.http import own_answers
from tcproxy.session.http.sliced_answers import intercept
from tcproxy.session.http.state import Exchange

TITLE = "<PROMEX>"
"""The server's name in log lines, as HAProxy has it."""
HEADERS = ((b"cache-control", b"no-cache"), (b"content-type", CONTENT_TYPE))


def export(exchange: Exchange) -> None:
    """Answer with the statistics that the query asks for."""
    request, world = exchange.request, exchange.world
    assert request is not None
    wish = read_wish(request.target.partition(b"?")[2].partition(b"#")[0])
    if wish is None:
        own_answers.intercept(exchange, 400, None)
        return
    world.load.read(world.clock.seconds(), time.process_time(), world.counters.bytes_out)
    facts = ProcessFacts(world, world.load, world.sinks.dropped)
    intercept(exchange, 200, HEADERS, (piece.encode() for piece in exported(facts, wish)), TITLE)
