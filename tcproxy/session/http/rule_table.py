"""The one table of what is done to requests and responses, in order.

Each entry makes, of the sections concerned, the function (or functions) to call for each message, or returns None where
the sections ask for nothing: then it costs nothing. assembly.py calls the entries once, when the proxy starts.
"""

from __future__ import annotations

from collections.abc import Callable

from tcproxy.model.proxy import Proxy
from tcproxy.session.http import (
    captures,
    checkcache,
    cookies,
    forwarded,
    header_names,
    request_body,
    rule_sets,
    statistics_page,
    unique_id,
)
from tcproxy.session.http.monitor import monitor
from tcproxy.session.http.redirects import back_redirects, front_redirects
from tcproxy.session.http.state import ResponseEdit, Rule

FRONT: tuple[Callable[[Proxy], Rule | tuple[Rule, ...] | None], ...] = (
    rule_sets.first_of_frontend,
    captures.requests,
    monitor,
    request_body.of_frontend,
    rule_sets.of_frontend,
    header_names.of_frontend,
    statistics_page.of_frontend,
    front_redirects,
)
"""Of a frontend: before the backend is chosen."""
BACK: tuple[Callable[[Proxy, Proxy], Rule | tuple[Rule, ...] | None], ...] = (
    rule_sets.late_timeout,
    rule_sets.first_of_backend,
    request_body.of_backend,
    cookies.persist_rules,
    rule_sets.of_backend,
    header_names.of_backend,
    statistics_page.of_backend,
    back_redirects,
    rule_sets.use_servers,
    captures.request_cookies,
    cookies.requests,
    unique_id.identity,
    forwarded.forwardfor,
    forwarded.originalto,
    request_body.of_strategy,
)
"""Of a frontend and a backend: once the backend is known, before there is a server."""
RESPONSES: tuple[Callable[[Proxy, Proxy], ResponseEdit | None], ...] = (
    captures.responses,
    request_body.told_to_continue,
    rule_sets.of_responses,
    captures.response_cookies,
    checkcache.responses,
    rule_sets.after_servers,
)
"""Of a frontend and a backend."""

WAITING = frozenset({request_body.of_frontend, request_body.of_backend, request_body.of_strategy})
"""Entries whose rule may wait; the exchange then goes on with the step behind that rule."""
