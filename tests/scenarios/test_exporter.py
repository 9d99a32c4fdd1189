"""The exporter for Prometheus beside haproxy's: names, types, labels and values for the same traffic."""

from __future__ import annotations

import json
import math
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.running import HAPROXY, TCPROXY, free_port, program, wait_for

CONFIGURATION = """
global
    maxconn 1000
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 1s
listen web
    bind 127.0.0.1:{0} name first
    option socket-stats
    option httpchk
    server a 127.0.0.1:{2} check inter 100ms fall 1 weight 0
    server b 127.0.0.1:{2} weight 3
    server c 127.0.0.1:{3} check disabled
    server d 127.0.0.1:{3} check inter 100ms fall 1 maxconn 7 maxqueue 3
frontend prom
    bind 127.0.0.1:{1}
    http-request use-service prometheus-exporter if {{ path /metrics }}
    http-request return status 200
frontend origin
    bind 127.0.0.1:{2}
    http-request deny deny_status 404 if {{ path /404 }}
    http-request return status 200
listen plain
    mode tcp
    bind 127.0.0.1:{4}
    server z 127.0.0.1:{2}
backend empty
"""
TARGETS = ("/", "/404", "/x", "/")

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def get(port: int, target: str) -> tuple[int, str]:
    """Return status and body of an answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{target}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def samples(text: str) -> Samples:
    """Return every value by name and labels; what cannot be parsed raises."""
    found = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for one in found}


class Side:
    """One program after the traffic. port: of the exporter."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, query: str = "") -> str:
        """Return the metrics that a query asks for."""
        status, body = get(self.port, f"/metrics{query}")
        assert status == 200
        return body

    def settled(self) -> str:
        """Return all metrics, once the server that refuses its checks is down and every exchange is counted."""
        found = ""

        def done() -> bool:
            nonlocal found
            found = self.ask()
            down = 'haproxy_server_status{proxy="web",server="d",state="DOWN"} 1' in found
            counted = 'haproxy_frontend_http_requests_total{proxy="web"} 4' in found
            return down and counted and 'haproxy_server_bytes_out_total{proxy="plain",server="z"} 0' not in found

        wait_for(done, what="the counters")
        return found


@contextmanager
def served(name: str, folder: Path) -> Iterator[Side]:
    """Run a program with the same few exchanges."""
    ports = [free_port() for _ in range(5)]
    path = folder / "cfg"
    path.write_text(CONFIGURATION.format(*ports))
    with program(name, "-f", str(path), port=ports[1]):
        side = Side(ports[1])
        wait_for(lambda: 'haproxy_server_status{proxy="web",server="d",state="DOWN"} 1' in side.ask("?scope=server"))
        for target in TARGETS:
            get(ports[0], target)
        get(ports[4], "/")
        yield side


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """Our side."""
    with served(TCPROXY, tmp_path_factory.mktemp("ours")) as side:
        yield side


@pytest.fixture(scope="module")
def sides(ours: Side, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    """Both sides: haproxy's, and ours."""
    with ExitStack() as stack:
        yield stack.enter_context(served(HAPROXY, tmp_path_factory.mktemp("theirs"))), ours


def types(text: str) -> list[str]:
    """Return the lines that declare types, in their order, those of what HAProxy has not left out."""
    return [line for line in text.splitlines() if line.startswith("# TYPE haproxy_")]


TIMES = re.compile(
    r"process|seconds|rate|origin|prom|idle|used_conn|need_conn|max_sessions|current_sessions|check_fail"
)
"""What differs from run to run, or counts the test's own questions and checks."""


@pytest.mark.reference
def test_names_types_and_values(sides: tuple[Side, Side]) -> None:
    """All names, types and labels are HAProxy's, in its order, and so are the values that do not depend on time."""
    theirs, ours = (side.settled() for side in sides)
    assert types(ours) == types(theirs)
    left, right = samples(theirs), samples(ours)
    build = "haproxy_process_build_info"
    known = {key for key in left if key[0] != build}
    assert {key for key in right if key[0].startswith("haproxy_") and key[0] != build} == known
    different = {
        key: (left[key], right[key])
        for key in known
        if not TIMES.search(str(key)) and left[key] != right[key] and not math.isnan(left[key] * right[key])
    }
    assert different == {}
    assert {key for key in known if math.isnan(left[key])} == {key for key in known if math.isnan(right[key])}


QUERIES = ("?scope=global", "?scope=server&no-maint", "?scope=listener&scope=frontend", "?scope=global&scope=",
           "?scope=*&no-maint=x", "?scope=%6cistener", "?scope=sticktable", "?scope=", "?x&scope=backend")  # fmt: skip


@pytest.mark.reference
def test_scopes(sides: tuple[Side, Side]) -> None:
    """The query chooses scopes, and leaves out servers in maintenance, as with HAProxy."""
    for query in QUERIES:
        theirs, ours = (side.ask(query) for side in sides)
        assert (query, types(ours)) == (query, types(theirs))
        assert ('server="c"' in ours) == ('server="c"' in theirs), query
    for query in ("?scope=servers", "?scope=server,listener", "?scope=frontend;scope=server", "?scope"):
        assert {get(side.port, f"/metrics{query}")[0] for side in sides} == {400}, query


def test_how_times_are_spread(ours: Side) -> None:
    """Classes of times of backends and servers add up to all exchanges with an answer, and grow with their bounds."""
    found = samples(ours.settled())
    for scope, more in (("backend", ()), ("server", (("server", "b"),))):
        for metric in ("response_time_seconds", "total_time_seconds"):
            name, labels = f"tcproxy_{scope}_{metric}", (("proxy", "web"), *more)
            buckets = [(of, value) for (one, of), value in found.items() if one == f"{name}_bucket"]
            classes = [value for of, value in buckets if {label for label in of if label[0] != "le"} == set(labels)]
            assert len(classes) == 14
            assert classes == sorted(classes)
            assert classes[-1] == found[f"{name}_count", labels] == len(TARGETS)
            assert found[f"{name}_sum", labels] >= 0
    assert ("tcproxy_backend_response_time_seconds_count", (("proxy", "plain"),)) not in found
    assert found["tcproxy_backend_total_time_seconds_count", (("proxy", "plain"),)] == 1


def test_scraped_at_once(ours: Side) -> None:
    """Many scrapes at once are all whole, and other answers come meanwhile."""
    with ThreadPoolExecutor(8) as pool:
        scrapes = [pool.submit(ours.ask) for _ in range(16)]
        assert get(ours.port, "/else")[0] == 200
        counts = {len(types(scrape.result())) for scrape in scrapes}
    assert counts == {201}


def test_the_dashboard_names_what_is_exported(ours: Side) -> None:
    """Every metric that the dashboard of etc/ asks for is exported."""
    dashboard = json.loads((Path(__file__).parents[2] / "etc" / "grafana.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    named = {name for text in asked for name in re.findall(r"\b(?:haproxy|tcproxy)_\w+", text)}
    assert len(named) > 20
    assert named <= {name for name, _ in samples(ours.settled())}
