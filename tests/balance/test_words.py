"""The words of balancing, from a configuration's text to what pickers are given."""

from __future__ import annotations

import pytest

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.model.proxy import Proxy
from tcproxy.registry import Registry
from tests.balance.reference import hashing

TEXT = """
defaults
    mode tcp
    timeout client 1s
    timeout connect 1s
    timeout server 1s
    {defaults}
backend b
    {lines}
    server s 127.0.0.1:1
"""


def read(lines: str, defaults: str = "") -> tuple[Proxy | None, list[str]]:
    """Return the backend, if the text was accepted, and the alerts."""
    diagnostics = Diagnostics(1)
    reading = language.new_reading(Environment(), diagnostics, Registry())
    text = TEXT.format(lines=lines.replace("\n", "\n    "), defaults=defaults)
    configuration = language.read_bytes("t.cfg", text.encode(), reading)
    alerts = [item.message for item in diagnostics.items if item.level == "alert"]
    return (configuration.proxies[0] if configuration else None), alerts


@pytest.mark.parametrize(
    "words",
    ["map-based", "consistent", "consistent sdbm", "map-based wt6 avalanche", "consistent crc32 avalanche"],
)
def test_hash_types(words: str) -> None:
    """A consistent hash without a function is sdbm with avalanche; else avalanche must be said."""
    backend, _ = read(f"balance source\nhash-type {words}", "hash-type map-based djb2 avalanche")
    assert backend is not None
    assert backend.hash_type == hashing(words)


def test_the_balance_factor_reaches_pickers() -> None:
    """The factor stands in what pickers are given, whatever its place among the lines."""
    backend, _ = read("hash-balance-factor 150\nbalance source\nhash-type consistent")
    assert backend is not None
    assert backend.hash_type == hashing("consistent", 150)


def test_draws() -> None:
    """The number in parentheses is the number of draws."""
    backend, _ = read("balance random(3) and more")
    assert backend is not None
    assert backend.balance.options == 3


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("balance random(0)", ("random", "1 or more")),
        ("balance leastconn(2)", ("leastconn", "parentheses")),
        ("balance hash", ("hash", "needs a sample")),
        ("balance hash src ipmask(24)", ("hash", "without blanks")),
        ("balance hash nonsense", ("hash", "nonsense")),
        ("balance hash res.hdr(a)", ("res.hdr", "balance")),
        ("balance hash srv_name", ("srv_name", "balance")),
        ("balance rdp-cookie()", ("rdp-cookie", "needs the name of a cookie")),
        ("balance rounrobin", ("rounrobin", "roundrobin")),
        ("hash-type map-based avalanche", ("avalanche", "crc32")),
    ],
)
def test_refusals_name_what_is_wrong(lines: str, words: tuple[str, ...]) -> None:
    """A word that is wrong, or known but not ours yet, is refused by name."""
    backend, alerts = read(lines)
    assert backend is None
    assert all(word in alerts[0] for word in words)
