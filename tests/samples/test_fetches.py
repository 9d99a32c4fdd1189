"""Fetches: their rows beside the reference's list, and the numbers that the state of a farm gives."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from tcproxy.interfaces import ServerState
from tcproxy.rules.criteria import CRITERIA
from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.facts import Facts
from tcproxy.samples.kinds import Kind, Value, cast, same
from tcproxy.samples.places import Place
from tcproxy.samples.table import FETCHES, MISSING_FETCHES, listing
from tcproxy.wire.proxy_protocol import ProxyCommand, ProxyFamily, ProxyHeader, Tlv
from tests.rules.world import client, farm, server
from tests.running import HAPROXY


def sample(text: str, facts: object = None) -> Value | None:
    """Take a sample."""
    return parse_expression(text, "f").take(facts or client())  # type: ignore[arg-type]


def test_no_fetch_stands_in_two_lists() -> None:
    """A fetch is done, or known to be missing, never both; the same for the criteria of ACLs and their fetches."""
    assert not FETCHES.keys() & MISSING_FETCHES
    for name, (fetch, _) in CRITERIA.items():
        assert {name, fetch} & (FETCHES.keys() | MISSING_FETCHES), name


@pytest.mark.reference
def test_rows_are_those_of_the_reference(tmp_path: Path) -> None:
    """Every line of our list stands in the reference's, heading included, and the rest is listed as missing."""
    file = tmp_path / "empty.cfg"
    file.write_text("defaults\n  mode tcp\n")
    run = subprocess.run([HAPROXY, "-dKsmp", "-c", "-f", str(file)], capture_output=True, text=True, check=False)
    theirs = [line for line in run.stdout.splitlines() if line[:1] in "#["]
    ours = listing().splitlines()
    assert [line for line in ours if line not in theirs] == []
    names = {line.split("] ")[1].split("(")[0].split(":")[0] for line in theirs if line.startswith("[")}
    assert names == FETCHES.keys() | MISSING_FETCHES


def test_the_facts_of_tests_lack_nothing() -> None:
    """The plain object that stands for a session in tests has all that fetches may ask for."""
    assert {name for name in vars(Facts) if not name.startswith("_")} <= vars(client()).keys()


def test_every_row_compiles_and_says_what_it_is() -> None:
    """Each row has a sentence of help, 22 places, and either a fetch or a way to build it."""
    for row in FETCHES.values():
        assert row.help.endswith(".") and len(row.places) == len(Place) == 22, row.name
        assert (row.take is None) != (row.build is None), row.name


def busy() -> SimpleNamespace:
    """Return a farm: two servers up, one down, one backup, with sessions and queues."""
    return farm(
        "b",
        server("s1", served=2, maxconn=5, queued=1, maxqueue=4, weight=24),
        server("s2", served=5, maxconn=5, queued=3, maxqueue=9),
        server("s3", state=ServerState.STOPPED, usable=False, maxconn=50, maxqueue=1),
        server("s4", backup=True, maxconn=3, maxqueue=7),
        queue=3,
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nbsrv(b)", 2), ("queue(b)", 7), ("avg_queue(b)", 4), ("connslots(b)", 3 + 3 + 0 + 6 + 3 + 7),
        ("be_conn_free(b)", 3), ("srv_conn(b/s2)", 5), ("srv_conn_free(b/s1)", 3), ("srv_conn_free(b/s2)", 0),
        ("srv_is_up(b/s1)", True), ("srv_is_up(b/s3)", False), ("srv_queue(b/s2)", 3), ("srv_weight(b/s1)", 2),
        ("srv_name", None), ("be_name", b"f"), ("be_conn(nowhere)", None), ("srv_conn(b/nobody)", None),
        ("fe_conn(nowhere)", None),
    ],
)  # fmt: skip
def test_numbers_of_a_farm(text: str, value: Value | None) -> None:
    """Connections, queues and weights are counted as the manual says, and what does not exist gives no sample."""
    assert sample(text, client(farms=[busy()])) == value


def test_backups_count_when_no_server_is_left() -> None:
    """One backup counts for all, unless `allbackups` is on; without any server the queue counts twice."""
    backups = [server(f"b{n}", backup=True, maxconn=4) for n in range(3)]
    down = server("s1", usable=False, state=ServerState.STOPPED)
    one = client(farms=[farm("b", down, *backups, queue=6)])
    assert (sample("nbsrv(b)", one), sample("avg_queue(b)", one), sample("be_conn_free(b)", one)) == (1, 6, 4)
    every = client(farms=[farm("b", down, *backups, queue=6, options=frozenset({"allbackups"}))])
    assert (sample("nbsrv(b)", every), sample("avg_queue(b)", every), sample("be_conn_free(b)", every)) == (3, 2, 12)
    none = client(farms=[farm("b", down, queue=6)])
    assert (sample("nbsrv(b)", none), sample("avg_queue(b)", none)) == (0, 12)


def test_rates_are_of_the_last_second() -> None:
    """Rates read the sliding counters with the world's clock."""
    live = busy()
    facts = client(farms=[live])
    for _ in range(4):
        live.counters.count(10.1)
        live.servers[0].counters.count(9.9)
        facts.frontend.counters.count(10.2)
    assert sample("be_sess_rate(b)", facts) == 4
    assert sample("srv_sess_rate(b/s1)", facts) == 2
    assert sample("fe_sess_rate", facts) == sample("fe_sess_rate(f)", facts) == 4


def test_the_sessions_own_parts() -> None:
    """A chosen backend and server, the listener and the frontend give their names, numbers and timeouts."""
    live = busy()
    live.model = live.model.__class__("backend", "b", id=9, timeouts={"server": 2000, "tunnel": 3000})
    facts = client(farm=live, server=live.servers[1])
    for text, value in {
        "be_name": b"b", "be_id": 9, "be_server_timeout": 2000, "be_tunnel_timeout": 3000, "srv_name": b"s2",
        "srv_id": 1, "fe_name": b"f", "fe_id": 3, "fe_defbe": b"b", "fe_client_timeout": 1000, "so_id": 5,
        "so_name": b"here", "src_port": 4000, "dst_port": 80, "src": bytes((127, 0, 0, 1)), "stopping": False,
    }.items():  # fmt: skip
        assert sample(text, facts) == value, text


def test_what_a_proxy_header_says() -> None:
    """The header's authority and unique id are samples; without a header there are none."""
    header = ProxyHeader(2, ProxyCommand.PROXY, ProxyFamily.INET, tlvs=(Tlv(2, b"example.org"), Tlv(5, b"id")))
    facts = client(proxy_header=header)
    assert [sample(text, facts) for text in ("fc_rcvd_proxy", "fc_pp_authority", "fc_pp_unique_id")] == [
        True, b"example.org", b"id",
    ]  # fmt: skip
    assert [sample(text) for text in ("fc_rcvd_proxy", "fc_pp_authority")] == [False, None]


def test_addresses_of_this_machine() -> None:
    """Loopback is local, an address of the documentation's network is not."""
    assert sample("src_is_local", client(source="127.1.2.3")) is True
    assert sample("dst_is_local", client(destination="192.0.2.1")) is False


def test_chance_and_time() -> None:
    """`rand(n)` stays below n, UUIDs differ, and the environment is the configuration's, not the process's."""
    assert {sample("rand(3)") for _ in range(200)} == {0, 1, 2}
    assert sample("uuid") != sample("uuid")
    os.environ["TCPROXY_SAMPLE"] = "x"
    assert sample("env(TCPROXY_SAMPLE)") is None and sample("env(HOME)") == b"/root"


def test_casts_keep_the_kinds_of_the_reference() -> None:
    """Casts within a form change nothing; those that HAProxy lacks do not exist."""
    assert cast(Kind.STR, Kind.BIN) is same and cast(Kind.IPV4, Kind.ADDR) is same
    lacking = (
        (Kind.BOOL, Kind.IPV4), (Kind.IPV4, Kind.BOOL), (Kind.ADDR, Kind.STR), (Kind.IPV6, Kind.SINT),
        (Kind.BIN, Kind.SINT), (Kind.METH, Kind.BOOL),
    )  # fmt: skip
    for origin, wanted in lacking:
        assert cast(origin, wanted) is None
