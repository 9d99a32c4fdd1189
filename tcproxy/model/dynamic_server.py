"""A server that is added at run time: the words behind `add server BACKEND/SERVER` (management 9.3)."""

from __future__ import annotations

from collections.abc import Collection

from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.grammar.rows import Draft, Reading, Where, Words
from tcproxy.grammar.statements import NOWHERE, Refused, Statement
from tcproxy.model import links, server, unsupported
from tcproxy.model.consistency import has_check_port
from tcproxy.model.proxy import Proxy
from tcproxy.model.server import Server, read_server


def read_dynamic_server(
    words: tuple[str, ...], backend: Proxy, environment: Environment, taken: Collection[int]
) -> tuple[Server, bool]:
    """Return the server that a name, an address and options declare, and whether it is in service at once (`enabled`).

    taken: the numbers of the backend's servers; without the option `id` the lowest free one is given. Options of
    `default-server` lines do not count, and a host name is not resolved. Raises Refused with the sentence to answer.
    """
    reading = Reading(
        Diagnostics(0), environment, section=backend.kind, name=backend.name,
        words=Words(server.WORDS, links.WORDS, unsupported.WORDS),
    )  # fmt: skip
    _refuse_static(words[2:], reading)
    draft = read_server(Statement(NOWHERE, ("server", *words)), 2, words[0], Draft(), reading)
    _check(draft, backend, taken)
    draft["id_is_given"] = "id" in draft
    draft.setdefault("id", next(number for number in range(1, len(taken) + 2) if number not in taken))
    enabled = draft.get("disabled") is False
    return Server(**draft), enabled


def _refuse_static(words: tuple[str, ...], reading: Reading) -> None:
    """Refuse options that only the configuration may give."""
    rows = reading.words.at(Where.SERVER)
    at = 0
    while at < len(words):
        row = rows.get(words[at])
        if row is None:
            return  # `read_options` tells what is unknown
        if not row.dynamic:
            raise Refused(f"'{row.name}' is no option of a server that is added at run time")
        count = len(row.arguments) or row.many
        if count < 0:
            return
        at += 1 + count


def _check(draft: Draft, backend: Proxy, taken: Collection[int]) -> None:
    if draft.get("id") in taken:
        raise Refused(f"the id {draft['id']} is taken by another server of the backend '{backend.name}'")
    if draft.get("check") and draft.get("track"):
        raise Refused("'check' and 'track' cannot stand together")
    if draft.get("check") and not has_check_port(draft):
        raise Refused("there is neither a port for the service nor for checks")
    if draft.get("observe") == "layer7":
        if backend.mode != "http":
            raise Refused("'observe layer7' needs 'mode http'")
        if not any(one.observe == "layer7" for one in backend.servers):
            raise Refused("'observe layer7' needs a server in the configuration of this backend that has it, too")
