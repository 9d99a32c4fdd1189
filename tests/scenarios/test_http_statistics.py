"""Statistics of HTTP mode beside haproxy's: times, rates, what is under way, and what `clear counters` forgets.

What each kind of exchange counts is told in test_http_exchanges.py.
"""

from __future__ import annotations

import csv
import time

import pytest

from tests.scenarios.actors import Actor
from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import DEFAULTS, OK, head

pytestmark = pytest.mark.reference

STORIES = Stories()

LISTEN = "\nlisten {name}\n    bind {host}:1000\n    server s {host}:2000\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def note(scene: Scene, *columns: str, step: int = 1) -> None:
    """Put down columns of each row, in steps of so many milliseconds."""
    table = scene.order(f"show stat {scene.name} -1 -1").removeprefix("# ")
    for row in csv.DictReader(table.splitlines()):
        values = (f"{column} {(int(row[column]) + step // 2) // step}" for column in columns if row[column])
        scene.note(f"{row['svname']}: {', '.join(values)}")


def exchange(client: Actor, link: Actor, wait: float = 0.0) -> None:
    """Ask, and answer after a while."""
    client.send(GET)
    head(link)
    time.sleep(wait)  # the time that the statistics are to show, less than `timeout server` of 700 ms
    link.send(OK)
    head(client)


@STORIES.story(DEFAULTS + LISTEN + "    timeout server 700ms\n", bare=True)
def times(scene: Scene) -> None:
    """Averages and maxima: the wait for a request belongs to its exchange; one that is never answered has no times."""
    door, client = scene.listen(2000), scene.connect()
    client.send(GET)
    link = door.accept()
    head(link)
    link.send(OK)
    head(client)
    for _ in range(3):
        time.sleep(0.3)  # the wait for a request, which the statistics are to show
        exchange(client, link, 0.4)
    client.send(GET)
    head(client)  # 504
    client.close()
    scene.logged(5)
    scene.left()
    note(scene, "qtime", "ctime", "rtime", "ttime", "qtime_max", "ctime_max", "rtime_max", "ttime_max", step=100)


# the reference's own count of open connections falls below 0 there
@STORIES.story(DEFAULTS + LISTEN, alone=True, bare=True, apart=("h1_open_connections",))
def cleared(scene: Scene) -> None:
    """`clear counters` forgets the maxima, `clear counters all` the sums too; what follows counts from there."""
    columns = ("req_tot", "req_rate_max", "conn_tot", "conn_rate_max", "rate_max", "hrsp_2xx", "reuse", "lbtot")
    door, client = scene.listen(2000), scene.connect()
    client.send(GET * 5)
    link = door.accept()
    for _ in range(5):
        head(link)
        link.send(OK)
        head(client)
    scene.until("FRONTEND", req_tot=5, hrsp_2xx=5)
    note(scene, *columns)
    scene.order("clear counters")
    note(scene, *columns)
    exchange(client, link)
    scene.until("FRONTEND", req_tot=6, hrsp_2xx=6)
    scene.order("clear counters all")
    note(scene, *columns)
    exchange(client, link)
    client.close()
    link.close()
    scene.until("FRONTEND", req_tot=1, hrsp_2xx=1, scur=0)
    scene.logged(7)


@STORIES.story(DEFAULTS + LISTEN, bare=True)
def under_way(scene: Scene) -> None:
    """What is open now, while a request comes, while it is answered, and while a client keeps its connection."""
    columns = ("scur", "used_conn_cur", "idle_conn_cur", "safe_conn_cur", "srv_icur")
    columns += ("h1_open_connections", "h1_open_streams", "h1_total_connections", "h1_total_streams")
    door, client = scene.listen(2000), scene.connect()
    scene.until("FRONTEND", scur=1)
    note(scene, *columns)
    client.send(GET[:10])
    scene.until("FRONTEND", h1_open_streams=1)
    note(scene, *columns)
    client.send(GET[10:])
    link = door.accept()
    head(link)
    note(scene, *columns)
    link.send(OK)
    head(client)
    scene.until("BACKEND", scur=0)
    note(scene, *columns)
    exchange(client, link)
    scene.until("BACKEND", scur=0)
    note(scene, *columns)
    client.close()
    scene.logged(2)
    scene.until("FRONTEND", scur=0)
    note(scene, *columns)


@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Columns are the same at each step of the story, and all rows are at its end."""
    found = differences(told[name])
    assert not found, "\n".join([name, *found])
