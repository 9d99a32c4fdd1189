"""Converters that look into JSON texts, beside HAProxy."""

from __future__ import annotations

import json
from random import Random

import pytest

from tests.samples.reference import differences
from tests.samples.values import spoiled, text

pytestmark = pytest.mark.reference

NAMES = ("a", "b", "key", "k.l", "m[n", "q\\r", "", "é", "a b")
SCALARS = (
    0,
    1,
    -1,
    1.5,
    -2.25e-7,
    1e21,
    123456789,
    2**53 - 1,
    2**53,
    True,
    False,
    None,
    "",
    "x",
    'q"\\/\n\t\b\u00e9\u0141',
    [],
    {},
)
NUMBERS = (
    "0", "-0", "00", "010", "08", "0x1F", "0x", "1.", "1.e5", "-.5", "-.e5", "-.", "-", "-e5", "1e", "1e-", "1e+-2",
    "1e-+2",
    "1E3", "1e400", "-1e400", "1e-400", "0e999", "0e308", "1e-309", "1e2147483648", "1e4294967297", "1e-2147483649",
    "1.5.5", "9007199254740991", "9007199254740992", "-9007199254740991",
    "-9007199254740992", "9223372036854775808", "999999", "9999995", "0.00001", "1.2345650", "1.2345651", "1234565",
    "1a", "-a",
    "123456.5", "0.1234565", "3.0000005", "0.30000000000000004", "12345678901234567890123", "0.000123456789", "-012",
    "-0x1f",
)  # fmt: skip


def asked(document: str, path: str, output: str = "", name: str = "json_query") -> str:
    """Return the expression that asks a document for the value at a path."""
    words = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'{text(document.encode())},{name}("{words}"{output})'


def document(random: Random, depth: int = 4) -> object:
    """Return a document by chance."""
    kind = random.random()
    if depth == 0 or kind < 0.3:
        return random.choice(SCALARS)
    children = [document(random, depth - 1) for _ in range(random.randint(0, 4))]
    if kind < 0.55:
        return children
    return {random.choice(NAMES): child for child in children}


def path_into(random: Random, value: object) -> str:
    """Return a path to a value of the document, or to one that is not there."""
    path = "$"
    while isinstance(value, list | dict) and value and random.random() < 0.9:
        if isinstance(value, list):
            index = random.randrange(len(value))
            value = value[index]
            path += f"[{index}]"
        else:
            name = random.choice(list(value))
            value = value[name]
            path += "." + json.dumps(name, ensure_ascii=False)[1:-1].replace("\\", "\\\\").replace(".", "\\.").replace(
                "[", "\\["
            )
    return path + random.choice(("", "", "", "", ".a", "[0]", "[1]", ".", "x"))


def test_documents_and_paths() -> None:
    """Values of all kinds, at any depth, in documents with spaces and without, are found or not as in HAProxy."""
    random = Random(1)
    found = []
    for _ in range(400):
        value = document(random)
        written = json.dumps(value, indent=random.choice((None, None, 1)), ensure_ascii=random.random() < 0.3)
        found += [asked(written, path_into(random, value), random.choice(("", ",int"))) for _ in range(3)]
    assert differences(found) == []


def test_spoiled_documents() -> None:
    """A document with an error before the value that is looked for has none; one behind it does not count."""
    random = Random(2)
    found = []
    for _ in range(500):
        value = document(random)
        written = spoiled(random, json.dumps(value).encode(), b'{}[],:"\\0-.e tfn')
        if b"\0" not in written:
            found.append(asked(written.decode(errors="surrogateescape"), path_into(random, value)))
    assert differences(found) == []


def test_numbers() -> None:
    """Numbers in every form give the text or the integer of HAProxy, and end where they end there."""
    random = Random(3)
    numbers = [*NUMBERS, *("".join(random.choices("0123456789.eE-+", k=random.randint(1, 9))) for _ in range(200))]
    numbers += ["1e" + "0" * 5000 + "5", "1e" + "9" * 5000, "7" * 5000, "0x" + "7" * 5000, "0" * 5000 + "7"]
    numbers += [f"{random.uniform(-10, 10):.{random.randint(5, 17)}f}" for _ in range(100)]
    numbers += [f"{random.uniform(1, 10):.{random.randint(5, 17)}f}e{random.randint(-310, 310)}" for _ in range(50)]
    found = [
        asked(f"[{number},7]", path, output)
        for number in numbers
        for path in ("$[0]", "$[1]")
        for output in ("", ",int")
    ]
    assert differences(found) == []


PATHS = (
    "$", "$.", "$..", "a", ".a", "$a", "$.a.", "$.b[", "$.b[]", "$.b[a]", "$.b[-1]", "$.b[*]", "$.*", "$.b[1.9]",
    "$.b[1e0]",
    "$.b[+1]", "$.b[10]", "$.b[00]", "$.b[1e99999]", "$.b[1][0]", "$.b[0][0]", "$.b[2].c", "$.b.c", "$.k\\.l",
    "$.\\a", "$.a\\",
    "$[0]", "$.d.e[1].f", "$.d.e", "$.d", "$.z",
)  # fmt: skip
DOCUMENT = '{"a":1,"b":[1,[2,3],{"c":4},5,6,7,8,9,10,11,12],"k.l":2,"d":{"e":[0,{"f":"g"}]},"":3,"a":4,"z":"end"}'
DOCUMENTS = (
    DOCUMENT, "1", '"x"', "true", "false", "null", "[]", "{}", "", " ", "tru", "1x", '"a"b', '"a', "[[],[7]]",
    "[[[]],[[7]]]",
    "[1,]", "[,1]", '{"a":1,}', '{"a":1,"b":[2', '{"a" 1}', "{a:1}", "]", "}", "[}", '{"a":]}', " \t\r\n[ 1 , 2 ] ",
)  # fmt: skip
STRINGS = (
    r"\n\t\b\f\r\"\\", r"\/", r"\u0041\u00e9", r"\u0141", r"\u004", r"\u00zz", r"\u00!!", r"\x", r"a\u0000b", r"\u00",
    "é", r"\\u0041",
)  # fmt: skip


def test_odd_paths_documents_and_strings() -> None:
    """Paths that are none of JSONPath, documents that are none of JSON, and escapes of strings, as in HAProxy."""
    found = [asked(one, path) for one in DOCUMENTS for path in PATHS]
    found += [asked(f'["{one}"]', "$[0]", output) for one in STRINGS for output in ("", ",int")]
    found += [asked("[" * depth + "7" + "]" * depth, "$" + "[0]" * depth) for depth in (18, 19, 20, 21, 30)]
    found += [asked('{"a":' * depth + "7" + "}" * depth, "$" + ".a" * depth) for depth in (19, 20, 21)]
    assert differences(found) == []


def test_arguments() -> None:
    """An empty path, an output other than `int`, and missing arguments are refused; other kinds are cast to a text."""
    words = ("", "()", "($)", "($,)", "($,int)", "($,INT)", "($,str)", "($,' int')", "($,int,)", "(,int)", "(a)")
    values = ("str(5)", "int(5)", "bool(1)", "ipv4(1.2.3.4)", "bin(220061)", "bin(35)", "meth(GET)")
    assert differences(f"{value},json_query{word}" for value in values for word in words) == []
