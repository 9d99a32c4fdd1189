"""Userlists: what is taken and refused as in HAProxy, who is let in, and that right passwords are remembered."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.model import passwords
from tcproxy.model.process import Configuration
from tcproxy.model.userlists import User, UserList
from tests.running import HAPROXY

FRONTEND = """
frontend f
  mode http
  timeout client 1s
  bind 127.0.0.1:1
  default_backend b
backend b
  mode http
"""
MD5 = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"
SETTINGS = {
    "DES": "ab", "extended DES": "_J9..rasm", "MD5": "$1$abcdefgh", "SHA-256": "$5$rounds=1000$saltsalt",
    "SHA-512": "$6$rounds=1000$saltsalt", "SHA-1": "$sha1$4$saltsalt", "bcrypt": "$2b$04$abcdefghijklmnopqrstuu",
    "scrypt": "$7$0/..../....saltsalt", "yescrypt": "$y$j75$saltsalt",
}  # fmt: skip
"""What a hash of each scheme begins with: parameters that are quick to work out, and a salt."""


def read(text: str) -> tuple[Configuration | None, list[str]]:
    """Read a configuration; return it, and its alerts and warnings."""
    diagnostics = Diagnostics(1)
    found = language.read_text(text, Environment(), diagnostics, name="t.cfg")
    return found, [f"{item.level}: {item.message}" for item in diagnostics.items]


def userlist(lines: str) -> UserList:
    """Return the userlist of some lines."""
    found, told = read(f"userlist L\n{lines}{FRONTEND}")
    assert found is not None, told
    return found.userlists["L"]


SECTIONS = [
    "userlist L", "userlist", "userlist L more", "userlist 'a b'", "userlist L\n  foo",
    "userlist L\n  user", "userlist L\n  group", "userlist L\n  group a+b",
    "userlist L\n  user 'a b' insecure-password x\n  group G users 'a b'",
    "userlist L\n  user a insecure-password x groups G",
    "userlist L\n  group G users a",
    "userlist L\n  group G\n  user a insecure-password x groups ,G,,", "userlist L\n  group G users",
    "userlist L\n  group G foo", "userlist L\n  group G users a b", "userlist L\n  user a foo bar",
    "userlist L\n  user a insecure-password x y", f"userlist L\n  user a password {MD5}",
    "userlist L\n  no user a", "userlist L\n  group G\n  user a insecure-password x groups G groups H",
    "userlist L\n  user a groups H groups G insecure-password x\n  group G",
]  # fmt: skip
WARNED = [
    "userlist L\nuserlist L", "userlist L\n  group G\n  group G what", "userlist L\n  user a",
    "userlist L\n  user a groups",
    "userlist L\n  user a groups G\n  user a nonsense\n  group G", "userlist L\n  user a password *",
]  # fmt: skip
RULES = [
    "{ http_auth(L) }", "{ http_auth(M) }", "{ http_auth }", "{ http_auth() }", "{ http_auth_group(L) G }",
    "{ http_auth_group(L) H }", "{ http_auth_group(L) }", "{ http_auth_group(L) -m str G }", "{ http_auth_group(M) G }",
    "{ http_auth_group(L) -m found }", "{ http_auth_group(L) G H }", "{ http_auth_group(L) -i g }",
    "{ http_auth(L,M) }",
]  # fmt: skip


def both(text: str, folder: Path) -> tuple[bool, bool, list[str]]:
    """Return whether HAProxy and tcproxy take a configuration, and what tcproxy says."""
    file = folder / "t.cfg"
    file.write_text(text)
    run = subprocess.run([HAPROXY, "-c", "-f", str(file)], capture_output=True, check=False)
    found, told = read(text)
    return run.returncode == 0, found is not None, told


@pytest.mark.reference
@pytest.mark.parametrize("section", [*SECTIONS, *WARNED])
def test_sections_are_taken_as_in_haproxy(section: str, tmp_path: Path) -> None:
    """Every section is taken or refused as HAProxy does it; what is ignored, or can never work, is warned of."""
    theirs, ours, told = both(section + FRONTEND, tmp_path)
    assert ours == theirs, told
    assert any("warning" in line for line in told) == (section in WARNED), told


@pytest.mark.reference
@pytest.mark.parametrize("rule", RULES)
def test_conditions_name_lists_and_groups_that_are_there(rule: str, tmp_path: Path) -> None:
    """A list or a group that no section declares is refused, wherever the section stands, as in HAProxy."""
    lists = "userlist L\n  group G users a\n  user a insecure-password x\n"
    front = FRONTEND.replace("  default_backend b\n", f"  use_backend b if {rule}\n")
    for text in (lists + front, front + lists):
        theirs, ours, told = both(text, tmp_path)
        assert ours == theirs, told


def test_a_scheme_that_libcrypt_lacks_is_refused() -> None:
    """HAProxy takes such a hash, and its user can never log in."""
    found, told = read(f"userlist L\n  user a password $9$abc$def{FRONTEND}")
    assert found is None
    assert "no hash of a scheme" in told[0]


@pytest.mark.parametrize("scheme", SETTINGS)
def test_hashes(scheme: str) -> None:
    """Of every scheme of libcrypt the right password fits, once and once more, and no other does."""
    setting = SETTINGS[scheme].encode()
    assert passwords.is_known(setting)
    made = passwords.hashed(b"password", setting)
    assert made is not None and made.startswith(setting[:5])
    users = UserList("L", [User("a", made, hashed=True)], [])
    for _ in range(2):
        assert users.admits(b"a", b"password")
        assert not users.admits(b"a", b"other")
        assert not users.admits(b"b", b"password")


def test_a_right_password_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash is worked out once for a right password, each time for a wrong one; what is kept is no password."""
    asked = []
    monkeypatch.setattr(passwords, "fits", lambda password, hashed: asked.append(password) or password == b"right")
    users = UserList("L", [User("a", b"$1$x", hashed=True)], [])
    assert [users.admits(b"a", word) for word in (b"right", b"right", b"wrong", b"wrong", b"right")] == [
        True, True, False, False, True,
    ]  # fmt: skip
    assert asked == [b"right", b"wrong", b"wrong"]
    assert b"right" not in users._verified.values()


def test_who_is_let_in() -> None:
    """The last password of a line holds, as plain text if any was; a user without one is never let in."""
    lines = f"  user a insecure-password x insecure-password y\n  user b insecure-password z password {MD5}\n  user c\n"
    found = userlist(lines)
    assert found.admits(b"a", b"y") and not found.admits(b"a", b"x")
    assert found.admits(b"b", MD5.encode())
    assert not found.admits(b"c", b"")


def test_groups() -> None:
    """A user belongs to the groups that its line names, and to those whose lines name it; the last list holds."""
    found = userlist(
        "  group G1 users a,c users b\n  group G2 users a\n  user a insecure-password x groups G2 groups G3\n"
        "  user b insecure-password x\n  user c insecure-password x\n  group G3\n"
    )
    assert [sorted(found.groups_of(name)) for name in (b"a", b"b", b"c", b"d")] == [[b"G2", b"G3"], [b"G1"], [], []]
