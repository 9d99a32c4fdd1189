"""The same orders in HAProxy and here, one after the other: the same words at the same level, and the same states."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.fullconn import with_limits
from tcproxy.model.process import Configuration, Global
from tcproxy.model.proxy import Proxy, UseBackend
from tcproxy.model.server import Server
from tcproxy.servers.states_report import ANNOUNCEMENT, states_report
from tcproxy.servers.tracking import link_tracks
from tests.running import wait_for
from tests.servers.playing import Play, model
from tests.servers.reference import Reference, reference

pytestmark = [pytest.mark.reference]

# a tracked server must have a check: the first ones succeed, silently, and the next would come in an hour
SECTIONS = """
backend b
 server s unix@{folder}/cli weight 10 check inter 1h
 server t 127.0.0.1:1 track s
 server d unix@{folder}/cli disabled weight 3 check inter 1h
 server k 127.0.0.1:1 backup
listen l
 bind unix@{folder}/front
 balance {balance}
 server u 127.0.0.1:1 track b/t
 server v unix@{folder}/cli backup weight 5 check inter 1h
 server w 127.0.0.1:1 backup track l/v
backend c
 option allbackups
 server e 127.0.0.1:1 track b/d
 server f 127.0.0.1:1 disabled backup
"""
LABELS = ["b/s", "b/t", "b/d", "b/k", "l/u", "l/v", "l/w", "c/e", "c/f"]
ORDERS = (
    ["state ready", "state drain", "state maint"] * 3
    + ["health up", "health down", "health stopping"] * 3
    + ["weight 0", "weight 1", "weight 50%", "weight 100%", "weight 300%", "weight x"]
)


def same_farms(balance: str) -> Play:
    """Return what the sections say, alive here."""
    play = Play()
    play.farm(
        model("s", weight=10), model("t", track="s"), model("d", disabled=True, weight=3), model("k", backup=True),
    )  # fmt: skip
    play.farm(
        model("u", track="b/t"), model("v", backup=True, weight=5), model("w", backup=True, track="l/v"),
        name="l", kind="listen", balance=balance,
    )  # fmt: skip
    play.farm(
        model("e", track="b/d"), model("f", disabled=True, backup=True), name="c", options=frozenset({"allbackups"})
    )
    link_tracks(play.farms)
    return play


def obey(play: Play, label: str, order: str) -> bool:
    """Do here what the runtime socket does; return whether it was refused."""
    farm, _, name = label.partition("/")
    server = play.farms[farm].server(name)
    assert server is not None
    kind, _, word = order.partition(" ")
    try:
        {"state": server.set_state, "health": server.set_health, "weight": server.set_weight}[kind](word)
    except ValueError:
        return True
    return False


def states_here(play: Play) -> dict[str, tuple[str, ...]]:
    """Return state, flags and weights of all servers, as `show servers state` prints them."""
    servers = [server for farm in play.farms.values() for server in farm.servers]
    return {
        s.label: tuple(map(str, (s.state.value, int(s.admin), s.user_weight, s.initial_weight))) for s in servers
    }


def states_there(there: Reference) -> dict[str, tuple[str, ...]]:
    """Return the same of the reference."""
    columns = ("srv_op_state", "srv_admin_state", "srv_uweight", "srv_iweight")
    return {label: tuple(row[c] for c in columns) for label, row in there.table("show servers state").items()}


def counts_here(play: Play) -> dict[str, tuple[str, ...]]:
    """Return usable servers, weight and transitions of all backends, as `show stat` has them."""
    return {
        f"{farm.name}/BACKEND": tuple(
            map(str, (farm.active, farm.backups, -(-farm.weight // 16), farm.counters.down_transitions))
        )
        for farm in play.farms.values()
    }


def counts_there(there: Reference) -> dict[str, tuple[str, ...]]:
    """Return the same of the reference."""
    table = there.table("show stat")
    return {
        label: tuple(row[column] for column in ("act", "bck", "weight", "chkdown"))
        for label, row in table.items()
        if label.endswith("/BACKEND")
    }


@pytest.mark.parametrize(("seed", "balance"), [(1, "roundrobin"), (2, "static-rr"), (3, "leastconn")])
def test_a_walk_through_all_states(tmp_path: Path, seed: int, balance: str) -> None:
    """After each of many orders the messages since the last one, their levels and all states are the same."""
    chance = random.Random(seed)
    play = same_farms(balance)
    with reference(tmp_path, SECTIONS.format(folder=tmp_path, balance=balance)) as there:
        assert states_here(play) == states_there(there)
        story = []
        for _ in range(500):
            label, order = chance.choice(LABELS), chance.choice(ORDERS)
            story.append(f"{label} {order}")
            answer = there.say(f"set server {label} {order}")
            refused = obey(play, label, order)
            assert refused == bool(answer), (story, answer)
            assert play.said() == there.said(), story
        assert states_here(play) == states_there(there)
        assert counts_here(play) == counts_there(there)


NAMELESS = """
backend b
 server u nosuch.invalid:80 init-addr none
 server v nosuch.invalid:80 init-addr none disabled
"""


def test_maintenance_for_want_of_an_address(tmp_path: Path) -> None:
    """A server whose name was not resolved is in maintenance until it is given an address."""
    name = Address(Family.INET, "nosuch.invalid", 80, 80, is_name=True)
    play = Play()
    play.farm(Server("u", name), Server("v", name, disabled=True))
    orders = [("b/u", f"state {word}") for word in ("maint", "ready", "drain")]
    orders += [("b/u", "addr 127.0.0.1"), ("b/v", "addr 127.0.0.1"), ("b/v", "state ready")]
    with reference(tmp_path, NAMELESS) as there:
        assert states_here(play) == states_there(there)
        for label, order in orders:
            there.say(f"set server {label} {order}")
            server = play.farms["b"].server(label[2:])
            assert server is not None
            if order.startswith("addr"):
                server.set_address(Address(Family.INET, "127.0.0.1", 80, 80))
            else:
                obey(play, label, order)
            assert play.said() == there.said(), (label, order)
        assert states_here(play) == states_there(there)


def test_states_on_hangup(tmp_path: Path) -> None:
    """SIGHUP makes the same report in the log."""
    play = same_farms("roundrobin")
    with reference(tmp_path, SECTIONS.format(folder=tmp_path, balance="roundrobin")) as there:
        for label in ("b/s", "b/d", "l/v"):
            there.say(f"set server {label} health down")
            obey(play, label, "health down")
        assert play.said() == there.said()
        there.process.send_signal(signal.SIGHUP)
        expected = []
        for farm in play.farms.values():
            expected.append(f"{ANNOUNCEMENT} for proxy {farm.name}.")
            expected += states_report(farm)
        messages: list[tuple[int, str]] = []
        wait_for(lambda: messages.extend(there.said()) or len(messages) > len(expected), what="the report")
        assert messages[: len(expected)] == [(5, text) for text in expected]


FRONTS = """
frontend f
 bind unix@{folder}/f
 maxconn 95
 default_backend b
 use_backend c if TRUE
 use_backend c if FALSE
frontend g
 bind unix@{folder}/g
 maxconn 1000
 use_backend b if TRUE
listen l
 bind unix@{folder}/l
 maxconn 30
backend b
backend c
backend d
backend e
 fullconn 7
"""


def test_computed_fullconn(tmp_path: Path) -> None:
    """A backend without `fullconn` gets the same one."""
    proxies = [
        Proxy("frontend", "f", maxconn=95, default_backend="b", use_backends=(UseBackend("c"), UseBackend("c"))),
        Proxy("frontend", "g", maxconn=1000, use_backends=(UseBackend("b"),)),
        Proxy("listen", "l", maxconn=30),
        Proxy("backend", "b"), Proxy("backend", "c"), Proxy("backend", "d"), Proxy("backend", "e", fullconn=7),
    ]  # fmt: skip
    with reference(tmp_path, FRONTS.format(folder=tmp_path)) as there:
        rows = there.table("show stat")
    expected = {label[:-8]: int(row["slim"]) for label, row in rows.items() if label.endswith("/BACKEND")}
    limited = with_limits(Configuration(Global(), tuple(proxies)), 1).backends()
    assert {proxy.name: proxy.fullconn for proxy in limited} == expected
