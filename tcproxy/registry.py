"""Plugins: which balancing strategies and health checkers there are, and where each came from.

A plugin is a module-level object of a file in a `tcproxy/plugins/` folder on sys.path, or what an entry point of
the group `tcproxy.plugins` names. Ours are looked up first; other files, and at last entry points, are imported
only when a name is asked for that is not known yet, or for a list of all.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from zope.interface.exceptions import Invalid
from zope.interface.interface import InterfaceClass
from zope.interface.verify import verifyObject

import tcproxy.plugins
from tcproxy.interfaces import IBalancingStrategy, IHealthChecker

ENTRY_POINTS = "tcproxy.plugins"

OWN = ("strategies", "checkers")
"""Files of the menu that come with tcproxy."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin: its name, what it is, and the file or entry point that brought it."""

    name: str
    interface: InterfaceClass
    plugin: Any
    source: str


class Registry:
    """The plugins of one proxy. troubles: sentences about plugins that could not be loaded, or whose name is taken."""

    def __init__(self) -> None:
        self.troubles: list[str] = []
        self._plugins: dict[tuple[InterfaceClass, str], Plugin] = {}
        self._loaded: set[str] = set()
        self._steps = iter((self._load_own, self._load_folders, self._load_entry_points))

    @property
    def strategies(self) -> Mapping[str, Any]:
        """The balancing strategies by name."""
        return Menu(self, IBalancingStrategy)

    @property
    def checkers(self) -> Mapping[str, Any]:
        """The health checkers by name."""
        return Menu(self, IHealthChecker)

    def find(self, interface: InterfaceClass, name: str) -> Any:
        """Return the plugin of that name, or None; loads further sources until it is found."""
        while (interface, name) not in self._plugins:
            step = next(self._steps, None)
            if step is None:
                return None
            step()
        return self._plugins[interface, name].plugin

    def all(self) -> list[Plugin]:
        """Load every source and return all plugins, by kind and name."""
        for step in self._steps:
            step()
        return sorted(self._plugins.values(), key=lambda plugin: (plugin.interface.__name__, plugin.name))

    def _load_own(self) -> None:
        for name in OWN:
            if importlib.util.find_spec(f"{tcproxy.plugins.__name__}.{name}") is not None:
                self._load_module(name)

    def _load_folders(self) -> None:
        for module in pkgutil.iter_modules(tcproxy.plugins.__path__):
            self._load_module(module.name)

    def _load_module(self, name: str) -> None:
        full = f"{tcproxy.plugins.__name__}.{name}"
        if full in self._loaded:
            return
        self._loaded.add(full)
        try:
            module = importlib.import_module(full)
        except Exception as wrong:  # a plugin of others may fail in any way, and must not take the proxy with it
            self.troubles.append(f"the plugin file '{name}' cannot be loaded: {type(wrong).__name__}: {wrong}")
            return
        for attribute, thing in vars(module).items():
            if not attribute.startswith("_"):
                self.offer(thing, str(getattr(module, "__file__", full)))

    def _load_entry_points(self) -> None:
        # slow to import, and few need it
        from importlib.metadata import entry_points

        for point in entry_points(group=ENTRY_POINTS):
            try:
                thing = point.load()
            except Exception as wrong:  # as above
                reason = f"{type(wrong).__name__}: {wrong}"
                self.troubles.append(f"the entry point '{point.name}' cannot be loaded: {reason}")
                continue
            self.offer(thing, f"entry point {point.name}")

    def offer(self, thing: Any, source: str) -> None:
        """Take up a thing that provides one of the interfaces; anything else is passed over."""
        if isinstance(thing, type):
            return
        for interface in (IBalancingStrategy, IHealthChecker):
            if interface.providedBy(thing):
                self._add(thing, interface, source)

    def _add(self, thing: Any, interface: InterfaceClass, source: str) -> None:
        try:
            verifyObject(interface, thing)
        except Invalid as wrong:
            self.troubles.append(f"{source}: {' '.join(str(wrong).split())}")
            return
        known = self._plugins.get((interface, thing.name))
        if known is not None and known.plugin is not thing:
            self.troubles.append(f"{source}: the name '{thing.name}' is taken by {known.source}")
        elif known is None:
            self._plugins[interface, thing.name] = Plugin(thing.name, interface, thing, source)


class Menu(Mapping[str, Any]):
    """The plugins of one interface by name; asking for an unknown one loads further sources."""

    def __init__(self, registry: Registry, interface: InterfaceClass) -> None:
        self._registry = registry
        self._interface = interface

    def __getitem__(self, name: str) -> Any:
        plugin = self._registry.find(self._interface, name)
        if plugin is None:
            raise KeyError(name)
        return plugin

    def __iter__(self) -> Iterator[str]:
        return (plugin.name for plugin in self._registry.all() if plugin.interface is self._interface)

    def __len__(self) -> int:
        return sum(1 for _ in self)
