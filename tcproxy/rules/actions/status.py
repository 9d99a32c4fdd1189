"""The action `set-status` of responses (manual 4.2)."""

from __future__ import annotations

from tcproxy.model.replies import WITHOUT_BODY
from tcproxy.rules.actions.rows import Act, Action, ActionWords, Assembly, Exchange, Made
from tcproxy.rules.sets import RESPONSES


def _read(words: ActionWords) -> Made:
    """Read `STATUS [reason TEXT]`."""
    at = words.at
    word = words.word("a status")
    status = int(word) if word.isascii() and word.isdigit() and len(word) < 9 else 0
    if not 200 <= status <= 999:
        raise words.refuse(f"'{word}' is no status of a whole response: these are 200 to 999", at)
    reason = words.word("a reason") if words.take("reason") else None

    changes = ("status", "status without a body") if status in WITHOUT_BODY else ("status",)

    def make(assembly: Assembly) -> Act:
        phrase = assembly.reason(status) if reason is None else reason.encode("utf-8", "surrogateescape")

        def set_status(exchange: Exchange) -> None:
            exchange.response.set_line(status, phrase)
            exchange.status = status

        return set_status

    return Made(make, changes)


ACTIONS = (
    Action("set-status", RESPONSES, "Set the status of a response, and its reason.", _read, "STATUS [reason TEXT]"),
)
