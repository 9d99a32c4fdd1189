"""`option http-restrict-req-hdr-names`: headers with names that some programs mix up, `X_A` with `X-A`, are left out
of requests, or such requests are refused. Each of frontend and backend looks by itself.
"""

from __future__ import annotations

import re

from tcproxy.model.proxy import Proxy
from tcproxy.session.http import refusals
from tcproxy.session.http.state import Exchange, Rule
from tcproxy.session.stages import PROXY as BY_PROXY

_odd = re.compile(rb"[^A-Za-z0-9-]").search


def of_frontend(front: Proxy) -> Rule | None:
    """Return the rule of a frontend for the names of a request's headers; None where all are preserved."""
    return _RULES.get(front.restrict_names)


def of_backend(front: Proxy, back: Proxy) -> Rule | None:
    """Return the rule of a backend for them; None where all are preserved, or the section is its own frontend."""
    return None if front is back else _RULES.get(back.restrict_names)


def _delete(exchange: Exchange) -> bool:
    request = exchange.request
    assert request is not None
    if _odd(b"".join(request.names)):
        request.remove_all(_odd)
    return True


def _reject(exchange: Exchange) -> bool:
    request = exchange.request
    assert request is not None
    if not _odd(b"".join(request.names)):
        return True
    refusals.count(exchange)
    exchange.decide(BY_PROXY, "R")
    exchange.answer(403)
    return False


_RULES: dict[str, Rule] = {"delete": _delete, "reject": _reject}
