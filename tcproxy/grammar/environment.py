"""Environment variables of one proxy.

The process's own environment is read once by whoever starts the proxy, and never written: two proxies may live in one
process. Expansion inside quotes stands in lines.py, expansion in addresses in addresses.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


class Environment:
    """Variables by name: a copy of `initial` that lives as long as the proxy."""

    def __init__(self, initial: Mapping[str, str] | None = None) -> None:
        self._variables = dict(initial or {})

    def get(self, name: str) -> str | None:
        """Return the value, or None when there is no such variable."""
        return self._variables.get(name)

    def set(self, name: str, value: str) -> None:
        """Set a variable; raises ValueError for a name that no environment can hold."""
        self._check(name)
        if "\0" in value:
            raise ValueError(f"the value of the variable '{name}' holds a NUL character")
        self._variables[name] = value

    def preset(self, name: str, value: str) -> None:
        """Set a variable unless it exists already, be it empty; raises ValueError as `set` does."""
        self._check(name)
        if name not in self._variables:
            self.set(name, value)

    def unset(self, name: str) -> None:
        """Forget a variable, if there is one; raises ValueError as `set` does."""
        self._check(name)
        self._variables.pop(name, None)

    def reset(self, keep: Iterable[str] = ()) -> None:
        """Forget every variable but those named."""
        kept = set(keep)
        self._variables = {name: value for name, value in self._variables.items() if name in kept}

    def items(self) -> list[tuple[str, str]]:
        """Return names and values in the order in which they came."""
        return list(self._variables.items())

    def __contains__(self, name: object) -> bool:
        return name in self._variables

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    @staticmethod
    def _check(name: str) -> None:
        if not name or "=" in name or "\0" in name:
            raise ValueError(f"'{name}' cannot be the name of a variable")
