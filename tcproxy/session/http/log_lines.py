"""The log line of an exchange: when it is written, and whether it is wanted. Its text is made by line_functions.py."""

from __future__ import annotations

from tcproxy.report.outlets import NO_DATA
from tcproxy.session.http.settings import Line
from tcproxy.session.http.state import Exchange
from tcproxy.session.log_lines import ERROR_LEVEL, INFO_LEVEL, unique_id, unwritten
from tcproxy.session.stages import PROXY


def write_line(exchange: Exchange) -> None:
    """Write the exchange's log line."""
    lines = exchange.settings.lines
    if lines is None or exchange.logged:
        return
    exchange.logged = True
    if exchange.request is not None:
        _write(exchange, lines.whole)
        return
    if not (exchange.client.begun or exchange.error == PROXY):
        # HAProxy gives each line a number of a request
        exchange.frontend.world.counters.requests += 1
    _write(exchange, lines.bare if exchange.captured is None else lines.unread)


def write_fast(exchange: Exchange) -> None:
    """Write the log line of an exchange that took the fast path (fast.py)."""
    lines = exchange.settings.lines
    if lines is None:
        return
    frontend = exchange.frontend
    line, data = lines.fast
    if exchange.status >= 500 or frontend.skip_normal or data is not None or exchange.changes is not None:
        _write(exchange, lines.fast)
        return
    try:
        text = line(exchange)
        frontend.lines += 1
        frontend.outlet.send(INFO_LEVEL, text)  # type: ignore[union-attr]  # there are lines
    except Exception as error:
        unwritten(exchange, error)


def write_early(exchange: Exchange) -> None:
    """Write the line of a frontend that does not wait for the end: when the request came, or the response's head."""
    lines = exchange.settings.lines
    if lines is None or lines.early is None or (exchange.logged and not lines.twice):
        return
    # a line of the request alone was due before the response came, wanted or not
    exchange.logged = _write(exchange, lines.early) or lines.twice


def log_request(exchange: Exchange) -> bool:
    """Write the line of a frontend whose format names facts of the request alone; the unique id is made before."""
    if exchange.frontend.id_form is not None:
        unique_id(exchange)
    write_early(exchange)
    return True


def log_client(exchange: Exchange) -> bool:
    """Write the line of a frontend that chose no format."""
    frontend = exchange.frontend
    outlet, form = frontend.outlet, frontend.form
    if outlet is not None and form is not None:
        frontend.lines += 1
        try:
            outlet.send(INFO_LEVEL, form.render(exchange.settings.record(exchange, form.needs)))
        except Exception as error:
            unwritten(exchange, error)
    return True


def _write(exchange: Exchange, lines: tuple[Line, Line | None]) -> bool:
    """Write a line; False where it is not wanted (`option dontlog-normal`)."""
    frontend, error = exchange.frontend, exchange.error
    failed = exchange.status >= 500 or (error != "L" if error else exchange.retries > 0) or exchange.redispatched
    if frontend.skip_normal and not failed:
        return False
    level = ERROR_LEVEL if failed and frontend.separate_errors else INFO_LEVEL
    if exchange.changes is not None and exchange.changes.level is not None:
        level = exchange.changes.level
        if level < 0:
            return True  # `set-log-level silent`
    line, data = lines
    try:
        text = line(exchange)
        said = NO_DATA if data is None else data(exchange)
        frontend.lines += 1
        frontend.outlet.send(level, text, said)  # type: ignore[union-attr]  # there are lines
    except Exception as error:
        unwritten(exchange, error)
    return True
