"""Fetches of HTTP against HAProxy: values, and conditions that try several values, of some hundred odd messages."""

from __future__ import annotations

import pytest

from tests.samples.http_cases import requests, responses
from tests.samples.http_reference import Play


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


def test_cases_are_many_and_odd() -> None:
    """The messages that are compared have bodies, cookies, absolute URLs and headers that come several times."""
    written = [case.request for case in requests(300, 1)]
    for part in (b"://", b"Cookie", b"HTTP/1.0", b"POST", b"OPTIONS *", b'"'):
        assert sum(part in one for one in written) > 5, part
