"""Maps beside HAProxy: generated files and look-ups, of every method and output."""

from __future__ import annotations

import random

import pytest

from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.kinds import sample_of
from tcproxy.samples.patterns.files import PatternFiles
from tests.rules.asking import folder_of
from tests.rules.world import client, reading, statement
from tests.samples.reference import Answer, answer_of, of_haproxy

pytestmark = pytest.mark.reference


def ours(expressions: list[str]) -> list[Answer]:
    """Return what tcproxy makes of expressions of one configuration."""
    files, facts = PatternFiles(reading(), statement("here")), client()
    answers = []
    for text in expressions:
        try:
            found = parse_expression(text, "f", files)
        except ValueError as error:
            answers.append(Answer(refused=str(error)))
            continue
        value = found.take(facts)
        answers.append(Answer() if value is None else answer_of(sample_of(found.kind, value)))
    return answers


def differing(expressions: list[str], files: dict[str, bytes]) -> list[str]:
    """Return a line for each expression that the two see otherwise, with these files."""
    with folder_of(files):
        pairs = zip(expressions, of_haproxy(expressions), ours(expressions), strict=True)
        return [f"{text}\n  HAProxy: {theirs}\n  tcproxy: {mine}" for text, theirs, mine in pairs if theirs != mine
                and not theirs.agrees(mine)]  # fmt: skip


WORDS = ["a", "b", "ab", "abc", "ba", "A", "Ab", "a.b", "a/b", "/a/", "b?c", "a:b", "x.a.b", "abab", "a.b.c", "/a/b/c"]
TEXT_METHODS = ("str", "beg", "end", "sub", "dir", "dom", "reg")


def text_map(chance: random.Random) -> bytes:
    """Return a map file of texts, with keys that come more than once."""
    keys = chance.choices(WORDS, k=chance.randrange(1, 12))
    return "\n".join(f"{key} v{at}" for at, key in enumerate(keys)).encode()


def test_maps_of_texts_give_the_values_of_haproxy() -> None:
    """For each method of texts the same entry is found, whatever the order of the keys and however they overlap."""
    chance = random.Random(8)
    # one file a method: HAProxy keeps answers by file and value, and gives those of one method for another
    files = {f"{method}{at}": text_map(chance) for at in range(20) for method in TEXT_METHODS}
    expressions = [
        f"str({word}),map_{file[:3]}({file})"
        for file in files
        for word in chance.sample([*WORDS, "zz", "c"], 9)
        if not (file.startswith("reg") and "?" in word)
    ]
    assert differing(expressions, files) == []


NETWORKS = [
    "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3", "10.1.2.3/32", "0.0.0.0/0", "::/0", "::ffff:10.1.0.0/112",
    "2001:db8::/32", "2001:db8::1", "10.0.2.3/255.0.255.255", "2002:a01:203::/48", "::10.1.2.3", "10.1", "fe80::/10",
]  # fmt: skip
ADDRESSES = [
    "10.1.2.3", "10.1.2.4", "10.1.9.9", "10.9.9.9", "11.0.0.0", "2001:db8::1", "2001:db8::2", "::ffff:10.1.2.3",
    "2002:a01:203::5", "::10.1.2.3", "fe80::1", "ff::",
]  # fmt: skip
NUMBERS = ["1", "5", "1:9", "3:5", ":4", "8:", "-3", "0", "100"]


def test_maps_of_addresses_and_numbers_give_the_values_of_haproxy() -> None:
    """The longest prefix is found among networks of both families, and the first range among numbers."""
    chance = random.Random(9)
    files, expressions = {}, []
    for at in range(14):
        holes = at % 4 == 3
        keys = chance.sample([one for one in NETWORKS if holes or "255" not in one], chance.randrange(1, 8))
        files[f"ip{at}"] = "\n".join(f"{key} v{number}" for number, key in enumerate(keys)).encode()
        for address in ADDRESSES:
            fetch = f"ipv6({address})" if ":" in address else f"ipv4({address})"
            expressions.append(f"{fetch},map_ip(ip{at})")
        expressions.append(f"str(10.1.2.3),map_ip(ip{at})")
        expressions.append(f"int(167838211),map_ip(ip{at})")
        keys = chance.choices(NUMBERS, k=chance.randrange(1, 7))
        files[f"int{at}"] = "\n".join(f"{key} v{number}" for number, key in enumerate(keys)).encode()
        expressions += [f"int({number}),map_int(int{at})" for number in (-5, -3, 0, 1, 4, 5, 7, 9, 50, 100)]
        expressions += [f"str({number}),map_int(int{at})" for number in ("4", "x", "5x", "")]
    assert differing(expressions, files) == []


OUTPUTS = {
    "good": b"a 5\nb -3\nc +7\nd  12\n", "empty": b"a\n", "word": b"a x\n", "tail": b"a 5x\n", "blank": b"a 5 \n",
    "inner": b"a 5 6\n", "huge": b"a 99999999999999999999\nb -99999999999999999999\n", "hex": b"a 0x10\n",
    "addresses": b"a 1.2.3.4\nb ::1\nc 2001:db8::5\n", "short": b"a 1.2\n", "octal": b"a 010.0.0.1\n", "zero": b"a 0\n",
    "network": b"a 1.2.3.0/24\n", "name": b"a localhost\n", "vertical": b"a \x0b5\n", "point": b"a 1.2.3.4.\n",
    "port": b"a 1.2.3.4:80\n", "five": b"a 1.2.3.4.5\n", "big": b"a 1.2.3.256\n", "scope": b"a fe80::1%lo\n",
}  # fmt: skip


def test_outputs_are_read_as_in_haproxy() -> None:
    """Values of each output are accepted or refused alike, and defaults too."""
    expressions = [
        f"str({key}),map{suffix}({file})"
        for file in OUTPUTS
        for suffix in ("", "_str_int", "_str_ip")
        for key in ("a", "b", "c", "d")
    ]
    for default in ("5", "x", "1.2.3.4", "::1", "", " ", "-3", "010.0.0.1/8", "9999999999999999999999"):
        for suffix in ("", "_str_int", "_str_ip", "_regm"):
            file = {"_str_ip": "addresses", "_regm": "empty"}.get(suffix, "good")
            expressions += [f"str({key}),map{suffix}({file},{default})" for key in ("a", "nosuch")]
    expressions += ["str(a),map", "str(a),map()", "str(a),map(good,1,2)", "str(a),map(nosuchfile)", "str(a),map( good)"]
    expressions += ["str(b),map_str_int(good),length", "str(c),map_str_int(good),map_int(numbers,none)"]
    expressions += ["str(a),map_str_ip(addresses),map_ip(numbers)", "str(a),map_str_ip(addresses),lower"]
    assert differing(expressions, OUTPUTS | {"numbers": b"7 seven\n"}) == []


SYNTAX = {
    "comments": b"#a 1\n #a 2\na 3\n", "tabs": b"\ta\t\t1\t2 \t\n", "crlf": b"a 1\r\nb 2 \r\n\r\nc\r\n",
    "nul": b"a 1\0x\nb\0 2\nc 3",
    "blank": b"\n  \n\t\na 1", "none": b"", "form": b"a\x0b 1\na\x0c1\na 2", "noend": b"a 1", "high": b"\xe9 \xff\na 1",
    "inner": b"a  b\tc  d  \nb \tx\ty", "cr": b"a 1\rb\nc\r2", "long": b"a 1\n" + b"b" * 20000 + b" x\nc 3",
    "longvalue": b"a " + b"1" * 17000 + b" c\nc 3",
}  # fmt: skip


def test_files_are_read_as_in_haproxy() -> None:
    """Comments, blanks, line ends, NULs and long lines mean the same."""
    keys = ("a", "b", "c", "#a", "", "1", "2", "\xe9", "1111111")
    expressions = [f"str({key}),map({file})" for file in SYNTAX for key in keys]
    assert differing(expressions, SYNTAX) == []


REPLACED = {
    "regm": rb"""^(a)(b)?$ [\0-\1-\2-\3]
^x(.)(.)(.)(.)(.)(.)(.)(.)(.)(.) \9\10
^hex \x41\x4a\x4A\x7a
^odd \x4
^oddest \xzz\x//
^end one\
^letter \a\\\.\n
(c+)d \1\1
^empty
"""
}


def test_back_references_are_those_of_haproxy() -> None:
    """map_regm puts groups, bytes and letters where the value says, and gives nothing for an escape without an end."""
    values = ("a", "ab", "abc", "xabcdefghijk", "hex", "odd", "oddest", "end", "letter", "zccd", "cd", "empty", "none")
    expressions = [f"str({value}),map_{method}(regm)" for value in values for method in ("regm", "reg")]
    expressions += [f"str({value}),map_regm(regm,none)" for value in values]
    assert differing(expressions, REPLACED) == []
