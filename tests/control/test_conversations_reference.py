"""Conversations with both programs, in many shapes: cuts, half commands, prompts, payloads, FINs, and silence."""

from __future__ import annotations

import contextlib
import random
import re
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.running import HAPROXY, TCPROXY, program, wait_for

pytestmark = pytest.mark.reference

TIMEOUT = 1.0
CONFIGURATION = """
global
    stats socket {folder}/ctl level admin
    stats timeout 1s
    stats maxconn 200
defaults
    mode tcp
    timeout client 1s
    timeout server 1s
    timeout connect 1s
listen l
    bind {folder}/l
    server s 127.0.0.1:9
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Return the command sockets of tcproxy and of haproxy, which run the same configuration."""
    with contextlib.ExitStack() as running:
        sockets = []
        for what in (TCPROXY, HAPROXY):
            folder = tmp_path_factory.mktemp("one")
            (folder / "a.cfg").write_text(CONFIGURATION.format(folder=folder))
            running.enter_context(program(what, "-db", "-f", str(folder / "a.cfg")))
            wait_for((folder / "ctl").exists, what=f"the socket of {what}")
            sockets.append(folder / "ctl")
        yield sockets[0], sockets[1]


@contextlib.contextmanager
def client(path: Path) -> Iterator[socket.socket]:
    """Be a client of a command socket."""
    with socket.socket(socket.AF_UNIX) as connected:
        connected.settimeout(3 * TIMEOUT)
        connected.connect(str(path))
        yield connected


UNKNOWN = re.compile(rb"Unknown command[.,].*?\n  quit .*?\n", re.DOTALL)


def told(answer: bytes) -> bytes:
    """Return an answer with the listings of commands, which are each program's own, replaced by a word."""
    return UNKNOWN.sub(b"UNKNOWN\n", answer)


def half_closed(path: Path, pieces: Sequence[bytes]) -> tuple[bytes, bool]:
    """Send pieces and FIN; return the answers until the program closes, and whether it does."""
    with client(path) as connected:
        with contextlib.suppress(BrokenPipeError):
            for number, piece in enumerate(pieces):
                time.sleep(0.005 * (number > 0))  # the pace of a client, by which pieces arrive apart
                connected.sendall(piece)
            connected.shutdown(socket.SHUT_WR)
        return until_the_end(connected)


def until_the_end(connected: socket.socket) -> tuple[bytes, bool]:
    """Return what is answered until the program closes, and whether it does before the client loses patience."""
    answer = b""
    try:
        while data := connected.recv(65536):
            answer += data
    except ConnectionResetError:
        pass  # it has closed with something unread
    except TimeoutError:
        return told(answer), False
    return told(answer), True


COMMANDS = (
    b"show cli level", b"get weight l/s", b"get weight l/x", b"show env NOPE", b"nonsense", b"", b"  ", b"user",
    b"operator", b"set severity-output number", b"show cli\\ level", b"\\show cli level", b"show cli level \\;",
    b"show cli level\r", b"show cli level\0x", b"get weight \\l/s", b"show cli level <<x", b"show cli level << ",
)  # fmt: skip
ENDS = (b";", b"\n", b"\r\n", b" ;", b"; ", b";\n", b"\n\n")
PAYLOADS = (b" <<\nabc\n\n", b" <<;\n", b"<<\nx;y\n\n", b" <<\r\nabc\r\n\r\n", b" <<\n\n")


def shape(chance: random.Random, interactive: bool) -> list[bytes]:
    """Return a conversation that ends with FIN, in pieces.

    One that is not interactive is over as soon as what came is answered, so it is never cut behind a command.
    """
    text = b"prompt\n" if interactive else b""
    for _ in range(chance.randrange(6)):
        command = chance.choice(COMMANDS)
        ends = PAYLOADS if chance.random() < 0.2 and not command.startswith(b"set") else ENDS
        text += command + chance.choice(ends)
    text += chance.choice((b"", b"", b"show cli level", b"quit\nuser\n", b"show cli level <<\nabc", b"\\"))
    places = [place for place in range(1, len(text)) if interactive or text[place - 1] not in b";\n"]
    cuts = sorted(chance.sample(places, min(len(places), chance.randrange(4))))
    return [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@pytest.mark.parametrize("interactive", [False, True])
def test_conversations_that_end_with_fin(pair: tuple[Path, Path], interactive: bool) -> None:
    """All that was asked before the FIN is answered before the close, the same bytes, however it was cut.

    HAProxy overlooks such a FIN in one run of fifty, and keeps the client without a further answer.
    """
    chance = random.Random(7)
    shapes = [shape(chance, interactive) for _ in range(300)]
    with ThreadPoolExecutor(16) as many:
        ours, theirs = (list(many.map(lambda shape, path=path: half_closed(path, shape), shapes)) for path in pair)
    overlooked = [closed for _, closed in theirs].count(False)
    assert overlooked < 30
    for pieces, (mine, closed), (other, other_closed) in zip(shapes, ours, theirs, strict=True):
        assert closed
        assert (pieces, mine) == (pieces, other if other_closed else mine)


@pytest.mark.parametrize("begin", [b"", b"prompt\n"])
def test_large_answers_before_the_close(pair: tuple[Path, Path], begin: bytes) -> None:
    """Answers that fill every buffer arrive whole, too, when the FIN came with the commands."""
    for path in pair:
        answer, closed = half_closed(path, [begin + b"show stat typed;" * 400 + b"\nget weight l/s\n"])
        assert closed
        assert answer.count(b"\nB.") >= 400
        assert answer.endswith(b"1 (initial 1)\n\n" + b"> " * bool(begin))


def answered(path: Path, text: bytes) -> tuple[bytes, bool]:
    """Send without FIN; return what is answered, and whether the program closes."""
    with client(path) as connected:
        connected.sendall(text)
        connected.settimeout(TIMEOUT / 3)
        answer = b""
        with contextlib.suppress(TimeoutError):
            while data := connected.recv(65536):
                answer += data
            return told(answer), True
        return told(answer), False


@pytest.mark.parametrize(
    "text",
    [
        b"show cli level;", b"show cli level;show cli level;", b"show cli level;show cli level", b";", b";;", b";\n",
        b"show cli level\nshow", b"show cli level\\;", b"show cli level\\\n", b"show cli level ; ", b"quit;",
        b"prompt;quit;", b"prompt;show cli level;", b"prompt;prompt;", b"prompt;prompt", b"show cli level;quit;user;",
        b"show cli level <<;", b"show cli level <<\nx;", b"show cli level <<;x;\n\n", b"show cli level;" * 2000,
        b"show cli level <<\n" + b"y" * 8000 + b"\n" + b"z" * 9000 + b"\n\n", b"show stat;" * 50,
        b"show cli level <<\nabc\n\nshow cli level", b"show cli level <<\nabc\n\nshow cli level;",
    ],
)  # fmt: skip
def test_ends_of_commands(pair: tuple[Path, Path], text: bytes) -> None:
    """A `;` ends a command without a line end; what stands behind the last one keeps the conversation open."""
    ours, theirs = answered(pair[0], text), answered(pair[1], text)
    assert (re.sub(rb"[0-9]+", b"N", ours[0]), ours[1]) == (re.sub(rb"[0-9]+", b"N", theirs[0]), theirs[1])


def stays(path: Path, text: bytes) -> bool:
    """Return whether a client that sends this, and is silent then, is still there after twice the timeout."""
    with client(path) as connected:
        connected.sendall(text)
        connected.settimeout(2 * TIMEOUT)
        with contextlib.suppress(TimeoutError):
            while connected.recv(65536):
                pass
            return False
        return True


def test_silence(pair: tuple[Path, Path]) -> None:
    """Who says nothing is closed; half a command may wait; a client's own timeout closes it when nothing waits.

    HAProxy leaves a client that had an answer under its own timeout open in 4 of 150 runs: this shape is played alone.
    """
    own = b"prompt\nset timeout cli 1\n"
    shapes = [b"", b"show in", b"show cli level;show", own, own + b"show"]
    with ThreadPoolExecutor(16) as many:
        ours, theirs = (list(many.map(lambda text, path=path: stays(path, text), shapes)) for path in pair)
    assert ours == theirs == [False, True, True, False, True]
    assert not stays(pair[0], own + b"show cli level\n")


def test_interactive_clients_may_be_silent(pair: tuple[Path, Path]) -> None:
    """A client that has entered the interactive mode is not closed; HAProxy closes it in some runs, not in others."""
    with ThreadPoolExecutor(4) as many:
        texts = (b"prompt\n", b"prompt\nshow cli level\n", b"prompt;show stat;", b"show cli level <<\n")
        assert all(many.map(lambda text: stays(pair[0], text), texts))
