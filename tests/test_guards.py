"""The guards around third parties' plugins, by plain calls: what fails, who is named, how often, and what goes on."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.task import Clock
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tcproxy.guards import (
    Author,
    GuardedChecker,
    GuardedConversation,
    GuardedPicker,
    GuardedStrategy,
    PluginFailed,
    Workplace,
    without_reactor,
)
from tcproxy.health.watch import Settings, Watch
from tcproxy.interfaces import (
    CheckStatus,
    IBalancingStrategy,
    IConversation,
    IFarmStrategy,
    IHealthChecker,
    IPicker,
    Verdict,
)
from tcproxy.model.proxy import Balance, Proxy
from tcproxy.servers.farm import Farm
from tests.balance.farms import Client, FakeServer
from tests.health.playing import FakeServer as CheckedServer
from tests.health.playing import Network
from tests.servers.playing import model


class Bad:
    """Raises in the methods that are named, and returns what else is named."""

    def __init__(self, raises: BaseException | None = None, method: str = "", returns: Any = None) -> None:
        self.raises, self.method, self.returns = raises, method, returns

    def do(self, method: str, usual: Any = None) -> Any:
        """Do what a method does: the bad thing, or the usual one."""
        if method != self.method:
            return usual
        if self.raises is not None:
            raise self.raises
        return self.returns


@implementer(IPicker)
class Picker(Bad):
    """Picks the first server."""

    dynamic, queue_first = True, False
    servers: Any = ()

    def pick(self, request: object, avoid: object) -> Any:
        """Take the first."""
        return self.do("pick", next(iter(self.servers), None))

    def changed(self, server: object) -> None:
        """Do what is asked for."""
        self.do("changed")

    def took(self, server: object) -> None:
        """Do what is asked for."""
        self.do("took")

    def dropped(self, server: object) -> None:
        """Do what is asked for."""
        self.do("dropped")


@implementer(IBalancingStrategy)
class Strategy(Bad):
    """A strategy of a third party."""

    name, manual = "theirs", "a sentence"

    def parse(self, words: object) -> object:
        """Take anything."""
        return self.do("parse", "options")

    def picker(self, servers: Any, hashing: object, options: object) -> Any:
        """Return a picker that is bad in the same way."""
        made = Picker(self.raises, self.method, self.returns)
        made.servers = servers
        return self.do("picker", made)


@implementer(IConversation)
class Conversation(Bad):
    """Answers each event."""

    layer: Any = 7

    def connected(self) -> Any:
        """Ask."""
        return self.do("connected", b"hello")

    def received(self, data: bytes) -> Any:
        """Be content."""
        return self.do("received", Verdict(CheckStatus.L7_OK))

    def ended(self) -> Any:
        """Say nothing."""
        return self.do("ended")


@implementer(IHealthChecker)
class Checker(Bad):
    """A checker of a third party."""

    name, manual = "their-check", "a sentence"

    def parse(self, words: object) -> object:
        """Take anything."""
        return self.do("parse", "options")

    def conversation(self, server: object, options: object) -> Any:
        """Return a conversation that is bad in the same way."""
        return self.do("conversation", Conversation(self.raises, self.method, self.returns))


Told = list[tuple[int, str]]


def placed(clock: Any, told: Told) -> Workplace:
    """Return a place that keeps what is told."""
    return Workplace("backend shop", lambda level, text: told.append((level, text)), clock)


def strategy(bad: Strategy, clock: Clock, told: Told) -> GuardedStrategy:
    """Return a guarded strategy at work."""
    return GuardedStrategy(bad, Author("strategy", bad.name, __file__)).at(placed(clock, told))


RAISED = [KeyError("x"), SystemExit(3), RecursionError("deep"), GeneratorExit(), ValueError()]


@pytest.mark.parametrize("raised", RAISED, ids=repr)
def test_a_pick_that_raises_is_one_known_exception(raised: BaseException) -> None:
    """Whatever a pick raises becomes PluginFailed, with plugin, file, line, method, place and reason."""
    told: Told = []
    picker = strategy(Strategy(raised, "pick"), Clock(), told).picker([FakeServer("a", 1)], None, None)
    assert verifyObject(IPicker, picker)
    with pytest.raises(PluginFailed) as failure:
        picker.pick(Client(), None)
    said = "it calls sys.exit" if isinstance(raised, SystemExit) else type(raised).__name__
    assert str(failure.value).startswith(
        f"the strategy 'theirs' of {__file__} failed in 'pick' for backend shop: {said}"
    )
    assert str(failure.value).endswith(f" (line {line_of_raise()})")
    assert told == [(3, str(failure.value))]


def line_of_raise() -> int:
    """Return the line of this file that raises."""
    lines, first = inspect.getsourcelines(Bad.do)
    return first + next(index for index, line in enumerate(lines) if "raise self.raises" in line)


def test_an_interrupt_is_no_failure() -> None:
    """Control-C still ends a program that stands in a plugin."""
    picker = strategy(Strategy(KeyboardInterrupt(), "pick"), Clock(), []).picker([FakeServer("a", 1)], None, None)
    with pytest.raises(KeyboardInterrupt):
        picker.pick(Client(), None)


@pytest.mark.parametrize("returned", ["a", object(), FakeServer("stranger", 9)], ids=["str", "object", "other"])
def test_a_pick_returns_a_server_of_its_group(returned: object) -> None:
    """What is no server of the group is a failure; None and a server of it are not."""
    servers = [FakeServer("a", 1)]
    picker = strategy(Strategy(None, "pick", returned), Clock(), []).picker(servers, None, None)
    with pytest.raises(PluginFailed, match="no server of its group"):
        picker.pick(Client(), None)
    for right in (None, servers[0]):
        picker = strategy(Strategy(None, "pick", right), Clock(), []).picker(servers, None, None)
        assert picker.pick(Client(), None) is right


def test_a_failure_is_told_once_a_minute() -> None:
    """All failures of one plugin are one message a minute, which says how many came since the last one."""
    clock, told = Clock(), []  # type: Clock, Told
    picker = strategy(Strategy(KeyError("x"), "pick"), clock, told).picker([FakeServer("a", 1)], None, None)
    for _ in range(90):
        with pytest.raises(PluginFailed):
            picker.pick(Client(), None)
        clock.advance(1)
    assert len(told) == 2
    assert "more since" not in told[0][1]
    assert told[1][1].endswith("(59 more since the last such message)")


@pytest.mark.parametrize("method", ["changed", "took", "dropped"])
def test_what_a_picker_is_told_never_raises(method: str) -> None:
    """A failure in a notice is told, and the proxy goes on: the change has happened all the same."""
    told: Told = []
    picker = strategy(Strategy(KeyError("x"), method), Clock(), told).picker([FakeServer("a", 1)], None, None)
    getattr(picker, method)(FakeServer("a", 1))
    assert [f"failed in '{method}' for backend shop: KeyError" in text for _, text in told] == [True]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (Strategy(KeyError("x"), "picker"), "failed in 'picker' for backend shop: KeyError: 'x'"),
        (Strategy(SystemExit(), "picker"), "failed in 'picker' for backend shop: it calls sys.exit"),
        (Strategy(None, "picker", None), "failed in 'picker' for backend shop: it returned no picker"),
    ],
)
def test_a_strategy_without_a_picker_stops_the_start(bad: Strategy, said: str) -> None:
    """A picker that cannot be made, or is none, is told by the exception alone."""
    told: Told = []
    with pytest.raises(PluginFailed, match=said):
        strategy(bad, Clock(), told).picker([FakeServer("a", 1)], None, None)
    assert told == []


@pytest.mark.parametrize("raised", [KeyError("x"), SystemExit(), GeneratorExit()], ids=repr)
@pytest.mark.parametrize(
    ("made", "bad", "kind"), [(GuardedStrategy, Strategy, "strategy"), (GuardedChecker, Checker, "checker")]
)
def test_parse_raises_value_errors_only(made: Any, bad: Any, kind: str, raised: BaseException) -> None:
    """A sentence of the plugin's own passes as it is; any other exception is told with the plugin's name and file."""
    with pytest.raises(ValueError, match=f"the {kind} '.*' of .*test_guards.py failed in 'parse'"):
        made(bad(raised, "parse"), Author(kind, bad.name, __file__)).parse([])
    with pytest.raises(ValueError, match=r"^write a number$"):
        made(bad(ValueError("write a number"), "parse"), Author(kind, bad.name, __file__)).parse([])


def test_the_guard_is_what_the_plugin_is() -> None:
    """Name, sentence, interface, and the attributes that the proxy reads pass through."""

    @implementer(IFarmStrategy)
    class Both(Strategy):
        needs_http = True

        def pickers(self, active: Any, backups: Any, *_: object) -> Any:
            return self.picker(active, None, None), self.picker(backups, None, None)

    guarded = GuardedStrategy(Both(), Author("strategy", "theirs", __file__))
    assert verifyObject(IFarmStrategy, guarded)
    assert (guarded.name, guarded.manual, guarded.needs_http) == ("theirs", "a sentence", True)
    assert all(isinstance(one, GuardedPicker) for one in guarded.pickers([], [], True, None, None))
    plain = GuardedStrategy(Strategy(), Author("strategy", "theirs", __file__))
    assert verifyObject(IBalancingStrategy, plain) and not IFarmStrategy.providedBy(plain)
    assert verifyObject(IHealthChecker, GuardedChecker(Checker(), Author("checker", "their-check", __file__)))


# in a farm


class Waiter(Client):
    """A session that keeps what it is told."""

    priority = (0, 0)

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def granted(self, server: Any) -> None:
        """Go on."""
        self.heard.append(server.name)

    def turned_away(self) -> None:
        """Be told off."""
        self.heard.append("turned away")

    def crashed(self, error: BaseException) -> None:
        """Be told why it ends."""
        self.heard.append(type(error).__name__)


def farm(bad: Strategy, told: Told, **options: Any) -> Farm:
    """Return a backend of two servers with a strategy of a third party."""
    guarded = GuardedStrategy(bad, Author("strategy", bad.name, __file__))
    servers = tuple(model(name, id=number, **options) for number, name in enumerate("ab", 1))
    clock: Any = Clock()
    balance, words = Balance("theirs", None, guarded), frozenset({"redispatch"})
    shop = Proxy("backend", "shop", balance=balance, servers=servers, options=words)
    return Farm(shop, clock, lambda level, text: told.append((level, text)))


def test_a_farm_counts_nothing_for_a_pick_that_fails() -> None:
    """After a failed pick no slot is taken, and the message names the backend."""
    told: Told = []
    shop = farm(Strategy(KeyError("x"), "pick"), told)
    with pytest.raises(PluginFailed, match="for backend shop"):
        shop.assign(Waiter())
    assert (shop.served, shop.counters.total, shop.counters.selected) == (0, 0, 0)
    assert len(told) == 1


@pytest.mark.parametrize("method", ["changed", "took", "dropped"])
def test_a_farm_keeps_its_counts_when_notices_fail(method: str) -> None:
    """A slot is taken and given back although the strategy fails to hear of it."""
    shop = farm(Strategy(KeyError("x"), method), [])
    server: Any = shop.assign(Waiter())
    assert (server.name, shop.served) == ("a", 1)
    shop.release(server)
    assert shop.served == 0


def test_all_that_wait_for_a_lost_server_hear_of_it() -> None:
    """A strategy that fails while queued sessions are balanced again ends each of them, and loses none."""
    bad = Strategy(KeyError("x"))
    shop = farm(bad, [], maxconn=1)
    first: Any = shop.assign(Waiter())
    waiters = [Waiter(), Waiter(), Waiter()]
    for waiter in waiters:
        shop.take(waiter, first)
    shop._picker.picker.method = "pick"  # type: ignore[union-attr]
    shop.servers[0].down(None, "test")
    assert [waiter.heard for waiter in waiters] == [["PluginFailed"]] * 3


# checks


@pytest.mark.parametrize("raised", RAISED, ids=repr)
@pytest.mark.parametrize("method", ["conversation", "connected", "received", "ended"])
def test_a_check_that_breaks_fails(method: str, raised: BaseException) -> None:
    """Whichever method raises, the check ends with PROCERR, the message names server and plugin, and checks go on."""
    told: Told = []
    watch, network, clock = watched(Checker(raised, method), told)
    for _ in range(3):
        happen(network, method)
        clock.advance(1)
    assert (watch.status, watch.status.code) == (CheckStatus.PROCESS_ERROR, "PROCERR")
    assert watch.message.startswith("the checker 'their-check' failed: ")
    assert len(network.connections) == 4
    assert [text.partition(": ")[0] for level, text in told if level == 3] == [
        f"the checker 'their-check' of {__file__} failed in '{method}' for server b/s"
    ]


@pytest.mark.parametrize(
    ("method", "returned"),
    [
        ("connected", "PING"), ("received", 1), ("ended", b"bye"), ("received", Verdict("down")),  # type: ignore[arg-type]
        ("received", Verdict(CheckStatus.L7_OK, b"fine")), ("conversation", None),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_a_conversation_returns_what_its_interface_says(method: str, returned: object) -> None:
    """Text instead of bytes, bytes after the end, a verdict that is none: each fails the check, and is told."""
    told: Told = []
    watch, network, _ = watched(Checker(None, method, returned), told)
    happen(network, method)
    assert watch.status is CheckStatus.PROCESS_ERROR
    assert f"failed in '{method}' for server b/s" in told[0][1]


def test_a_layer_is_4_6_or_7() -> None:
    """Another layer would have no timeout to be charged with."""
    conversation = Conversation()
    conversation.layer = "seven"
    watch = watched(Checker(None, "conversation", conversation), [])[0]
    assert watch.status is CheckStatus.PROCESS_ERROR and "'seven'" in watch.message
    assert GuardedConversation(Author("checker", "c", __file__), None).layer == 7


def happen(network: Network, method: str) -> None:
    """Let the server close its side, or else send a byte."""
    events = network.connections[-1].events
    if method == "ended":
        events.ended()
    else:
        events.received(b"x")


def watched(bad: Checker, told: Told) -> tuple[Watch, Network, Clock]:
    """Return a watch over a server with a checker of a third party, which has begun its first check."""
    clock: Any = Clock()
    network = Network(clock)
    checker: Any = GuardedChecker(bad, Author("checker", bad.name, __file__))
    server: Any = CheckedServer(model("s", check=True, inter=1000))
    announce: Callable[[int, str], None] = lambda level, text: told.append((level, text))  # noqa: E731
    watch = Watch(server, checker, None, Settings(), clock, network.dial, announce, lambda: 0.5)
    watch.start()
    clock.advance(0)
    return watch, network, clock


def test_the_reactor_cannot_be_imported_meanwhile() -> None:
    """Where no reactor is chosen an import of it fails, and can succeed afterwards; a chosen one stays."""
    known = sys.modules.pop("twisted.internet.reactor")
    try:
        with without_reactor(), without_reactor(), pytest.raises(ImportError):
            import twisted.internet.reactor  # noqa: F401
        assert "twisted.internet.reactor" not in sys.modules
    finally:
        sys.modules["twisted.internet.reactor"] = known
    with without_reactor():
        assert sys.modules["twisted.internet.reactor"] is known
