"""The command line, read as HAProxy reads its own (management manual, 3): pure words in, one record out.

The first letter behind the dash names the option; only few options look at further letters (`-vv`, `-dK...`, `-sf`).
The value of an option is always the next word. `getopt` and `argparse` cannot read that. What the options do is in
command.py and start.py.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field


class WrongUsage(Exception):
    """The command line cannot be read: the program shows its usage, after this sentence if it is not empty."""


class WrongArgument(Exception):
    """One argument is wrong; the sentence says which."""


@dataclass(slots=True)
class Arguments:
    """What the command line said.

    version: 0, 1 for -v, 2 for -vv. condition: the text behind -cc. keywords: what follows -dK, None
    without it; memory_debug likewise for -dM. maxconn, proxy_maxconn: 0 when not given; memory_limit: MiB,
    0 for none. old_pids: processes that get `old_signal` when this one has taken over (-sf, -st). ineffective: options
    that are accepted and change nothing. refused: options that tcproxy does not support yet.
    """

    files: list[str] = field(default_factory=list)
    check: bool = False
    condition: str | None = None
    directory: str = ""
    version: int = 0
    daemon: bool = False
    debug: bool = False
    foreground: bool = False
    quiet: bool = False
    verbose: bool = False
    zero_warning: bool = False
    diagnosing: bool = False
    ignore_resolution: bool = False
    no_splice: bool = False
    keywords: str | None = None
    memory_debug: str | None = None
    dump_objects: bool = False
    peer: str = ""
    maxconn: int = 0
    proxy_maxconn: int = 0
    memory_limit: int = 0
    pidfile: str = ""
    old_pids: list[int] = field(default_factory=list)
    old_signal: int = signal.SIGUSR1
    ineffective: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def parse(words: list[str]) -> Arguments:
    """Read the words behind the program's name.

    Raises WrongUsage where HAProxy shows its usage, WrongArgument where it complains about one argument.
    """
    arguments = Arguments()
    rest = _Rest(words)
    for word in rest:
        if word == "--":
            arguments.files.extend(rest)
        elif word[:1] != "-" or len(word) < 2:
            raise WrongUsage(f"'{word}' is not an option" if word else "")
        elif word[1] == "v":
            arguments.version = 2 if word[1:3] == "vv" else 1
            return arguments
        elif word[1] == "d":
            _read_debug(word[2:], arguments)
        else:
            _read_option(word[1:], rest, arguments)
    return arguments


class _Rest(Iterator[str]):
    """The words still to be read."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._next = 0

    def __next__(self) -> str:
        if self._next >= len(self._words):
            raise StopIteration
        self._next += 1
        return self._words[self._next - 1]

    def value(self, option: str) -> str:
        """Return the word behind an option that needs one."""
        for word in self:
            return word
        raise WrongArgument(f"the option -{option} needs a value")

    def number(self, option: str) -> int:
        """Return the number behind an option that needs one."""
        word = self.value(option)
        try:
            return int(word)
        except ValueError:
            raise WrongArgument(f"the option -{option} needs a number, and '{word}' is none") from None

    def pids(self, option: str) -> Iterator[int]:
        """Yield the numbers that follow, up to the next word with a dash."""
        while self._next < len(self._words) and not self._words[self._next].startswith("-"):
            word = next(self)
            if word.strip() and not word.strip().isdigit():
                raise WrongArgument(f"the option -{option} takes process numbers, and '{word}' is none")
            if not word.strip() or int(word) <= 0:
                raise WrongUsage(f"the option -{option} takes process numbers")
            yield int(word)


_SWITCHES = {"D": "daemon", "q": "quiet", "V": "verbose", "c": "check"}
_TEXTS = {"C": "directory", "L": "peer", "p": "pidfile"}
_NUMBERS = {"n": "maxconn", "N": "proxy_maxconn", "m": "memory_limit"}


def _read_option(option: str, rest: _Rest, arguments: Arguments) -> None:
    letter = option[0]
    if option[:2] == "cc":
        arguments.condition = next(rest, None)
        if arguments.condition is None:
            raise WrongUsage("the option -cc needs a condition")
    elif option[:2] in ("sf", "st"):
        arguments.old_signal = signal.SIGUSR1 if option[1] == "f" else signal.SIGTERM
        arguments.old_pids.extend(rest.pids(option[:2]))
    elif letter in _SWITCHES:
        setattr(arguments, _SWITCHES[letter], True)
    elif letter == "f":
        arguments.files.append(rest.value("f"))
    elif letter in _TEXTS:
        setattr(arguments, _TEXTS[letter], rest.value(letter))
    elif letter in _NUMBERS:
        setattr(arguments, _NUMBERS[letter], rest.number(letter))
    elif letter == "W":
        arguments.refused.append("-Ws" if option[1:2] == "s" else "-W")
    elif letter in ("S", "x"):
        rest.value(letter)
        arguments.refused.append(f"-{letter}")
    else:
        raise WrongUsage("" if letter == "h" else f"'-{option}' is not an option")


_DEBUG_SWITCHES = {
    "b": "foreground",
    "D": "diagnosing",
    "W": "zero_warning",
    "r": "ignore_resolution",
    "S": "no_splice",
    "L": "dump_objects",
}
_INEFFECTIVE = {
    "R": "-dR (a port is always shared with a successor)",
    "V": "-dV (no server is spoken to over TLS yet)",
    "e": "-de (the reactor is chosen by what the system has)",
    "p": "-dp (the reactor is chosen by what the system has)",
    "G": "-dG (names are always looked up with getaddrinfo)",
}


def _read_debug(option: str, arguments: Arguments) -> None:
    letter = option[:1]
    if letter in _DEBUG_SWITCHES:
        setattr(arguments, _DEBUG_SWITCHES[letter], True)
    elif letter == "K":
        arguments.keywords = option[1:]
    elif letter == "M":
        arguments.memory_debug = option[1:]
        arguments.ineffective.append("-dM (memory is Python's own)")
    elif letter in _INEFFECTIVE:
        arguments.ineffective.append(_INEFFECTIVE[letter])
    else:
        arguments.debug = True
