"""The address of a server: the one it starts with, and whether its connections depend on the client."""

from __future__ import annotations

from tcproxy.grammar.addresses import Address, Family
from tcproxy.model.server import Server, SourceAddress


def starting_address(model: Server) -> Address | None:
    """Return the numeric address a server starts with, or None for a name that was not resolved."""
    if not model.address.is_name:
        return model.address
    if not model.resolved:
        return None
    address = model.address
    family = Family.INET6 if ":" in model.resolved else Family.INET
    return Address(
        family, model.resolved, address.port, address.last_port, address.kind,
        relative=address.relative, has_port=address.has_port,
    )  # fmt: skip


def comes_from_client(source: SourceAddress | None) -> bool:
    """Return whether connections come from the client's own address (`source ... usesrc client` or `clientip`)."""
    return source is not None and source.usesrc in ("client", "clientip")


def follows_client(address: Address | None, port: int) -> bool:
    """Return whether a server's address or port is the one that the client connected to (`server s 0.0.0.0`)."""
    if address is None or address.family not in (Family.INET, Family.INET6):
        return False
    return address.relative or not port or address.host in ("", "0.0.0.0", "::")
