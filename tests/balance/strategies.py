"""Short ways to a farm in these tests."""

from __future__ import annotations

from hypothesis import strategies as st

from tcproxy.balance.draws import Random
from tcproxy.balance.first import First
from tcproxy.balance.hdr import HeaderHash
from tcproxy.balance.leastconn import LeastConn
from tcproxy.balance.rdp_cookie import RdpCookieHash
from tcproxy.balance.roundrobin import RoundRobin
from tcproxy.balance.sample import SampleHash
from tcproxy.balance.source import SourceHash
from tcproxy.balance.static_rr import StaticRoundRobin
from tcproxy.balance.uri import UriHash
from tcproxy.balance.url_param import UrlParamHash
from tcproxy.model.proxy import HashType
from tests.balance.farms import FakeFarm, FakeServer

STRATEGIES = {
    strategy.name: strategy
    for strategy in (RoundRobin(), StaticRoundRobin(), LeastConn(), First(), SourceHash(), Random())
}

KEYED = {
    strategy.name: strategy for strategy in (UriHash(), UrlParamHash(), HeaderHash(), RdpCookieHash(), SampleHash())
}
"""Those that look at what clients say."""

HASHES = [
    HashType(method, function, avalanche)
    for method in ("map-based", "consistent")
    for function in ("sdbm", "djb2", "wt6", "crc32")
    for avalanche in (False, True)
]

weights = st.lists(st.integers(1, 20), min_size=1, max_size=6)


def farm(strategy: str, *given: int, hashing: HashType | None = None, **options: object) -> FakeFarm:
    """Return a farm of servers a, b ... with these weights; options go to each server."""
    servers = [FakeServer("abcdefghij"[n], n + 1, weight, **options) for n, weight in enumerate(given)]  # type: ignore[arg-type]
    return FakeFarm(STRATEGIES[strategy], servers, hashing or HashType())
