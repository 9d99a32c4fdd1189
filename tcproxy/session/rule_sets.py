"""Rule sets of TCP at work: what sessions offer to actions, and the functions that the rules of sections become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tcproxy.guards import GuardedCalls
from tcproxy.interfaces import ServerState
from tcproxy.model.proxy import Proxy
from tcproxy.report import formats
from tcproxy.report.formats import Moment
from tcproxy.rules.actions.rows import Act, Text
from tcproxy.rules.sets import ADMISSION, SetKind
from tcproxy.samples.formats import Format, Piece
from tcproxy.samples.kinds import decode
from tcproxy.samples.writing import text_of
from tcproxy.session import endings
from tcproxy.session.greeting import EXPECTED
from tcproxy.session.log_lines import record_of
from tcproxy.session.persistence import persistence_of
from tcproxy.session.settings import Step


class Slots:
    """What rules have captured of a session in TCP mode, by slot (CapturedFacts in samples/facts.py)."""

    __slots__ = ("request",)

    response: Sequence[bytes | None] = ()
    request_cookie: str | None = None
    response_cookie: str | None = None

    def __init__(self, request: list[bytes | None]) -> None:
        self.request = request


class SessionAssembly:
    """What makes actions (rules/actions/rows.py). front: the frontend. owner: the section that has the rules."""

    def __init__(self, kind: SetKind, front: Proxy, owner: Proxy) -> None:
        self.kind, self.front, self.owner = kind, front, owner

    def text(self, form: Format) -> Text:
        """Return the function that writes a format."""
        return written(form)

    def reject(self) -> Act:
        """Return what closes the connection of a client without an answer, and counts that."""
        return endings.REJECTING[self.kind]

    def close_server(self) -> Act:
        """Return what closes the connection to the server, and lets the client have what is there."""
        from tcproxy.session.response_inspection import close_server

        return close_server

    def expect(self, header: str) -> Act:
        """Return what sees that a connection begins with a header."""
        expected = EXPECTED[header]

        def expect(connection: Any) -> None:
            connection.greeting = (connection.greeting or 0) | expected

        return expect

    def speak_http(self) -> Act:
        """Return what goes on in HTTP with a client that came in TCP mode."""
        return endings.speak_http

    def drop(self) -> Act:
        """Return what forgets the client's connection, of which the client hears nothing."""
        return endings.drop_unheard if self.kind in ADMISSION else endings.drop_stream_unheard

    def plugged(self, plugin: GuardedCalls, parsed: object) -> Act:
        """Return what does the action of a plugin: in TCP mode it can change variables, and reject."""
        from tcproxy.session.plugged import acting

        return acting(plugin, parsed, self.kind, self.reject())

    def mark(self, value: int) -> Act:
        """Return what sets the firewall's mark of packets to the client."""
        return lambda stream: stream.client.mark(value)

    def type_of_service(self, value: int) -> Act:
        """Return what sets the type of service of packets to the client."""
        return lambda stream: stream.client.set_type_of_service(value)

    def begin_captures(self, stream: Any) -> Any:
        """Return the empty slots that a rule captures into."""
        slots = stream.captured = Slots([None] * len(self.front.request_captures))
        return slots

    def log_level(self, level: int) -> Act:
        """Return what sets the level of a session's log line; -1: write none."""

        def set_level(stream: Any) -> None:
            stream.level = level

        return set_level

    def set_priority(self, offset: bool) -> Callable[[Any, Any], object]:
        """Return what sets the class in queues, or the milliseconds by which a session counts as come later."""

        def change(stream: Any, value: int) -> None:
            first, second = stream.priority
            stream.priority = (first, value) if offset else (value, second)

        return change


def written(form: Format) -> Text:
    """Return the function that writes a format for a session of TCP."""
    return text_of(form, _variable)


def use_servers(back: Proxy, write: Callable[[Format], Text] = written) -> Step | None:
    """Return the step that takes the `use-server` rules of a backend; None without any. write: see `written`.

    The first rule whose condition is met leads to its server, if that is up; if not, the next rules are looked at. A
    name that no server has ends them.
    """
    rules = [(rule.condition, rule.name, write(rule.form) if rule.form else None) for rule in back.use_servers]
    if not rules:
        return None
    persists = "persist" in back.options

    def lead(stream: Any) -> bool:
        persistence = stream.persistence
        if persistence is not None and persistence.server is not None:
            return True
        for condition, name, text in rules:
            if condition.holds(stream):
                wanted = name if text is None else decode(text(stream))
                server = next((one for one in stream.backend.farm.servers if one.name == wanted), None)
                if server is None:
                    return True
                if server.state is not ServerState.STOPPED or persists or (persistence and persistence.forced):
                    persistence_of(stream).lead(server)
                    return True
        return True

    return lead


def _variable(piece: Piece) -> Text:
    """Return what writes one variable of a format."""
    form = formats.compile_variable(piece)

    def write(stream: Any) -> bytes:
        record = record_of(stream, form.needs, Moment.END)
        return form.render(record).encode("utf-8", "surrogateescape")

    return write


def of_connections(kind: SetKind, front: Proxy) -> Step | None:
    """Return what `tcp-request connection` or `session` rules of a frontend say of a connection; None without any."""
    rules = front.rules_of(kind)
    if not rules:
        return None
    from tcproxy.rules.compiling import compile_rules  # a configuration without rules needs none of it

    assembly: Any = SessionAssembly(kind, front, front)  # it offers what these actions ask for
    (step,) = compile_rules(rules, assembly)
    return step


def of_contents(front: Proxy, owner: Proxy, room: int) -> Step | None:
    """Return the step of the `tcp-request content` rules of a section in TCP mode; None without any.

    room: bytes of a buffer that are there for the client's bytes.
    """
    rules = owner.rules_of(SetKind.TCP_CONTENT)
    if not rules:
        return None
    from tcproxy.session.inspection import inspecting

    assembly: Any = SessionAssembly(SetKind.TCP_CONTENT, front, owner)
    return inspecting(rules, assembly, owner.request_delay / 1000, room)


def of_responses(owner: Proxy, room: int) -> Callable[[Any], Any] | None:
    """Return what makes relays where `tcp-response content` rules inspect servers in TCP mode; None without any."""
    rules = owner.rules_of(SetKind.TCP_RESPONSE)
    if not rules:
        return None
    from tcproxy.session.response_inspection import inspecting

    assembly: Any = SessionAssembly(SetKind.TCP_RESPONSE, owner, owner)
    return inspecting(rules, assembly, owner.response_delay / 1000, room)
