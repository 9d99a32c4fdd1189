"""What converters give, without HAProxy: values that it was seen to give (test_converters.py compares thousands)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcproxy.samples.arithmetic import limited
from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.kinds import INT64_MAX, INT64_MIN, Kind, Sample, Value
from tcproxy.samples.variables import SCOPES, Store
from tests.rules.world import client


def stored(**variables: Sample) -> SimpleNamespace:
    """Return a client with variables of the scope `txn`."""
    stores = {scope: Store(scope=scope) for scope in SCOPES}
    stores["txn"].update(variables)
    return client(variables=stores.get)


FACTS = {"n": Sample(Kind.SINT, 7), "t": Sample(Kind.STR, b"word"), "e": Sample(Kind.STR, b""),
         "a": Sample(Kind.IPV4, b"\0\0\0\x09"), "y": Sample(Kind.BOOL, True)}  # fmt: skip


def take(text: str, facts: SimpleNamespace | None = None) -> Value | None:
    """Take a sample."""
    return parse_expression(text, "f").take(facts or stored(**FACTS))  # type: ignore[arg-type]


VALUES: dict[str, Value | None] = {
    "int(9223372036854775807),add(1)": INT64_MAX, "int(-9223372036854775808),sub(1)": INT64_MIN, "int(-7),sub(7)": -14,
    "int(5),add(txn.n)": 12, "int(5),add(txn.a)": 14, "int(5),add(txn.t)": 5, "int(5),add(txn.none)": None,
    "int(5),sub(txn.y)": 4, "int(5),add(txn.e)": None, "int(5),mul(-9223372036854775808)": INT64_MIN,
    "int(5),div(0)": INT64_MAX, "int(-7),div(2)": -3, "int(-7),mod(2)": -1, "int(7),mod(-2)": 1, "int(7),mod(0)": 0,
    "int(-9223372036854775808),div(-1)": INT64_MAX, "int(-9223372036854775808),neg": INT64_MAX, "int(12),and(10)": 8,
    "int(12),or(3)": 15, "int(12),xor(10)": 6, "int(0),cpl": -1, "int(-3),odd": True, "int(-2),even": True,
    "int(0),not": True, "int(9),bool": True, "str(5x),add(1)": 6, "str(),add(1)": None, "int(5),add(-)": 5,
    "str(abcdef),bytes(2,3)": b"cde", "str(abcdef),bytes(6)": b"", "str(abcdef),bytes(-1)": b"",
    "str(abcdef),bytes(1,-1)": b"bcdef", "bin(610062),bytes(1)": b"\0b", "str(xyabyx),ltrim(yx)": b"abyx",
    "str(xyabyx),rtrim(yx)": b"xyab", "str(ABCé),lower": "abcé".encode(), "str(é),length": 2,
    "str(f1_f2_f3__f5),field(5,_)": b"f5", "str(f1_f2_f3__f5),field(2,_,0)": b"f2_f3__f5",
    "str(f1_f2_f3__f5),field(2,_,2)": b"f2_f3", "str(f1_f2_f3__f5),field(-2,_,3)": b"f2_f3_",
    "str(f1_f2_f3__f5),field(-3,_,0)": b"f1_f2_f3", "str(a.b-c),field(2,.-)": b"b", "str(a),field(2,.)": None,
    "str(f1_f2_f3__f5),word(4,_)": b"f5", "str(f1_f2_f3__f5),word(3,_,2)": b"f3__f5",
    "str(/f1/f2/f3/f4),word(1,/)": b"f1",
    "str(f1_f2_f3__f5),word(-2,_,3)": b"f1_f2_f3", "str(f1_f2_f3__f5),word(-3,_,0)": b"f1_f2",
    "str(_a_b_),word(2,_,5)": b"b_", "str(_a_b_),word(-2,_,5)": b"_a", "str(_a_),word(3,_)": b"",
    "str(a),concat(<,txn.t,>)": b"a<word>", "str(a),concat(<,txn.none,>)": b"a<>", "str(a),concat(,txn.n)": b"a7",
    "str(a),concat": b"a", "str(),add_item(;,txn.t)": b"word", "str(a),add_item(;,txn.t,!)": b"a;word!",
    "str(a),add_item(;,txn.none)": b"a", "str(a),add_item(;,txn.e)": b"a", "str(a),add_item(;,,x)": b"a;x",
    "bool(1),iif(a,b)": b"a", "int(0),iif(a,b)": b"b", "str(word),strcmp(txn.t)": 0, "str(wor),strcmp(txn.t)": -1,
    "str(words),strcmp(txn.t)": 1, "str(xord),strcmp(txn.t)": 1, "str(a),strcmp(txn.none)": None,
    "str(A.b:80),host_only": b"a.b", "str([::1]:80),host_only": b"[::1]", "str([::1]),host_only": b"[::1]",
    "str(a),port_only": 0, "str([::1]),port_only": 0, "str(a:8080),port_only": 8080, "str(a:b),port_only": 50,
    "ipv4(1.2.3.4),ipmask(24)": bytes((1, 2, 3, 0)), "ipv6(2001:db8::1),ipmask(24)": None,
    "ipv6(2001:db8::1),ipmask(24,16)": b"\x20\x01" + bytes(14), "ipv6(::ffff:1.2.3.4),ipmask(8)": bytes((1, 0, 0, 0)),
    "int(0),http_date": b"Thu, 01 Jan 1970 00:00:00 GMT",
    "int(1001),http_date(0,ms)": b"Thu, 01 Jan 1970 00:00:01.1 GMT",
    "int(-1),http_date": b"Sun, 13 Jun 1141709097 06:26:07 GMT", "int(0),utime(%Y-%m-%d,86400)": b"1970-01-02",
    "int(0),utime": b"", 'str("fr;q=0.5,en-US;q=0.7"),language(fr;en)': b"en", "str(de),language(fr;en,x)": b"x",
    "str(de),language(fr;en)": None, 'str("en;q=0,fr"),language(en;fr)': b"fr",
    "str(/a//b),regsub('/+',-)": b"-a//b", "str(/a//b),regsub('/+',-,g)": b"-a-b",
    "str(abc),regsub('x*',-,g)": b"-a-b-c-",
    "str(aaa),regsub('^a',-,g)": b"-aa", r"str(ab),regsub('(a)(b)','\2\1\x2d\\')": b"ba-\\",
    "str(AB),regsub(a,x,i)": b"xB",
    "var(txn.none)": None, "var(txn.none,d)": Sample(Kind.STR, b"d"), "var(txn.n)": Sample(Kind.SINT, 7),
    "int(3),set-var(txn.new)": Sample(Kind.SINT, 3), "int(3),set-var(txn.n,ifgt)": Sample(Kind.SINT, 3),
    "int(9),set-var(txn.n,ifgt)": None, "int(3),set-var(txn.n,ifnotset)": None,
    "str(a),unset-var(txn.n)": Sample(Kind.STR, b"a"),
}  # fmt: skip


@pytest.mark.parametrize("text", VALUES)
def test_values(text: str) -> None:
    """Each converter gives what it was seen to give in HAProxy."""
    assert take(text) == VALUES[text]


@pytest.mark.parametrize(
    "text",
    [
        "int(5),add(x)", "int(5),add(1x)", "str(a),field(0,.)", "str(a),field(1,)", "str(a),word(1)",
        "str(a),concat(a,b)",
        "str(a),add_item(;,)", "int(1),iif(a)", "str(a),strcmp", "ipv4(1.2.3.4),ipmask(33)", "int(0),http_date(0,x)",
        "str(a),regsub(,x)", "str(a),regsub(a,x,y)", r"str(a),regsub(a,'x\')", "bool(1),ipmask(8)", "bin(00),add(1)",
        "str(a),set-var(x)", "str(a),set-var(txn.x,often)", "var()", "str(a),debug(x,nowhere)", "meth(G T)", "bool(2)",
    ],
)  # fmt: skip
def test_refusals(text: str) -> None:
    """A wrong argument, or a kind that a converter cannot take, is refused."""
    with pytest.raises(ValueError, match=r".+"):
        parse_expression(text, "f")


INTEGERS = st.integers(INT64_MIN, INT64_MAX)


@given(INTEGERS, INTEGERS)
def test_arithmetic_stays_within_64_bits(one: int, two: int) -> None:
    """Every result is the exact one, or the nearest that 64 bits hold."""
    exact = {"add": one + two, "sub": one - two, "mul": one * two, "and": one & two, "or": one | two, "xor": one ^ two}
    for name, number in exact.items():
        assert take(f"int({one}),{name}({two})") == limited(number)
    quotient, rest = take(f"int({one}),div({two})"), take(f"int({one}),mod({two})")
    assert isinstance(quotient, int) and isinstance(rest, int)
    if two and not (one == INT64_MIN and two == -1):
        assert quotient * two + rest == one and abs(rest) < abs(two)


@given(st.text("ab:-", max_size=20), st.integers(-5, 5).filter(bool), st.integers(-1, 5))
def test_fields_and_words_are_parts_of_the_text(text: str, index: int, count: int) -> None:
    """What `field` and `word` give stands in the text, and is one of its pieces where one is wanted."""
    for name in ("field", "word"):
        found = take(f"str({text}),{name}({index},:-,{count})")
        assert found is None or found in text.encode()
        if found and count == 1:
            assert found in text.replace("-", ":").encode().split(b":")


@given(st.binary(max_size=30), st.integers(0, 40), st.integers(0, 40))
def test_bytes_are_a_slice(data: bytes, offset: int, length: int) -> None:
    """`bytes` gives the slice, whatever the block holds."""
    facts = stored(block=Sample(Kind.BIN, data))
    assert take(f"var(txn.block),bytes({offset},{length})", facts) == Sample(Kind.BIN, data[offset : offset + length])
