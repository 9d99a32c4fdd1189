"""All actions by rule set and name, and the names that HAProxy 2.6 knows beside them: these are refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tcproxy.grammar.rows import each
from tcproxy.rules.actions import (
    addresses,
    answers,
    clients,
    connections,
    headers,
    logging,
    normalizing,
    pattern_files,
    plugged,
    redirecting,
    request_line,
    status,
    variables,
    waits,
)
from tcproxy.rules.actions.rows import Action
from tcproxy.rules.sets import SetKind

ROWS: tuple[Action, ...] = (
    *addresses.ACTIONS,
    *answers.ACTIONS,
    *clients.ACTIONS,
    *connections.ACTIONS,
    *headers.ACTIONS,
    *logging.ACTIONS,
    *normalizing.ACTIONS,
    *pattern_files.ACTIONS,
    *plugged.ACTIONS,
    *redirecting.ACTIONS,
    *request_line.ACTIONS,
    *status.ACTIONS,
    *variables.ACTIONS,
    *waits.ACTIONS,
)


def _joined() -> Mapping[SetKind, Mapping[str, Action]]:
    found: dict[SetKind, dict[str, Action]] = {kind: {} for kind in SetKind}
    for row in sorted(ROWS, key=lambda one: one.name):
        for kind in row.kinds:
            assert row.name not in found[kind], f"two rows for {kind.words} {row.name}"
            found[kind][row.name] = row
    return MappingProxyType(found)


ACTIONS = _joined()

_STATISTICS = "sc-inc-gpc sc-inc-gpc0 sc-inc-gpc1 sc-set-gpt sc-set-gpt0 track-sc0 track-sc1 track-sc2 "
_TCP = "set-mark set-tos set-var set-var-fmt silent-drop unset-var "
_FIRST = f"{_TCP} {_STATISTICS} accept reject set-dst set-dst-port set-src set-src-port "
KNOWN: Mapping[SetKind, tuple[str, ...]] = {
    SetKind.TCP_CONNECTION: each(f"{_FIRST} expect-netscaler-cip expect-proxy"),
    SetKind.TCP_SESSION: each(_FIRST),
    SetKind.TCP_CONTENT: each(f"""
        {_FIRST} capture do-resolve ot-group send-spoe-group set-log-level set-nice set-priority-class
        set-priority-offset switch-mode use-service
    """),
    SetKind.TCP_RESPONSE: each(f"""
        {_TCP} {_STATISTICS} accept reject close ot-group send-spoe-group set-log-level set-nice
    """),
    SetKind.HTTP_REQUEST: each(f"""
        {_TCP} {_STATISTICS} add-acl add-header allow auth cache-use capture del-acl del-header del-map deny
        disable-l7-retry do-resolve early-hint normalize-uri ot-group redirect reject replace-header replace-path
        replace-pathq replace-uri replace-value return send-spoe-group set-dst set-dst-port set-header set-log-level
        set-map set-method set-nice set-path set-pathq set-priority-class set-priority-offset set-query set-src
        set-src-port set-timeout set-uri strict-mode tarpit use-service wait-for-body wait-for-handshake
    """),
    SetKind.HTTP_RESPONSE: each(f"""
        {_TCP} {_STATISTICS} add-acl add-header allow cache-store capture del-acl del-header del-map deny ot-group
        redirect replace-header replace-value return send-spoe-group set-header set-log-level set-map set-nice
        set-status strict-mode wait-for-body
    """),
    SetKind.HTTP_AFTER: each("""
        add-header allow capture del-header ot-group replace-header replace-value set-header set-status set-var
        set-var-fmt strict-mode unset-var
    """),
}
"""The names of HAProxy 2.6."""


def listing() -> Iterator[str]:
    """Return the actions as HAProxy's list of configuration words has them: a star where the word goes on."""
    for kind, rows in ACTIONS.items():
        for row in rows.values():
            if kind not in row.core:
                yield f"\t{kind.words} {row.name}{'*' if row.named else ''}"


def missing(kind: SetKind) -> frozenset[str]:
    """Return the actions of a set that HAProxy 2.6 knows and tcproxy does not do yet."""
    return frozenset(KNOWN[kind]) - ACTIONS[kind].keys()
