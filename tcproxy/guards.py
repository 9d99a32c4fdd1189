"""Guards around the plugins of third parties: an exception of a plugin is told as its own, and goes no further.

The registry puts a guard around each plugin that does not come with tcproxy; ours are called without one. The session
ends itself when its strategy failed (PluginFailed); a check whose checker failed has failed.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from zope.interface import alsoProvides, implementer
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from tcproxy.interfaces import (
    CheckStatus,
    IBalancingStrategy,
    IClock,
    IConversation,
    IFarmStrategy,
    IHealthChecker,
    IPicker,
    IRequest,
    IServer,
    Verdict,
)

REACTOR = "twisted.internet.reactor"
ERROR = 3
"""Syslog level of a plugin's failure."""
QUIET_SECONDS = 60.0
"""After a failure was told, further ones of the same plugin are only counted for this long."""
LONGEST = 300
"""Characters of an exception's text that a message shows."""
LAYERS = (4, 6, 7)


class PluginFailed(Exception):
    """A plugin of a third party raised an exception, or returned what its interface does not allow.

    The text names the plugin, its file, the method and the place. While the proxy runs the guard tells it, once a
    minute at most, so the code that catches it has nothing to tell.
    """


class _Returned(Exception):
    """A method returned a wrong thing; shown without the name of this class."""


@contextmanager
def without_reactor() -> Iterator[None]:
    """Let every import of Twisted's reactor fail meanwhile, unless one is chosen already.

    An import of it chooses the system's default, and tcproxy could not install its own one any more.
    """
    if REACTOR in sys.modules:
        yield
        return
    sys.modules[REACTOR] = None  # type: ignore[assignment]  # the import system's own sign for "not to be had"
    try:
        yield
    finally:
        if sys.modules.get(REACTOR) is None:
            sys.modules.pop(REACTOR, None)


def reason(wrong: BaseException, file: str = "") -> str:
    """Return an exception in words, with the innermost line of `file` on its way, or of another file if it is not."""
    return f"{_words(wrong)}{_line(wrong, file)}"


def place_of(wrong: BaseException) -> tuple[str, str]:
    """Return the kind of an exception and where it was raised; its text, which may name a client, is left out."""
    return type(wrong).__name__, _line(wrong, "")


def _words(wrong: BaseException) -> str:
    if isinstance(wrong, SystemExit):
        return "it calls sys.exit"
    if getattr(wrong, "name", "") == REACTOR or type(wrong).__name__ == "ReactorAlreadyInstalledError":
        return f"it imports {REACTOR} before a reactor is chosen: import it within functions, or not at all"
    try:
        text = " ".join(str(wrong).split())
    except Exception:  # a __str__ of a third party may fail, too
        text = ""
    name = "" if isinstance(wrong, _Returned) else type(wrong).__name__
    text = f"{text[:LONGEST]}..." if len(text) > LONGEST else text
    return ": ".join(part for part in (name, text) if part)


def _line(wrong: BaseException, file: str) -> str:
    frames = [frame for frame in traceback.extract_tb(wrong.__traceback__) if not _is_machinery(frame.filename)]
    if not frames:
        return ""
    own = [frame for frame in frames if frame.filename == file]
    return f" (line {own[-1].lineno})" if own else f" ({frames[-1].filename}:{frames[-1].lineno})"


def _is_machinery(filename: str) -> bool:
    return filename == __file__ or filename.startswith("<frozen") or filename.endswith("/importlib/__init__.py")


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where a plugin is at work. words: for messages, as `backend shop`. announce: takes a syslog level and a text."""

    words: str
    announce: Callable[[int, str], None]
    clock: IClock


class Seldom:
    """What is told once a minute at the most. kept_back: in words, how many messages were not told before this one."""

    def __init__(self) -> None:
        self.kept_back = ""
        self._quiet_until = float("-inf")
        self._untold = 0

    def tells(self, now: float) -> bool:
        """Return whether to tell one more; it counts as kept back if not. now: monotonic seconds."""
        if now < self._quiet_until:
            self._untold += 1
            return False
        self.kept_back = f" ({self._untold} more since the last such message)" if self._untold else ""
        self._quiet_until, self._untold = now + QUIET_SECONDS, 0
        return True


class Author:
    """A third party's plugin, as messages name it: its kind (`strategy`, `checker`, `fetch` ...), name and file.

    It remembers when a failure was told, so that each plugin is told of once a minute at the most.
    """

    def __init__(self, kind: str, name: str, file: str, source: str = "") -> None:
        self.kind, self.name, self.file, self.source = kind, name, file, source or file
        self._seldom = Seldom()

    def failed(self, method: str, wrong: BaseException, where: str = "") -> PluginFailed:
        """Return the failure of a method as an exception that names it all."""
        place = f" for {where}" if where else ""
        what = reason(wrong, self.file)
        return PluginFailed(f"the {self.kind} '{self.name}' of {self.source} failed in '{method}'{place}: {what}")

    def tell(self, method: str, wrong: BaseException, place: Workplace) -> PluginFailed:
        """Announce the failure, unless one was told within the last minute; return it as an exception."""
        failure = self.failed(method, wrong, place.words)
        if self._seldom.tells(place.clock.seconds()):
            place.announce(ERROR, f"{failure}{self._seldom.kept_back}")
        return failure


class Guarded:
    """The common part of the guards of strategies and checkers. plugin: the third party's object."""

    def __init__(self, plugin: Any, author: Author, place: Workplace | None = None) -> None:
        self.plugin, self.author, self.place = plugin, author, place
        self.name: str = plugin.name
        self.manual: str = plugin.manual

    def parse(self, words: Sequence[str]) -> object:
        """Return the plugin's options; ValueError where it raises that, or anything else."""
        try:
            with without_reactor():
                return self.plugin.parse(words)
        except (ValueError, KeyboardInterrupt):
            raise
        except BaseException as wrong:
            raise ValueError(str(self.author.failed("parse", wrong))) from wrong


class World(Protocol):
    """The running process, as far as failures are told to it."""

    @property
    def announce(self) -> Callable[[int, str], None]:
        """Tells a text with a syslog level."""
        ...

    @property
    def clock(self) -> IClock:
        """Monotonic time."""
        ...


class GuardedCalls(Guarded):
    """A fetch, a converter, an action or a service. Code that asks one often catches itself what it raises."""

    def call(self, method: str, world: World, *arguments: object) -> Any:
        """Return what a method of the plugin returns. Raises PluginFailed, which is told."""
        try:
            return getattr(self.plugin, method)(*arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as wrong:  # SystemExit and its like would end the proxy
            raise self.failed(method, wrong, world) from wrong

    def failed(self, method: str, wrong: BaseException, world: World) -> PluginFailed:
        """Tell of a failure in the running process; return it, to be raised: it ends the session."""
        return self.author.tell(method, wrong, Workplace("", world.announce, world.clock))

    def returned(self, method: str, thing: object, world: World) -> PluginFailed:
        """The same, of a method that returned what its interface does not allow."""
        return self.failed(method, _Returned(f"it returned {_short(thing)}"), world)

    def wrong(self, sentence: str) -> ValueError:
        """Return the error of a plugin whose attributes cannot be used."""
        return ValueError(f"the {self.author.kind} '{self.name}' of {self.author.source} {sentence}")


class GuardedStrategy(Guarded):
    """A strategy of a third party. `at` says for which backend it works; its failures are told there."""

    def __init__(self, plugin: Any, author: Author, place: Workplace | None = None) -> None:
        super().__init__(plugin, author, place)
        self.needs_http = bool(getattr(plugin, "needs_http", False))
        alsoProvides(self, IFarmStrategy if IFarmStrategy.providedBy(plugin) else IBalancingStrategy)

    def at(self, place: Workplace) -> GuardedStrategy:
        """Return this strategy at work in a place."""
        return GuardedStrategy(self.plugin, self.author, place)

    def picker(self, servers: Sequence[IServer], hashing: object, options: object) -> IPicker:
        """Return a guarded picker; raises PluginFailed, which is not announced: the proxy cannot start."""
        try:
            return self._guarded(self.plugin.picker(servers, hashing, options), servers)
        except KeyboardInterrupt:
            raise
        except BaseException as wrong:
            raise self._failed("picker", wrong) from wrong

    def pickers(
        self,
        active: Sequence[IServer],
        backups: Sequence[IServer],
        all_backups: bool,
        hashing: object,
        options: object,
    ) -> tuple[IPicker, IPicker]:
        """Return guarded pickers of both groups, of an IFarmStrategy; raises as `picker` does."""
        try:
            one, two = self.plugin.pickers(active, backups, all_backups, hashing, options)
            return self._guarded(one, active), self._guarded(two, backups)
        except KeyboardInterrupt:
            raise
        except BaseException as wrong:
            raise self._failed("pickers", wrong) from wrong

    def _failed(self, method: str, wrong: BaseException) -> PluginFailed:
        return self.author.failed(method, wrong, self.place.words if self.place else "")

    def _guarded(self, picker: Any, servers: Sequence[IServer]) -> IPicker:
        try:
            verifyObject(IPicker, picker)
        except Invalid as wrong:
            raise _Returned(f"it returned no picker: {wrong}") from wrong
        return GuardedPicker(picker, servers, self.author, self.place)


@implementer(IPicker)
class GuardedPicker:
    """A picker of a third party's strategy. Only `pick` raises, and nothing but PluginFailed."""

    def __init__(self, picker: Any, servers: Sequence[IServer], author: Author, place: Workplace | None) -> None:
        self.picker, self._author, self._place = picker, author, place
        self._known = {id(server) for server in servers}
        self.dynamic, self.queue_first = bool(picker.dynamic), bool(picker.queue_first)
        self.counts_load = bool(getattr(picker, "counts_load", True))

    def pick(self, request: IRequest, avoid: IServer | None) -> IServer | None:
        """Return the picker's choice; PluginFailed when it raises, or returns what is no server of its group."""
        try:
            found: IServer | None = self.picker.pick(request, avoid)
        except KeyboardInterrupt:
            raise
        except BaseException as wrong:
            raise self._told("pick", wrong) from wrong
        if found is not None and id(found) not in self._known:
            raise self._told("pick", _Returned(f"it returned {_short(found)}, which is no server of its group"))
        return found

    def changed(self, server: IServer) -> None:
        """Tell the picker; a failure is told and passed over, because the change has happened all the same."""
        self._notify("changed", server)

    def took(self, server: IServer) -> None:
        """Tell the picker, as in `changed`."""
        self._notify("took", server)

    def dropped(self, server: IServer) -> None:
        """Tell the picker, as in `changed`."""
        self._notify("dropped", server)

    def _notify(self, method: str, server: IServer) -> None:
        try:
            getattr(self.picker, method)(server)
        except KeyboardInterrupt:
            raise
        except BaseException as wrong:
            self._told(method, wrong)

    def _told(self, method: str, wrong: BaseException) -> PluginFailed:
        if self._place is None:
            return self._author.failed(method, wrong)
        return self._author.tell(method, wrong, self._place)


@implementer(IHealthChecker)
class GuardedChecker(Guarded):
    """A checker of a third party. `at` says which server it checks; its failures are told there."""

    def at(self, place: Workplace) -> GuardedChecker:
        """Return this checker at work in a place."""
        return GuardedChecker(self.plugin, self.author, place)

    def conversation(self, server: IServer, options: object) -> IConversation:
        """Return a guarded conversation; one that fails at once where the plugin makes none."""
        guarded = GuardedConversation(self.author, self.place)
        try:
            guarded.begin(self.plugin.conversation(server, options))
        except KeyboardInterrupt:
            raise
        except BaseException as wrong:
            guarded.fail("conversation", wrong)
        return guarded


@implementer(IConversation)
class GuardedConversation:
    """A conversation of a third party's checker. After a failure its verdict is PROCESS_ERROR: the check failed.

    So it is with HAProxy's external checks: a check that breaks says nothing good of its server.
    """

    def __init__(self, author: Author, place: Workplace | None) -> None:
        self._author, self._place = author, place
        self._conversation: Any = None
        self._failure: Verdict | None = None
        self.layer = LAYERS[-1]

    def begin(self, conversation: Any) -> None:
        """Take the conversation that the checker made. Raises an exception for a wrong `layer`."""
        if conversation.layer not in LAYERS:
            raise _Returned(f"its conversation has the layer {_short(conversation.layer)}, and not 4, 6 or 7")
        self._conversation, self.layer = conversation, conversation.layer

    def fail(self, method: str, wrong: BaseException) -> Verdict:
        """Tell of a failure; return the verdict that ends the check."""
        if self._place is not None:
            self._author.tell(method, wrong, self._place)
        self._failure = Verdict(CheckStatus.PROCESS_ERROR, f"the checker '{self._author.name}' failed: {_words(wrong)}")
        return self._failure

    def connected(self) -> Verdict | bytes | None:
        """Ask the conversation."""
        return self._failure or self._ask("connected", (Verdict, bytes))

    def received(self, data: bytes) -> Verdict | bytes | None:
        """Ask the conversation."""
        return self._failure or self._ask("received", (Verdict, bytes), data)

    def ended(self) -> Verdict | None:
        """Ask the conversation, whose answer cannot be bytes any more."""
        said: Verdict | None = self._failure or self._ask("ended", (Verdict,))
        return said

    def _ask(self, method: str, kinds: tuple[type, ...], *arguments: bytes) -> Any:
        try:
            said = getattr(self._conversation, method)(*arguments)
            if said is not None and not (isinstance(said, kinds) and _is_sound(said)):
                raise _Returned(f"it returned {_short(said)}")
        except KeyboardInterrupt:
            raise
        except BaseException as wrong:
            return self.fail(method, wrong)
        return said


def _is_sound(said: object) -> bool:
    """Return whether the fields of a verdict have their types; bytes are always sound."""
    if not isinstance(said, Verdict):
        return True
    return isinstance(said.status, CheckStatus) and isinstance(said.message, str) and isinstance(said.code, int)


def _short(thing: object) -> str:
    """Return a thing as messages show it."""
    text = repr(thing)
    return text if len(text) <= 60 else f"{text[:57]}..."
