"""Actions that answer in the server's place, and those that let a message pass (manual 4.2)."""

from __future__ import annotations

from collections.abc import Callable

from tcproxy.model.replies import Reply, ReplyWords
from tcproxy.rules.actions.rows import CONDITIONS, Act, Action, ActionWords, Assembly, Ends, Made
from tcproxy.rules.sets import MESSAGES, REQUESTS

REPLY = (
    "[deny_status STATUS | status STATUS] [default-errorfiles | errorfile FILE | errorfiles NAME | "
    "content-type TYPE file|lf-file|string|lf-string TEXT] [hdr NAME FORMAT]..."
)
"""How the words that describe an answer are written (see ReplyWords)."""

Making = Callable[[Assembly, int, Reply | None], Act]


def _refusing(status: int, making: Making) -> Callable[[ActionWords], Made]:
    """Return what reads an action that answers: with this status where none is said."""

    def read(words: ActionWords) -> Made:
        reply = ReplyWords(words.statement, words.reading, status, any_status=True)
        words.at = reply.read_old_status(words.at)
        if words.at >= len(words.statement.words) or words.next in CONDITIONS:
            reply.use_page()
        else:
            words.at = reply.read(words.at)
        found = reply.reply()
        return Made(
            lambda assembly: making(assembly, reply.status, found), (), (), reply.status, found, reply.group
        )

    return read


def _nothing(exchange: object) -> None:
    """Do nothing."""


def _bare(make: Callable[[Assembly], Act]) -> Callable[[ActionWords], Made]:
    """Return what reads an action without words behind it."""
    return lambda words: Made(make, ())


ACTIONS = (
    Action("allow", MESSAGES, "Let the message pass: no more rules of this set are looked at.",
           _bare(lambda assembly: _nothing), ends=Ends.SET),
    Action("deny", REQUESTS, "Answer here, with status 403 where none is given.",
           _refusing(403, lambda assembly, status, reply: assembly.deny(status, reply)), REPLY, Ends.ALWAYS),
    Action("disable-l7-retry", REQUESTS, "Do not send the request again when its response fails.",
           _bare(lambda assembly: assembly.keep_no_copy())),
    Action("tarpit", REQUESTS, "Answer after 'timeout tarpit', with status 500 where none is given.",
           _refusing(500, lambda assembly, status, reply: assembly.tarpit(status, reply)), REPLY, Ends.ALWAYS),
)  # fmt: skip
