"""Plays of the HTTP check: answers in any pieces, what a server is told of itself, and the words of its lines."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from tcproxy import language
from tcproxy.grammar.addresses import Address, Family
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.health.http_request import CheckRequest
from tcproxy.health.httpchk import Expectation, HttpCheck, HttpChecker, HttpConversation
from tcproxy.health.server_header import server_header
from tcproxy.health.tally import Tally
from tcproxy.health.watch import Settings
from tcproxy.interfaces import CheckStatus, IConversation, IHealthChecker, ServerState, Verdict
from tests.health.playing import Play

PAGE = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxab\r\n3\r\ncxx\r\n0\r\n\r\n"
WANTS = HttpCheck(expectations=(Expectation(lambda body: b"abc" in body, of_body=True),))
LACKS = HttpCheck(expectations=(Expectation(lambda body: b"q" in body, of_body=True),))
NOT_FOUND = b"HTTP/1.0 404 Not Found\r\n\r\n"


def test_it_is_a_checker() -> None:
    """It provides what plugins provide, and takes the words of its option."""
    checker = HttpChecker()
    verifyObject(IHealthChecker, checker)
    verifyObject(IConversation, HttpConversation(HttpCheck()))
    for words, request in (
        ([], CheckRequest()),
        (["/x"], CheckRequest(None, "/x")),
        (["GET", "/x"], CheckRequest("GET", "/x")),
        (["GET", "/x", "HTTP/1.1"], CheckRequest("GET", "/x", "HTTP/1.1")),
    ):
        assert checker.parse(words) == HttpCheck(request)
    with pytest.raises(ValueError, match="more"):
        checker.parse(["GET", "/", "HTTP/1.1", "more"])


@given(st.lists(st.integers(1, len(PAGE) - 1)), st.sampled_from([WANTS, LACKS]))
def test_pieces_of_any_size(cuts: list[int], check: HttpCheck) -> None:
    """However the answer is cut, the verdict is the same, and there is one."""
    conversation = HttpConversation(check)
    places = [0, *sorted(set(cuts)), len(PAGE)]
    heard = [conversation.received(PAGE[a:b]) for a, b in pairwise(places)]
    said = [verdict for verdict in heard if verdict is not None]
    if check is WANTS:
        assert said[0] == Verdict(CheckStatus.L7_OK, code=200)
    else:
        assert said == [Verdict(CheckStatus.L7_RESPONSE, "HTTP content check did not match")]


def test_a_body_that_ends_with_the_connection() -> None:
    """What is to be absent is absent only when the server has said everything."""
    conversation = HttpConversation(HttpCheck(expectations=(Expectation(lambda body: b"q" in body, True, True),)))
    assert conversation.connected() == b"OPTIONS / HTTP/1.0\r\n\r\n"
    assert conversation.received(b"HTTP/1.0 500 X\r\n\r\nabc") is None
    assert conversation.ended() == Verdict(CheckStatus.L7_OK, code=500)


def test_a_404_stops_a_server_that_is_up_only() -> None:
    """With disable-on-404 a server that is up stops; one that is down stays down."""
    check = HttpCheck(disable_on_404=True)
    up, down = HttpConversation(check), HttpConversation(check, stopped=True)
    assert up.received(NOT_FOUND) == Verdict(CheckStatus.L7_OK_CONDITIONAL, code=404)
    assert down.received(NOT_FOUND) == Verdict(CheckStatus.L7_STATUS, "Not Found", 404)


def test_from_stopping_to_down_and_up() -> None:
    """A server that answers 404, then nothing at all, then 200, is stopping, down, and up."""
    play = Play(Settings(connect_timeout=200, check_timeout=500), HttpChecker(), rise=1, fall=1, inter=1000)
    play.watch.options = HttpCheck(disable_on_404=True)
    play.watch.start()
    for number, answer in enumerate((NOT_FOUND, b"", b"HTTP/1.0 200 OK\r\n\r\n"), 1):
        while len(play.network.connections) < number:
            play.run(0.01)
        if answer:
            play.network.connections[-1].events.received(answer)
    assert [word for word, _ in play.server.heard] == ["STOPPING", "STOPPED", "RUNNING"]
    assert (play.watch.status, play.watch.code) == (CheckStatus.L7_OK, 200)


@pytest.mark.parametrize(("check_timeout", "expected"), [(200, 400), (700, 700), (0, 1000)])
def test_time_for_the_answer(check_timeout: int, expected: int) -> None:
    """It is `timeout check`, and not less than the time to connect in; `inter` without it."""
    play = Play(Settings(connect_timeout=400, check_timeout=check_timeout), HttpChecker(), inter=1000)
    play.watch.start()
    play.run(0.999 * expected / 1000)
    assert play.watch.in_progress
    play.run(0.01)
    assert (play.watch.status, play.watch.duration_ms) == (CheckStatus.L7_TIMEOUT, expected)


def described(state: ServerState, health: int, address: Address, effective: int = 32, **more: Any) -> Any:
    """Return a server of weight 2 in a farm of weight 6, rise 2 and fall 3."""
    tally = Tally(2, 3)
    tally.health = health
    return SimpleNamespace(
        name="s", state=state, address=address, port=80, effective=effective, user_weight=2, queued=1,
        counters=SimpleNamespace(current=5), farm=SimpleNamespace(name="b", weight=96, served=9),
        watch=SimpleNamespace(tally=tally), **more,
    )  # fmt: skip


HERE = Address(Family.INET, "192.0.2.1", 80, 80, has_port=True)
THERE = Address(Family.UNIX, "/run/s")


@pytest.mark.parametrize(
    ("state", "health", "address", "begin"),
    [
        (ServerState.RUNNING, 4, HERE, "UP; address=192.0.2.1; port=80; "),
        (ServerState.RUNNING, 3, HERE, "UP 2/3; address=192.0.2.1; port=80; "),
        (ServerState.STOPPING, 4, THERE, "NOLB; address=unix; port=; "),
        (ServerState.STOPPING, 2, HERE, "NOLB 1/3; address=192.0.2.1; port=80; "),
        (ServerState.STOPPED, 0, HERE, "DOWN; address=192.0.2.1; port=80; "),
        (ServerState.STOPPED, 1, HERE, "DOWN 1/2; address=192.0.2.1; port=80; "),
    ],
)
def test_what_a_server_is_told_of_itself(state: ServerState, health: int, address: Address, begin: str) -> None:
    """The header tells the state with its progress, the place, the names, weights and loads."""
    end = "name=b/s; node=n; weight=2/6; scur=5/9; qcur=1"
    assert server_header(described(state, health, address), "n") == begin + end


def test_slow_start_in_the_header() -> None:
    """A server in slow start is told how far it is."""
    assert server_header(described(ServerState.STARTING, 4, HERE, 8), "n").endswith("; qcur=1; throttle=25%")


def read(folder: Path, lines: str, defaults: str = "") -> tuple[Any, list[str]]:
    """Return the check options of a backend with these lines, and what is told about them."""
    path = folder / "cfg"
    timeouts = "timeout connect 1s\n timeout client 1s\n timeout server 1s\n"
    path.write_text(
        f"defaults\n {timeouts} {defaults}\nfrontend f\n bind 127.0.0.1:1\n default_backend b\n"
        f"backend b\n {lines}\n server s 127.0.0.1:1 check\n"
    )
    diagnostics = Diagnostics(1)
    configuration = language.read([str(path)], Environment(), diagnostics)
    options = configuration.proxies[1].check_options if configuration else None
    return options, [item.message for item in diagnostics.items]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("option httpchk GET / HTTP/1.1 x", "cannot take the argument 'x'"),
        ("option httpchk GET / FOO", "not 'FOO'"),
        ("no option httpchk", "cannot stand before"),
        ("http-check", "no rule ''"),
        ("http-check connect", "'http-check connect' is known to HAProxy 2.6"),
        ("http-check set-var(check.a) int(1)", "'http-check set-var' is known to HAProxy 2.6"),
        ("http-check foo", "no rule 'foo'"),
        ("http-check send-state x", "cannot take the argument 'x'"),
        ("http-check send meth", "needs a text"),
        ("http-check send hdr a", "needs a name and a value"),
        ("http-check send hdr a %[src]", "a log format in the header 'a'"),
        ("http-check send hdr Host a hdr host b", "stands there already"),
        ("http-check send body-lf x", "'http-check send body-lf' is known"),
        ("http-check send foo x", "no 'foo'"),
        ("http-check expect", "needs one of"),
        ("http-check expect status", "needs a pattern"),
        ("http-check expect status 200-", "'200-' is neither"),
        ("http-check expect status 300-200", "runs backwards"),
        ("http-check expect status 200 junk", "cannot take the argument 'junk'"),
        ("http-check expect min-recv 3 status 200", "'http-check expect min-recv' is known"),
        ("http-check expect ! hdr name x", "'http-check expect hdr' is known"),
        ("http-check expect rstring (", "is wrong"),
        ("http-check expect foo bar", "not 'foo'"),
    ],
)
def test_lines_that_are_refused(tmp_path: Path, line: str, told: str) -> None:
    """Each wrong line, and each form that is not to be had, is refused by its name."""
    options, messages = read(tmp_path, f"option httpchk\n {line}")
    assert options is None
    assert any(told in message for message in messages), messages


def test_all_that_is_wrong_with_an_expectation_is_told(tmp_path: Path) -> None:
    """One run names each word of a line that is refused."""
    _, messages = read(tmp_path, "option httpchk\n http-check expect min-recv 3 comment x status 200- junk")
    for told in ("'http-check expect min-recv'", "'http-check expect comment'", "'200-' is neither", "argument 'junk'"):
        assert any(told in message for message in messages), (told, messages)


def test_own_lines_leave_those_of_defaults_behind(tmp_path: Path) -> None:
    """A backend has the lines of `defaults` only without lines of its own; the flags it always has."""
    inherited = "option httpchk GET /d\n http-check expect status 200\n http-check send-state"
    options, _ = read(tmp_path, "", inherited)
    assert (options.request.uri, len(options.expectations), options.send_state) == ("/d", 1, True)
    options, _ = read(tmp_path, "option httpchk /b", inherited)
    assert (options.request.uri, len(options.expectations), options.send_state) == ("/b", 0, True)
    options, messages = read(tmp_path, "http-check expect status 201", inherited)
    assert options.request is None and HttpConversation(options).connected() is None
    assert any("send nothing" in message for message in messages)


def test_lines_without_the_option(tmp_path: Path) -> None:
    """Without `option httpchk` the lines are ignored, and that is told."""
    options, messages = read(tmp_path, "http-check expect status 200")
    assert options is None
    assert any("is ignored without 'option httpchk'" in message for message in messages)
