"""Connections and descriptors: HAProxy's sums, and what happens where the limit is too low."""

from __future__ import annotations

import io
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tcproxy.grammar.addresses import Address, Family
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.model.bind import Bind
from tcproxy.model.process import Configuration, Global
from tcproxy.model.proxy import Proxy
from tcproxy.model.server import Server
from tcproxy.process import resources
from tests.running import HAPROXY, end, free_port, wait_for

ADDRESS = Address(Family.INET, "127.0.0.1", 80)
ONE_BIND = (Bind(ADDRESS),)


def configured(*proxies: Proxy, **settings: object) -> Configuration:
    """Return a configuration of these proxies."""
    return Configuration(Global(**settings), proxies)  # type: ignore[arg-type]


LISTEN = Proxy("listen", "f", binds=ONE_BIND)
CHECKED = Proxy("listen", "f", binds=ONE_BIND * 9, servers=(Server("a", ADDRESS, check=True), Server("b", ADDRESS)))
SPLICED = Proxy("listen", "f", binds=ONE_BIND, options=frozenset({"splice-auto"}))
STATS = {"stats_sockets": (Bind(ADDRESS),), "stats_maxconn": 7}


@pytest.mark.parametrize(
    ("configuration", "maxconn", "sockets"),
    [
        (configured(LISTEN, maxconn=1000), 1000, 2014),
        (configured(CHECKED, maxconn=1000, **STATS), 1000, 2031),
        (configured(SPLICED, maxconn=1000), 1000, 2514),
        (configured(SPLICED, maxconn=1000, splice=False), 1000, 2014),
        (configured(SPLICED, maxconn=1000, tune={"maxpipes": 100}), 1000, 2214),
        (configured(LISTEN), 9993, 20000),
        (configured(LISTEN, fd_hard_limit=1000), 493, 1000),
        (configured(LISTEN, fd_hard_limit=10), 100, 214),
        (configured(SPLICED), 7994, 7994 * 2 + 7994 // 4 * 2 + 14),
    ],
)
def test_the_sum(configuration: Configuration, maxconn: int, sockets: int) -> None:
    """maxconn comes from the limit on descriptors when it is not given, and the descriptors from maxconn."""
    planned = resources.plan(configuration, 1024, 20000)
    assert (planned.maxconn, planned.sockets) == (maxconn, sockets)
    assert planned.computed is not bool(configuration.process.maxconn)


def test_no_limit_is_a_million() -> None:
    """A process without a limit on descriptors still has a number of connections."""
    assert resources.plan(configured(LISTEN), 1024, resource.RLIM_INFINITY).maxconn == ((1 << 20) - 14) // 2


def test_settle_fills_in_what_was_computed() -> None:
    """The plan goes into the global section, and -N into frontends that say nothing themselves."""
    own = Proxy("frontend", "g", maxconn=3)
    settled = resources.settle(configured(LISTEN, own, Proxy("backend", "b")), resources.Plan(50, 0, True), 7)
    assert settled.process.maxconn == 50
    assert [proxy.maxconn for proxy in settled.proxies] == [7, 3, 0]


RAISING = """
import resource, sys
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.model.process import Configuration, Global
from tcproxy.process import resources
resource.setrlimit(resource.RLIMIT_NOFILE, (100, int(sys.argv[1])))
configuration = Configuration(Global(ulimit_n=int(sys.argv[2]), strict_limits=sys.argv[4] == "strict"))
planned = resources.Plan(1000, int(sys.argv[3]), False)
print(resources.raise_descriptors(configuration, planned, Diagnostics(1, sys.stdout)))
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def raising(hard: int, ulimit: int, needed: int, strict: str = "strict") -> str:
    """Return what a process says that raises its limit, in a process of its own, without root's rights."""
    words = [sys.executable, "-c", RAISING, str(hard), str(ulimit), str(needed), strict]
    as_nobody = ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
    result = subprocess.run([*as_nobody, *words], capture_output=True, text=True, timeout=60, check=True)
    return result.stdout


@pytest.mark.program("setpriv")
def test_raising_the_limit() -> None:
    """The limit is raised to what is needed, or to ulimit-n; never lowered."""
    assert raising(500, 0, 400) == "True\n(400, 500)\n"
    assert raising(500, 450, 400) == "True\n(450, 500)\n"
    assert raising(500, 0, 50) == "True\n(100, 500)\n"


@pytest.mark.program("setpriv")
def test_a_limit_that_is_too_low() -> None:
    """Too low a limit ends a strict start; otherwise it is told, and the process gets what there is."""
    assert raising(500, 0, 501).endswith("False\n(100, 500)\n")
    assert "too low" in raising(500, 200, 400)
    loose = raising(500, 0, 501, "loose")
    assert loose.endswith("True\n(500, 500)\n")
    assert "cannot raise" in loose


@pytest.mark.reference
@pytest.mark.parametrize("more", ["", "maxconn 300", "fd-hard-limit 700"])
def test_the_reference_computes_the_same(more: str, tmp_path: Path) -> None:
    """`show info` of HAProxy with one thread tells our maxconn and number of descriptors."""
    control, cfg = tmp_path / "sock", tmp_path / "cfg"
    cfg.write_text(
        f"global\n nbthread 1\n stats socket {control}\n {more}\ndefaults\n mode tcp\n timeout client 1s\n"
        f" timeout server 1s\n timeout connect 1s\nlisten f\n bind 127.0.0.1:{free_port()}\n"
        " server a 127.0.0.1:1 check\n"
    )
    name, _, value = more.partition(" ")
    settings = {name.replace("-", "_"): int(value)} if more else {}
    process = subprocess.Popen([HAPROXY, "-db", "-f", str(cfg)], stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: control.exists() or process.poll() is not None)
        said = subprocess.run(
            ["socat", "stdio", str(control)], input="show info\n", capture_output=True, text=True, check=True
        ).stdout
    finally:
        end(process)
    bind = Bind(ADDRESS)
    ours = configured(
        Proxy("listen", "f", binds=(bind,), servers=(Server("a", ADDRESS, check=True),)),
        stats_sockets=(bind,),
        **settings,
    )
    planned = resources.plan(ours, *resources.descriptor_limits())
    assert planned.maxconn == int(re.findall(r"^Maxconn: (\d+)", said, re.MULTILINE)[0])
    assert planned.sockets == int(re.findall(r"^Maxsock: (\d+)", said, re.MULTILINE)[0])


def test_the_messages_name_the_numbers() -> None:
    """The alert about too low a limit says how many descriptors are needed."""
    stream = io.StringIO()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        pytest.skip("there is no limit here")
    planned = resources.Plan(1 << 40, 1 << 41, False)
    assert not resources.raise_descriptors(Configuration(Global(ulimit_n=1)), planned, Diagnostics(1, stream))
    assert str(1 << 41) in stream.getvalue()
