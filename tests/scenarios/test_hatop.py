"""hatop, the monitor that operators know, on a real terminal (tmux): what it shows, and what its menu does."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.running import TCPROXY, program, wait_for

pytestmark = [pytest.mark.program("hatop"), pytest.mark.program("tmux"), pytest.mark.program("socat")]

CONFIGURATION = """
global
    stats socket {folder}/ctl level admin
defaults
    mode http
    timeout client 1s
    timeout server 1s
    timeout connect 1s
frontend http_front
    bind {folder}/web
    default_backend http_back
backend http_back
    server linux-node1 127.0.0.1:9
    server linux-node2 127.0.0.1:9
"""


class Terminal:
    """A terminal of 120 columns with a program in it."""

    def __init__(self, folder: Path, command: str) -> None:
        self._tmux = ["tmux", "-S", str(folder / "tmux")]
        self._run("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", "120", "-y", "32", command)

    def _run(self, *words: str) -> str:
        return subprocess.run([*self._tmux, *words], capture_output=True, text=True, check=True).stdout

    def screen(self) -> str:
        """Return what is on the screen."""
        return self._run("capture-pane", "-p", "-t", "t")

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self._run("send-keys", "-t", "t", *keys)

    def shows(self, *words: str) -> bool:
        """Return whether a line begins with the first word and has the others."""
        lines = (line.split() for line in self.screen().splitlines())
        return any(line[:1] == [words[0]] and set(words) <= set(line) for line in lines)

    def close(self) -> None:
        """End the program and the terminal."""
        self._run("kill-server")


@contextmanager
def terminal(folder: Path, command: str) -> Iterator[Terminal]:
    """Hold a terminal until the block ends."""
    found = Terminal(folder, command)
    try:
        yield found
    finally:
        found.close()


def press_until(hatop: Terminal, keys: tuple[str, ...], text: str) -> None:
    """Press keys until a text is on the screen: hatop drops what is typed while it draws."""
    for _ in range(6):
        for key in keys:
            hatop.press(key)
        with contextlib.suppress(AssertionError):
            wait_for(lambda: text in hatop.screen(), 5, f"'{text}' on the screen")
            return
    raise AssertionError(f"'{text}' is not on the screen: {hatop.screen()}")


TO_THE_SERVER = ("Up",) * 8 + ("Down",) * 4
"""From wherever the cursor is to the row of the first server."""


def ask(folder: Path, words: str) -> str:
    """Say a line at the command socket; return the answer."""
    socat = ["socat", "-t30", "-", f"UNIX-CONNECT:{folder}/ctl"]
    return subprocess.run(socat, input=f"{words}\n", capture_output=True, text=True, check=True).stdout


def test_a_server_is_disabled_and_enabled_from_the_menu(tmp_path: Path) -> None:
    """hatop shows the servers; F10 and F9 of its menu take the selected one out and in; its console answers."""
    (tmp_path / "a.cfg").write_text(CONFIGURATION.format(folder=tmp_path))
    with program(TCPROXY, "-db", "-f", str(tmp_path / "a.cfg")):
        wait_for((tmp_path / "ctl").exists, what="the socket")
        with terminal(tmp_path, f"hatop -s {tmp_path}/ctl") as hatop:
            wait_for(lambda: hatop.shows("linux-node2", "-", "none"), what="the servers on the screen")
            assert hatop.shows("FRONTEND", "OPEN") and ">>> http_back" in hatop.screen()
            # the row of the first server, then its menu
            press_until(hatop, (*TO_THE_SERVER, "Enter"), "F10=DISABLE (HERE)")
            hatop.press("F10")
            wait_for(lambda: hatop.shows("linux-node1", "MAINT"), what="maintenance on the screen")
            assert ask(tmp_path, "show stat http_back 4 1").splitlines()[1].split(",")[17] == "MAINT"
            press_until(hatop, (*TO_THE_SERVER, "Enter"), "F9=ENABLE (HERE)")
            hatop.press("F9")
            wait_for(lambda: hatop.shows("linux-node1", "-", "none"), what="the end of maintenance")
            press_until(hatop, ("5",), "enable server http_back/linux-node1")
            press_until(hatop, ("get weight http_back/linux-node2", "Enter"), "1 (initial 1)")
