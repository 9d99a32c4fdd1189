"""The table of commands: whole, documented, and the same inventory as HAProxy's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tcproxy.control.command_rows import CommandRow, CommandStatus
from tcproxy.control.command_table import CommandTable, DuplicateCommand
from tcproxy.control.commands import table
from tests.running import HAPROXY


def test_every_supported_command_explains_itself() -> None:
    """A supported command has code, a sentence of help that fits a line, and is found by its own words."""
    commands = table()
    for command in commands:
        if command.status is CommandStatus.DONE:
            assert command.run is not None
            assert 5 < len(command.help) < 60, command.name
            assert commands.find(command.words) is command


def test_two_rows_for_one_command_are_an_error() -> None:
    """Two rows that claim one command are found out when the table is made."""
    with pytest.raises(DuplicateCommand, match="show x"):
        CommandTable((CommandRow("show x"),), (CommandRow("show x"),))


def test_the_longest_name_wins() -> None:
    """A command is found by the longest name that the line begins with."""
    short, long = CommandRow("set"), CommandRow("set maxconn global")
    found = CommandTable((short, long))
    assert found.find(["set", "maxconn", "global", "5"]) is long
    assert found.find(["set", "maxconn", "server"]) is short
    assert found.find([]) is None


@pytest.mark.reference
def test_the_inventory_is_the_references(tmp_path: Path) -> None:
    """Every command of HAProxy 2.6 has a row, with the sockets that know it, and no row is of our invention."""
    path = tmp_path / "a.cfg"
    path.write_text("defaults\n timeout client 1s\nfrontend a\n bind 127.0.0.1:1\n")
    words = [HAPROXY, "-dKcli", "-c", "-f", str(path)]
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    theirs = [line for line in printed if line.endswith("] ")]
    assert table().registry() == theirs
