"""Commands about patterns and variables, with both programs: hundreds of commands, one after another."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control.beside import ask, both

CONFIGURATION = """
global
    stats socket {folder}/ctl level admin
    stats socket {folder}/user level user
    set-var proc.one int(5)
    set-var proc.s str(a\\ b)
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend f
    bind {folder}/f
    acl one src -f ips.lst
    acl two path_beg /a /b
    acl two path -i /c
    acl num hdr_cnt(x) -u 7 ge 3
    acl re path_reg ^/x
    acl len path_len 5:9
    acl dom req.hdr(host) -m dom example.com
    http-request set-header a %[req.hdr(host),map(m.map)]
    http-request set-header c %[req.hdr(host),map_beg(m.map)]
    http-request set-header b %[req.hdr(n),map_int(int.map)]
    http-request set-header d %[req.hdr(n),map_str_int(int2.map,5)]
    http-request deny if one two num re len dom
"""
FILES = {
    "ips.lst": "10.0.0.0/8\n192.168.1.1\n# c\n\n", "m.map": "a.com b1\nb.com b2\na.com b3\n",
    "int.map": "1:10 low\n20 mid\n",
    "int2.map": "k 1\n",
}  # fmt: skip
SCRIPT = r"""
show acl
show map
show acl #0
show acl ips.lst
show acl #7
show acl #99
show acl nofile
show map m.map
show map #0
show map int2.map
show acl @0 #0
show acl @5 #0
show acl #0 x
get acl
get acl #0
get acl #0 10.1.1.1
get acl #0 11.1.1.1
get acl #0 zz
get acl #2 /bx
get acl #2 /c
get acl #3 /C
get map m.map a.com
get map m.map a.comx
get map #0 a.com
get acl #7 5
get acl #7 2
get map int.map 5
get map int2.map k
get acl #4 /xx
get acl #5 /xxxxxx
get acl #6 www.example.com
add acl
add acl #0
add acl #0 1.2.3.4
add acl #0 zz
add acl #0 1.2.3.4
add acl ips.lst 5.5.5.5 6.6.6.6
get acl #0 5.5.5.5
add map m.map
add map m.map x
add map m.map x y
add map m.map x y z
add map m.map <<\nk1 v1\nk2 v2 v3\n
add map int2.map q z
add map int2.map q 5
add map int.map 1:x 5
show map m.map
show map int2.map
del acl
del acl #0
del acl #0 1.2.3.4
del acl #0 9.9.9.9
del acl #0 #0x1234567
del map m.map x
del map m.map nokey
set map
set map m.map
set map m.map a.com
set map m.map a.com z
set map m.map nokey z
set map m.map #0x1234567 z
show map m.map
prepare acl #0
prepare acl
prepare acl #99
prepare map m.map
prepare map m.map
add acl @1 #0 9.9.9.9
show acl @1 #0
get acl #0 9.9.9.9
show acl
add map @2 m.map new one
show map @2 m.map
commit map @2 m.map
show map m.map
show map
commit acl @1 #0
show acl #0
get acl #0 9.9.9.9
commit acl @1 #0
commit acl #0
commit acl @9 #0
add acl @77 #0 9.9.9.1
clear acl
clear acl #0
show acl #0
clear map m.map
show map m.map
clear map @1 m.map
clear acl @88 #0
show acl @
add acl @1
get acl @0 #0 1.1.1.1
show map ips.lst
show acl m.map
get map ips.lst 10.1.1.1
add map ips.lst a b
add acl m.map a
get var proc.one
get var proc.s
get var proc.none
get var
get var txn.x
get var x
experimental-mode on; set var proc.two expr int(8)
get var proc.two
experimental-mode on; set var proc.three fmt a\ %[int(3)]b
get var proc.three
experimental-mode on; set var proc.three expr str(a),upper
get var proc.three
experimental-mode on; set var proc.three expr nofetch
experimental-mode on; set var txn.x expr int(1)
experimental-mode on; set var proc.ip expr src
experimental-mode on; set var proc.b expr bool(1)
get var proc.b
experimental-mode on; set var proc.i expr ipv4(10.0.0.1)
get var proc.i
experimental-mode on; set var
experimental-mode on; set var proc.x
experimental-mode on; set var proc.x zz yy
set var proc.x expr int(1)
"""
EXACT = re.compile(r"type=|New version|#|\d+ \(|ID |proc\.")
COUNT = re.compile(r"entry_cnt=\d+")
POINTER = re.compile(r"^0x[0-9a-f]+ ", re.MULTILINE)


def told(answer: str) -> list[str]:
    """Return the lines of an answer, with each sentence of a program's own as one word.

    HAProxy's counts of patterns go wrong with changes: `test_listings_before_any_change` compares them.
    """
    lines = POINTER.sub("ID ", COUNT.sub("entry_cnt", answer)).strip().split("\n")
    lines = [line if not line or EXACT.match(line) else "SAID" for line in lines if "'httpclient'" not in line]
    return [line for at, line in enumerate(lines) if line != "SAID" or lines[at - 1 : at] != ["SAID"]]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Give the folders of tcproxy and haproxy, which run the same configuration."""
    with both(tmp_path_factory, CONFIGURATION, "user", FILES) as folders:
        yield folders


@pytest.mark.reference
def test_listings_before_any_change(pair: tuple[Path, Path]) -> None:
    """Each set has its number, its uses and its count."""
    for command in ("show acl", "show map"):
        ours, theirs = (ask(folder / "ctl", command) for folder in pair)
        assert ours == "".join(line for line in theirs.splitlines(keepends=True) if "'httpclient'" not in line)


@pytest.mark.reference
def test_a_script_is_answered_alike(pair: tuple[Path, Path]) -> None:
    """Listings, look-ups, changes, versions, variables and errors are the same, whatever was changed before."""
    different = []
    for command in SCRIPT.strip().split("\n"):
        ours, theirs = (told(ask(folder / "ctl", command)) for folder in pair)
        if ours != theirs:
            different.append((command, ours, theirs))
    assert different == []


@pytest.mark.reference
def test_what_users_may_do(pair: tuple[Path, Path]) -> None:
    """Patterns are anybody's on a socket; variables are not for users."""
    change = "set var proc.one expr int(1)"
    for command in ("show map", "add acl #4 x", "set map int.map 20 z", "get var proc.one", change):
        ours, theirs = (told(ask(folder / "user", command)) for folder in pair)
        assert (command, ours) == (command, theirs)


@pytest.mark.reference
def test_random_changes_leave_the_same(pair: tuple[Path, Path]) -> None:
    """Whatever is added, deleted, set, prepared and committed, the same patterns are left, with the same values."""
    chance = random.Random(7)
    keys = ["a", "b", "a.com", "b.co", "c"]
    for _ in range(500):
        version = chance.choice(["", "", "", "@1 ", "@2 ", "@3 "])
        key, value = chance.choice(keys), chance.choice("xyz")
        command = chance.choice(
            [
                f"add map {version}m.map {key} {value}", f"del map m.map {key}", f"set map m.map {key} {value}",
                "prepare map m.map", f"commit map {version or '@4 '}m.map", f"clear map {version}m.map",
                f"get map m.map {key}", "show map", f"show map {version}m.map",
            ]
        )  # fmt: skip
        ours, theirs = (told(ask(folder / "ctl", command)) for folder in pair)
        assert (command, ours) == (command, theirs)
