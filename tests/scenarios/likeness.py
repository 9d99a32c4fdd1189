"""What must be alike: log lines and counters of two programs, without what is bound to differ.

Process ids, dates, ports of clients and the scene's address become words; times are taken out, to be compared with
some tolerance.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.scenarios.beside import Scene

HEADER = re.compile(r"(<\d+>)[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ([^ \[]+)\[\d+\]: ")
DATE = re.compile(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?:\.\d{3}| [-+]\d{4})\]")
TIMES = re.compile(r" (-?\d+)/(-?\d+)/(\+?)(-?\d+) (?=\+?\d+ [-A-Za-z]{2} )")
HTTP_TIMES = re.compile(r" (-?\d+)/(-?\d+)/(-?\d+)/(-?\d+)/(\+?)(-?\d+) (?=-?\d{1,3} \+?\d+ )")
NAMED_TIME = re.compile(r"\b(T[acdhiqRrtuw]=\+?)(-?\d+)")
LOADS = re.compile(r"( [-A-Za-z]{2,4}) \d+(/\d+/\d+/\d+/\+?\d+ )")
PORT = re.compile(r"\b(127\.\d+\.\d+\.\d+|::1|unix|[0-9a-f:]+):([1-9]\d{4})\b")

COLUMNS = tuple(
    """qcur qmax scur smax slim stot bin bout dreq dresp ereq econ eresp wretr wredis status weight act bck chkfail
    chkdown lbtot rate_lim hrsp_1xx hrsp_2xx hrsp_3xx hrsp_4xx hrsp_5xx hrsp_other req_tot cli_abrt srv_abrt dcon dses
    wrew connect reuse conn_tot intercepted mode algo qlimit type srv_icur idle_conn_cur safe_conn_cur
    h1_open_connections h1_open_streams h1_total_connections h1_total_streams""".split()  # noqa: SIM905  # a list of words is easier to read than one of literals
)
"""Columns of `show stat` that tell what happened, not how long it took."""

MUCH = re.compile(r"\b\d{7,}\b")
"""So many bytes that buffers of the kernel make the difference."""


@dataclass(frozen=True)
class Line:
    """One log line. raw: as it came. times: of a `tcplog` or `httplog` line, or named (`Ta=5`), milliseconds."""

    text: str
    times: tuple[int, ...]
    raw: str


def read_line(raw: str, scene: Scene) -> Line:
    """Return the line with words in place of what differs from run to run."""
    text = HEADER.sub(r"\1 \2: ", raw.rstrip("\n"))
    text = DATE.sub("[DATE]", text.replace(scene.host, "HOST").replace(str(scene.folder), "DIR"))
    text = re.sub(r"HOST:([1-9]\d{4})\b", lambda found: f"HOST:{_port(found[1], scene)}", text)
    for number, port in enumerate(scene.free):
        text = re.sub(rf":{port}\b", f":FREE{number}", text)
    text = PORT.sub(lambda found: f"{found[1]}:{_port(found[2], scene)}", text)
    if not scene.alone:
        text = LOADS.sub(r"\1 ALL\2", text)
    times: tuple[int, ...] = ()
    if found := TIMES.search(text):
        times = int(found[1]), int(found[2]), int(found[4])
        shown = "/".join("-1" if one < 0 else "T" for one in times[:2])
        text = text[: found.start()] + f" {shown}/{found[3]}T " + text[found.end() :]
    elif found := HTTP_TIMES.search(text):
        *early, plus, total = found.groups()
        times = (*map(int, early), int(total))
        shown = "/".join("-1" if time == "-1" else "T" for time in early)
        text = text[: found.start()] + f" {shown}/{plus}T " + text[found.end() :]
    elif named := NAMED_TIME.findall(text):
        times = tuple(int(time) for _, time in named)
        text = NAMED_TIME.sub(lambda found: found[1] + ("-1" if found[2] == "-1" else "T"), text)
    return Line(MUCH.sub("MUCH", text), times, raw)


def _port(port: str, scene: Scene) -> str:
    return scene.known.get(int(port), "PORT")


def rows_of(table: str, name: str) -> dict[str, dict[str, str]]:
    """Return the rows of `show stat` that belong to the story's proxies, by proxy and server name."""
    rows: dict[str, dict[str, str]] = {}
    header, *lines = table.removeprefix("# ").splitlines()
    for row in csv.DictReader([header, *(line for line in lines if line.startswith(name))]):
        proxy = row["pxname"]
        if proxy == name or proxy.startswith(f"{name}."):
            rows[f"{proxy}/{row['svname']}"] = {
                column: MUCH.sub("MUCH", row[column]) for column in COLUMNS if row.get(column)
            }
    return rows
