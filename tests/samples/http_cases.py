"""Requests and responses by a fixed chance, of pieces that fetches of HTTP may read in more than one way."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.samples.http_reference import PLAIN, Case

HOSTS = ("", "h", "h.org", "H.org:80", "a, b", "a,", ",", "1.2.3.4", "[::1]:8", '"q,x"', "h.org:8080", "h\xe9")
PATHS = (
    "/", "/a", "/a/b/", "/a?", "/?", "/?a", "/?a=1", "/?a=1&b=2", "/a;a=1?b=2", "/?b=1&&a=3", "/?a=1?b=2", "/?a==1",
    "/?aa=1&a=2;c=3", "/;a=1;b=2/c", "/b=3/x?", "/?x&a", "/%41?b=%41%", "//x//?/a=1", "/?a=&b", "/?=1&a", "/?&a=-12x",
    "/?a=99999999999", "/?A=1&a=+7", "/a:b@c", "/?a=1/2;b/a=9", "/?b=1;a", "/a=1&a=2", "/a/b=7?c", "/?a=1&a=2&a=3&",
)  # fmt: skip
WHOLE = (
    "http://h.org/p?q=1", "http://1.2.3.4:8080/p?a=2", "http://1.2.3.4/", "http://1.2.3.4", "https://10.0.0.1/p",
    "https://10.0.0.1:444", "http://u@1.2.3.4/", "HTTP://1.2.3.4/x", "ftp://1.2.3.4/x", "http://1.2.3/x", "x://1.2.3.4/y",
    "http://[::1]/", "http://1.2.3.4:99999/", "http://1.2.3.4x/", "http://1.2.3.4./", "http://01.2.3.4/",
    "http://256.1.1.1/", "http://1.2.3.4:/x", "http:///x", "ws://1.2.3.4/?a=1", "http://1.2.3.4:80/a?b", "http://h",
)  # fmt: skip
VALUES = (
    "", "a", "a, b", "a,,b,", ",", "  x  ", '"a,b", c', '"a\\",b", c', '"open, a', "1.2.3.4", "1.2.3.4, foo",
    "foo, 5.6.7.8", "1.2.3.4:80", "[::1]:80", "[::1]", "::1", "::ffff:1.2.3.4", "1.2.3.4:70000", "1.2.3.4:", "1.2.3",
    "1.2.3.4.5", "1.2.3.4 ,", "01.2.3.4", "7", "-12a", "+7", "99999999999", "-99999999999999", "0x12", "4294967296",
    "9, 1.2.3.4, x", "A", "\xe9\xff7", "1 2", "-", "--1", "a;b=1", "x" * 300, "1.2.3.4:080", "1.2.3.4: 8", "0.0.0.0",
    "1.2.3.4:0", "::1:80", "fe80::1%eth0", "1.2.3.4/8", "a\tb,\tc",
)  # fmt: skip
COOKIES = (
    "a=1; b=2", "a=", "a=; b=2", "a=1, a=2", 'a="x;y"; b=1', " a = 1 ; b = 2 ", "$Version=1; a=1; $Path=/", "x; a=1",
    "aa=1; A=2", "a=1;a=2", ";a=1", "b=1; a=", "b=1; a", "=1; a=2", '"a=1"; a=2', 'a="1', "a=b=c", "a= ", "a=1;",
    "$a=1", 'a=x"y,z"; b=3', "x,a=1;y", "", ";;;", "a", ",", 'a="\\"x"; a=5', "a=1;\tb=2\t;a\t=\t3", "b=;a=-7,b=9",
    "a=1; Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT; a=9", "a=1; HttpOnly; a=2; b", "aaaa", "a=\xe9", "ab=1,b",
)  # fmt: skip
NAMES = ("x", "X", "x-Y", "Accept", "x")
METHODS = ("GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "M-SEARCH")
BODIES = ("", "a=1", "a=1&b=2&a=3", "b;a=5", "a", "=1", "x" * 3000 + "&a=7", "a==&b", "&&a=", "b=1?a=2")


def requests(count: int, seed: int) -> list[Case]:
    """Return so many requests."""
    chance = random.Random(seed)
    return [Case(_request(chance)) for _ in range(count)]


def _request(chance: random.Random) -> bytes:
    version = chance.choice(("1.1", "1.1", "1.1", "1.0", "1.2"))
    method = chance.choice(METHODS)
    target = chance.choice(PATHS) if chance.random() < 0.6 else "/" + _odd(chance, ' "\t\xe9')
    host = chance.choice(HOSTS)
    lines = _headers(chance, "Cookie")
    if chance.random() < 0.2:
        target = chance.choice(WHOLE)
        host = target.partition("://")[2].partition("/")[0].partition("@")[2] or target.partition("://")[2].partition("/")[0]
    elif method == "OPTIONS" and chance.random() < 0.5:
        target = "*"
    if chance.random() < 0.9:
        lines.insert(chance.randrange(len(lines) + 1), f"Host: {host}")
    body = ""
    if method in ("POST", "PUT", "PATCH"):
        body = chance.choice(BODIES) if chance.random() < 0.6 else _odd(chance)
        lines.append(f"Content-Length: {len(body)}")
    elif chance.random() < 0.1:
        lines.append(chance.choice(("Connection: close", "Connection: keep-alive", "Connection: x, close")))
    return _written([f"{method} {target} HTTP/{version}", *lines], body)


LETTERS = ("a", "b", "1", "2", "=", ";", ",", " ", '"', "\\", "&", "?", "/", ".", ":", "$", "-", "\t", "\xe9")


def _odd(chance: random.Random, without: str = "") -> str:
    """Return a short text of letters that mean something to a fetch."""
    return "".join(chance.choices([letter for letter in LETTERS if letter not in without], k=chance.randrange(14)))


def _headers(chance: random.Random, cookie: str) -> list[str]:
    lines = [f"{chance.choice(NAMES)}:{chance.choice((' ', '', '  '))}{value}" for value in _some(chance, VALUES)]
    lines += [f"{chance.choice((cookie, cookie.lower()))}: {value}" for value in _some(chance, COOKIES)]
    lines += [f"{name}: {_odd(chance)}" for name in ("x", cookie) if chance.random() < 0.4]
    chance.shuffle(lines)
    return lines


def _some(chance: random.Random, values: Sequence[str]) -> list[str]:
    return chance.choices(values, k=chance.choice((0, 1, 1, 2, 3)))


def responses(count: int, seed: int) -> list[Case]:
    """Return so many responses, each to a plain request."""
    chance = random.Random(seed)
    return [Case(PLAIN, _response(chance)) for _ in range(count)]


def _response(chance: random.Random) -> bytes:
    version = chance.choice(("1.1", "1.1", "1.0"))
    status = chance.choice(("200 OK", "404 Not Found", "302 X", "204 None", "599 ", "201"))
    body = chance.choice(BODIES)
    lines = [f"HTTP/{version} {status}", *_headers(chance, "Set-Cookie")]
    if not status.startswith("204"):
        lines.append(f"Content-Length: {len(body)}")
    return _written(lines, "" if status.startswith("204") else body)


def _written(lines: Sequence[str], body: str) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")
