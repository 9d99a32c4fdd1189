"""Plays of the watch over a server: when it checks, what it concludes, what it says."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from tcproxy.grammar.addresses import Address, Family
from tcproxy.health.tcp import TcpCheck, TcpConversation
from tcproxy.health.watch import Settings, start_all
from tcproxy.interfaces import CheckStatus, IConversation, IHealthChecker, Verdict
from tcproxy.model.server import SourceAddress
from tests.health.playing import REFUSED, Play

HERE = Address(Family.INET, "192.0.2.1", 80, 80, has_port=True)


def test_the_tcp_check_is_a_checker() -> None:
    """The TCP check provides what plugins provide, takes no words, and passes on a connection."""
    verifyObject(IHealthChecker, TcpCheck())
    verifyObject(IConversation, TcpConversation())
    assert TcpConversation().connected() == Verdict(CheckStatus.L4_OK)
    assert TcpConversation().received(b"x") is None and TcpConversation().ended() is None
    with pytest.raises(ValueError, match="no options"):
        TcpCheck().parse(["x"])


def test_checks_come_every_inter() -> None:
    """A healthy server is checked every `inter`, and each connection is dropped at once."""
    play = Play(inter=1000)
    play.watch.start(0.5)
    play.run(4)
    assert play.network.times() == [0.5, 1.5, 2.5, 3.5]
    assert all(connection.cancelled for connection in play.network.connections)
    assert (play.watch.status, play.watch.health, play.watch.last_check) == (CheckStatus.L4_OK, 4, 3.5)


def test_fastinter_in_transition_and_downinter_when_down() -> None:
    """Between up and down checks come every `fastinter`; of a server that is down every `downinter`."""
    play = Play(inter=1000, fastinter=200, downinter=500)
    play.watch.start()
    play.run(0.5)
    play.network.answers = REFUSED
    play.run(2)
    play.network.answers = "open"
    play.run(1.5)
    assert play.network.times() == [0, 1.0, 1.2, 1.4, 1.9, 2.4, 2.9, 3.1]
    assert [word for word, _ in play.server.heard] == ["STOPPED", "RUNNING"]
    assert play.server.counters.failed_checks == 3


def test_one_failure_is_enough_at_the_start() -> None:
    """A server is taken for up at first, and for down at its first failure; the cause is the watch itself."""
    play = Play(inter=1000)
    play.network.answers = REFUSED
    play.watch.start()
    play.run(0.1)
    assert play.server.heard == [("STOPPED", play.watch)]
    assert (play.watch.message, play.watch.duration_ms) == ("Connection refused", 0)


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        (Settings(connect_timeout=300), 1.0),
        (Settings(connect_timeout=300, check_timeout=5000), 0.3),
        (Settings(check_timeout=100), 1.0),
    ],
)
def test_time_limit_of_a_silent_connection(settings: Settings, limit: float) -> None:
    """It is `inter`, or the shorter of `timeout connect` and `inter` where `timeout check` is set."""
    play = Play(settings, inter=1000)
    play.network.answers = None
    play.watch.start()
    play.run(limit - 0.05)
    assert play.watch.in_progress
    play.run(0.1)
    assert (play.watch.status, play.watch.duration_ms) == (CheckStatus.L4_TIMEOUT, int(limit * 1000))
    assert play.network.connections[0].cancelled


class Greeting:
    """A checker whose server must say OK: layer 7."""

    name, manual, layer = "greeting", "A server is up when it says OK.", 7

    def parse(self, words: Any) -> None:
        """Take nothing."""

    def conversation(self, server: Any, options: Any) -> Any:
        """Be one's own conversation."""
        self.heard = b""
        return self

    def connected(self) -> bytes:
        """Say hello."""
        return b"HELO"

    def received(self, data: bytes) -> Verdict | None:
        """Wait for a whole line."""
        self.heard += data
        if not self.heard.endswith(b"\n"):
            return None
        drained = self.heard == b"DRAIN\n"
        return Verdict(CheckStatus.L7_OK_CONDITIONAL if drained else CheckStatus.L7_OK, "fine", 250)

    def ended(self) -> None:
        """Have nothing to add."""


def test_a_conversation_in_pieces() -> None:
    """Bytes go both ways until there is a verdict; its code and words are kept."""
    play = Play(checker=Greeting())
    play.watch.start()
    play.run(0.1)
    connection = play.network.connections[0]
    assert connection.written == b"HELO"
    connection.events.received(b"O")
    connection.events.received(b"K\n")
    assert connection.cancelled
    assert (play.watch.status, play.watch.code, play.watch.message) == (CheckStatus.L7_OK, 250, "fine")
    connection.events.received(b"more")
    connection.events.ended()
    connection.events.failed(errno.EPIPE)
    assert play.watch.health == 4


def test_a_conditional_pass_asks_for_stopping() -> None:
    """A check that passes conditionally makes the server STOPPING, and the log says so."""
    play = Play(Settings(log_checks=True), Greeting())
    play.watch.start()
    play.run(0.1)
    play.network.connections[0].events.received(b"DRAIN\n")
    assert play.server.heard == [("STOPPING", None)]
    assert play.log == [
        "5 Health check for server b/s conditionally succeeded, reason: Layer7 check conditionally passed, "
        'code: 250, info: "fine", check duration: 100ms, status: 3/3 UP.'
    ]


def test_a_silent_server_behind_a_connection() -> None:
    """After the connection stands `timeout check` counts anew, and the layer of the conversation times out."""
    play = Play(Settings(connect_timeout=100, check_timeout=700), Greeting(), inter=1000)
    play.watch.start()
    play.run(0.75)
    assert (play.watch.status, play.watch.duration_ms) == (CheckStatus.L7_TIMEOUT, 700)


def test_a_server_that_hangs_up() -> None:
    """A server that closes or resets in the middle has failed."""
    play = Play(checker=Greeting(), inter=1000)
    play.watch.start()
    play.run(0.1)
    play.network.connections[0].events.ended()
    assert play.watch.status is CheckStatus.L4_CONNECTION
    play.run(1)
    play.network.connections[1].events.failed(errno.ECONNRESET)
    assert (play.watch.status, play.watch.message) == (CheckStatus.SOCKET_ERROR, "Connection reset by peer")


def test_log_health_checks() -> None:
    """Every result that changes something is told, and then the server's own message gives no reason."""
    play = Play(Settings(log_checks=True), inter=100, backup=True)
    play.watch.start()
    play.run(0.35)
    play.network.answers = REFUSED
    play.run(1)
    play.network.answers = "open"
    play.server.user_weight = 0
    play.run(1)
    refused = 'failed, reason: Layer4 connection problem, info: "Connection refused", check duration: 0ms'
    passed = "succeeded, reason: Layer4 check passed, check duration: 0ms"
    assert [line.removeprefix("5 Health check for backup server b/s ") for line in play.log] == [
        f"{passed}, status: 3/3 UP.", f"{refused}, status: 2/3 UP.", f"{refused}, status: 1/3 UP.",
        f"{refused}, status: 0/2 DOWN.", f"{passed}, status: 1/2 DOWN.", f"{passed}, status: 3/3 DRAIN.",
    ]  # fmt: skip
    assert play.server.heard == [("STOPPED", None), ("RUNNING", None)]


def test_maintenance_suspends_checks() -> None:
    """A paused watch makes no check and drops the one in progress; resumed, one failure is enough."""
    play = Play(inter=1000)
    play.network.answers = None
    play.watch.start()
    play.run(0.1)
    play.watch.pause()
    assert play.network.connections[0].cancelled and not play.watch.in_progress
    play.run(3)
    assert (len(play.network.connections), play.watch.health) == (1, 0)
    play.watch.resume()
    play.network.answers = REFUSED
    play.run(1.2)
    assert (len(play.network.connections), play.server.heard[0][0]) == (2, "STOPPED")


def test_a_disabled_server_is_not_checked_until_it_is_ready() -> None:
    """The watch of a server that starts in maintenance starts paused."""
    play = Play(inter=100, disabled=True)
    play.watch.start()
    play.run(0.5)
    assert (play.network.connections, play.watch.health, play.watch.status.code) == ([], 0, "INI")
    play.watch.resume()
    play.run(0.2)
    assert play.network.connections


def test_disabled_checks_and_unresolved_servers() -> None:
    """`disable health` stops checks without a word; so does a server without an address."""
    play = Play(inter=100)
    play.watch.start()
    play.watch.enabled = False
    play.run(0.5)
    play.watch.enabled, play.server.address = True, None
    play.run(0.5)
    assert not play.network.connections
    play.server.address = HERE
    play.run(0.2)
    assert play.network.connections and not play.server.heard


def test_stop_and_start() -> None:
    """A stopped watch leaves no delayed call behind, even in the middle of a check; it can be started again."""
    play = Play()
    play.network.answers = None
    play.watch.start()
    play.watch.start()
    play.run(0.1)
    play.watch.stop()
    assert not play.clock.getDelayedCalls() and play.network.connections[0].cancelled
    play.run(5)
    assert len(play.network.connections) == 1
    play.network.answers = "open"
    play.watch.start()
    play.run(0.1)
    assert len(play.network.connections) == 2


@pytest.mark.parametrize(("chance", "second"), [(0.0, 1.2), (0.5, 1.0), (1.0, 0.8)])
def test_spread_checks(chance: float, second: float) -> None:
    """`spread-checks 20` makes an interval up to 20 percent longer or shorter."""
    play = Play(Settings(spread_checks=20), chance=chance, inter=1000)
    play.watch.start()
    play.run(1.3)
    assert play.network.times()[1] == second


def test_first_checks_are_spread() -> None:
    """The first checks of all servers are spread over the shortest interval of a second or more."""
    plays = [Play(inter=inter) for inter in (2000, 4000, 100, 2000)]
    start_all([play.watch for play in plays])
    due = [play.clock.getDelayedCalls()[0].getTime() for play in plays]
    assert due == [0, 1.0, 1.0, 1.5]
    plays = [Play(inter=10_000) for _ in range(4)]
    start_all((play.watch for play in plays), max_spread_checks=400)
    assert [play.clock.getDelayedCalls()[0].getTime() for play in plays] == [0, 0.1, 0.2, 0.3]
    start_all([])


def observe(play: Play, count: int, ok: bool = False) -> None:
    """Let connections of live traffic fail."""
    for _ in range(count):
        play.watch.observed(ok)


def test_observed_errors_count_as_a_failed_check() -> None:
    """After `error-limit` errors in a row a check is taken for failed and the next one comes after `fastinter`."""
    play = Play(
        Settings(log_checks=True), inter=2000, fastinter=500, observe="layer4", error_limit=3, on_error="fail-check"
    )
    play.watch.start()
    play.run(0.1)
    observe(play, 2)
    observe(play, 1, ok=True)
    observe(play, 3)
    assert play.log[-1] == (
        '5 Health check for server b/s failed, reason: Health analyze, info: "Detected 3 consecutive errors, '
        'last one was: L4 unsuccessful connection", status: 2/3 UP.'
    )
    counters = play.server.counters
    assert (counters.failed_checks, counters.failed_observations, play.watch.duration_ms) == (1, 1, -1)
    play.run(0.6)
    assert play.network.times() == [0, 0.6]


def test_observed_errors_mark_down() -> None:
    """`on-error mark-down` brings the server down at once, with the reason."""
    play = Play(inter=2000, observe="layer4", error_limit=2, on_error="mark-down")
    play.watch.start()
    play.run(0.1)
    observe(play, 2)
    assert play.server.heard == [("STOPPED", play.watch)]
    assert play.watch.status is CheckStatus.FORCED


def test_observed_errors_only_hurry() -> None:
    """`on-error fastinter` only brings the next check nearer."""
    play = Play(inter=2000, fastinter=300, observe="layer4", error_limit=1, on_error="fastinter")
    play.watch.start()
    play.run(0.1)
    observe(play, 1)
    play.run(0.4)
    assert play.network.times() == [0, 0.4]
    assert (play.watch.status, play.server.counters.failed_observations) == (CheckStatus.L4_OK, 1)


def test_a_success_forgives_observed_errors() -> None:
    """A passed check clears the row of errors."""
    play = Play(inter=100, observe="layer4", error_limit=2, on_error="mark-down")
    play.watch.start()
    play.run(0.05)
    observe(play, 1)
    play.run(0.1)
    observe(play, 1)
    assert not play.server.heard


def test_forced_health() -> None:
    """`set server health` moves the tally to an end."""
    play = Play()
    play.watch.force(False)
    assert play.watch.health == 0
    play.watch.force(True)
    assert (play.watch.health, play.watch.rise, play.watch.fall) == (4, 2, 3)


PORT_9 = Address(Family.INET, "192.0.2.1", 9, 9, has_port=True)
ELSEWHERE = Address(Family.INET6, "2001:db8::1", 0, 0)
PROXY = Address(Family.INET, "192.0.2.9", 1080, 1080, has_port=True)


@pytest.mark.parametrize(
    ("options", "address", "header", "socks4"),
    [
        ({}, HERE, 0, None),
        ({"send_proxy": 2}, HERE, 2, None),
        ({"send_proxy": 1, "check_port": 9}, PORT_9, 0, None),
        ({"send_proxy": 2, "check_port": 9, "check_send_proxy": True}, PORT_9, 2, None),
        ({"check_send_proxy": True}, HERE, 1, None),
        ({"check_address": ELSEWHERE}, Address(Family.INET6, "2001:db8::1", 80, 80, has_port=True), 0, None),
        ({"socks4": PROXY}, HERE, 0, None),
        ({"socks4": PROXY, "check_via_socks4": True}, HERE, 0, PROXY),
    ],
)
def test_where_to_check(options: dict[str, Any], address: Address, header: int, socks4: Address | None) -> None:
    """`port`, `addr`, `check-send-proxy` and `check-via-socks4` say where and how to connect."""
    play = Play(**options)
    play.watch.start()
    play.run(0.1)
    target = play.network.connections[0].target
    assert (target.address, target.send_proxy, target.socks4) == (address, header, socks4)


UNIX = Address(Family.UNIX, "/run/x")
FROM = SourceAddress(Address(Family.INET, "192.0.2.7"))
FAILURES = [
    ({}, errno.ECONNREFUSED, CheckStatus.L4_CONNECTION, "Connection refused"),
    ({}, errno.EHOSTUNREACH, CheckStatus.L4_CONNECTION, "No route to host"),
    ({}, errno.ENETUNREACH, CheckStatus.L4_CONNECTION, "General socket error (Network is unreachable)"),
    ({}, errno.EINVAL, CheckStatus.L4_CONNECTION, "General socket error (Invalid argument)"),
    ({"source": FROM}, errno.EADDRNOTAVAIL, CheckStatus.L4_CONNECTION,
     "Can't bind to source address (Cannot assign requested address)"),
    ({"address": UNIX}, errno.ENOENT, CheckStatus.SOCKET_ERROR, "General socket error (No such file or directory)"),
    ({"address": UNIX}, errno.ECONNREFUSED, CheckStatus.SOCKET_ERROR, "General socket error (Connection refused)"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "number", "status", "words"), FAILURES)
def test_why_a_connection_failed(options: dict[str, Any], number: int, status: CheckStatus, words: str) -> None:
    """The errors of the operating system are told as HAProxy tells them."""
    play = Play(**options)
    play.network.answers = number
    play.watch.start()
    play.run(0.1)
    assert (play.watch.status, play.watch.message) == (status, words)
