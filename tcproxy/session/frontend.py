"""A frontend, made of its section: its listening addresses, backends, limits, log lines and steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tcproxy.model.bind import Bind
from tcproxy.model.proxy import Proxy
from tcproxy.report.counters import Counters
from tcproxy.report.formats import Format, Moment, compile_id
from tcproxy.report.outlets import Outlet
from tcproxy.rules.actions.rows import OF_CONNECTION
from tcproxy.rules.sets import ByName, SetKind
from tcproxy.samples.kinds import decode
from tcproxy.servers.farm import Farm
from tcproxy.session.attempts import choose_backend, connect, find_server, inspect_for_backend
from tcproxy.session.http import texts
from tcproxy.session.http.assembly import HttpFrontend
from tcproxy.session.http.upgrade import speak_http
from tcproxy.session.log_lines import identified
from tcproxy.session.persistence import steps_of
from tcproxy.session.rule_sets import of_connections, of_contents, of_responses, use_servers, written
from tcproxy.session.session import log_accepted, look, relay
from tcproxy.session.settings import ROOM, BackendSettings, FrontendSettings, LiveBind, Step, World
from tcproxy.session.steps import Steps


class Frontend(FrontendSettings):
    """One frontend or listen section at work.

    kind: "frontend", or "proxy" for a listen section, as messages name it. state: "open", "paused" or "stopped".
    http: what it does with exchanges, None where no client of it speaks HTTP.
    """

    def __init__(self, model: Proxy, world: World) -> None:
        super().__init__(model, world)
        self.kind = "proxy" if model.kind == "listen" else model.kind
        self.http = HttpFrontend(model) if model.mode == "http" else None
        self.maxconn = model.maxconn or world.maxconn
        self.rate_limit = model.rate_limit
        self.id_form = _id_form(model)
        self.needs = self.id_form.needs if self.id_form is not None else frozenset()
        self.state = "open"
        self.binds = [LiveBind(self, bind) for bind in model.binds]
        self.identify = self.http.identify(self) if self.http is not None else identified
        self._contents = of_contents(model, model, world.room) if model.mode != "http" else None
        self._inspects = False
        self._screen()
        self._renew_steps()

    def log_with(
        self, outlet: Outlet | None, form: Format, data_form: Format | None = None, refusal_form: Format | None = None
    ) -> None:
        """Write log lines to this outlet in these forms; none without an outlet that has targets."""
        self.outlet = outlet if outlet else None
        self.form, self.data_form, self.refusal_form = form, data_form, refusal_form
        if self.outlet is not None:
            forms = [one for one in (form, data_form, refusal_form) if one is not None]
            self.needs = self.needs.union(*(one.needs for one in forms))
        if self.http is not None:
            self.http.log_with(self)
        self._renew_steps()

    def route(self, backends: Mapping[str, BackendSettings]) -> None:
        """Find the backends that the rules name, among those alive. A `listen` section is its own."""
        self.fallback = backends.get(self.model.default_backend)
        if self.fallback is None and self.model.is_backend:
            self.fallback = backends.get(self.name)
        self.backend_rules = [
            (rule.condition, backends.get(rule.name) if rule.form is None else self._named(rule.form, backends))
            for rule in self.model.use_backends
            if rule.form is not None or rule.name in backends
        ]
        by_name = any(rule.form is not None for rule in self.model.use_backends)
        fixed = all(condition is None or condition.is_fixed for condition, _ in self.backend_rules)
        self.rules_are_fixed = fixed and not by_name and not _moves_clients(self.model)
        self.choose = _choice(self.backend_rules, self.fallback)
        targets = {self.fallback, *(one for _, one in self.backend_rules if not isinstance(one, ByName))}
        if by_name:
            targets |= {backend for backend in backends.values() if backend.model.mode == self.model.mode}
        if any(backend is not None and backend.contents is not None for backend in targets):
            self._inspects = True
            self._renew_steps()
        speaks_http = any(backend is not None and backend.http is not None for backend in targets)
        if self.http is None and (speaks_http or _switches_mode(self.model)):
            self.http = HttpFrontend(self.model)
            self.identify = _either(self.identify, self.http.identify(self))
            self._renew_steps()
        if self.http is not None:
            self.http.set_targets(targets)
            self.needs |= self.http.needs

    def _named(self, form: Any, backends: Mapping[str, BackendSettings]) -> ByName:
        """Return what finds a backend by a name that is a format; a name that none has leads to the default one."""
        text = (texts.written if self.model.mode == "http" else written)(form)
        fallback = self.fallback
        return ByName(lambda stream: backends.get(decode(text(stream)), fallback))

    def _renew_steps(self) -> None:
        for bind in self.binds:
            bind.steps = Steps(self._steps(bind.model)) if self.model.mode != "http" else None

    def _screen(self) -> None:
        """Make the rules about connections, which all listening addresses share."""
        rules = [of_connections(kind, self.model) for kind in (SetKind.TCP_CONNECTION, SetKind.TCP_SESSION)]
        for bind in self.binds:
            bind.connection_rules, bind.session_rules = rules
            bind.screened = bind.expected != 0 or any(rules)

    def _steps(self, bind: Bind) -> list[Step]:
        """Return the steps of the TCP sessions of one listening address: only those that have something to do."""
        steps: list[Step] = [] if bind.accept_proxy else [look]
        if self.outlet is not None and self.form is not None and self.form.moment is Moment.ACCEPT:
            steps.append(log_accepted)
        if self._contents is not None:
            steps.append(self._contents)
        steps.append(choose_backend)
        if self._inspects:
            steps.append(inspect_for_backend)
        if self.http is not None:
            steps.append(speak_http)
        return [*steps, find_server, connect, relay]

    # limits

    def room(self, bind: LiveBind) -> int:
        """Return how many connections may be accepted there now; 0 when a limit is reached."""
        room = self._places(bind)
        if self.rate_limit or self.world.rate_limit:
            now = self.world.clock.seconds()
            room = min(room, *(limit - counters.sessions_a_second(now) for limit, counters in self._limits()))
        return max(room, 0)

    def _places(self, bind: LiveBind) -> int:
        """Return how many more connections may be open there; not above 0 when a limit is reached."""
        world = self.world
        room = 1 << 20
        if world.maxconn:
            room = world.maxconn - world.counters.current
        if self.maxconn and self.maxconn - self.counters.current < room:
            room = self.maxconn - self.counters.current
        if bind.maxconn and bind.maxconn - bind.counters.current < room:
            room = bind.maxconn - bind.counters.current
        return room

    def _limits(self) -> list[tuple[int, Counters]]:
        """Return the limits of sessions a second, each with the counters that it bounds: the frontend's, the process's.

        A connection is a session from its first moment here, so `maxconnrate` and `maxsessrate` mean the same.
        """
        world = self.world
        found = ((self.rate_limit, self.counters), (world.rate_limit, world.counters))
        return [one for one in found if one[0]]

    def wait(self, bind: LiveBind, resume: Callable[[], None]) -> None:
        """Call `resume` when there may be room again."""
        bind.resume = resume
        if self._places(bind) <= 0:
            self.world.waiting.append(bind)
            return
        # limited by a rate: no session's end will wake this listener, so look again soon
        least = min((limit for limit, _ in self._limits()), default=1)
        self.world.clock.callLater(max(0.001, 0.5 / least), bind.wake)


def _choice(
    rules: Sequence[tuple[Any, BackendSettings | ByName | None]], fallback: BackendSettings | None
) -> Callable[[Any], BackendSettings | None]:
    """Return the function that chooses a stream's backend."""
    if not rules:
        return lambda stream: fallback
    from tcproxy.rules.compiling import compile_choice  # a configuration without rules needs none of it

    return compile_choice(rules, fallback)


class Backend(BackendSettings):
    """One backend at work, put together of its farm."""

    __slots__ = ()

    def __init__(self, farm: Farm, room: int = ROOM) -> None:
        super().__init__(farm)
        model = farm.model
        if model.mode == "tcp":
            self.persistence_steps = steps_of(model, use_servers(model))
            self.relay_of = of_responses(model, room)
            if not model.is_frontend:
                self.contents = of_contents(model, model, room)


def _moves_clients(model: Proxy) -> bool:
    """Return whether rules set addresses anew for each request."""
    rules = [rule for kind in (SetKind.TCP_CONTENT, SetKind.HTTP_REQUEST) for rule in model.rules_of(kind)]
    return any(change.startswith(OF_CONNECTION) for rule in rules for change in rule.made.changes)


def _switches_mode(model: Proxy) -> bool:
    """Return whether a rule of a frontend in TCP mode may go on in HTTP."""
    return any(rule.action.name == "switch-mode" for rule in model.rules_of(SetKind.TCP_CONTENT))


def _id_form(model: Proxy) -> Format | None:
    text = model.unique_id_format
    form = model.forms.get("unique-id-format")
    return compile_id(text, model.mode == "http", model.captured, model.name, form) if text else None


def _either(of_bytes: Callable[[Any], str], of_messages: Callable[[Any], str]) -> Callable[[Any], str]:
    """Return the function that makes ids where some clients of a frontend in TCP mode speak HTTP."""
    return lambda stream: (of_messages if hasattr(stream, "request") else of_bytes)(stream)
