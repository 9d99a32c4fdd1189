"""`monitor-uri` and `monitor fail` (manual 4.2): what tells other machines that the proxy works."""

from __future__ import annotations

from collections.abc import Iterator

from tcproxy.grammar.rows import FRONT, NAMED_FRONT, Draft, Reading, Row
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.grammar.units import Text


def parse_monitor(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `monitor fail if|unless CONDITION`: a condition that makes the answer a failure."""
    words = statement.words
    if len(words) < 3 or words[2] not in ("if", "unless"):
        raise Refused("'monitor fail' needs 'if' or 'unless' and a condition behind it", min(2, len(words) - 1))
    if reading.conditions is None:
        raise Refused("conditions are known to HAProxy 2.6, not supported by tcproxy yet", 2)
    later = next((word for word in _later(draft)), "")
    if later:
        reading.warn(statement, f"'monitor fail' is obeyed before '{later}', though it stands behind it")
    draft.append("monitor_fails", reading.conditions(statement, 2, draft, reading, ""))


def _later(draft: Draft) -> Iterator[str]:
    """Return the words of lines that were read already, and are obeyed behind `monitor fail`."""
    for kind, rules in draft.get("rules", {}).items():
        if rules and kind.words == "http-request":
            yield kind.words
    for field, word in (("redirects", "redirect"), ("use_backends", "use_backend"), ("use_servers", "use-server")):
        if draft.get(field):
            yield word


WORDS = (
    Row("monitor-uri", FRONT, "Answer requests of monitoring systems.", (Text(),), "monitor_uri", manual="4.2",
        core=True),
    Row("monitor fail", NAMED_FRONT, "Tell monitoring systems of a failure, under a condition.", parse=parse_monitor,
        manual="4.2", core=True),
)  # fmt: skip
