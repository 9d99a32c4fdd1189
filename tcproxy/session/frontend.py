"""A frontend at work: where its clients come in, how many it takes, what it logs, and where it sends them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from tcproxy.model.bind import Bind
from tcproxy.model.proxy import Proxy
from tcproxy.report.counters import Counters, begin_all
from tcproxy.report.formats import Format, compile_id
from tcproxy.report.messages import Captures
from tcproxy.report.outlets import Outlet
from tcproxy.session import steps
from tcproxy.session.backend import Backend, seconds_of
from tcproxy.session.http.settings import HttpFrontend
from tcproxy.session.telling import identified
from tcproxy.session.world import World

if TYPE_CHECKING:
    from tcproxy.session.session import Session

Step = Callable[["Session"], bool]


class Accepting(Protocol):
    """A listener, as far as runtime commands use it."""

    def pause(self) -> None:
        """Stop listening for a while."""
        ...

    def resume(self) -> None:
        """Listen again. Raises OSError when the address was taken."""
        ...

    def close(self) -> None:
        """Stop for good."""
        ...


class Entrance:
    """One listening address of a frontend: its limits, its counters, and the steps of those who come in there.

    resume: set while the listener stopped accepting because of a limit; called when a place is free.
    listener: what accepts there, once it is open: runtime commands pause and close it.
    passed: the counters of all that its clients pass on the way in. upgraded: the same entrance with the steps of
    clients that came in TCP mode and speak HTTP now, None where no backend does.
    """

    __slots__ = (
        "bind", "counters", "frontend", "listener", "maxconn", "name", "passed", "resume", "steps", "upgraded",
    )  # fmt: skip

    def __init__(self, frontend: Frontend, bind: Bind) -> None:
        self.frontend = frontend
        self.bind = bind
        self.name = bind.name or str(bind.id)
        self.maxconn = bind.maxconn
        self.counters = Counters()
        self.passed = (frontend.world.counters, frontend.counters, self.counters)
        self.steps: Sequence[Step] = steps.table(frontend, bind)
        self.upgraded: Entrance | None = None
        self.resume: Callable[[], None] | None = None
        self.listener: Accepting | None = None


class Frontend:
    """One frontend or listen section. Timeouts in seconds, 0 for none.

    form: of log lines; data_form: of the structured data that RFC 5424 adds; refusal_form: of connections that
    never became a session; needs: the addresses they name. See `log_with`.
    identify: makes the id of a session (`unique-id-format`), "" without a format.
    rules: (condition or None, backend) of each use_backend, in order. fallback: the default backend, or None.
    kind: "frontend", or "proxy" for a listen section, as messages name it. state: "open", "paused" or "stopped".
    """

    def __init__(self, model: Proxy, world: World) -> None:
        self.model = model
        self.world = world
        self.name = model.name
        self.kind = "proxy" if model.kind == "listen" else model.kind
        self.counters = Counters()
        self.client = seconds_of(model.timeouts, "client")
        self.client_fin = seconds_of(model.timeouts, "client-fin")
        self.nolinger = "nolinger" in model.options
        self.http = HttpFrontend(model) if model.mode == "http" else None
        self.independent = "independent-streams" in model.options
        self.skip_null = "dontlognull" in model.options
        self.skip_normal = "dontlog-normal" in model.options
        self.separate_errors = "log-separate-errors" in model.options
        self.maxconn = model.maxconn or world.maxconn
        self.rate_limit = model.rate_limit
        self.outlet: Outlet | None = None
        self.form: Format | None = None
        self.data_form: Format | None = None
        self.refusal_form: Format | None = None
        self.id_form = _id_form(model)
        self.needs = self.id_form.needs if self.id_form is not None else frozenset()
        self.no_captures: tuple[Captures, Captures] = (
            (None,) * len(model.request_captures), (None,) * len(model.response_captures),
        )  # fmt: skip
        self.rules: list[tuple[Any, Backend]] = []
        self.fallback: Backend | None = None
        self.state = "open"
        self.lines = 0
        self.entrances = [Entrance(self, bind) for bind in model.binds]
        self.identify: Callable[[Any], str] = self.http.identify(self) if self.http is not None else identified

    def log_with(
        self, outlet: Outlet | None, form: Format, data_form: Format | None = None, refusal_form: Format | None = None
    ) -> None:
        """Write log lines there and thus; without an outlet that has targets, none."""
        self.outlet = outlet if outlet else None
        self.form, self.data_form, self.refusal_form = form, data_form, refusal_form
        if self.outlet is not None:
            forms = [one for one in (form, data_form, refusal_form) if one is not None]
            self.needs = self.needs.union(*(one.needs for one in forms))
        if self.http is not None:
            self.http.log_with(self)
        self._renew_steps()

    def _renew_steps(self) -> None:
        for entrance in self.entrances:
            entrance.steps = steps.table(self, entrance.bind)
            if self.http is not None and self.model.mode != "http":
                entrance.upgraded = steps.upgraded(entrance)

    @property
    def needs(self) -> frozenset[str]:
        """The facts that lines, ids and answers name: pairs of addresses, and `unique_id`."""
        return self._needs

    @needs.setter
    def needs(self, names: frozenset[str]) -> None:
        self._needs = names
        self.notes_links = not names.isdisjoint(("local", "remote"))

    def route(self, backends: dict[str, Backend]) -> None:
        """Find the backends that the rules name, among those alive. A `listen` section is its own."""
        self.rules = [
            (rule.condition, backends[rule.name]) for rule in self.model.use_backends if rule.name in backends
        ]
        self.fallback = backends.get(self.model.default_backend)
        if self.fallback is None and self.model.is_backend:
            self.fallback = backends.get(self.name)
        targets = {self.fallback, *(backend for _, backend in self.rules)}
        if self.http is None and any(backend is not None and backend.http is not None for backend in targets):
            self.http = HttpFrontend(self.model)
            self.identify = _either(self.identify, self.http.identify(self))
            self._renew_steps()
        if self.http is not None:
            self.http.route(None if self.rules or self.model.mode != "http" else self.fallback)
            for backend in targets:
                if backend is not None and backend.http is not None:
                    self.http.way(backend)
            self.needs |= self.http.needs

    # limits

    def room(self, entrance: Entrance) -> int:
        """Return how many connections may be accepted there now; 0 when a limit is reached."""
        room = self._places(entrance)
        if self.rate_limit or self.world.rate_limit:
            now = self.world.clock.seconds()
            room = min(room, *(limit - counters.sessions_a_second(now) for limit, counters in self._limits()))
        return max(room, 0)

    def _places(self, entrance: Entrance) -> int:
        """Return how many more connections may be open there; not above 0 when a limit is reached."""
        world = self.world
        room = 1 << 20
        if world.maxconn:
            room = world.maxconn - world.counters.current
        if self.maxconn and self.maxconn - self.counters.current < room:
            room = self.maxconn - self.counters.current
        if entrance.maxconn and entrance.maxconn - entrance.counters.current < room:
            room = entrance.maxconn - entrance.counters.current
        return room

    def _limits(self) -> list[tuple[int, Counters]]:
        """Return the limits of sessions a second that there are, of the frontend and of the process, and who counts.

        A connection is a session from its first moment here, so `maxconnrate` and `maxsessrate` mean the same.
        """
        world = self.world
        found = ((self.rate_limit, self.counters), (world.rate_limit, world.counters))
        return [one for one in found if one[0]]

    def wait(self, entrance: Entrance, resume: Callable[[], None]) -> None:
        """Call `resume` when there may be room again."""
        entrance.resume = resume
        if self._places(entrance) <= 0:
            self.world.waiting.append(entrance)
            return
        # a rate, then, even if its second is over by now: no session's end would wake who waits for that
        least = min((limit for limit, _ in self._limits()), default=1)
        self.world.clock.callLater(max(0.001, 0.5 / least), self.wake, entrance)

    @staticmethod
    def wake(entrance: Entrance) -> None:
        """Let the listener try again."""
        resume, entrance.resume = entrance.resume, None
        if resume is not None:
            resume()

    # sessions

    def enter(self, session: Session) -> None:
        """Count a session, and give it its number."""
        world = self.world
        entrance = session.entrance
        if entrance.bind.accept_proxy:
            begin_all((world.counters, entrance.counters), session.began)
            self.counters.arrive()
        else:
            begin_all((world.counters, self.counters, entrance.counters), session.began)
        if session.began >= self.counters.connection_rate.until:
            self.counters.connection_rate.turn(session.began, self.counters.connections)
        self.counters.connections += 1
        number = session.number = world.counters.total
        world.sessions[number] = session

    def greeted(self) -> None:
        """Count as a session a connection whose PROXY header came."""
        self.counters.count(self.world.clock.seconds())

    def leave(self, session: Session) -> None:
        """Count its end, and wake the listeners that wait for that."""
        world = self.world
        del world.sessions[session.number]
        world.counters.current -= 1
        self.counters.current -= 1
        session.entrance.counters.current -= 1
        if world.waiting:
            waiting, world.waiting = world.waiting, []
            for entrance in waiting:
                self.wake(entrance)
        if world.release is not None and not self.counters.current:
            world.release()

    def aborted_by_client(self, session: Session) -> None:
        """Count it, at all that the session passed through."""
        for counters in _passed(session):
            counters.aborts_client += 1

    def broken_by_server(self, session: Session) -> None:
        """Count a failed connection to a server: an abort, and a response that failed."""
        self.aborted_by_server(session)
        for counters in _passed(session)[1:]:
            counters.response_errors += 1

    def aborted_by_server(self, session: Session) -> None:
        """Count it, at all that the session passed through."""
        for counters in _passed(session):
            counters.aborts_server += 1


def _id_form(model: Proxy) -> Format | None:
    text = model.unique_id_format
    return compile_id(text, model.mode == "http", model.captured) if text else None


def _either(of_bytes: Callable[[Any], str], of_messages: Callable[[Any], str]) -> Callable[[Any], str]:
    """Return what makes the ids of clients of TCP mode, some of whom speak HTTP."""
    return lambda session: (of_messages if hasattr(session, "request") else of_bytes)(session)


def _passed(session: Session) -> list[Counters]:
    passed = [session.frontend.counters]
    if session.backend is not None:
        passed.append(session.backend.farm.counters)
    if session.server is not None:
        passed.append(session.server.counters)
    return passed
