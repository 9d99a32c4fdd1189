"""Fetches of HTTP against HAProxy: values, and conditions that try several values, of some hundred odd messages."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tcproxy.model.passwords import hashed
from tests.samples.http_cases import requests, responses
from tests.samples.http_reference import Case, Play


def _words(text: str) -> list[str]:
    return text.split()


def _conditions(text: str) -> list[str]:
    return [f"{{ {test.strip()} }}" for line in text.splitlines() for test in line.split("|")]


OF_REQUESTS = _words("""\
base baseq path pathq query url url_ip url_port method req.ver req_ver base32 url32 base32+src url32+src
url_param urlp(a) urlp(a,;) urlp(,;) urlp(b,/) urlp_val urlp_val(a) urlp(A) urlp() urlp(a,) url_param(b)
capture.req.uri capture.req.method capture.req.ver http_first_req fc_http_major
hdr(x) hdr(X,1) req.hdr(x,2) hdr(x,-1) hdr(x,-2) hdr(x,0) hdr(x,-10) hdr hdr() hdr(,1) hdr(,-1) hdr_cnt(x) hdr_cnt
req.hdr_cnt() req.hdr_cnt(X-Y) req.fhdr(x) req.fhdr(x,1) req.fhdr(X-y,-1) req.fhdr(x,-2) req.fhdr req.fhdr()
req.fhdr(,2) req.fhdr_cnt(x) req.fhdr_cnt hdr_val(x) hdr_val(x,1) req.hdr_val(x,-2) hdr_val(,1) hdr_ip(x)
req.hdr_ip(x,1) hdr_ip(x,-2) req.hdr_names req.hdr_names(:;) req.hdr_names() req.hdrs req.hdrs_bin
cook cook() cook(a) req.cook(b) cook(aa) cook_cnt req.cook_cnt(a) cook_val req.cook_val(a) cookie cookie(a)
req.body req.body_len req.body_size req.body_param req.body_param(a) req.body_param()
""")
OF_RESPONSES = _words("""\
res.hdr(x) shdr(x,1) res.hdr(X,-2) hdr(x) hdr(x,1) res.hdr shdr() res.fhdr(x) res.fhdr(x,1) res.fhdr_cnt(x)
res.fhdr_cnt res.hdr_cnt shdr_cnt(x) res.hdr_ip(x) shdr_ip(x,1) res.hdr_val(x) shdr_val(x,1) res.hdr_names
res.hdr_names(|) res.hdrs res.hdrs_bin res.cook res.cook(a) scook scook(b) res.cook_cnt scook_cnt(a) res.cook_val
scook_val(a) cookie cookie(a) res.body res.body_len res.body_size status res.ver resp_ver capture.res.ver
capture.req.ver capture.req.uri capture.req.method http_first_req method fc_http_major bc_http_major
""")
TESTS_OF_REQUESTS = _conditions("""\
hdr(x) a | hdr(x) -m found | req.hdr(x) -i b | hdr(x,-1) a | hdr(x),lower a | req.fhdr(x) -m beg a | hdr 1.2.3.4
hdr_ip(x) 5.6.7.8 | req.hdr_ip(x) -m found | hdr_val(x) 7 | req.hdr_val(x) lt 0 | hdr(x) -m ip 5.6.7.8 | hdr() a
hdr_cnt(x) gt 1 | hdr(x) -m int 7 | hdr_dom(x) a | hdr_end(x) 4 | hdr_sub(host) org | hdr_reg(x) ^a | hdr_len(x) 0
cook(a) 1 | cook(a) 2 | cook 2 | cook(b) -m len 0 | cook_val(a) 3 | req.cook_val 2 | cook_beg(a) 1 | cookie(a) 1
urlp(a) 3 | urlp 2 | urlp_val(a) 2 | urlp_val 3 | urlp_reg(a) ^[12]$ | path_beg /a | path_end / | path_len gt 3
url_sub 1 | base_dir a | base_beg h | req.body_param(a) -m str 3 | req.body_param -m str 2 | req.body -m sub a=3
""")
TESTS_OF_RESPONSES = _conditions("""\
res.hdr(x) a | shdr(x),lower a | hdr(x) a | res.fhdr(x) -m beg a | res.hdr_ip(x) 5.6.7.8 | shdr_val(x) 7
res.cook(a) 2 | scook(a) 1 | res.cook 9 | res.cook_val(a) 9 | cookie(a) 2 | status 200 404 | res.ver 1.1
resp_ver 1.0 | shdr_beg(x) a | scook_beg(a) 1 | scook 1 | shdr_dom(x) a | res.hdr_cnt(x) 2
""")


@pytest.mark.reference
@pytest.mark.parametrize("seed", [1, 2])
def test_requests(seed: int) -> None:
    """Every fetch of requests, with odd arguments, gives what HAProxy's gives of the same bytes."""
    play = Play(OF_REQUESTS, TESTS_OF_REQUESTS)
    assert "\n".join(play.differences(requests(300, seed))) == ""


@pytest.mark.reference
@pytest.mark.parametrize("seed", [1, 2])
def test_responses(seed: int) -> None:
    """Every fetch of responses, with odd arguments, gives what HAProxy's gives of the same bytes."""
    play = Play(OF_RESPONSES, TESTS_OF_RESPONSES, of_responses=True)
    differences = play.differences(responses(300, seed))
    assert "\n".join(differences) == ""


SCHEMES = {
    "des": "ab", "md5": "$1$abcdefgh", "sha256": "$5$rounds=1000$saltsalt", "sha512": "$6$rounds=1000$saltsalt",
    "bcrypt": "$2b$04$abcdefghijklmnopqrstuu", "yescrypt": "$y$j75$saltsalt",
}  # fmt: skip


def _user(name: str, setting: str) -> str:
    made = hashed(b"right", setting.encode())
    assert made is not None
    return f"  user {name} password {made.decode()} groups {name[:2].upper()}\n"


LISTS = (
    "userlist L\n  group G1 users joe\n  group G2\n  user joe insecure-password pw\n"
    "  user bob insecure-password pw groups G2\n  user 'a b' groups G1,G2 insecure-password ''\n"
    + "".join(f"  group {name[:2].upper()}\n" for name in SCHEMES)
    + "".join(_user(name, setting) for name, setting in SCHEMES.items())
    + "userlist M\n  group G1\n  user joe insecure-password other groups G1\n"
)
LOGINS = (
    "joe:pw", "joe:bad", "JOE:pw", "joe:", ":", "", "nocolon", "bob:pw", "joe:other", "a b:", "a:b:c", "joe:pw\0x",
    "joe\0:pw", "joe:pw\n", "*:*", *(f"{name}:{word}" for name in SCHEMES for word in ("right", "wrong")),
)  # fmt: skip
HEADERS = (
    "Basic !!!", "Bearer tok", "bearer  tok  x", "Bearer", "Bearer ", "Digest x", "basic   am9lOnB3",
    "Basic am9lOnB3, x", "Basic am9lOnB3=", "Basic am9lOnB3 ", " Bearer  y", "Basic am9lOnB", "Basic",
    "Basic YTo=YTo=", "Basic Yg==YTpi",
    "Basic\tam9lOnB3", "Basic am9l OnB3", "x", "", ",Basic am9lOnB3", "BASIC am9lOnB3", "Basic YTpi=bcd",
    "Bearer a,b", '"Basic am9lOnB3"', "Basic  ", "Bearer t u ,v",
)  # fmt: skip
OF_LOGINS = _words("""
http_auth_type http_auth_user http_auth_pass http_auth_bearer http_auth_bearer() http_auth_bearer(X) http_auth(L)
http_auth(M) http_auth_group(L) http_auth_group(M)
""")
TESTS_OF_LOGINS = _conditions("""\
http_auth(L) | http_auth(M) | http_auth_group(L) G1 | http_auth_group(L) G2 G1 | http_auth_group(M) G1
http_auth_group(L) YE BC | http_auth_group(L) SH DE MD
""")


def _logins() -> list[Case]:
    written = [f"Basic {b64encode(login.encode()).decode()}" for login in LOGINS]
    lines = [f"{name}: {value}" for value in (*written, *HEADERS) for name in ("Authorization", "X")]
    lines += [f"Authorization: x\r\nAuthorization: {written[0]}", f"Proxy-Authorization: {written[0]}", "Host: h"]
    heads = [f"GET / HTTP/1.1\r\n{line}" for line in lines]
    heads += [
        f"{start} HTTP/1.1\r\nHost: h:1\r\nProxy-Authorization: {written[0]}\r\nAuthorization: {written[7]}"
        for start in ("GET http://h:1/", "CONNECT h:1", "OPTIONS *", "GET /")
    ]
    return [Case(f"{head}\r\n\r\n".encode()) for head in heads]


@pytest.mark.reference
@pytest.mark.parametrize("option", ["", "option http-use-proxy-header"])
def test_logins(option: str) -> None:
    """Clients are let in, and their names, passwords, tokens and groups seen, as by HAProxy; hashes of all schemes."""
    play = Play(OF_LOGINS, TESTS_OF_LOGINS, options=option, lists=LISTS)
    assert "\n".join(play.differences(_logins())) == ""


def test_cases_are_many_and_odd() -> None:
    """The messages that are compared have bodies, cookies, absolute URLs and headers that come several times."""
    written = [case.request for case in requests(300, 1)]
    for part in (b"://", b"Cookie", b"HTTP/1.0", b"POST", b"OPTIONS *", b'"'):
        assert sum(part in one for one in written) > 5, part
