"""No word is accepted and ignored: each supported one is stored in a field that live code reads, or shown at work.

SHOWN names, for each supported word whose row stores nothing by itself, the test that shows its effect. Fields of
the model are searched for in the code that runs (everything but the model and the grammar).
"""

from __future__ import annotations

import ast
import dataclasses
from functools import cache
from pathlib import Path

import pytest

import tcproxy
from tcproxy import language
from tcproxy.grammar.rows import PROXY, Row, Status, Where
from tcproxy.model.bind import Bind
from tcproxy.model.logs import LogTarget
from tcproxy.model.persistence import Cookie, PersistRule
from tcproxy.model.process import Configuration, Global
from tcproxy.model.proxy import Balance, HashType, KeepAlive, Proxy, UseBackend
from tcproxy.model.rings import RingModel
from tcproxy.model.server import Server, SourceAddress
from tcproxy.model.statistics_page import StatisticsPage
from tcproxy.model.userlists import User

CODE = Path(tcproxy.__file__).parent
TESTS = Path(__file__).parent
MODELS = {"global": Global, "proxy": Proxy, "bind": Bind, "server": Server, "userlist": User, "ring": RingModel}
PARTS = (HashType, Balance, KeepAlive, UseBackend, SourceAddress, LogTarget, Cookie, PersistRule, StatisticsPage)
CLASSES = (*MODELS.values(), Configuration, *PARTS)

UNREAD = {
    "Global.nbproc": "worker processes come later: the word warns",
    "Global.nbthread": "there are no threads: the word has no effect",
    "Global.kept": "words of TLS wait for TLS",
    "Global.expose_experimental_directives": "used while reading (rules/actions/normalizing.py)",
    "Bind.expose_fd": "the hand-over of sockets by the command socket comes later",
    "Server.tfo": "without 'retry-on' the reference sends nothing early either",
    "Server.init_addr": "used while reading (model/name_resolution.py); what comes of it is `resolved`",
    "Server.stick": "waits for stick tables",
}
"""Fields that no live code reads, and why. Their words are not called supported, but for `init-addr`."""

HERE = "test_words_have_effect.py::"
LINES = "scenarios/test_http_lines.py::test_told_alike"
EXCHANGES = "scenarios/test_http_exchanges.py::test_an_exchange_is_the_same"
OPTIONS = "scenarios/test_http_options.py::test_told_alike"
HEADERS = "scenarios/test_http_headers.py::test_told_alike"
ANSWERS = "scenarios/test_own_answers.py::test_answers_are_the_same"
PAGES = "scenarios/test_statistics_page.py::"
CHECKS = "health/test_httpchk_reference.py::"

SHOWN = {
    "global": {
        "setenv presetenv unsetenv resetenv": "grammar/test_environment.py::test_changes",
        "user group": "process/test_privileges.py::test_names_become_numbers",
        "uid gid chroot": "process/test_privileges.py::test_everything_is_given_up",
        "insecure-setuid-wanted set-dumpable": "process/test_privileges.py::test_no_new_privileges",
        "node description": f"{HERE}test_node_and_description",
        "localpeer": f"{HERE}test_localpeer",
        "default-path": "rules/test_acls.py::test_relative_files_follow_default_path",
        "daemon pidfile": "process/test_running.py::test_daemon",
        "quiet": "process/test_running.py::test_quiet",
        "zero-warning": "test_command.py::test_exit_code",
        "hard-stop-after": "process/test_running.py::test_hard_stop_after",
        "grace": "process/test_running.py::test_grace",
        "maxconn ulimit-n fd-hard-limit": "process/test_resources.py::test_the_sum",
        "strict-limits": "process/test_resources.py::test_a_limit_that_is_too_low",
        "nosplice": f"{HERE}test_pipes",
        "maxconnrate maxsessrate": f"{HERE}test_rates_of_the_process",
        "spread-checks": "health/test_watch.py::test_spread_checks",
        "max-spread-checks": "health/test_watch.py::test_first_checks_are_spread",
        "expose-experimental-directives": "rules/test_http_lines.py::test_lines",
        "pp2-never-send-local": f"{HERE}test_proxy_headers_of_checks",
        "tune.http.cookielen tune.http.logurilen": LINES,
        "tune.bufsize": f"{HERE}test_bufsize",
        "tune.maxaccept": f"{HERE}test_maxaccept",
        "tune.maxpollevents": f"{HERE}test_maxpollevents",
        "tune.pipesize maxpipes": f"{HERE}test_pipes",
        "tune.rcvbuf.client tune.rcvbuf.server tune.sndbuf.client tune.sndbuf.server":
            f"{HERE}test_kernel_buffers_of_clients_and_servers",
        "tune.pool-low-fd-ratio tune.pool-high-fd-ratio": f"{HERE}test_descriptors_of_idle_links",
        "log-send-hostname": "report/test_log_reference.py::test_headers_are_the_references",
        "stats socket": "control/test_command_sockets.py::test_every_address_has_its_level",
        "stats timeout": "control/test_command_sockets.py::test_silence_ends_a_conversation",
        "stats maxconn": "control/test_command_sockets.py::test_too_many_clients_wait",
        "unix-bind": f"{HERE}test_unix_bind",
        "set-var": "samples/test_variables.py::test_the_global_section_sets_what_haproxy_sets",
        "set-var-fmt": "samples/test_variables.py::test_formats_make_variables_of_the_process",
        "tune.vars.global-max-size tune.vars.proc-max-size tune.vars.sess-max-size tune.vars.txn-max-size "
        "tune.vars.reqres-max-size": "samples/test_variables.py::test_limits_are_those_of_haproxy",
        "h1-case-adjust": HEADERS,
        "tune.http.maxhdr": OPTIONS,
        "h1-case-adjust-file": "model/test_header_case.py::test_the_last_file_is_read",
    },
    "proxy": {
        "log log-tag": "report/test_log_programs.py::test_lines",
        "mode": "scenarios/test_http_exchanges.py::test_an_exchange_is_the_same",
        "disabled enabled": f"{HERE}test_disabled_proxies_listen_nowhere",
        "balance": "balance/test_picks.py::test_turns_by_weight",
        "hash-type": "balance/test_picks.py::test_sources_keep_their_servers",
        "hash-balance-factor": "balance/test_picks.py::test_bounded_loads",
        "rate-limit sessions": "transport/test_listeners.py::test_rate_limit",
        "retries": "session/test_attempts.py::test_refusals_are_repeated_after_a_pause",
        "fullconn": "servers/test_queues.py::test_minconn_follows_the_backends_load",
        "dispatch option-redispatch": "scenarios/test_attempts.py::test_told_alike",
        "clitcpka-cnt clitcpka-idle clitcpka-intvl srvtcpka-cnt srvtcpka-idle srvtcpka-intvl "
        "option-clitcpka option-srvtcpka option-tcpka": f"{HERE}test_keepalive_words",
        "log-format error-log-format option-tcplog option-logasap": "report/test_log_programs.py::test_lines",
        "log-format-sd": "report/test_log_programs.py::test_lines",
        "unique-id-format": f"{HERE}test_unique_ids",
        "unique-id-header": LINES,
        "capture request": LINES,
        "capture response": LINES,
        "capture cookie": LINES,
        "declare capture": LINES,
        "timeout-client timeout-server": "session/test_endings.py::test_silence",
        "timeout-client-fin timeout-server-fin": "session/test_endings.py::test_half_closed_timeouts",
        "timeout-tunnel": "session/test_endings.py::test_the_tunnel_timeout_replaces_both",
        "timeout-connect": "session/test_attempts.py::test_connect_timeout",
        "timeout-queue": f"{HERE}test_timeout_queue",
        "timeout-tarpit": "scenarios/test_http_blocking.py::test_told_alike",
        "timeout-http-request timeout-http-keep-alive": EXCHANGES,
        "option-http-use-proxy-header": "samples/test_http_reference.py::test_logins",
        "option-httpclose option-http-server-close option-http-keep-alive option-http-pretend-keepalive": OPTIONS,
        "option-http-ignore-probes option-httplog": EXCHANGES,
        "option-accept-invalid-http-request option-accept-invalid-http-response": OPTIONS,
        "option-http-restrict-req-hdr-names": OPTIONS,
        "option-idle-close-on-response": "scenarios/test_http_options.py::test_idle_clients_of_a_soft_stop",
        "use-server option-http-use-proxy-header http-response http-after-response":
            "rules/test_http_reference.py::test_actions_are_told_alike",
        "option-http-buffer-request": "scenarios/test_http_bodies.py::test_told_alike",
        "option-forwardfor option-originalto http-send-name-header": HEADERS,
        "option-h1-case-adjust-bogus-client option-h1-case-adjust-bogus-server": HEADERS,
        "http-reuse": "session/http/test_links.py::test_first_requests",
        "retry-on http-request": "scenarios/test_http_retries.py::test_told_alike",
        "tcp-request tcp-response": "scenarios/test_tcp_rules.py::test_told_alike",
        "option-prefer-last-server max-keep-alive-queue":
            "session/http/test_links.py::test_a_client_stays_with_the_server_that_has_its_link",
        "timeout-check": "health/test_watch.py::test_a_silent_server_behind_a_connection",
        "option-abortonclose option-allbackups": "scenarios/test_attempts.py::test_told_alike",
        "option-dontlog-normal option-dontlognull": "session/test_endings.py::test_dontlognull_and_dontlog_normal",
        "option-independent-streams": f"{HERE}test_independent_streams",
        "option-log-health-checks": "health/test_watch.py::test_log_health_checks",
        "option-log-separate-errors": "session/test_endings.py::test_separate_errors",
        "option-nolinger": "session/test_endings.py::test_nolinger_resets_both_sides",
        "cookie ignore-persist": "scenarios/test_http_cookies.py::test_cookies_are_treated_alike",
        "dynamic-cookie-key force-persist persist option-checkcache": "scenarios/test_persistence.py::test_told_alike",
        "option-persist": "servers/test_queues.py::test_redistribution_needs_option_redispatch",
        "option-socket-stats": "control/test_commands.py::test_stat_lists_what_there_is",
        "option-splice-auto option-splice-request option-splice-response":
            "transport/test_relay.py::test_bulk_is_spliced_and_pipes_come_back",
        "option-tcp-smart-accept": f"{HERE}test_tcp_smart_accept",
        "option-tcp-smart-connect": f"{HERE}test_tcp_smart_connect",
        "option-httpchk http-check": f"{CHECKS}test_requests_as_the_reference_sends_them",
        "http-check send": f"{CHECKS}test_requests_as_the_reference_sends_them",
        "http-check send-state": f"{CHECKS}test_requests_as_the_reference_sends_them",
        "http-check expect": f"{CHECKS}test_checks_as_the_reference_makes_them",
        "http-check disable-on-404": f"{CHECKS}test_checks_as_the_reference_makes_them",
        "errorfile errorfiles errorloc errorloc302 errorloc303 http-error": ANSWERS,
        "redirect": ANSWERS,
        **dict.fromkeys(
            ("stats admin", "stats auth", "stats http-request", "stats realm", "stats refresh", "stats scope",
             "stats uri", "stats enable"),
            f"{PAGES}test_told_alike",
        ),
        **dict.fromkeys(
            ("stats hide-version", "stats show-desc", "stats show-legends", "stats show-modules", "stats show-node",
             "description"),
            "report/test_page.py::test_what_words_show",
        ),
        "monitor-uri": ANSWERS,
        "monitor fail": ANSWERS,
        "use_backend acl": "rules/test_use_backend_reference.py::test_clients_reach_the_farm_that_haproxy_chooses",
        "bind": "transport/test_binding.py::test_socket_options",
        "server-state-file-name": "servers/test_state_files.py::test_which_file_is_read",
        "server": "transport/test_server_links.py::test_options_reach_the_socket",
        "default-server server-template": f"{HERE}test_default_server_and_templates",
        "source": "transport/test_server_links.py::test_source_address_and_port",
    },
    "ring": {
        "description format maxlen size": "scenarios/test_rings.py::test_lines_are_kept_alike",
    },
    "userlist": {
        "user group": "samples/test_http_reference.py::test_logins",
    },
    "bind": {
        "user group uid gid mode": "transport/test_binding.py::test_a_unix_socket_gets_its_owner_and_mode",
        "interface mss transparent tcp-ut defer-accept tfo v4v6 v6only":
            "transport/test_binding.py::test_socket_options",
        "accept-proxy": "transport/test_server_links.py::test_a_proxy_header_in_pieces_is_read",
        "maxconn": "transport/test_listeners.py::test_clients_beyond_the_limit_wait_in_the_backlog",
        "level severity-output": "control/test_command_sockets.py::test_every_address_has_its_level",
        "name": "control/test_commands.py::test_stat_lists_what_there_is",
    },
    "server": {
        "addr port": "health/test_watch.py::test_where_to_check",
        "check-send-proxy": f"{HERE}test_proxy_headers_of_checks",
        "check-via-socks4": "transport/test_dial.py::test_through_socks",
        "init-addr": "model/test_name_resolution.py::test_an_address_as_last_method",
        "inter rise fall": "health/test_watch.py::test_checks_come_every_inter",
        "fastinter downinter": "health/test_watch.py::test_fastinter_in_transition_and_downinter_when_down",
        "observe on-error error-limit": "health/test_watch_reference.py::test_same_fate_same_words",
        "on-marked-down": "servers/test_states.py::test_sessions_end_when_their_server_goes_down",
        "on-marked-up": "servers/test_states.py::test_sessions_of_backups_end_when_an_active_server_comes_up",
        "slowstart": "servers/test_states.py::test_slow_start_grows_weight_and_maxconn",
        "maxconn maxqueue": "servers/test_queues_reference.py::test_same_servers_same_queues",
        "minconn": "servers/test_queues.py::test_minconn_follows_the_backends_load",
        "proxy-v2-options send-proxy-v2": f"{HERE}test_unique_ids",
        "send-proxy": "transport/test_server_links.py::test_the_proxy_header_comes_first",
        "socks4": "transport/test_server_links.py::test_socks4",
        "source": "transport/test_server_links.py::test_source_address_and_port",
        "usesrc": "transport/test_server_links.py::test_the_client_address_may_be_presented",
        "tcp-ut": "transport/test_server_links.py::test_options_reach_the_socket",
        "track": "servers/test_tracking.py::test_a_chain_follows_checks",
        "weight": "balance/test_picks.py::test_turns_by_weight",
        "backup": "servers/test_queues.py::test_backups_serve_when_it_is_their_turn",
        "cookie": "scenarios/test_http_cookies.py::test_cookies_are_treated_alike",
        "disabled": "servers/test_states.py::test_initial_states_are_silent",
        "no-ssl no-check-ssl no-agent-check": "golden/test_golden.py::test_accepted",
    },
}  # fmt: skip
"""Words of each place (spaces in them written as hyphens for `option` and `timeout`), and the test of their effect."""


@cache
def read_attributes() -> frozenset[str]:
    """Return the names of all attributes that live code reads."""
    found = set()
    for path in CODE.rglob("*.py"):
        if path.relative_to(CODE).parts[0] not in ("model", "grammar"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            loads = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
            found |= {node.attr for node in loads if isinstance(node.ctx, ast.Load)}
    return frozenset(found)


def place_of(row: Row) -> str:
    """Return the place of a word, as SHOWN calls it."""
    if Where.BIND in row.where:
        return "bind"
    if Where.SERVER in row.where:
        return "server"
    if Where.USERLIST in row.where:
        return "userlist"
    if Where.RING in row.where:
        return "ring"
    return "proxy" if row.where & PROXY else "global"


def shown() -> dict[tuple[str, str], str]:
    """Return the test of each word that SHOWN tells of."""
    found = {}
    for place, lines in SHOWN.items():
        for words, test in lines.items():
            for word in _split(words):
                found[place, word] = test
    return found


def _split(words: str) -> list[str]:
    two = ("option-", "timeout-")
    pairs = ("monitor fail", "stats socket", "stats timeout", "stats maxconn", "rate-limit sessions")
    if words in pairs or words.startswith(("http-check ", "capture ", "declare ", "stats ")):
        return [words]
    return [word.replace("-", " ", 1) if word.startswith(two) else word for word in words.split()]


def supported() -> dict[tuple[str, str], Row]:
    """Return the rows that say that they take effect."""
    rows = language.words().rows
    return {(place_of(row), row.name): row for row in rows if row.status is Status.DONE}


def test_every_supported_word_is_used() -> None:
    """A supported word has a field that live code reads, or a test that shows it at work."""
    ignored = []
    for (place, name), row in supported().items():
        fields = {field.name for field in dataclasses.fields(MODELS[place])}
        stored = row.field in fields and f"{MODELS[place].__name__}.{row.field}" not in UNREAD
        if (place, name) not in shown() and not (stored and row.field in read_attributes()):
            ignored.append(f"{place} {name}")
    assert not ignored


def test_what_is_shown_exists() -> None:
    """SHOWN names supported words, and tests that there are."""
    assert not set(shown()) - set(supported())
    for test in set(shown().values()):
        path, _, name = test.partition("::")
        tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in functions, test


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_field_of_the_model_is_read(kind: type) -> None:
    """What a configuration stores is read by live code, but for what waits for later parts."""
    names = {field.name for field in dataclasses.fields(kind)}
    waiting = {field.partition(".")[2] for field in UNREAD if field.startswith(f"{kind.__name__}.")}
    assert waiting <= names
    assert not names - waiting - read_attributes()
