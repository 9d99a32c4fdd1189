"""The columns of the statistics page (page.py): which there are, and how their values are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from operator import getitem, itemgetter
from typing import NamedTuple

from tcproxy.report.columns import COLUMNS
from tcproxy.report.views import Value


class Shown(NamedTuple):
    """A column of the page. kind: count, bytes, seconds or text.

    level: "" where it is always shown, y: not on phones, x: only where all columns are asked for.
    """

    name: str
    group: str
    label: str
    help: str
    kind: str = "count"
    level: str = "x"


SHOWN = (
    Shown("lastchg", "", "Since", "Time since the status changed", "seconds", "y"),
    Shown("scur", "Sessions", "Now", "Sessions now", level=""),
    Shown("smax", "Sessions", "Most", "The most sessions at once"),
    Shown("slim", "Sessions", "Limit", "Limit of sessions", level="y"),
    Shown("stot", "Sessions", "Total", "Sessions so far", level="y"),
    Shown("lbtot", "Sessions", "Chosen", "How often the server was chosen"),
    Shown("lastsess", "Sessions", "Last", "Time since the last session", "seconds"),
    Shown("rate", "Rate", "Now", "New sessions in the last second", level=""),
    Shown("rate_max", "Rate", "Most", "The most new sessions in a second"),
    Shown("rate_lim", "Rate", "Limit", "Limit of new sessions a second"),
    Shown("qcur", "Queue", "Now", "Requests that wait for a place", level=""),
    Shown("qmax", "Queue", "Most", "The most requests that waited at once"),
    Shown("qlimit", "Queue", "Limit", "How many requests may wait"),
    Shown("bin", "Bytes", "In", "Bytes from clients", "bytes", "y"),
    Shown("bout", "Bytes", "Out", "Bytes to clients", "bytes", "y"),
    Shown("hrsp_1xx", "Responses", "1xx", "Responses with status 1xx"),
    Shown("hrsp_2xx", "Responses", "2xx", "Responses with status 2xx", level="y"),
    Shown("hrsp_3xx", "Responses", "3xx", "Responses with status 3xx"),
    Shown("hrsp_4xx", "Responses", "4xx", "Responses with status 4xx", level="y"),
    Shown("hrsp_5xx", "Responses", "5xx", "Responses with status 5xx", level=""),
    Shown("hrsp_other", "Responses", "Other", "Other responses, and none"),
    Shown("qtime", "Time, ms", "Queue", "Time in queues, of the last 1024 requests", "count"),
    Shown("ctime", "Time, ms", "Connect", "Time to connect, of the last 1024 requests"),
    Shown("rtime", "Time, ms", "Answer", "Time to the response, of the last 1024 requests", level="y"),
    Shown("ttime", "Time, ms", "Total", "Time of whole sessions, of the last 1024 requests"),
    Shown("dreq", "Denied", "Req", "Requests that rules refused"),
    Shown("dresp", "Denied", "Resp", "Responses that rules refused"),
    Shown("ereq", "Errors", "Req", "Requests that were wrong or not whole", level="y"),
    Shown("econ", "Errors", "Conn", "Attempts to connect that failed", level="y"),
    Shown("eresp", "Errors", "Resp", "Responses that were wrong or not whole", level="y"),
    Shown("wretr", "Again", "Retry", "Attempts that were repeated"),
    Shown("wredis", "Again", "Moved", "Requests that went to another server"),
    Shown("cli_abrt", "Aborts", "Client", "Transfers that the client ended early"),
    Shown("srv_abrt", "Aborts", "Server", "Transfers that the server ended early"),
    Shown("last_chk", "Checks", "Last", "What the last health check said", "text", "y"),
    Shown("chkfail", "Checks", "Failed", "Health checks that failed"),
    Shown("chkdown", "Checks", "Downs", "How often it went down"),
    Shown("downtime", "Checks", "Down for", "Time it was down in all", "seconds"),
    Shown("weight", "Balance", "Weight", "Weight", level="y"),
    Shown("act", "Balance", "Active", "1 for an active server; of a backend, how many there are"),
    Shown("bck", "Balance", "Backup", "1 for a backup server; of a backend, how many there are"),
    Shown("throttle", "Balance", "Start %", "Percentage of its weight that a starting server has reached"),
)

PLACES = {column.name: place for place, column in enumerate(COLUMNS)}
_AT = tuple(PLACES[shown.name] for shown in SHOWN)


# values


def seconds(value: int) -> str:
    """Return a time in its two largest units."""
    if value < 60:
        return f"{value}s"
    if value < 3600:
        return f"{value // 60}m {value % 60}s"
    if value < 86400:
        return f"{value // 3600}h {value // 60 % 60}m"
    return f"{value // 86400}d {value // 3600 % 24}h"


def size(value: int) -> str:
    """Return bytes in units of a thousand, with three digits."""
    if value < 1000:
        return str(value)
    amount = float(value)
    for unit in "kMGTP":
        amount /= 1000
        if amount < 999.5 or unit == "P":
            break
    return f"{amount:.{2 if amount < 9.995 else 1 if amount < 99.95 else 0}f} {unit}"


def _cell(shown: Shown) -> Callable[[Value], str]:
    """Return the function that writes the cell of a column."""
    at = f" class={shown.level}" if shown.level else ""
    nothing, zero = f"<td{at}>", f"<td class=z{shown.level}>0"
    if shown.kind == "text":
        return lambda value: f'<td class="l {shown.level}">{escape(str(value or ""))}'
    if shown.kind == "count":
        return lambda value: zero if value == 0 else nothing if value is None else f"<td{at}>{value:,}"
    write = seconds if shown.kind == "seconds" else size

    def cell(value: Value) -> str:
        if value == 0:
            return zero
        if not isinstance(value, int) or value < 0:
            return nothing
        return f'<td{at} data-v={value} title="{value:,} {shown.kind}">{write(value)}'

    return cell


class Cells(dict[Value, str]):
    """The cells of a column by their values: most values are small numbers, whose cells are written once."""

    def __init__(self, shown: Shown) -> None:
        super().__init__()
        self._write = _cell(shown)

    def __missing__(self, value: Value) -> str:
        """Write a cell."""
        text = self._write(value)
        if value is None or (isinstance(value, int) and 0 <= value < KEPT):
            self[value] = text
        return text


KEPT = 500
"""Numbers below this one are kept with their cells."""
_CELLS = tuple(map(Cells, SHOWN))
_values_of: Callable[[Sequence[Value]], tuple[Value, ...]] = itemgetter(*_AT)


def cells(values: Sequence[Value]) -> str:
    """Return the cells of a row. values: of all columns."""
    return "".join(map(getitem, _CELLS, _values_of(values)))


def status_class(status: str) -> str:
    """Return the class of a status: up, down, going (on its way to the other), maint, none."""
    if status.startswith(("UP ", "DOWN ")) and "/" in status and "(" not in status:
        return "going"
    word = status.partition(" ")[0]
    if word in ("UP", "OPEN"):
        return "up"
    if word in ("DOWN", "FULL", "STOP"):
        return "down"
    return "none" if word == "no" else "maint"
