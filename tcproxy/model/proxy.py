"""A frontend, a backend, or both in one (`listen`): HAProxy's proxy (manual 4)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tcproxy.grammar.addresses import DISPATCH, read_address, resolve
from tcproxy.grammar.rows import BACK, FRONT, NAMED, NAMED_BACK, PROXY, Draft, FormatUse, Reading, Row, Status, gone
from tcproxy.grammar.statements import NOWHERE, Origin, Refused, Statement
from tcproxy.grammar.suggestions import blamed
from tcproxy.grammar.units import Integer, Text, Time, listed
from tcproxy.model.address_headers import AddressHeader
from tcproxy.model.bind import Bind
from tcproxy.model.captures import Capture
from tcproxy.model.logs import LogTarget
from tcproxy.model.persistence import Cookie, PersistRule
from tcproxy.model.redirects import Redirect
from tcproxy.model.server import Server, SourceAddress
from tcproxy.model.statistics_page import StatisticsPage


@dataclass(frozen=True, slots=True)
class HashType:
    """`hash-type`: method map-based or consistent; function sdbm, djb2, wt6 or crc32; avalanche modifier.

    balance_factor: the backend's `hash-balance-factor` in percent, 0 for none; set where pickers are made.
    """

    method: str = "map-based"
    function: str = "sdbm"
    avalanche: bool = False
    balance_factor: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """`balance`: the strategy's name, what its `parse` returned, and its plugin."""

    name: str = "roundrobin"
    options: Any = None
    strategy: Any = None


@dataclass(frozen=True, slots=True)
class UseBackend:
    """`use_backend NAME [if|unless CONDITION]`; condition is None or a tcproxy.rules.conditions.Condition.

    form: the format (tcproxy.samples.formats) that the name is, None for one that is always the same.
    """

    name: str
    condition: Any = None
    origin: Origin = NOWHERE
    form: Any = None


class UseServer(UseBackend):
    """`use-server NAME if|unless CONDITION`: the same, of a backend's server."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """TCP keep-alive of one side: on or off, count of probes, idle seconds, interval seconds (0: the system's)."""

    on: bool = False
    count: int = 0
    idle: int = 0
    interval: int = 0


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy section, defaults included.

    kind: frontend, backend or listen. mode: tcp or http. id: unique in the configuration;
        id_is_given: by a line `id`.
    timeouts: milliseconds by name ("connect", "client", "server", "client-fin", "server-fin", "queue", "tunnel",
        "check", "tarpit", "http-request", "http-keep-alive"); absent: none.
    options: names of the `option` words that are on ("tcplog", "redispatch" ...).
    redispatch: 0 off; n > 0 at every nth retry; n < 0 at the |n|th retry from the last (-1: the last one).
    maxconn: 0 for the process's default. fullconn: 0 to be computed. backlog: 0 to be computed.
    rate_limit: new sessions a second, 0 for none. log_targets: resolved, with `log global` replaced.
    log_format: "" for the default; "tcplog" and the like are options; a format string otherwise (text).
    retry_on: causes and statuses, of `retry-on`. http_reuse: never, safe, aggressive or always.
    max_keep_alive_queue: -1 for no limit.
    request_captures, response_captures: headers and slots in their order; cookie_capture: of both.
    dispatch: a pseudo server, or None. checker: the plugin of the health checks, None for a TCP connection;
        check_options: what its `parse` returned. acls: named ACLs by name (tcproxy.rules.conditions).
    forwardfor, originalto: what these options say (address_headers.py). send_name_header: in lower case.
    restrict_names: preserve, delete or reject, "" where nothing is said.
    header_case: of `h1-case-adjust`, where a `h1-case-adjust-bogus` option is on.
    replies: a Reply (replies.py) for each status that the section answers in a way of its own.
    statistics: its statistics page, None for none.
    monitor_uri: "" for none; monitor_fails: conditions (tcproxy.rules.conditions) that make its answer a failure.
    state_from: where the states of servers come from at start: global, local, or "" (server_states.py);
        state_file_name: of local ones, "" for the backend's name.
    forms: of formats with samples, as they were read (samples/formats.py), by their words ("log-format").
    rdp_cookie: of `persist rdp-cookie`, "" for none. rules: by rule set (tcproxy.rules.sets), None without any.
    request_delay, response_delay: milliseconds that `tcp-request content` and `tcp-response content` rules may wait.
    """

    kind: str
    name: str
    origin: Origin = NOWHERE
    id: int = 0
    id_is_given: bool = False
    mode: str = "tcp"
    description: str = ""
    disabled: bool = False
    binds: tuple[Bind, ...] = ()
    servers: tuple[Server, ...] = ()
    balance: Balance = Balance()
    hash_type: HashType = HashType()
    default_backend: str = ""
    use_backends: tuple[UseBackend, ...] = ()
    use_servers: tuple[UseServer, ...] = ()
    forms: Mapping[str, Any] = field(default_factory=dict, compare=False)
    acls: Any = None
    maxconn: int = 0
    fullconn: int = 0
    backlog: int = 0
    rate_limit: int = 0
    retries: int = 3
    retry_on: frozenset[str] = frozenset({"conn-failure"})
    redispatch: int = 0
    timeouts: Any = None
    options: frozenset[str] = frozenset()
    client_keepalive: KeepAlive = KeepAlive()
    server_keepalive: KeepAlive = KeepAlive()
    log_targets: tuple[LogTarget, ...] = ()
    log_tag: str = ""
    log_format: str = ""
    log_format_sd: str = ""
    error_log_format: str = ""
    unique_id_format: str = ""
    unique_id_header: str = ""
    http_reuse: str = "safe"
    max_keep_alive_queue: int = -1
    max_session_srv_conns: int = 5
    request_captures: tuple[Capture, ...] = ()
    response_captures: tuple[Capture, ...] = ()
    cookie_capture: Capture | None = None
    source: SourceAddress | None = None
    dispatch: Server | None = None
    checker: Any = None
    check_options: Any = None
    forwardfor: AddressHeader | None = None
    originalto: AddressHeader | None = None
    send_name_header: str = ""
    restrict_names: str = ""
    header_case: Any = None
    cookie: Cookie | None = None
    dynamic_cookie_key: str = ""
    rdp_cookie: str = ""
    state_from: str = ""
    state_file_name: str = ""
    persist_rules: tuple[PersistRule, ...] = ()
    replies: Any = None
    redirects: tuple[Redirect, ...] = ()
    rules: Mapping[Any, tuple[Any, ...]] | None = None
    request_delay: int = 0
    response_delay: int = 0
    statistics: StatisticsPage | None = None
    monitor_uri: str = ""
    monitor_fails: tuple[Any, ...] = ()

    def conditions(self) -> list[Any]:
        """Return the conditions of all rules."""
        every = [*self.monitor_fails, *(rule.condition for rule in (*self.use_backends, *self.use_servers))]
        every += [rule.condition for rule in self.redirects]
        every += [rule.condition for rule in self.every_rule()]
        every += [rule.condition for rule in self.persist_rules]
        every += self.statistics.admin if self.statistics is not None else ()
        return [condition for condition in every if condition is not None]

    def expressions(self) -> list[tuple[Any, Origin]]:
        """Return the samples that actions of rules take, and names of backends and servers, with their places."""
        named = [rule for rule in (*self.use_backends, *self.use_servers) if rule.form is not None]
        found = [(expression, rule.origin) for rule in self.every_rule() for expression in rule.made.expressions]
        found += [(expression, rule.origin) for rule in named for expression in rule.form.expressions]
        key: Any = self.balance.options
        return [*found, (key.expression, key.origin)] if hasattr(key, "expression") else found

    def formats_of_replies(self) -> list[tuple[Any, Origin]]:
        """Return the formats of answers, with the places that they are said in as far as these are known."""
        replies = [(reply, self.origin) for reply in (self.replies or {}).values()]
        replies += [(rule.reply, rule.origin) for rule in self.every_rule() if rule.reply is not None]
        return [(form, origin) for reply, origin in replies for form in reply.forms.values()]

    def rules_of(self, kind: Any) -> tuple[Any, ...]:
        """Return the rules of one set (tcproxy.rules.sets)."""
        return (self.rules or {}).get(kind, ())

    def every_rule(self) -> list[Any]:
        """Return the rules of all sets, those of the statistics page included."""
        of_page = self.statistics.rules if self.statistics is not None else ()
        return [*(rule for found in (self.rules or {}).values() for rule in found), *of_page]

    @property
    def captured(self) -> frozenset[str]:
        """What is captured of messages: headers of a "request" or a "response", a "cookie"."""
        every = {"request": self.request_captures, "response": self.response_captures, "cookie": self.cookie_capture}
        return frozenset(name for name, captures in every.items() if captures)

    @property
    def is_frontend(self) -> bool:
        """True for `frontend` and `listen`."""
        return self.kind != "backend"

    @property
    def is_backend(self) -> bool:
        """True for `backend` and `listen`."""
        return self.kind != "frontend"


def parse_mode(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `mode tcp|http`."""
    mode = statement.words[1] if len(statement.words) > 1 else ""
    if mode == "health":
        raise Refused("'mode health' is no longer a word of HAProxy 2.6: write 'http-request return status 200'", 1)
    if mode not in ("tcp", "http"):
        raise Refused(f"'mode' supports 'tcp' and 'http', and not '{mode}'", 1)
    if len(statement.words) > 2:
        raise Refused(f"'mode' cannot take the argument '{statement.words[2]}'", 2)
    draft["mode"] = mode


def parse_description(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `description TEXT...`: the words, joined by spaces."""
    if len(statement.words) < 2:
        raise Refused("'description' needs a text behind it")
    draft["description"] = " ".join(statement.words[1:])


def parse_balance(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `balance NAME[(ARGUMENT)] ...`; the plugin of that name reads what follows the name."""
    words = statement.words[1:] or ("roundrobin",)
    name, bracket, inner = words[0].partition("(")
    strategy = reading.strategies.get(name)
    if strategy is None:
        known = listed(tuple(sorted(reading.strategies)))
        raise Refused(f"'balance' has no strategy '{name}'; there are {known}", 1)
    try:
        if getattr(strategy, "takes_sample", False) and len(words) > 1 and reading.read_sample is not None:
            options = strategy.key_of(_read_sample(statement, reading), statement.origin)
        else:
            options = strategy.parse([f"({inner}", *words[1:]] if bracket else list(words[1:]))
    except ValueError as wrong:
        at = blamed(str(wrong), statement.words, 1)
        raise Refused(f"'balance {name}' : {wrong}", at) from None
    draft["balance"] = Balance(name, options, strategy)


def _read_sample(statement: Statement, reading: Reading) -> Any:
    """Read the sample of `balance hash`."""
    if len(statement.words) > 3:
        raise Refused(f"'balance hash' takes one sample without blanks, and not '{statement.words[3]}' behind it", 3)
    return reading.read_sample(statement, 2, reading, "backend_set_server")

HASH_FUNCTIONS = ("sdbm", "djb2", "crc32", "wt6")


def parse_hash_type(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `hash-type METHOD [FUNCTION [avalanche]]`; `consistent` alone has avalanche (manual 4.2)."""
    words = (*statement.words, "", "", "")
    method, function, modifier = words[1:4]
    if method not in ("map-based", "consistent"):
        raise Refused(f"'hash-type' supports 'map-based' and 'consistent', and not '{method}'", 1)
    if function and function not in HASH_FUNCTIONS:
        raise Refused(f"'hash-type' has no function '{function}'; there are {listed(HASH_FUNCTIONS)}", 2)
    if modifier not in ("", "avalanche"):
        raise Refused(f"'hash-type' supports the modifier 'avalanche', and not '{modifier}'", 3)
    avalanche = modifier == "avalanche" or (method == "consistent" and not function)
    draft["hash_type"] = HashType(method, function or "sdbm", avalanche)


def parse_hash_balance_factor(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `hash-balance-factor PERCENT`: 0 for off, or more than 100."""
    try:
        factor = Integer(0).read(statement.words[1] if len(statement.words) > 1 else "")
    except ValueError as wrong:
        raise Refused(f"'hash-balance-factor' : {wrong}", 1) from None
    if 0 < factor <= 100:
        raise Refused(f"'hash-balance-factor' needs 0 or more than 100, and not {factor}", 1)
    draft["hash_balance_factor"] = factor


def parse_dispatch(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `dispatch ADDRESS:PORT`: one server without a name."""
    words = statement.words
    if len(words) > 2:
        raise Refused(f"'dispatch' cannot take the argument '{words[2]}'", 2)
    try:
        address = resolve(read_address(words[1] if len(words) > 1 else "", reading.environment.get, allowed=DISPATCH))
    except ValueError as wrong:
        raise Refused(f"'dispatch' : {wrong}", 1) from None
    draft["dispatch"] = Server("<dispatch>", address, resolved=address.host, origin=statement.origin)


def parse_disabled(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `disabled` and `enabled`."""
    if len(statement.words) > 1:
        raise Refused(f"'{statement.words[0]}' cannot take the argument '{statement.words[1]}'", 1)
    draft["disabled"] = statement.words[0] == "disabled"


def parse_log_format(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `log-format|log-format-sd|error-log-format|unique-id-format FORMAT`: one text.

    The room that writes log lines checks it. Its section's mode may follow, and a section may replace what defaults
    say: what these forbid is told in the end (consistency.py).
    """
    name = statement.words[0]
    if len(statement.words) < 2 or not statement.words[1]:
        raise Refused(f"'{name}' needs a format behind it")
    if len(statement.words) > 2:
        raise Refused(f"'{name}' takes one argument: quote the format, or escape its spaces", 2)
    text = statement.words[1]
    if reading.check_format is not None and reading.section != "defaults":
        try:
            form = reading.check_format(text, True, FormatUse(name, reading.section, reading.name), statement)
        except ValueError as wrong:
            raise Refused(f"'{name}' : {wrong}", 1) from None
        if form.expressions or name in draft.get("forms", {}):
            draft.put("forms", name, form)
    draft[name.replace("-", "_")] = text
    draft.put("format_origins", name, statement.origin)
    if name == "log-format":
        options = draft.get("options", frozenset())
        for option in sorted(LOG_OPTIONS & options) if reading.section == "defaults" else ():
            reading.warn(statement, f"'log-format' takes the place of the 'option {option}' before it")
        draft["options"] = options - LOG_OPTIONS


LOG_OPTIONS = frozenset({"tcplog", "tcplog json", "httplog", "httplog clf", "httplog json"})
"""Options that choose a log format: the last one said holds, and `log-format` is one of them."""


def parse_bind_process(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Take `bind-process`, which has no effect in 2.6 either, with its warning."""
    reading.warn(statement, "'bind-process' has no effect and is deprecated")


def build_proxy(draft: Draft, binds: tuple[Bind, ...], servers: tuple[Server, ...], number: int) -> Proxy:
    """Return the Proxy of a draft whose parts are built."""
    values = {name: value for name, value in draft.items() if name in _FIELDS}
    options = draft.get("options", frozenset())
    if factor := draft.get("hash_balance_factor", 0):
        values["hash_type"] = replace(draft.get("hash_type", HashType()), balance_factor=factor)
    values.update(
        id=number,
        id_is_given=bool(draft.get("id")),
        binds=binds,
        servers=servers,
        timeouts=dict(draft.get("timeouts", {})),
        client_keepalive=_keepalive(draft, "clitcpka", options),
        server_keepalive=_keepalive(draft, "srvtcpka", options),
    )
    return Proxy(**values)


_FIELDS = frozenset(field.name for field in dataclasses.fields(Proxy))


_KEEPALIVES = {name: [f"{name}_{part}" for part in ("cnt", "idle", "intvl")] for name in ("clitcpka", "srvtcpka")}
NO_KEEPALIVE = KeepAlive()


def _keepalive(draft: Draft, name: str, options: frozenset[str]) -> KeepAlive:
    numbers = [draft.get(field, 0) for field in _KEEPALIVES[name]]
    return KeepAlive(name in options, *numbers) if name in options or any(numbers) else NO_KEEPALIVE


_SECONDS = Time(unit="s")

WORDS = (
    Row("mode", PROXY, "Choose between TCP and HTTP.", parse=parse_mode, manual="4.2", core=True),
    Row("id", NAMED, "Set the proxy's number.", (Integer(1),), "id", manual="4.2", core=True),
    Row("description", NAMED, "Describe the proxy on the statistics page.", parse=parse_description,
        manual="4.2", core=True),
    Row("disabled", PROXY, "Take the proxy out of service.", parse=parse_disabled, manual="4.2", core=True),
    Row("enabled", PROXY, "Undo 'disabled'.", parse=parse_disabled, manual="4.2", core=True),
    Row("balance", BACK, "Choose the balancing strategy.", parse=parse_balance, manual="4.2", core=True),
    Row("hash-type", BACK, "Choose how hashes become servers.", parse=parse_hash_type, manual="4.2", core=True),
    Row("hash-balance-factor", PROXY, "Bound the load of a server under consistent hashing.",
        parse=parse_hash_balance_factor, manual="4.2", core=True),
    Row("default_backend", FRONT, "Set the backend for what no rule sends elsewhere.", (Text(),),
        "default_backend", manual="4.2", core=True),
    Row("maxconn", FRONT, "Limit the connections of the frontend.", (Integer(0),), "maxconn", manual="4.2",
        advice="a backend has 'fullconn'", core=True),
    Row("fullconn", BACK, "Set the load at which dynamic limits are reached.", (Integer(0),), "fullconn",
        manual="4.2", advice="a frontend has 'maxconn'", core=True),
    Row("backlog", FRONT, "Set the length of the queue of connections to accept.", (Integer(0),), "backlog",
        manual="4.2", core=True),
    Row("rate-limit sessions", FRONT, "Limit new sessions a second.", (Integer(0),), "rate_limit",
        manual="4.2"),
    Row("retries", BACK, "Set how often a failed connection is tried again.", (Integer(0),), "retries",
        manual="4.2", core=True),
    Row("dispatch", NAMED_BACK, "Send sessions to one address.", parse=parse_dispatch, manual="4.2", core=True),
    Row("clitcpka-cnt", FRONT, "Set how many keep-alive probes a client may miss.", (Integer(0),),
        "clitcpka_cnt", manual="4.2"),
    Row("clitcpka-idle", FRONT, "Set when keep-alive probes to a client begin.", (_SECONDS,), "clitcpka_idle",
        manual="4.2"),
    Row("clitcpka-intvl", FRONT, "Set the interval of keep-alive probes to a client.", (_SECONDS,),
        "clitcpka_intvl", manual="4.2"),
    Row("srvtcpka-cnt", BACK, "Set how many keep-alive probes a server may miss.", (Integer(0),),
        "srvtcpka_cnt", manual="4.2"),
    Row("srvtcpka-idle", BACK, "Set when keep-alive probes to a server begin.", (_SECONDS,), "srvtcpka_idle",
        manual="4.2"),
    Row("srvtcpka-intvl", BACK, "Set the interval of keep-alive probes to a server.", (_SECONDS,),
        "srvtcpka_intvl", manual="4.2"),
    Row("log-format", FRONT, "Set the form of log lines.", parse=parse_log_format, manual="8.2.4", core=True),
    Row("log-format-sd", FRONT, "Set the structured data of RFC 5424 log lines.", parse=parse_log_format,
        manual="8.2.4", core=True),
    Row("error-log-format", FRONT, "Set the form of log lines of failed connections.", parse=parse_log_format,
        manual="8.2.6", core=True),
    Row("unique-id-format", PROXY, "Set the form of unique ids.", parse=parse_log_format, manual="4.2",
        core=True),
    Row("unique-id-header", PROXY, "Set the header that carries the unique id.", (Text(),), "unique_id_header",
        manual="4.2", core=True),
    Row("bind-process", PROXY, "No effect: deprecated.", parse=parse_bind_process, status=Status.NO_EFFECT,
        manual="4.2", core=True),
    *gone(PROXY, {
        "monitor-net": "write 'http-request return status 200 if { src NETWORK }'",
        "grace": "leave it out, or write 'grace' in the global section",
        "redispatch": "write 'option redispatch'",
        "block": "write 'http-request deny'",
        "appsession": "write 'stick' rules",
    }),
)  # fmt: skip
