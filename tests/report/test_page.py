"""The statistics page as HTML: what the words of a configuration show, and that no text leaves its place."""

from __future__ import annotations

import re
from html import escape

import pytest
from twisted.internet.testing import MemoryReactorClock

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.report import page, statistics
from tcproxy.report.info import ProcessFacts
from tcproxy.report.page_columns import SHOWN, seconds, size, status_class
from tcproxy.service import ProxyService

TEXT = """
global
    node the-node
    description the machine
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
frontend f
    description the front door
    bind 127.0.0.1:0
    stats uri /stats?x=1
    {words}
backend b
    cookie C insert
    server s 127.0.0.1:9 cookie secret check
    server t 127.0.0.2:9 disabled
"""


def shown(words: str = "", **facts: object) -> str:
    """Return the page of a configuration with these `stats` words. facts: of PageFacts."""
    diagnostics = Diagnostics(1)
    text = TEXT.format(words=words.replace("\n", "\n    "))
    configuration = language.read_text(text, Environment(), diagnostics, name="page.cfg")
    assert configuration is not None, diagnostics.items
    world = ProxyService(configuration, MemoryReactorClock()).world
    model = configuration.proxies[0].statistics
    assert model is not None
    selection = statistics.RowSelection(private=model.legends)
    asked = page.PageFacts(model, model.uri, **facts)  # type: ignore[arg-type]
    return "".join(page.html(ProcessFacts(world, world.load), asked, statistics.rows(world, selection)))


@pytest.mark.parametrize(
    ("words", "parts", "bare"),
    [
        (
            "",
            [" tcproxy 2.6.12", "the front door", ">UP<", ">MAINT<"],
            ["the-node", "the machine", "127.0.0.1:9", "h1_"],
        ),
        ("stats hide-version", [" tcproxy<"], ["2.6.12"]),
        ("stats show-node", ["on the-node"], []),
        ("stats show-node other", ["on other"], ["the-node"]),
        ("stats show-desc", ["the machine"], []),
        ("stats show-desc of <some>", ["of &lt;some&gt;"], ["the machine", "<some>"]),
        ("stats show-legends", ["127.0.0.1:9 id 1 cookie secret", "roundrobin", "id 2"], []),
        ("stats show-modules", ["h1_total_connections: 0", "h2_"], ["127.0.0.1:9"]),
    ],
)
def test_what_words_show(words: str, parts: list[str], bare: list[str]) -> None:
    """Each word shows what it says, or hides it."""
    text = re.sub(r"<(style|script)>.*?</\1>", "", shown(words), flags=re.DOTALL)
    assert [part for part in parts if part not in text] == []
    assert [part for part in bare if part in text] == []


def test_each_row_has_the_cells_of_its_head() -> None:
    """Rows, and the labels over them, have as many cells; the groups over the labels span as many."""
    for words, admin in (("", False), ("stats show-modules", True)):
        text = shown(words, admin=admin)
        head = re.search(r"<thead>(.*?)<tr>(.*?)</thead>(.*?)\n", text.replace("<thead><tr>", "<thead>"), re.DOTALL)
        assert head is not None
        groups, labels, row = head.groups()
        spans = [int(span) for span in re.findall(r"colspan=(\d+)", groups)]
        assert sum(spans) == len(SHOWN)
        count = labels.count("<th ") + labels.count("<th>")
        assert row.count("<td") + row.count("<th") == count == len(SHOWN) + 2 + (2 if admin else 0)


def test_forms_stand_only_where_servers_may_be_changed() -> None:
    """Without the right there is no form; with it each server has a box, and the backend its number."""
    assert "method=post" not in shown()
    text = shown(admin=True)
    assert text.count("method=post") == text.count("</form></section>") == 1
    assert re.findall(r'name=s value="(\w+)"', text) == ["s", "t"]
    assert re.search(r'name=b value="#\d+"', text)


def test_texts_stay_texts() -> None:
    """What a request asks for, and how servers are called, never becomes a part of the page's own markup."""
    evil = "\"><script>x</script>'&"
    text = shown(code=evil, scope=evil, options=";up", refresh=5)
    assert evil not in text
    assert text.count("<script>") == 1
    assert escape(evil) in text


def test_the_policy_lets_the_page_itself_in() -> None:
    """The policy names the hashes of exactly the style and the script that the page has."""
    text = shown()
    policy = dict(page.SAFE)[b"content-security-policy"].decode()
    for tag in ("style", "script"):
        [found] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert page.hash_of(found) in policy
    assert not re.search(r"https?://|//[a-z]", re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL))


def test_codes() -> None:
    """What became of a change is told in words."""
    assert "Done." in shown(code="DONE")
    assert "It is not known" in shown(code="XXXX")
    assert "class=say" not in shown()


def test_values() -> None:
    """Times have two units, sizes three digits, and each kind of status its class."""
    assert [seconds(value) for value in (0, 59, 60, 3599, 3600, 86399, 86400, 900000)] == [
        "0s", "59s", "1m 0s", "59m 59s", "1h 0m", "23h 59m", "1d 0h", "10d 10h",
    ]  # fmt: skip
    assert [size(value) for value in (0, 999, 1000, 12345, 999499, 999500, 10**9, 10**16)] == [
        "0", "999", "1.00 k", "12.3 k", "999 k", "1.00 M", "1.00 G", "10.0 P",
    ]  # fmt: skip
    statuses = ("UP", "OPEN", "DOWN", "UP 1/3", "DOWN 1/2", "MAINT", "DRAIN", "NOLB", "no check", "UP (1/2)", "STOP")
    assert [status_class(status) for status in statuses] == [
        "up", "up", "down", "going", "going", "maint", "maint", "maint", "none", "up", "down",
    ]  # fmt: skip
