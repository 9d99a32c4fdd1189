"""Rows of actions, and the words behind an action's name as its row reads them.

A row is read by the parser, the list of the language (-dK), the docs, the tests, and the sentence that refuses what is
not done. A row stands at the foot of the file that implements its action, in a module-level tuple `ACTIONS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeAlias

from tcproxy.grammar.rows import Draft, FormatUse, Reading
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.guards import GuardedCalls
from tcproxy.model.proxy import Proxy
from tcproxy.model.redirects import Redirect
from tcproxy.model.replies import Reply
from tcproxy.rules.sets import SetKind
from tcproxy.samples.expressions import Expression, read_expression
from tcproxy.samples.facts import Facts
from tcproxy.samples.formats import Format, read_format
from tcproxy.samples.patterns.files import PatternFiles
from tcproxy.samples.places import Place
from tcproxy.samples.table import CONVERTERS
from tcproxy.wire.messages import RequestHead, ResponseHead

Act: TypeAlias = Callable[[Any], object]
"""Does an action to what a rule is about: an Exchange, or a session or connection of TCP mode."""
Text: TypeAlias = Callable[[Any], bytes]
"""Writes a format: given what the rule is about."""


class Exchange(Facts, Protocol):
    """What actions of HTTP see of an exchange. status: what log lines and counters tell of the response."""

    status: int

    @property
    def request(self) -> RequestHead:
        """The request."""
        ...

    @property
    def response(self) -> ResponseHead:
        """The response, where there is one already."""
        ...


class Ends(Enum):
    """What follows when an action is done."""

    NEVER = "the next rule"
    SET = "whatever follows the set: no more of its rules are looked at"
    ALWAYS = "nothing: the action has answered, or closed, or will do so"
    SOMETIMES = "what the action returns: True for the next rule, False when it has answered, or waits"


class Assembly(Protocol):
    """What sessions offer to actions when a proxy starts. front: the frontend; owner: whose rule it is."""

    kind: SetKind
    front: Proxy
    owner: Proxy

    def text(self, form: Format) -> Text:
        """Return the function that writes a format."""
        ...

    def fits(self, exchange: Any, more: int) -> bool:
        """Return whether the message that the rules are about may grow by so many bytes."""
        ...

    def failed(self, exchange: Any) -> bool:
        """Count a change that could not be made; return whether the next rule may follow (`strict-mode off`)."""
        ...

    def note_line(self, exchange: Any) -> None:
        """Keep the request line as it came, for log lines: it is about to be changed."""
        ...

    def deny(self, status: int, reply: Reply | None) -> Act:
        """Return what refuses a message: with this answer, or the page of the status."""
        ...

    def tarpit(self, status: int, reply: Reply | None) -> Act:
        """Return what refuses a request after `timeout tarpit`."""
        ...

    def redirect(self, rule: Redirect, form: Format | None) -> Act:
        """Return what sends the client elsewhere; it returns True where the rule does not apply."""
        ...

    def answer(self, status: int, reply: Reply | None) -> Act:
        """Return what answers in the server's place."""
        ...

    def authenticate(self, realm: str) -> Act:
        """Return what asks the client for a name and a password."""
        ...

    def reject(self) -> Act:
        """Return what closes the client's connection without an answer."""
        ...

    def drop(self) -> Act:
        """Return what forgets the client's connection, of which the client hears nothing."""
        ...

    def malformed(self, exchange: Any) -> None:
        """Answer that the request is malformed (400)."""
        ...

    def begin_captures(self, exchange: Any) -> Any:
        """Return the empty slots that a rule captures into before anything else does; None where there are none."""
        ...

    def log_level(self, level: int) -> Act:
        """Return what sets the level of an exchange's log line; -1: write none."""
        ...

    def mark(self, value: int) -> Act:
        """Return what sets the firewall's mark of packets to the client."""
        ...

    def type_of_service(self, value: int) -> Act:
        """Return what sets the type of service of packets to the client."""
        ...

    def wait_for_body(self, time: int, least: int) -> Act:
        """Return what waits for a body: so many milliseconds at most, until all, or so many bytes, are there."""
        ...

    def set_timeout(self, name: str, take: Callable[[Any], Any]) -> Act:
        """Return what sets `timeout server` or `timeout tunnel` of an exchange. take: gives milliseconds."""
        ...

    def set_priority(self, offset: bool) -> Callable[[Any, Any], object]:
        """Return what sets the class in queues, or the milliseconds by which a request counts as come later."""
        ...

    def early_hint(self, name: bytes, text: Text) -> Act:
        """Return what sends a header in a response 103, together with those that follow at once."""
        ...

    def reason(self, status: int) -> bytes:
        """Return the reason phrase of a status."""
        ...

    def strictness(self, strict: bool) -> Act:
        """Return what begins, or ends, the strict mode."""
        ...

    def keep_no_copy(self) -> Act:
        """Return what sees that a request is not sent again."""
        ...

    def close_server(self) -> Act:
        """Return what closes the connection to the server, and lets the client have what is there."""
        ...

    def expect(self, header: str) -> Act:
        """Return what sees that a connection begins with a header: `proxy` or `netscaler-cip`."""
        ...

    def speak_http(self) -> Act:
        """Return what goes on in HTTP with a client that came in TCP mode."""
        ...

    def plugged(self, plugin: GuardedCalls, parsed: object) -> Act:
        """Return what does the action of a plugin. parsed: what its `parse` returned."""
        ...

    def serve(self, plugin: GuardedCalls) -> Act:
        """Return what lets the service of a plugin answer."""
        ...

    def export(self) -> Act:
        """Return what answers with statistics for Prometheus."""
        ...


Make: TypeAlias = "Callable[[Assembly], Act]"
"""Makes the action of a rule when a proxy starts."""


OF_CONNECTION = "connection "
"""Begins names of what belongs to a connection: only actions that say so change it."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the words of a rule's action say.

    make: see Make. changes: what the action may change of what samples give: "header NAME", "path", "method", "status",
    "variable NAME", "patterns FILE"; ("",) for anything but what begins with OF_CONNECTION. formats, expressions: what
    it names, to be checked. status, reply, group: of actions that answer: the status for log lines, what is sent (None:
    the page that there is for the status), and the `http-errors` section that has it; make_with: returns `make` for an
    answer that is found there, when all sections are read. check: says what is wrong once the whole section is read, ""
    for nothing. waits: of `tcp-request content` rules, says whether the action waits for more bytes; None: it never
    does.
    """

    make: Make
    changes: tuple[str, ...] = ("",)
    expressions: tuple[Expression, ...] = ()
    status: int = 0
    reply: Reply | None = None
    group: str = ""
    check: Callable[[Draft], str] | None = None
    make_with: Callable[[Reply | None], Make] | None = None
    waits: Callable[[Any], bool] | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One action.

    kinds: the rule sets that it may stand in. read: reads what follows its name. usage: what that is. ends: see Ends.
    waits: it may wait, and the rules behind it go on later. named: a name in parentheses belongs to its word, as in
    `set-var(txn.a)`; ActionWords.inside has it. core: the sets in which HAProxy has it built in, and does not list it.
    """

    name: str
    kinds: frozenset[SetKind]
    help: str
    read: Callable[[ActionWords], Made]
    usage: str = ""
    ends: Ends = Ends.NEVER
    waits: bool = False
    named: bool = False
    core: frozenset[SetKind] = frozenset()


CONDITIONS = ("if", "unless")


class ActionWords:
    """The words behind an action's name, taken one by one. at: the index of the next. Methods raise Refused."""

    def __init__(self, statement: Statement, at: int, kind: SetKind, draft: Draft, reading: Reading) -> None:
        self.statement, self.at, self.kind, self.draft, self.reading = statement, at, kind, draft, reading
        self.title = " ".join(statement.words[:at])
        self.inside = ""

    @property
    def next(self) -> str:
        """Return the next word, "" behind the last."""
        words = self.statement.words
        return words[self.at] if self.at < len(words) else ""

    @property
    def last(self) -> int:
        """Return the index of the line's last word."""
        return len(self.statement.words) - 1

    @property
    def last_read(self) -> int:
        """Return the index of the word that was taken last."""
        return self.at - 1

    @property
    def more(self) -> bool:
        """Return whether a word follows that is not the beginning of a condition."""
        return self.at < len(self.statement.words) and self.next not in CONDITIONS

    def refuse(self, sentence: str, at: int | None = None) -> Refused:
        """Return the refusal to raise, about the word at an index (by default the next one)."""
        return Refused(f"'{self.title}' : {sentence}", self.at if at is None else at)

    def word(self, what: str) -> str:
        """Take the next word. what: for the sentence that says it is missing."""
        word = self.next
        if not word:
            raise Refused(f"'{self.title}' needs {what} behind it", max(0, self.at - 1))
        self.at += 1
        return word

    def take(self, word: str) -> bool:
        """Take this word if it is the next one."""
        if self.at < len(self.statement.words) and self.next == word:
            self.at += 1
            return True
        return False

    def format(self, what: str) -> Format:
        """Take the next word as a format."""
        at = self.at
        return self.read_format(self.word(what), at)

    def read_format(self, text: str, at: int) -> Format:
        """Return the format that is in the word at an index."""
        try:
            form = read_format(text, self.reading.name, PatternFiles(self.reading, self.statement))
            check = self.reading.check_format
            for piece in form.variables if check is not None else ():
                # `mode http` may follow
                http = self.draft.get("mode", "http") == "http"
                use = FormatUse(self.kind.words)
                check(f"%{piece.variable}", http, use, self.statement)  # type: ignore[misc]  # it is not None
        except ValueError as wrong:  # of either room that reads formats
            raise self.refuse(str(wrong), at) from None
        for expression in form.expressions:
            self.check_place(expression)
        return form

    def expression(self, what: str, places: Sequence[Place] = ()) -> Expression:
        """Take the next words as an expression: words behind it that begin with a converter's name belong to it.

        places: where its sample must exist, any of them; by default where the rules of this set are met.
        """
        at = self.at
        text = self.word(what)
        while self.more and self._names_converter(re.split("[,(]", self.next, maxsplit=1)[0]):
            text = f"{text},{self.word(what)}"
        try:
            found, rest = read_expression(text, self.reading.name, PatternFiles(self.reading, self.statement))
        except ValueError as wrong:
            raise self.refuse(str(wrong), at) from None
        if rest:
            raise self.refuse(f"'{rest}' cannot stand behind '{found.text}'", at)
        self.check_place(found, places)
        return found

    def _names_converter(self, name: str) -> bool:
        return name in CONVERTERS or name in self.reading.converters

    def check_place(self, expression: Expression, places: Sequence[Place] = ()) -> None:
        """Refuse a sample that does not exist where the rules of this set are met."""
        places = places or self.kind.places(self.draft.get("kind", ""))
        if not any(place.allows(expression.fetch.places) for place in places):
            raise self.refuse(f"the fetch '{expression.fetch.name}' cannot be used in a '{places[0].words}'")
