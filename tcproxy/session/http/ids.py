"""The unique id of a request, and the header that carries it (manual 4.2, `unique-id-format`, `unique-id-header`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tcproxy.model.proxy import Proxy
    from tcproxy.session.http.rules import Rule
    from tcproxy.session.http.session import HttpSession


def identity(front: Proxy, back: Proxy) -> Rule | None:
    """Return what gives requests their id, and adds its header if there is one; None without ids."""
    if not front.unique_id_format:
        return None
    name = front.unique_id_header.lower().encode("utf-8", "surrogateescape")

    def identify(session: HttpSession) -> bool:
        first, request = session.settings.identify_first, session.request
        assert first is not None and request is not None
        if session.unique is None:
            session.unique = first(session)
        if name:
            request.add(name, session.unique.encode("utf-8", "surrogateescape"))
        return True

    return identify
