"""`option http-restrict-req-hdr-names`: headers with names that some programs mix up, `X_A` with `X-A`, are left out
of requests, or such requests are refused. Each of frontend and backend looks by itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tcproxy.grammar.rows import PROXY, Draft, Reading, Row
from tcproxy.grammar.statements import Refused, Statement
from tcproxy.grammar.units import listed
from tcproxy.session.http import blocking
from tcproxy.session.stages import PROXY as BY_PROXY

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy
    from tcproxy.session.http.rules import Rule
    from tcproxy.session.http.session import HttpSession

POLICIES = ("preserve", "delete", "reject")
_odd = re.compile(rb"[^A-Za-z0-9-]").search


def parse_restrict(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `option http-restrict-req-hdr-names preserve|delete|reject`."""
    policy = statement.words[2] if len(statement.words) > 2 else ""
    if policy not in POLICIES:
        raise Refused(f"'{' '.join(statement.words[:2])}' supports {listed(POLICIES)}, and not '{policy}'", 2)
    if len(statement.words) > 3:
        raise Refused(f"'{' '.join(statement.words[:3])}' cannot take the argument '{statement.words[3]}'", 3)
    draft["restrict_names"] = policy


def of_frontend(front: Proxy) -> Rule | None:
    """Return what a frontend does with the names of a request's headers."""
    return _RULES.get(front.restrict_names)


def of_backend(front: Proxy, back: Proxy) -> Rule | None:
    """Return what a backend does with them, where it is not its own frontend."""
    return None if front is back else _RULES.get(back.restrict_names)


def _delete(session: HttpSession) -> bool:
    request = session.request
    assert request is not None
    kept = [field for field in request.fields if not _odd(field.name)]
    if len(kept) < len(request.fields):
        # what the client sent is counted all the same
        session.client.moved += sum([len(field.wire) - 4 for field in request.fields if _odd(field.name)])
        request.fields = kept
    return True


def _reject(session: HttpSession) -> bool:
    request = session.request
    assert request is not None
    if not any(_odd(field.name) for field in request.fields):
        return True
    blocking.count(session)
    session.decide(BY_PROXY, "R")
    session.answer(403)
    return False


_RULES: dict[str, Rule] = {"delete": _delete, "reject": _reject}

WORDS = (
    Row("option http-restrict-req-hdr-names", PROXY, "Leave out or refuse headers with unusual names.",
        parse=parse_restrict, mode="http", manual="4.2", core=True),
)  # fmt: skip
