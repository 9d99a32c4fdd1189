"""Giving up root: order, groups, root directory, and what cannot be had back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tcproxy.model.process import Global
from tcproxy.process.privileges import Identity, Privileged, identity

DROPPING = """
import os, sys
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.model.process import Global
from tcproxy.process import privileges
settings = Global({settings})
{before}
try:
    privileges.drop(settings, Diagnostics(1, sys.stdout))
    privileges.protect(settings)
except privileges.Privileged as wrong:
    print("refused:", wrong)
    sys.exit(1)
status = os.open("/proc/self/status", os.O_RDONLY) if os.path.exists("/proc/self/status") else -1
print(os.getuid(), os.geteuid(), os.getgid(), os.getgroups(), os.listdir("/") == [])
if status >= 0:
    print([line for line in os.read(status, 9999).decode().split("\\n") if line.startswith("NoNewPrivs")][0])
"""
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root: only root has something to give up")


def dropping(settings: str, *prefix: str, before: str = "") -> str:
    """Return what a process says that drops its privileges; `before`: what it does after its imports."""
    words = [*prefix, sys.executable, "-c", DROPPING.format(settings=settings, before=before)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False).stdout


def test_names_become_numbers() -> None:
    """Names are looked up, numbers are taken as they are."""
    assert identity(Global(user="root", group="root")) == Identity(0, 0)
    assert identity(Global(uid=12, gid=13, user="root")) == Identity(12, 13)
    assert identity(Global()) == Identity()


@pytest.mark.parametrize("settings", [Global(user="no-such-user"), Global(group="no-such-group")])
def test_a_name_that_does_not_exist(settings: Global) -> None:
    """An unknown user or group is refused by name."""
    with pytest.raises(Privileged, match="no-such-"):
        identity(settings)


@needs_root
@pytest.mark.program("setpriv")
def test_everything_is_given_up(tmp_path: Path) -> None:
    """Inside an empty root directory, with another user and group, and no supplementary groups."""
    tmp_path.chmod(0o755)
    said = dropping(f"chroot={str(tmp_path)!r}, uid=12, gid=13", "setpriv", "--groups", "4,5")
    assert said == "12 12 13 [] True\n"


@needs_root
def test_no_new_privileges() -> None:
    """The process can never gain privileges again, unless the configuration wants setuid programs."""
    assert "NoNewPrivs:\t1" in dropping("uid=12")
    assert "NoNewPrivs:\t0" in dropping("uid=12, insecure_setuid_wanted=True")


@needs_root
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("chroot='/nonexistent'", "chroot to /nonexistent"),
        ("gid=13", "group to 13"),
        ("uid=12", "user to 12"),
    ],
)
def test_what_the_system_refuses_is_named(settings: str, sentence: str) -> None:
    """A refusal says what was refused."""
    # all imports first: Python itself may stand in a folder that only root can enter
    imports = "[__import__(name) for name in privileges._LAZY]"
    said = dropping(settings, before=f"{imports}; os.setresuid(65534, 65534, 65534)")
    assert said.startswith("refused: cannot")
    assert sentence in said
