"""Plugins: which balancing strategies, health checkers, samples and so on there are, and where each came from.

A plugin is a module-level object of a file in a `tcproxy/plugins/` folder on sys.path, or the object of an
entry point of the group `tcproxy.plugins`. Files are imported when a plugin is first asked for, ours before all others;
entry points, which are slow to look up, only when a name is asked for that is not known yet, or for a list of all.

Whatever a third party's file does while it is imported becomes a sentence in `troubles`; its plugins are called
through a guard (guards.py), ours are not.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from zope.interface.exceptions import Invalid
from zope.interface.interface import InterfaceClass
from zope.interface.verify import verifyObject

import tcproxy.plugins
from tcproxy.guards import Author, GuardedCalls, GuardedChecker, GuardedStrategy, reason, without_reactor
from tcproxy.interfaces import IAction, IBalancingStrategy, IConverter, IFetch, IHealthChecker, IService

ENTRY_POINTS = "tcproxy.plugins"
PACKAGE = tcproxy.plugins.__name__

OWN = ("strategies", "checkers")
"""Files of the menu that come with tcproxy."""

GUARDS: Mapping[InterfaceClass, tuple[str, Any]] = {
    IBalancingStrategy: ("strategy", GuardedStrategy),
    IHealthChecker: ("checker", GuardedChecker),
    IFetch: ("fetch", GuardedCalls),
    IConverter: ("converter", GuardedCalls),
    IAction: ("action", GuardedCalls),
    IService: ("service", GuardedCalls),
}
"""What a plugin of each interface is called in messages, and the guard around a third party's."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin. plugin: the object itself. use: the same, or the guard to call in its place.

    source: the file, and the entry point if there is one.
    """

    name: str
    interface: InterfaceClass
    plugin: Any
    use: Any
    source: str


class Registry:
    """The plugins of one proxy. troubles: sentences about files and plugins that cannot be used, and why."""

    def __init__(self) -> None:
        self.troubles: list[str] = []
        self._plugins: dict[tuple[InterfaceClass, str], Plugin] = {}
        self._steps = iter((self._load_files, self._load_entry_points))

    @property
    def strategies(self) -> Mapping[str, Any]:
        """The balancing strategies by name."""
        return Menu(self, IBalancingStrategy)

    @property
    def checkers(self) -> Mapping[str, Any]:
        """The health checkers by name."""
        return Menu(self, IHealthChecker)

    @property
    def fetches(self) -> Mapping[str, Any]:
        """The fetches of plugins by name."""
        return Menu(self, IFetch)

    @property
    def converters(self) -> Mapping[str, Any]:
        """The converters of plugins by name."""
        return Menu(self, IConverter)

    @property
    def actions(self) -> Mapping[str, Any]:
        """The actions of plugins by name."""
        return Menu(self, IAction)

    @property
    def services(self) -> Mapping[str, Any]:
        """The services of plugins by name."""
        return Menu(self, IService)

    def find(self, interface: InterfaceClass, name: str) -> Any:
        """Return the plugin of that name, or None; loads further sources until it is found."""
        while (interface, name) not in self._plugins:
            step = next(self._steps, None)
            if step is None:
                return None
            step()
        return self._plugins[interface, name].use

    def all(self) -> list[Plugin]:
        """Load every source and return all plugins, by kind and name."""
        for step in self._steps:
            step()
        return sorted(self._plugins.values(), key=lambda plugin: (plugin.interface.__name__, plugin.name))

    # files

    def _load_files(self) -> None:
        for name in OWN:
            module = importlib.import_module(f"{PACKAGE}.{name}")
            for thing in list(vars(module).values()):
                self.offer(thing, str(module.__file__), own=True)
        for name, file in self._files():
            self._load_file(name, file)
        self.troubles += _folders_left_out()

    def _files(self) -> Iterator[tuple[str, str]]:
        """Yield name and path of each third party's file; a name that an earlier folder has is told."""
        found: dict[str, str] = {}
        folders = {Path(folder).resolve(): None for folder in tcproxy.plugins.__path__}  # one may stand there twice
        for folder in folders:
            for module in pkgutil.iter_modules([str(folder)]):
                path = Path(folder, module.name, "__init__.py") if module.ispkg else Path(folder, f"{module.name}.py")
                known = found.setdefault(module.name, str(path))
                if known != str(path):
                    self.troubles.append(f"{path} is not read: {known} has the same name, give it another one")
                elif module.name not in OWN:
                    yield module.name, str(path)

    def _load_file(self, name: str, file: str) -> None:
        try:
            with without_reactor():
                module = importlib.import_module(f"{PACKAGE}.{name}")
        except KeyboardInterrupt:
            raise
        except BaseException as wrong:  # a plugin of others may fail in any way, and must not take the proxy with it
            self.troubles.append(f"the plugin file {file} cannot be loaded: {reason(wrong, file)}")
            return
        things = [thing for attribute, thing in list(vars(module).items()) if not attribute.startswith("_")]
        offered = [self.offer(thing, file) for thing in things]
        if not any(offered):
            self._tell_of_classes(module, file)

    def _tell_of_classes(self, module: ModuleType, file: str) -> None:
        """Tell of a file that offers nothing although it has a class that could make a plugin."""
        for thing in vars(module).values():
            if isinstance(thing, type) and thing.__module__ == module.__name__ and _makes_plugins(thing):
                advice = f"make an object of its class, as in 'x = {thing.__name__}()'"
                self.troubles.append(f"the plugin file {file} has no plugin: {advice}")

    # entry points

    def _load_entry_points(self) -> None:
        # slow to import, and few need it
        from importlib.metadata import entry_points

        for point in entry_points(group=ENTRY_POINTS):
            source = f"entry point {point.name} = {point.value}"
            try:
                with without_reactor():
                    thing = point.load()
            except KeyboardInterrupt:
                raise
            except BaseException as wrong:  # as above
                self.troubles.append(f"the {source} cannot be loaded: {reason(wrong)}")
                continue
            if not self.offer(thing, source):
                self.troubles.append(f"the {source} is no plugin: it provides none of the interfaces")

    # objects

    def offer(self, thing: Any, source: str, own: bool = False) -> bool:
        """Take up a thing that provides one of the interfaces, and return whether it does; pass over anything else.

        source: the file or entry point. own: it comes with tcproxy, so its methods are called without a guard.
        """
        if isinstance(thing, type):
            return False
        offered = False
        for interface in GUARDS:
            try:
                with without_reactor():
                    if not interface.providedBy(thing):
                        continue
                    offered = True
                    self._add(thing, interface, source, own)
            except KeyboardInterrupt:
                raise
            except BaseException as wrong:  # of its __getattr__, a property, or whatever else is asked
                self.troubles.append(f"{source}: {reason(wrong, _file_of(thing))}")
        return offered

    def _add(self, thing: Any, interface: InterfaceClass, source: str, own: bool) -> None:
        try:
            verifyObject(interface, thing)
        except Invalid as wrong:
            self.troubles.append(f"{source}: {' '.join(str(wrong).split())}")
            return
        kind, guard = GUARDS[interface]
        name = thing.name
        if not _is_word(name):
            self.troubles.append(f"{source}: the name of a {kind} is one word of the configuration, and not {name!r}")
            return
        known = self._plugins.get((interface, name))
        if known is None:
            use = thing if own else guard(thing, Author(kind, name, _file_of(thing), source))
            self._plugins[interface, name] = Plugin(name, interface, thing, use, source)
        elif known.plugin is not thing:
            self.troubles.append(f"{source}: the name '{name}' is taken by the {kind} of {known.source}")


def _file_of(thing: Any) -> str:
    """Return the file of a thing's class, "" where it has none."""
    try:
        return inspect.getfile(type(thing))
    except (TypeError, OSError):
        return ""


def _is_word(name: object) -> bool:
    return isinstance(name, str) and name.isprintable() and name != "" and not set(name) & set(" ()\"'#\\")


def _makes_plugins(made: type) -> bool:
    return any(interface.implementedBy(made) for interface in GUARDS)


def _folders_left_out() -> Iterator[str]:
    """Yield a sentence for each plugin folder on sys.path that an __init__.py makes a package of its own."""
    ours = Path(str(tcproxy.plugins.__file__)).parent.resolve()
    for entry in sys.path:
        folder = Path(entry, *PACKAGE.split("."))
        is_copy = (folder.parent / "registry.py").exists()  # of tcproxy itself, as in a checkout
        if (folder / "__init__.py").exists() and folder.resolve() != ours and not is_copy:
            yield f"the plugins in {folder} are not read: its __init__.py keeps them apart, remove it"


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
