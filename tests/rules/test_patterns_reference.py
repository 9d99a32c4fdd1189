"""Patterns beside HAProxy: generated tests of every method, kind of value, flag, operator and file."""

from __future__ import annotations

import random

import pytest

from tcproxy.grammar.statements import Refused, Statement
from tcproxy.rules.acls import parse_test
from tests.rules.asking import folder_of, of_haproxy
from tests.rules.world import client, reading, statement

pytestmark = pytest.mark.reference


def ours(tests: list[str]) -> list[bool | str]:
    """Return whether each test holds in tcproxy, or why it is refused; all are of one configuration."""
    here, facts, answers = reading(), client(), []
    for text in tests:
        line: Statement = statement(text)
        try:
            answers.append(parse_test(line, 0, len(line.words), here).holds(facts))
        except Refused as wrong:
            answers.append(str(wrong))
    return answers


def differing(tests: list[str], files: dict[str, bytes] | None = None) -> list[str]:
    """Return a line for each test that the two answer otherwise."""
    with folder_of(files or {}):
        every = zip(tests, of_haproxy(tests), ours(tests), strict=True)
        return [
            f"{text}: HAProxy {theirs}, tcproxy {mine}"
            for text, theirs, mine in every
            if (theirs if isinstance(theirs, bool) else None) != (mine if isinstance(mine, bool) else None)
        ]


VALUES = {
    "str": ["", "a", "A", "ab", "aB", "abc", "bca", "a/b", "/a/b/", "a.b", "a.b.c", "a?b=c", "a:80", "//", "5", "-5",
            "5x", "1.2.3.4", "::1", "a-b", "1", "0", "ab\xe9", "xaby"],
    "int": ["0", "1", "5", "-5", "255", "4294967296", "16909060"],
    "bool": ["true", "0"],
    "ipv4": ["1.2.3.4", "0.0.0.0", "255.255.255.255"],
    "ipv6": ["::1", "::ffff:1.2.3.4", "2002:102:304::", "2001:db8::1"],
    "bin": ["61", "616263", "6100", "006162", "612f62", "ff"],
    "meth": ["GET", "FOO"],
}  # fmt: skip
PATTERNS = {
    "texts": ["a", "A", "ab", "abc", "b", "bc", "c", "/a", "a/b", "/", ".", "a.b", "b.c", ":80", "80", "5", "-5", "1.2",
              "GET", "\xe9", "x", "1"],
    "numbers": ["5", "1", "0", "1:5", ":5", "5:", "3-7", "-5", "--5", "x", "5x", "", "9:1", "1:2:3", "16909060"],
    "addresses": ["1.2.3.4", "1.2.3.0/24", "::1", "::/0", "0.0.0.0/0", "2002::/16", "1.2", "x/8", "1.2.3.4/33", "0/0"],
    "blocks": ["61", "616263", "6100", "FF", "6", "zz", "0000000000000005", "01020304"],
    "expressions": ["a", "^a", "b$", "[a-c]+", "a.b", "A", "(a|b)c", "^$", "x{2}", "a(", "\\d", "(?i)A", "(a+)+$"],
}  # fmt: skip
METHODS = {
    "str": "texts", "beg": "texts", "end": "texts", "sub": "texts", "dir": "texts", "dom": "texts", "int": "numbers",
    "len": "numbers", "ip": "addresses", "bin": "blocks", "reg": "expressions",
}  # fmt: skip


def generated(chance: random.Random, method: str, count: int) -> list[str]:
    """Return tests of a method, over values of any kind, with one or more patterns."""
    tests = []
    for _ in range(count):
        kind = chance.choice(["str", "str", "str", *VALUES])
        value = chance.choice(VALUES[kind])
        flags = chance.choice(["", "", "-i ", "-n "]) + "-- "
        words = chance.choices(PATTERNS[METHODS[method]], k=chance.choice([1, 1, 2, 3]))
        if method in ("int", "len") and chance.random() < 0.5:
            words.insert(chance.randrange(len(words)), chance.choice(["gt", "ge", "lt", "le", "eq", "ne"]))
        # an empty word would end the line
        tests.append(f"{kind}({value}) -m {method} {flags}{' '.join(word for word in words if word)}".strip())
    return tests


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_answers_as_in_haproxy(method: str) -> None:
    """Values of all kinds are matched with patterns that fit and that do not, alone and several."""
    tests = generated(random.Random(f"{method} 1"), method, 600)
    assert differing([test for test in tests if not unfair(test)]) == []


def unfair(test: str) -> bool:
    """Return whether HAProxy's answer depends on bytes behind the value: `dir` and `dom` with delimiters alone."""
    words = test.partition(" -- ")[2].split(" ")
    return ("-m dir" in test or "-m dom" in test) and any(not word.strip("/?.:") for word in words)


def test_numbers_are_read_as_in_haproxy() -> None:
    """Ranges, signs, operators, dots and limits of integers mean the same."""
    texts = [
        "5", "-5", "1-5", "-", "5-", "-5-", "--5", "1:5", "1-5:6", "1:-5", "-5:-3", ":5", "5:", ":", ":-5", "-5:", "+5",
        "0x5", "05", "5.1", "5.", "5.x", "5x", "5.-1", ".5", ":-", "1:-", "-:", "--", "::5", "5::", "1:",
        "9223372036854775807", "9223372036854775808", "--9223372036854775808", "--9223372036854775809",
        ":9223372036854775808", "5.99999999999999999999999", "18446744073709551616",
    ]  # fmt: skip
    values = ("-9223372036854775808", "-6", "-5", "-1", "0", "1", "4", "5", "6", "9223372036854775807")
    tests = [
        f"int({value}) -m int -- {operator}{text}"
        for operator in ("", "gt ", "ge ", "le ", "lt ", "eq ", "ne ")
        for text in texts
        for value in values
    ]
    assert differing(tests) == []


def test_versions_are_read_as_in_haproxy() -> None:
    """Of versions with a dot, the same are accepted and refused, alone, in ranges and behind operators."""
    texts = [
        "3", "3.1", "3.", "3.x", ".3", "3.1.2", "65535.65535", "65536", "3.65536", "3.0:3.2", "3.2:3.1", "3.1:", ":3.1",
        "3-4", "-3", ":", "-", "--3", "x", "3x", "99999", "3.00001", "3.000001", "003.1", "0", "+3", "3.1-", "3.-1",
        ":-1",
    ]  # fmt: skip
    assert differing([f"req.ssl_ver -- {sign}{text}" for sign in ("", "gt ", "le ", "eq ") for text in texts]) == []


FILES = {
    "words": b"abc\n  def  \n#ghi\n #x\n\nj k\n\t#y\nl\r\nm \nlast", "nul": b"a\0b\nc\n", "cr": b"a\rb\nc",
    "two": b"abc 1\nxyz\n", "numbers": b"5\n7:9\n", "wrong": b"5\ngt 3\n", "nets": b"10.0.0.0/8\n::1\n\n127.1\n",
    "names": b"localhost/8\n", "hex": b"6162\n", "regs": b"^a\nb$\n", "long": b"x" * 20000 + b"\nabc\n", "none": b"",
    "badre": b"a\n(b\n", "ips": b"a 1.2.3.4\n",
}  # fmt: skip


def test_files_are_read_as_in_haproxy() -> None:
    """Files of one and two columns, with every flag, alone and beside patterns of the line."""
    values = ("abc", "ABC", "def", "#ghi", "#x", "#y", "j", "l", "m", "last", "a", "b", "c", "xyz", "x", "")
    tests = [f"str({value}) {flags} {name}" for value in values for name in ("words", "nul", "cr", "none", "long")
             for flags in ("-f", "-i -f", "-m beg -f", "-m sub -i -f", "-m end -f")]  # fmt: skip
    tests += [f"str({value}) -M -f two" for value in values]
    tests += ["str(abc) -f two", "str(1) -M -f two", "str(abc) -M -f words", "int(8) -f numbers", "int(6) -f numbers 6"]
    tests += ["int(5) -f wrong", "src -f nets", "ipv4(10.1.2.3) -f nets", "ipv4(11.1.2.3) -f nets 11.0.0.0/8"]
    tests += ["src -f names", "src -n -f names", "str(ab) -m bin -f hex", "str(ab) -m reg -f regs"]
    tests += ["str(abc) -f nosuchfile", "str(abc) -f words -m beg", "str(abc) -f words -f none", "str(ABC) -f words -i"]
    tests += ["str(ABC) -f words -i -f cr abc", "str(ABC) -f cr -i -f words", "str(abc) -M -f words -f none"]
    tests += ["str(x) -f", "str(a) -m reg -f badre", "str(a),map_str_ip(ips) 1.2.3.4"]
    tests += ["str(a),map_str_ip(ips) -m found", "str(a),map_str_ip(ips) -m ip 1.2.3.4"]
    tests += ["str(a),map_str_ip(ips) -m str 1.2.3.4"]
    assert differing(tests, FILES) == []


def test_numbers_of_acls_are_refused_twice() -> None:
    """`-u` gives one number to one ACL."""
    assert differing(["str(a) -u 7 a", "str(b) -u 7 b", "str(a) -u 8 b", "str(a) -u x b"]) == []


def test_values_that_a_nul_ends() -> None:
    """Where case counts, HAProxy looks up strings that a NUL ends; the other methods see all bytes."""
    patterns = {"str": "ab", "beg": "ab", "end": "cd", "sub": "cd", "len": "5", "reg": "cd", "dir": "cd", "dom": "cd"}
    tests = [f"str({value}),url_dec -m {method} {flag}{patterns[method]}" for value in ("ab%00cd", "ab%00/cd", "ab")
             for method in patterns for flag in ("", "-i ")]  # fmt: skip
    assert differing(tests) == []
