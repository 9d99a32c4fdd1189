"""A small world for samples: plain objects with the attributes that fetches look at."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from tcproxy.grammar.addresses import Address, Family
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.grammar.networks import packed_address
from tcproxy.grammar.rows import Draft, Reading
from tcproxy.grammar.statements import Origin, Statement
from tcproxy.interfaces import ServerState
from tcproxy.model.bind import Bind
from tcproxy.model.process import Configuration, Global
from tcproxy.model.proxy import Proxy
from tcproxy.model.server import Server
from tcproxy.report.counters import Counters
from tcproxy.rules.acls import parse_acl, parse_test
from tcproxy.rules.conditions import Condition, parse_condition
from tcproxy.rules.lines import parse_rule
from tcproxy.rules.sets import SetKind
from tcproxy.samples.places import Place

ANY = Address(Family.INET, "127.0.0.1", 80)
REQUEST = Place.FRONTEND_REQUEST_HEADER


def reading(section: str = "frontend", name: str = "f") -> Reading:
    """Return a reading that records its messages."""
    return Reading(Diagnostics(1), Environment({"HOME": "/root"}), section=section, name=name)


def warnings(of: Reading) -> list[str]:
    """Return the sentences of the warnings told so far."""
    return [str(item.message) for item in of.diagnostics.items if item.level == "warning"]


def statement(text: str) -> Statement:
    """Return a statement of words between spaces."""
    return Statement(Origin("test.cfg", 7), tuple(text.split(" ")))


def condition(text: str, *acls: str, place: Place = REQUEST, of: Reading | None = None) -> Condition:
    """Compile `if TEXT`, behind some `acl` lines."""
    of = of or reading()
    draft = Draft()
    for acl in acls:
        parse_acl(statement(acl), draft, of)
    found = parse_condition(statement(f"if {text}"), 0, of, place, draft.get("acls"))
    assert found is not None
    return found


def rules(*lines: str, kind: str = "listen") -> Mapping[Any, tuple[Any, ...]]:
    """Return the rules of a section of this kind by set (Proxy.rules), read from lines such as `http-request deny`."""
    draft = Draft(kind=kind)
    for line in lines:
        words = statement(line)
        set_kind = next(one for one in SetKind if line.startswith(f"{one.words} "))
        parse_rule(set_kind, words, draft, reading(kind))
    found: Mapping[Any, tuple[Any, ...]] = draft["rules"]
    return found


def matches(test: str, facts: Any = None) -> bool:
    """Return whether a test, as behind `acl NAME`, holds."""
    line = statement(test)
    return parse_test(line, 0, len(line.words), reading()).holds(facts or client())


def server(name: str, **more: Any) -> SimpleNamespace:
    """Return a live server; `more` are its attributes, `backup` and `maxqueue` of its model."""
    model = Server(name, ANY, backup=more.pop("backup", False), maxqueue=more.pop("maxqueue", 0))
    live = {
        "model": model, "name": name, "id": 1, "state": ServerState.RUNNING, "usable": True, "weight": 16,
        "user_weight": 1, "initial_weight": 1, "served": 0, "queued": 0, "maxconn": 0, "counters": Counters(),
    }  # fmt: skip
    return SimpleNamespace(**{**live, **more})


def farm(name: str, *servers: Any, queue: int = 0, **of_model: Any) -> SimpleNamespace:
    """Return a live backend."""
    model = Proxy("backend", name, **of_model)
    return SimpleNamespace(model=model, counters=Counters(), servers=list(servers), queue=range(queue))


def client(source: str = "127.0.0.1", destination: str = "127.0.0.1", **more: Any) -> SimpleNamespace:
    """Return a session's facts; `farms` of its world may be given, and any attribute."""
    frontend = SimpleNamespace(
        model=Proxy("frontend", "f", id=3, default_backend="b", timeouts={"client": 1000}), counters=Counters()
    )
    world = SimpleNamespace(
        configuration=Configuration(Global(), environment=Environment({"HOME": "/root"})),
        clock=SimpleNamespace(seconds=lambda: 10.5),
        frontends={"f": frontend},
        farms={one.model.name: one for one in more.pop("farms", ())},
        stopping=False,
        told=(told := []),
        tell_sample=lambda destination, line: told.append((destination, line)),
    )
    facts = {
        "source": packed_address(source) or b"", "source_port": 4000,
        "connection_source": (source, 4000), "connection_destination": (destination, 80),
        "destination": packed_address(destination) or b"", "destination_port": 80,
        "proxy_header": None, "frontend": frontend, "farm": None, "server": None, "world": world,
        "bind": SimpleNamespace(model=Bind(ANY, id=5, name="here"), counters=Counters()),
        "request": None, "response": None, "captured": None, "first": True,
        "unique_id": lambda: None, "request_line": lambda: None,
        "request_body": lambda: b"", "response_body": lambda: b"",
        "data": lambda: b"", "response_data": lambda: None, "wait_over": False, "variables": lambda scope: None,
        "client_tcp_info": lambda: None, "link_remote": None, "link_local": None, "client_error": "",
        "link_error": None, "server_timeout": 0, "tunnel_timeout": 0, "priority_class": 0, "priority_offset": 0,
        "last_rule": None,
    }  # fmt: skip
    return SimpleNamespace(**{**facts, **more})
