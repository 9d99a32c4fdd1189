"""Warnings of lines whose order is not that in which they are obeyed (manual 4.2).

Rules of one set are taken in their order; sets are taken one after the other, wherever their lines stand.
"""

from __future__ import annotations

from tcproxy.grammar.rows import Draft, Reading
from tcproxy.grammar.statements import Statement
from tcproxy.rules.sets import SetKind

_SETS = (SetKind.TCP_CONNECTION, SetKind.TCP_SESSION, SetKind.TCP_CONTENT)
_FIELDS = (("monitor_fails", "monitor fail"), ("redirects", "redirect"), ("use_backends", "use_backend"),
           ("use_servers", "use-server"))  # fmt: skip


def warn_of_order(kind: SetKind, statement: Statement, draft: Draft, reading: Reading) -> None:
    """Warn of a rule that stands behind lines that are obeyed later, and name the first kind of them."""
    later = _later(kind, draft)
    if later:
        reading.warn(statement, f"'{kind.words}' rules are obeyed before '{later}', though this one stands behind it")


def _later(kind: SetKind, draft: Draft) -> str:
    """Return the words of lines that were read already, and are obeyed behind rules of this kind; "" for none."""
    if kind not in (*_SETS, SetKind.HTTP_REQUEST):
        return ""
    rules = draft.get("rules", {})
    behind = _SETS[_SETS.index(kind) + 1 :] if kind in _SETS else ()
    for one in behind:
        if rules.get(one):
            return one.words
    fields = _FIELDS if kind in _SETS else _FIELDS[1:]
    for field, words in fields:
        if words == "redirect" and kind in _SETS and rules.get(SetKind.HTTP_REQUEST):
            return SetKind.HTTP_REQUEST.words
        if draft.get(field):
            return words
    return ""
