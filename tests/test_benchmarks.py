"""The measuring program: what it reads of a process, what it prints, and one short run of it."""

from __future__ import annotations

import contextlib
import gc
import os
import select
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import accounting, http_load, memory, paced, profile, systemcalls
from benchmarks import http_programs as http
from benchmarks.__main__ import arguments, chosen
from benchmarks.kinds import KINDS
from benchmarks.measurements import HTTP, MEASUREMENTS, Reading, tails
from benchmarks.pipes import InMemory
from benchmarks.programs import (
    CannotStart,
    Program,
    answer,
    configuration,
    find,
    load_process,
    started,
)
from benchmarks.tables import HEAD, markdown, restructured, rows, summary


def test_cpu_time_is_counted() -> None:
    """Work of this process shows in its account, and sleep does not."""
    before = accounting.cpu(os.getpid())
    began = time.process_time()
    while time.process_time() - began < 0.1:
        sum(range(1000))
    worked = accounting.cpu(os.getpid()) - before
    assert 0.08 < worked.total < 1
    before = accounting.cpu(os.getpid())
    time.sleep(0.1)  # to sleep is what is measured here
    assert (accounting.cpu(os.getpid()) - before).total < 0.08


def test_children_are_counted() -> None:
    """A process's descendants belong to its account of time and memory."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in accounting.family(os.getpid())
        assert accounting.memory(os.getpid()) > accounting.memory(child.pid) > 0
    finally:
        child.communicate(b"\n")


def test_ratios_are_of_the_same_round() -> None:
    """The ratio is the median of each round's, so that a slow round does not count."""
    measurement = MEASUREMENTS["messages"]
    base, ours, other = (program.name for program in measurement.programs)
    readings = {base: [Reading(1.0), Reading(10.0), Reading(2.0)], ours: [Reading(1.5), Reading(14.0), Reading(3.0)]}
    first, second, third = rows(measurement, {**readings, other: []})
    assert first[4] == "1.00" and second[4:6] == ["1.50", "1.40 to 1.50"] and second[6] == "1.25"
    assert third[1:3] == [other, "not measured"] and len(third) == len(HEAD)


def test_tables_have_all_cells() -> None:
    """Both forms print each cell once, and every line of Markdown has the same columns."""
    lines = [list("abc"), ["1", "", "3"]]
    assert markdown(lines).count("|") == 12
    text = restructured(lines)
    assert text.count("* - ") == 2 and text.splitlines()[-1] == "     - 3"


def test_the_summary_has_a_row_for_each_measurement() -> None:
    """The table for the docs tells cost, user part, ratio with spread, target and the others' ratios."""
    measurement = MEASUREMENTS["keepalive"]
    readings = {one.name: [Reading(20e-6, 0.25)] for one in measurement.programs}
    readings["tcproxy"] = [Reading(30e-6, 0.5)]
    text = summary([(measurement, {**readings, "nginx": []})])
    assert text.startswith(".. list-table:: Measured on ") and "   :header-rows: 1\n" in text
    cells = [line[7:] for line in text.splitlines()[-7:]]
    assert cells[1:6] == ["20 (5)", "30 (15)", "**1.50** (1.50 to 1.50)", "", "1.7"]
    assert cells[6] == "twisted.web ReverseProxyResource 1.00, Caddy 1.00, node http-proxy 1.00"


def test_a_kind_is_told_beside_the_plain_configuration() -> None:
    """The rows of a kind tell its ratio to HAProxy and to the plain configuration, and the plain one's to HAProxy."""
    measurement = MEASUREMENTS["forwardfor"]
    costs = {"HAProxy": 20e-6, "tcproxy": 60e-6, "HAProxy, plain": 10e-6, "tcproxy, plain": 25e-6}
    readings = {name: [Reading(cost)] for name, cost in costs.items()}
    found = [[line[1], line[4], line[7]] for line in rows(measurement, readings)]
    assert found == [
        ["HAProxy", "1.00", "2.00"], ["tcproxy", "3.00", "2.40"],
        ["HAProxy, plain", "1.00", ""], ["tcproxy, plain", "2.50", ""],
    ]  # fmt: skip
    cells = [line[7:] for line in summary([(measurement, readings)]).splitlines()[-7:]]
    assert cells[3:] == ["**3.00** (3.00 to 3.00)", "2.40", "1.1 to plain", "tcproxy, plain 2.50"]


@pytest.mark.reference
@pytest.mark.parametrize("kind", KINDS)
def test_haproxy_and_tcproxy_take_every_kind(kind: str, tmp_path: Path) -> None:
    """Both programs find each kind's configuration valid, without a warning."""
    file = tmp_path / "kind.cfg"
    file.write_text(configuration(KINDS[kind], "http", 8080, 8081))
    for words in (["haproxy"], [sys.executable, "-m", "tcproxy.command"]):
        program = find(words[0]) or words[0]
        run = subprocess.run(
            [program, *words[1:], "-c", "-f", str(file)], capture_output=True, text=True, check=False, timeout=20
        )
        assert run.returncode == 0 and "WARNING" not in run.stderr, run.stderr


@pytest.mark.reference
def test_the_usual_kind_is_measured(tmp_path: Path) -> None:
    """The usual configuration is measured beside the plain one; its lines are counted, and the plain one has none."""
    measurement = MEASUREMENTS["usual"]
    readings = measurement.run(measurement, 1, 20, tmp_path, print)
    assert [len(readings[one.name]) for one in measurement.programs] == [1, 1, 1, 1]
    assert [one.plain for one in measurement.programs] == [False, False, True, True]


def test_an_answer_is_late_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that are due while a server stalls are late, also those that no connection was free for."""
    monkeypatch.setattr(paced.gc, "disable", lambda: None)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server, ThreadPoolExecutor(1) as pool:
        found = pool.submit(paced.paced, server.getsockname()[1], 200, 400)
        clients = [server.accept()[0] for _ in range(paced.CONNECTIONS)]
        with contextlib.ExitStack() as stack:
            poll = select.epoll()
            for client in clients:
                poll.register(stack.enter_context(client), select.EPOLLIN)
            by_fd = {client.fileno(): client for client in clients}
            requests = [(client, client.recv(65536)) for client in clients]
            time.sleep(0.3)  # the stall
            for client, request in requests:
                client.send(http_load.varied_answer(b"HTTP/1.1 200 OK\r\n", request[7:15]))
            while not found.done():
                for fd, _ in poll.poll(0.01):
                    request = by_fd[fd].recv(65536)
                    if request:
                        by_fd[fd].send(http_load.varied_answer(b"HTTP/1.1 200 OK\r\n", request[7:15]))
                    else:
                        poll.unregister(fd)
    times = found.result()
    assert len(times) == 190 and sum(one > 0.05 for one in times) > 95
    assert paced.percentile(range(1000), 0.999) == 999 and paced.percentile([5.0], 0.5) == 5.0


@pytest.mark.reference
def test_latency_has_two_rows(tmp_path: Path) -> None:
    """At half load, both percentiles of each program are read, also with another garbage collector."""
    measurement = MEASUREMENTS["latency"]
    readings = measurement.run(measurement, 1, 300, tmp_path, print)
    second, others = tails(measurement, readings)
    assert second.title != measurement.title and list(others) == [one.name for one in measurement.programs]
    for name, (reading,) in readings.items():
        assert 0 < reading.cost <= reading.tail == others[name][0].cost


def test_system_calls_are_read_of_strace() -> None:
    """The table of strace is read, errors or none; the programs stand side by side."""
    text = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.000300           3       200        20 recvfrom
 40.00    0.000200           2       100           sendto
------ ----------- ----------- --------- --------- ----------------
100.00    0.000500           1       300        20 total
"""
    assert systemcalls.summary(text) == {"recvfrom": 200, "sendto": 100}
    lines = systemcalls.table({"HAProxy": {"recvfrom": 2.0}, "tcproxy": {"recvfrom": 2.0, "sendto": 1.0}})
    assert lines == [
        "          HAProxy  tcproxy",
        "all          2.00     3.00",
        "recvfrom     2.00     2.00",
        "sendto       0.00     1.00",
    ]


def test_command_line() -> None:
    """Names are checked, and `--only` keeps the program that all are compared with."""
    assert arguments(["bulk", "--rounds", "2"]).names == ["bulk"]
    assert arguments(["single", "tcp"]).names[:3] == ["single", "messages", "connections"]
    assert arguments(["http"]).names[:2] == ["usual", "forwardfor"]
    assert arguments(["kinds"]).names == [
        "usual", "forwardfor", "cookie", "captures", "use_backend", "deny", "rules", "site", "return",
    ]  # fmt: skip
    with pytest.raises(SystemExit):
        arguments(["bulky"])
    kept = chosen(MEASUREMENTS["bulk"], "forward").programs
    assert [program.name for program in kept] == ["HAProxy", "Twisted portforward"]
    kept = chosen(MEASUREMENTS["keepalive"], "tcproxy", "caddy, node").programs
    assert [program.name for program in kept] == ["HAProxy", "tcproxy", "Caddy", "node http-proxy"]
    assert [one.name for one in chosen(MEASUREMENTS["single"], "").programs] == [one.name for one in HTTP[:4]]


def test_a_program_that_ends_is_told(tmp_path: object) -> None:
    """What a program said before it ended stands in the error."""
    words = [sys.executable, "-c", "import sys; sys.exit('no such luck')"]
    broken = Program("broken", lambda folder, port, target: words)
    with pytest.raises(CannotStart, match=r"broken ended with 1 / no such luck"), started(broken, tmp_path, 1):  # type: ignore[arg-type]
        pytest.fail("it did not start")


@pytest.mark.slow
def test_a_short_run_prints_a_table() -> None:
    """`python -m benchmarks messages connections --quick` measures the Twisted forwarder and prints it."""
    words = ["messages", "connections", "--quick", "--rounds", "1", "--only", "twisted"]
    command = [sys.executable, "-m", "benchmarks", *words]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(".. list-table::") and "µs CPU a message" in run.stdout, run.stdout


def test_requests_differ_where_they_are_said_to() -> None:
    """Requests of the varied load differ in path and one header, the others never; each has its headers."""
    varied, same = http_load.VARIED_REQUEST, http_load.SAME_REQUEST
    first, second = varied(1).split(b"\r\n"), varied(2).split(b"\r\n")
    assert [a == b for a, b in zip(first, second, strict=True)].count(False) == 2
    assert len(first) == 1 + 8 + 2 and same(1) == same(2)
    assert len(http_load.REQUEST_OF_64(1).split(b"\r\n")) == 1 + 64 + 2


def test_every_http_load_passes_every_program(tmp_path: Path) -> None:
    """Each load of HTTP gets its answers from its own server, and through each of the programs that are there."""
    loads = sorted({one.load for one in MEASUREMENTS.values() if one.server == "http" and one.load})
    assert len(loads) == 7
    with contextlib.ExitStack() as stack:
        target = int(answer(stack.enter_context(load_process("http"))))
        for name in loads:
            http_load.CLIENT_LOADS[name](target, 9)
        for program in (one for one in HTTP if one.there and not one.asked):
            port = stack.enter_context(started(program, tmp_path, target)).port
            for name in loads:
                assert http_load.CLIENT_LOADS[name](port, 9) == 9, (program.name, name)


def test_wrong_answers_are_found_out() -> None:
    """A load takes no error page, and no other request's answer."""
    with pytest.raises(RuntimeError, match="no answer to"):
        http_load.check(b"HTTP/1.1 503 no\r\n\r\n00000001 end\n", b"00000001")
    with pytest.raises(RuntimeError, match="no answer to"):
        http_load.check(b'HTTP/1.1 200 OK\r\nETag: "00000001"\r\n\r\nend\n', b"00000002")
    with pytest.raises(RuntimeError, match="no answer"):
        http_load._left(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


@pytest.mark.reference
def test_log_lines_are_counted(tmp_path: Path) -> None:
    """Where requests are logged, the server sees a datagram for each; a program that logs nothing is found out."""
    measurement = MEASUREMENTS["httplog"]
    readings = measurement.run(measurement, 1, 20, tmp_path, print)
    assert all(readings[one.name] for one in measurement.programs if one.there)
    silent = replace(measurement, programs=(http.HAPROXY,))
    told: list[str] = []
    assert silent.run(silent, 1, 20, tmp_path, told.append) == {"HAProxy": []}
    assert told == ["HAProxy: 0 lines were logged for 2 requests"]


def test_a_profile_tells_the_data_path(tmp_path: Path) -> None:
    """The profile of a load has the functions of the data path, with their calls for each request."""
    found = profile.profiled(MEASUREMENTS["keepalive"], 80, tmp_path)
    text = profile.report(found, 400, "calls", True, "method 'recv'")
    assert found.reading.cost > 0
    assert any(" 2." in line and "'send' of '_socket" in line for line in text), text
    assert any("tcproxy/wire/http1/" in line for line in text)
    assert "<method 'recv' of '_socket.socket' objects> is called by" in text


def test_samples_are_shares_of_the_cost() -> None:
    """A function's own time is its part of the samples, whichever lines they stand in."""
    one, other = ("/x/tcproxy/a.py", 1, "one"), ("/x/site-packages/twisted/b.py", 5, "other")
    found = profile.Profile(Reading(40e-6))
    found.samples.update({(one, 2): 1, (one, 3): 2, (other, 6): 1})
    text = profile.report(found, 9, "own", True, "")
    assert "     0.00    30.00  tcproxy/a.py:1 one" in text and "    20.00  tcproxy/a.py:3 one" in text
    assert "     0.00    10.00  twisted/b.py:5 other" in text


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_exchanged_in_memory(kind: str) -> None:
    """In memory, the exchanges of each kind are all answered, and logged where the kind says so."""
    assert memory.Measured(KINDS[kind], 64).round() > 0


def test_an_exchange_in_memory_that_is_not_answered_is_an_error() -> None:
    """Who sends no whole request gets no answer, and the measurement does not count."""
    proxy = InMemory(KINDS["plain"])
    client = proxy.connect()
    client.given = b"GET / HTTP/1.1\r\n"
    client.wake()
    with pytest.raises(RuntimeError, match="0 answers, 0 ends and 1 lines of 1"):
        proxy.check(1)


def test_kinds_in_memory_stand_beside_the_plain_one() -> None:
    """A cost in memory is the least of its rounds', told in a process of its own, beside the plain kind's."""
    folder = Path(memory.__file__).parents[1]
    ours, other = memory.measured(["plain", "cookie"], 2, 64, [folder, folder])
    ours["plain"].costs, ours["cookie"].costs, other["cookie"].costs = [8.0, 4.0], [9.0, 6.0], [5.0, 7.0]
    assert all(len(worker.costs) == 2 for worker in other.values())
    head, _, line = memory.table([ours, other])
    assert head.split() == ["kind", "µs", "median", "to", "plain", "other", "ours/it"]
    assert line.split() == ["cookie", "6.00", "7.50", "1.50", "5.00", "1.200"]


@pytest.mark.parametrize("kind", ["plain", "usual", "single"])
def test_exchanges_leave_the_collector_nothing(kind: str) -> None:
    """Neither exchanges nor connections leave objects in cycles, which only the garbage collector could free."""
    measured = memory.Measured(KINDS[kind], 64)
    gc.collect()
    gc.disable()
    try:
        measured.round()
        assert gc.collect() < 16
    finally:
        gc.enable()
        gc.unfreeze()


def test_a_profile_in_memory_counts_calls_of_one_exchange() -> None:
    """The profile of a kind tells functions with their calls for each exchange."""
    told = memory.profile(KINDS["plain"], 64, 200)
    found = [line.split()[0] for line in told.splitlines() if line.endswith(" wake") and "pipes.py" in line]
    assert found == ["2.00"]
