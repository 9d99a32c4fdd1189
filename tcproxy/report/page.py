"""The statistics page as HTML: made row by row, whole without scripts, nothing from elsewhere.

How it looks is page.css; page.js, which a browser may leave out, sorts and filters rows, and renews them. Every text
that a configuration, a server or a client has written passes `escape`.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import groupby
from pathlib import Path
from socket import gethostname

from tcproxy.model.proxy import Proxy
from tcproxy.model.statistics_page import StatisticsPage
from tcproxy.report.columns import COLUMNS, MODULES
from tcproxy.report.info import VERSION, ProcessFacts
from tcproxy.report.page_columns import PLACES, SHOWN, Shown, cells, seconds, status_class
from tcproxy.report.statistics import Reader, StatisticsRow

_HERE = Path(__file__)
STYLE = _HERE.with_suffix(".css").read_text(encoding="utf-8")
SCRIPT = _HERE.with_suffix(".js").read_text(encoding="utf-8")


def hash_of(text: str) -> str:
    """Return the hash of an inline text as a policy names it."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


_POLICY = (
    f"default-src 'none'; style-src {hash_of(STYLE)}; script-src {hash_of(SCRIPT)}; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'"
)
_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin"))
SAFE_FRAMED = ((b"content-security-policy", _POLICY.encode()), *_ALWAYS)
"""Headers of a page that can change nothing: it runs no script but its own; other pages may show it."""
SAFE = (
    (b"content-security-policy", f"{_POLICY}; frame-ancestors 'none'".encode()),
    (b"x-frame-options", b"DENY"),
    *_ALWAYS,
)  # fmt: skip
"""Headers of a page that can change servers: no other page may show it, and so lead clicks there."""

CODES = {
    "DONE": ("ok", "Done."),
    "NONE": ("", "Nothing was changed: no server was chosen, or all were so already."),
    "PART": ("bad", "Only some of the servers were changed."),
    "ERRP": ("bad", "Nothing was changed: the action, the backend or the servers are not known here."),
    "EXCD": ("bad", "Nothing was changed: too many servers at once."),
    "DENY": ("bad", "Nothing was changed: you may not change servers here."),
    "IVAL": ("bad", "Nothing was changed: the request was not understood."),
}
OTHER_CODE = ("bad", "It is not known what became of this.")

ACTIONS = (
    ("", "Choose an action"),
    ("ready", "Ready: take clients again"),
    ("drain", "Drain: take no new clients"),
    ("maint", "Maintenance: take no clients, and end what runs"),
    ("dhlth", "Stop health checks"),
    ("ehlth", "Go on with health checks"),
    ("hrunn", "Health: up"),
    ("hnolb", "Health: no new clients"),
    ("hdown", "Health: down"),
    ("shutdown", "End all sessions"),
)


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What one page shows. model: its settings. uri, options: of the page, and of this request (`;up;norefresh`).

    code: what became of a change, "" for no change. scope: text that the names of all proxies have. refresh: seconds,
    0 for never. admin: servers may be changed.
    """

    model: StatisticsPage
    uri: str
    options: str = ""
    code: str = ""
    scope: str = ""
    refresh: int = 0
    admin: bool = False


_NAME, _STATUS, _CHECK = PLACES["svname"], PLACES["status"], PLACES["check_status"]
_ADDRESS, _COOKIE = PLACES["addr"], PLACES["cookie"]
READER = Reader({*(shown.name for shown in SHOWN), "svname", "status", "addr", "cookie", "check_status"})
"""Reads what the page shows; with `stats show-modules` EVERY_COLUMN does."""
_MODULES = len(COLUMNS) - len(MODULES)


# the page


def html(process: ProcessFacts, facts: PageFacts, rows: Iterable[StatisticsRow]) -> Iterator[str]:
    """Give the page piece by piece."""
    proxies = {proxy.id: proxy for proxy in process.world.configuration.proxies}
    yield _top(process, facts)
    proxy: Proxy | None = None
    body = ""
    for row in rows:
        if proxy is None or row.proxy != proxy.id:
            if proxy is not None:
                yield _end_of_section(proxy, facts)
            proxy, body = proxies[row.proxy], ""
            yield _section(proxy, facts)
        part = {"F": "f", "L": "f", "S": "s"}.get(row.kind, "b")
        if part != body:
            yield f"<tbody class={part}>"
            body = part
        yield _row(row, facts)
    yield _end_of_section(proxy, facts) if proxy is not None else "<p>No proxy is shown: look at the filter.</p>"
    yield f"</main><footer>{_footer(facts)}</footer><script>{SCRIPT}</script></body></html>\n"


@lru_cache(256)
def _status(status: str) -> tuple[str, str]:
    """Return the class of a row with this status, and how its cell goes on."""
    return status_class(status), f"<i>{escape(status)}</i>"


def _row(row: StatisticsRow, facts: PageFacts) -> str:
    values = row.values
    told = escape(str(values[_NAME]))
    kind, status = _status(str(values[_STATUS] or ""))
    box = ""
    if facts.admin:
        box = (
            f'<td class=c><input type=checkbox name=s value="{told}" aria-label="{told}">'
            if row.kind == "S"
            else "<td class=c>"
        )
    title = ""
    legend = ""
    if facts.model.legends:
        legend = escape(" ".join(_legend(row)))
        legend = f"<small>{legend}</small>"
    if row.kind == "S" and values[_CHECK] is not None:
        title = f' title="{escape(str(values[_CHECK]))}"'
    modules = _modules(row) if facts.model.modules else ""
    start = f'<tr class={kind}>{box}<th scope=row class=l title="{told}">{told}{legend}'
    return f"{start}<td class=t{title}>{status}{cells(values)}{modules}\n"


def _legend(row: StatisticsRow) -> Iterator[str]:
    """Give what `stats show-legends` adds to a name."""
    values = row.values
    if values[_ADDRESS] is not None:
        yield str(values[_ADDRESS])
    yield f"id {row.id or row.proxy}"
    if values[_COOKIE] is not None:
        yield f"cookie {values[_COOKIE]}"


def _modules(row: StatisticsRow) -> str:
    """Return the cell of what `stats show-modules` adds: all that is not 0, and the rest behind it."""
    pairs = [(c.name, v) for c, v in zip(MODULES, row.values[_MODULES:], strict=True) if v is not None]
    text = ", ".join(f"{name} {value}" for name, value in pairs if value)
    title = escape("\n".join(f"{name}: {value}" for name, value in pairs))
    return f'<td class="l x" title="{title}">{escape(text)}'


def _section(proxy: Proxy, facts: PageFacts) -> str:
    name = escape(proxy.name)
    about = [proxy.kind, proxy.mode]
    if facts.model.legends and proxy.is_backend:
        about.append("dispatch" if proxy.dispatch else proxy.balance.name)
    if facts.model.legends:
        about.append(f"id {proxy.id}")
    if proxy.description:
        about.append(proxy.description)
    form = ""
    if _changeable(proxy, facts):
        form = f'<form method=post action="{_link(facts)}"><input type=hidden name=b value="#{proxy.id}">'
    title = f'<h2><a href="#{name}">{name}</a> <small>{escape(", ".join(about))}</small></h2>'
    caption = f"<caption class=sr>{name}</caption>"
    return (
        f'<section id="{name}" data-name="{name}">{title}{form}<div class=scroll><table>{caption}{_heads(proxy, facts)}'
    )


def _changeable(proxy: Proxy, facts: PageFacts) -> bool:
    return facts.admin and proxy.is_backend and bool(proxy.servers)


def _end_of_section(proxy: Proxy, facts: PageFacts) -> str:
    if not _changeable(proxy, facts):
        return "</table></div></section>\n"
    options = "".join(f'<option value="{word}">{escape(text)}' for word, text in ACTIONS)
    return (
        f"</table></div><div class=do><label>With the chosen servers: <select name=action>{options}</select></label>"
        "<button>Do it</button></div></form></section>\n"
    )


def _heads(proxy: Proxy, facts: PageFacts) -> str:
    boxes = "<input type=checkbox hidden aria-label='all servers'>" if _changeable(proxy, facts) else ""
    box = f"<th class='l c'>{boxes}" if facts.admin else ""
    more = "<th scope=col class='l x'>Modules" if facts.model.modules else ""
    return (
        f"<thead><tr>{'<th class=c>' if box else ''}<th class='l n'><th class=t>{_GROUPS}"
        f"{'<th class=x>' if more else ''}<tr>{box}<th scope=col class='l n' data-s=a title='Name'>Name"
        f"<th scope=col class='l t' data-s=a title='Status'>Status{_LABELS}{more}</thead>"
    )


def _group_heads(group: Sequence[Shown]) -> str:
    """Return the heads over a group of columns: one for its neighbours of each level, which are hidden together.

    One of them has the name of the group; where phones do not show that one, another has the name there.
    """
    runs = [(level, len(list(found))) for level, found in groupby(shown.level for shown in group)]
    levels = [level for level, _ in runs]
    named = next((at for at, level in enumerate(levels) if level != "x"), 0)
    on_phones = levels.index("") if "" in levels and levels[named] else -1
    heads = ""
    for at, (level, count) in enumerate(runs):
        name = escape(group[0].group) if at in (named, on_phones) else ""
        if at == on_phones:
            name = f"<span class=p>{name}</span>"
        kind = " ".join(filter(None, (level, "g" if at == named and name else "")))
        heads += f'<th scope=colgroup colspan={count} class="{kind}">{name}'
    return heads


_GROUPS = "".join(_group_heads(list(group)) for _, group in groupby(SHOWN, lambda shown: shown.group))
_LABELS = "".join(
    f'<th scope=col class="{one.level}" data-s={"a" if one.kind == "text" else "d"} title="{escape(one.help)}">'
    f"{escape(one.label)}"
    for one in SHOWN
)


def _link(facts: PageFacts, options: str | None = None) -> str:
    """Return the URI of the page with options; by default those of this request."""
    scope = f"{'&' if '?' in facts.uri else '?'}scope={facts.scope}" if facts.scope else ""
    return escape(facts.uri + (facts.options if options is None else options) + scope)


def _top(process: ProcessFacts, facts: PageFacts) -> str:
    model, settings = facts.model, process.world.configuration.process
    node = (model.node or settings.node or gethostname()) if model.node is not None else ""
    described = (model.description or settings.description) if model.description is not None else ""
    version = "" if model.hides_version else f" {VERSION}"
    where = f" on {node}" if node else ""
    reload = f"<noscript><meta http-equiv=refresh content={facts.refresh}></noscript>" if facts.refresh else ""
    return (
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width,initial-scale=1"><meta name=color-scheme content="light dark">'
        f'<title>{escape(f"Statistics{where}")}</title><link rel=icon href="data:,">{reload}'
        f"<style>{STYLE}</style></head>"
        f'<body data-self="{_link(facts, _without_refresh(facts.options))}" data-every="{facts.refresh or ""}">'
        f"<header><h1>Statistics<small>{escape(f' tcproxy{version}{where}')}</small></h1>"
        f"{f'<p>{escape(described)}</p>' if described else ''}{_process(process)}</header>"
        f"<input type=checkbox id=all>{_bar(facts)}<main>{_said(facts)}"
    )  # fmt: skip


def _without_refresh(options: str) -> str:
    return options if ";norefresh" in options else f"{options};norefresh"


def _process(process: ProcessFacts) -> str:
    world = process.world
    pairs = (
        ("pid", str(os.getpid())),
        ("up for", seconds(int(process.uptime()))),
        (
            "connections",
            f"{world.counters.current:,} of {world.maxconn:,}" if world.maxconn else f"{world.counters.current:,}",
        ),
        ("connections a second", f"{process.rate():,}"),
        ("so far", f"{world.counters.total:,}"),
        ("idle", f"{process.load.idle} %"),
        *((("state", "stopping"),) if world.stopping else ()),
    )
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in pairs) + "</dl>"


def _bar(facts: PageFacts) -> str:
    path, _, query = facts.uri.partition("?")
    fields = "".join(
        f'<input type=hidden name="{escape(name)}" value="{escape(value)}">'
        for name, _, value in (part.partition("=") for part in query.split("&") if part)
    )
    search = (
        f'<input type=search id=filter name=scope value="{escape(facts.scope)}" maxlength=20 '
        'placeholder="Filter by name or status" aria-label="Filter">'
    )
    action = escape(path if query else path + facts.options)
    links = [
        _switch(facts, ";up", "Hide servers that are down", "Show servers that are down"),
        _switch(facts, ";no-maint", "Hide servers in maintenance", "Show servers in maintenance"),
        f'<a href="{_link(facts)}">Reload</a>',
        f'<a href="{_link(facts, ";csv;norefresh")}">CSV</a>',
        f'<a href="{_link(facts, ";json;norefresh")}">JSON</a>',
    ]
    if facts.model.refresh:
        links.insert(
            0, f"<span class=plain>{_switch(facts, ';norefresh', 'Stop the refresh', 'Refresh by itself')}</span>"
        )
    return (
        f'<nav aria-label="View"><form action="{action}">{fields}{search}<button class=plain>Filter</button></form>'
        "<button type=button id=live hidden>Live</button>"
        "<label for=all><span class=more>All columns</span><span class=less>Fewer columns</span></label>"
        f"{' '.join(links)}<span id=told role=status></span></nav>"
    )


def _switch(facts: PageFacts, option: str, on: str, off: str) -> str:
    """Return the link that adds an option to this page, or takes it away."""
    there = option in facts.options
    options = facts.options.replace(option, "") if there else facts.options + option
    return f'<a href="{_link(facts, options)}">{off if there else on}</a>'


def _said(facts: PageFacts) -> str:
    """Return what became of a change."""
    if not facts.code:
        return ""
    kind, text = CODES.get(facts.code, OTHER_CODE)
    return f'<p class="say {kind}" role=status>{text} <a href="{_link(facts)}">Close</a></p>'


def _footer(facts: PageFacts) -> str:
    if facts.admin:
        return "You may change servers here."
    return "Only for reading."
