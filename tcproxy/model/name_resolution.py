"""Host names of servers, resolved once at start by the system's resolver (manual 5.2, `init-addr`).

Resolving while the proxy runs is the business of the `resolvers` section.
"""

from __future__ import annotations

from tcproxy.grammar.addresses import Address, resolve
from tcproxy.grammar.rows import Draft, Reading

METHODS = ("last", "libc")


class Resolver:
    """Resolves the names of servers; each name is asked for once."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.failed = False
        self._known: dict[Address, str] = {}

    def resolve(self, proxy: str, server: Draft) -> None:
        """Set `resolved` of a server whose address is a name, or tell that it cannot be."""
        address: Address = server["address"]
        if not address.is_name:
            return
        methods = server.get("init_addr") or METHODS
        if self.reading.unresolved_allowed:
            methods = (*methods, "none")
        asked = False
        for method in methods:
            if method == "libc":
                asked = True
            if self._try(method, address, server):
                self._tell_fallback(method, asked, proxy, server)
                return
        self.failed = True
        known = "no address is known" if asked else "'init-addr' names no method that finds an address"
        self._tell("alert", proxy, server, f"{known} for the host name '{address.host}'")

    def _try(self, method: str, address: Address, server: Draft) -> bool:
        """Return whether the method settles the server's address."""
        if method == "last":
            return False  # there is no state file yet
        if method == "none":
            server["resolved"] = ""
            return True
        found = self._ask(address) if method == "libc" else method
        server["resolved"] = found
        return bool(found)

    def _ask(self, address: Address) -> str:
        key = Address(address.family, address.host, is_name=True)
        if key not in self._known:
            try:
                self._known[key] = resolve(key).host
            except ValueError:
                self._known[key] = ""
        return self._known[key]

    def _tell_fallback(self, method: str, asked: bool, proxy: str, server: Draft) -> None:
        if not asked or method == "libc":
            return
        what = "the server starts disabled" if method == "none" else f"it starts with {method}"
        host = server["address"].host
        self._tell("warning", proxy, server, f"no address is known for the host name '{host}': {what}")

    def _tell(self, level: str, proxy: str, server: Draft, message: str) -> None:
        tell = getattr(self.reading.diagnostics, level)
        tell(f"[{server['origin']}] : 'server {proxy}/{server['name']}' : {message}.")
