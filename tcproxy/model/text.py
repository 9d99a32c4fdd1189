"""A Configuration as text: what differs from the defaults, for golden files and for looking at."""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
from collections.abc import Mapping
from enum import Enum
from typing import Any

from tcproxy.grammar.addresses import Address
from tcproxy.grammar.networks import Network
from tcproxy.model.process import Configuration
from tcproxy.model.proxy import Balance

HIDDEN = frozenset({"forms", "origin", "kind", "name", "text"})
"""Fields that are not lines of their own: places, and what stands in headings."""


def describe(configuration: Configuration) -> str:
    """Return the global section and the proxies, a line for each value that is not the default."""
    lines = ["global", *_fields(configuration.process, "    ")]
    for proxy in configuration.proxies:
        lines += ["", f"{proxy.kind} {proxy.name}", *_fields(proxy, "    ")]
    return "\n".join(lines) + "\n"


def _fields(thing: Any, indent: str) -> list[str]:
    lines = []
    for field in dataclasses.fields(thing):
        value = getattr(thing, field.name)
        if field.name not in HIDDEN and value != _default(field):
            lines += _field(field.name, value, indent)
    return lines


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _field(name: str, value: Any, indent: str) -> list[str]:
    if name == "rules":
        return _rules(value, indent)
    if isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]) and not isinstance(value[0], Address):
        return [line for one in value for line in _block(name.removesuffix("s"), one, indent)]
    if dataclasses.is_dataclass(value) and not isinstance(value, Address | Balance):
        return _block(name, value, indent)
    if isinstance(value, Mapping):
        return [f"{indent}{name} {key} {show(one)}" for key, one in sorted(value.items())]
    return [f"{indent}{name} {show(value)}"]


def _rules(sets: Mapping[Any, tuple[Any, ...]], indent: str) -> list[str]:
    """Return each rule as it was written, with the answer that it gives."""
    lines = []
    for kind, rules in sorted(sets.items(), key=lambda item: item[0].words):
        for rule in rules:
            lines.append(f"{indent}{kind.words} {rule.text}")
            if rule.reply is not None:
                lines += _block("reply", rule.reply, indent + "    ")
    return lines


def _block(name: str, thing: Any, indent: str) -> list[str]:
    title = getattr(thing, "name", "")
    return [f"{indent}{name} {title}".rstrip(), *_fields(thing, indent + "    ")]


def show(value: Any) -> str:
    """Return a value on one line; what has no fixed text of its own shows its kind only."""
    if isinstance(value, Address):
        return show_address(value)
    if isinstance(value, Network):
        kind = ipaddress.IPv4Address if value.bits == 32 else ipaddress.IPv6Address
        return f"{kind(value.address)}/{kind(value.mask)}"
    if isinstance(value, Balance):
        options = "" if value.options is None else f" {value.options}"
        return f"{value.name}{options} ({type(value.strategy).__name__})"
    if isinstance(value, frozenset):
        return " ".join(sorted(map(str, value)))
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, str | int | tuple):
        return repr(value)
    return getattr(value, "text", type(value).__name__)


def show_address(address: Address) -> str:
    """Return an address with its family, and what is said of its port."""
    port = f":{address.port:+d}" if address.relative else f":{address.port}" if address.port else ""
    if address.last_port > address.port:
        port += f"-{address.last_port}"
    name = " (a name)" if address.is_name else ""
    kind = "datagram" if address.kind == socket.SOCK_DGRAM else "stream"
    return f"{address.family.value}{address.host or '*'}{port} {kind}{name}"
