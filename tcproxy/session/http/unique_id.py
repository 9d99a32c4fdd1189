"""The unique id of a request, and the header that carries it (manual 4.2, `unique-id-format`, `unique-id-header`)."""

from __future__ import annotations

from tcproxy.model.proxy import Proxy
from tcproxy.session.http.state import Exchange, Rule


def identity(front: Proxy, back: Proxy) -> Rule | None:
    """Return the rule that gives requests their id, and adds its header if there is one; None without ids."""
    if not front.unique_id_format:
        return None
    name = front.unique_id_header.lower().encode("utf-8", "surrogateescape")

    def identify(exchange: Exchange) -> bool:
        first, request = exchange.settings.identify_first, exchange.request
        assert first is not None and request is not None
        if exchange.unique is None:
            exchange.unique = ""  # its format may take a sample of it
            exchange.unique = first(exchange)
        if name:
            request.add(name, exchange.unique.encode("utf-8", "surrogateescape"))
        return True

    return identify
