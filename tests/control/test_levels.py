"""What each level of a command socket may do, and which commands there are, beside HAProxy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcproxy.control.command_rows import CommandStatus
from tcproxy.control.commands import table
from tests.control.beside import ask, both

pytestmark = pytest.mark.reference

LEVELS = ("user", "operator", "admin")
CONFIGURATION = """
global
    stats socket {folder}/user level user
    stats socket {folder}/operator level operator
    stats socket {folder}/admin level admin
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend f
    bind {folder}/f
    default_backend b
backend b
    server s 127.0.0.1:9
"""
TALKING = ("prompt", "quit", "user", "operator")
DENIED = re.compile(r"Permission denied|restricted to (expert|experimental) mode")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Give the folders of tcproxy and haproxy, which run the same configuration."""
    with both(tmp_path_factory, CONFIGURATION, LEVELS[-1]) as folders:
        yield folders


def names() -> list[str]:
    """Return the names of the commands that tcproxy obeys."""
    done = [row.name for row in table() if row.status is CommandStatus.DONE]
    return sorted(name for name in done if name not in TALKING)


def test_each_level_may_do_what_it_may_in_haproxy(pair: tuple[Path, Path]) -> None:
    """Each command is denied to the levels that HAProxy denies it to, and asks for the same modes."""
    different = []
    for name in names():
        for level in LEVELS:
            ours, theirs = (ask(folder / level, name) for folder in pair)
            if "Unknown command" in theirs:
                continue  # it needs words behind it to be one
            said = [found[0] if (found := DENIED.search(answer)) else "" for answer in (ours, theirs)]
            if said[0] != said[1]:
                different.append((name, level, *said))
    assert different == []


def test_every_command_of_haproxy_is_known(pair: tuple[Path, Path]) -> None:
    """Each command that HAProxy's help lists is obeyed, or refused by name."""
    ours, theirs = pair
    listed = [line.split(" : ")[0] for line in ask(theirs / "admin", "help").splitlines() if line.startswith("  ")]
    listed += [
        line.split(" : ")[0]
        for line in ask(theirs / "admin", "expert-mode on;experimental-mode on;help").splitlines()
        if line.startswith("  ")
    ]
    wanted = {re.split(r"[<\[(*{@]", line.strip())[0].strip() for line in listed}
    known = [row.name for row in table()]
    missing = [name for name in wanted if not any(one == name or one.startswith(f"{name} ") for one in known)]
    assert sorted(missing) == ["new ssl crlfile"]  # as its help spells 'new ssl crl-file'
    assert len(wanted) > 90
    assert ask(ours / "admin", "help")
