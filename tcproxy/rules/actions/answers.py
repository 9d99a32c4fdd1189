"""Actions that answer in the server's place, and those that let a message pass (manual 4.2)."""

from __future__ import annotations

from collections.abc import Callable

from tcproxy.model.replies import Reply, ReplyWords
from tcproxy.rules.actions.rows import CONDITIONS, Act, Action, ActionWords, Assembly, Ends, Made, Make
from tcproxy.rules.sets import HTTP, MESSAGES, REQUESTS, TCP, SetKind
from tcproxy.samples.expressions import Expression

REPLY = (
    "[deny_status STATUS | status STATUS] [default-errorfiles | errorfile FILE | errorfiles NAME | "
    "content-type TYPE file|lf-file|string|lf-string TEXT] [hdr NAME FORMAT]..."
)
"""How the words that describe an answer are written (see ReplyWords)."""

RETURN = REPLY.replace("deny_status STATUS | ", "")
Making = Callable[[Assembly, int, Reply | None], Act]


class FormattedReply(ReplyWords):
    """The words that describe an answer of a rule: its formats may name samples."""

    def __init__(self, words: ActionWords, status: int) -> None:
        super().__init__(words.statement, words.reading, status, any_status=True)
        self.action = words
        self.expressions: tuple[Expression, ...] = ()

    def _check_format(self, text: str, at: int) -> None:
        form = self.forms[text] = self.action.read_format(text, at)
        self.expressions += form.expressions


def _answering(statuses: tuple[int, int], making: Making, refuses: bool = True) -> Callable[[ActionWords], Made]:
    """Return what reads an action that answers.

    statuses: for requests and for responses, where none is said. refuses: without words it is the page of the status,
    and not an empty answer.
    """

    def read(words: ActionWords) -> Made:
        reply = FormattedReply(words, statuses[words.kind is SetKind.HTTP_RESPONSE])
        if refuses:
            words.at = reply.read_old_status(words.at)
        if refuses and (words.at >= len(words.statement.words) or words.next in CONDITIONS):
            reply.use_page()
        else:
            words.at = reply.read(words.at)
        found = reply.reply()
        status = found.status if found is not None else reply.status

        def make_with(given: Reply | None) -> Make:
            return lambda assembly: making(assembly, status, given)

        return Made(
            make_with(found), (), reply.expressions, status, found, reply.group, make_with=make_with
        )

    return read


def _read_auth(words: ActionWords) -> Made:
    """Read `[realm REALM]`."""
    realm = words.word("a realm") if words.take("realm") else ""
    return Made(lambda assembly: assembly.authenticate(realm), ())


def _read_strictness(words: ActionWords) -> Made:
    """Read `on|off`."""
    at = words.at
    word = words.word("'on' or 'off'")
    if word not in ("on", "off"):
        raise words.refuse(f"there are 'on' and 'off', and not '{word}'", at)
    return Made(lambda assembly: assembly.strictness(word == "on"), ())


def _nothing(exchange: object) -> None:
    """Do nothing."""


def _bare(make: Callable[[Assembly], Act]) -> Callable[[ActionWords], Made]:
    """Return what reads an action without words behind it."""
    return lambda words: Made(make, ())


ACTIONS = (
    Action("allow", HTTP, "Let the message pass: no more rules of this set are looked at.",
           _bare(lambda assembly: _nothing), ends=Ends.SET),
    Action("auth", REQUESTS, "Ask the client for a name and a password.", _read_auth, "[realm REALM]", Ends.ALWAYS),
    Action("deny", MESSAGES, "Answer here, with status 403 (of responses 502) where none is given.",
           _answering((403, 502), lambda assembly, status, reply: assembly.deny(status, reply)), REPLY, Ends.ALWAYS),
    Action("disable-l7-retry", REQUESTS, "Do not send the request again when its response fails.",
           _bare(lambda assembly: assembly.keep_no_copy())),
    Action("reject", REQUESTS, "Close the client's connection without an answer.",
           _bare(lambda assembly: assembly.reject()), ends=Ends.ALWAYS),
    Action("return", MESSAGES, "Answer in the server's place, with status 200 where none is given.",
           _answering((200, 200), lambda assembly, status, reply: assembly.answer(status, reply), refuses=False),
           RETURN, Ends.ALWAYS),
    Action("silent-drop", MESSAGES | TCP, "Forget the client's connection; the client hears nothing of that.",
           _bare(lambda assembly: assembly.drop()), ends=Ends.ALWAYS),
    Action("strict-mode", HTTP, "Say whether a change that cannot be made is an error (status 500).",
           _read_strictness, "on|off"),
    Action("tarpit", REQUESTS, "Answer after 'timeout tarpit', with status 500 where none is given.",
           _answering((500, 500), lambda assembly, status, reply: assembly.tarpit(status, reply)), REPLY, Ends.ALWAYS),
)  # fmt: skip
