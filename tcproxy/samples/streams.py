"""Samples of the state of a stream: its timeouts, its priority, its last rule, its cost (manual 7.3.2, 7.3.3).

`cpu_calls` is not among them: tcproxy has no task whose calls could be counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.samples.constants import constant
from tcproxy.samples.kinds import Kind, Value, encode
from tcproxy.samples.places import WHILE_RUNNING, WITH_BACKEND
from tcproxy.samples.rows import Fetch

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts


def _server_timeout(facts: Facts) -> Value | None:
    return facts.server_timeout


def _tunnel_timeout(facts: Facts) -> Value | None:
    return facts.tunnel_timeout


def _priority_class(facts: Facts) -> Value | None:
    return facts.priority_class


def _priority_offset(facts: Facts) -> Value | None:
    return facts.priority_offset


def _rule_file(facts: Facts) -> Value | None:
    return None if facts.last_rule is None else encode(facts.last_rule.file)


def _rule_line(facts: Facts) -> Value | None:
    return None if facts.last_rule is None else facts.last_rule.line


def _cost_row(name: str) -> Fetch:
    return Fetch(name, Kind.SINT, WHILE_RUNNING, "0, as in HAProxy while it does not profile tasks.", constant(0))


FETCHES = (
    _cost_row("cpu_ns_avg"),
    _cost_row("cpu_ns_tot"),
    Fetch("cur_server_timeout", Kind.SINT, WITH_BACKEND, "The server's timeout in force, in ms.", _server_timeout),
    Fetch("cur_tunnel_timeout", Kind.SINT, WITH_BACKEND, "The timeout of tunnels in force, in ms.", _tunnel_timeout),
    Fetch("last_rule_file", Kind.STR, WHILE_RUNNING, "The file of the last final rule applied.", _rule_file),
    Fetch("last_rule_line", Kind.SINT, WHILE_RUNNING, "The line of the last final rule applied.", _rule_line),
    _cost_row("lat_ns_avg"),
    _cost_row("lat_ns_tot"),
    Fetch("prio_class", Kind.SINT, WHILE_RUNNING, "The stream's class in queues.", _priority_class),
    Fetch("prio_offset", Kind.SINT, WHILE_RUNNING, "The stream's offset in queues, in ms.", _priority_offset),
)
