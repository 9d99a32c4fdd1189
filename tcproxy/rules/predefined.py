"""ACLs that need not be declared (manual 7.4), each with the words of its test."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tcproxy.rules.criteria import CRITERIA
from tcproxy.samples.table import FETCHES

_PREDEFINED = r"""
FALSE         always_false
HTTP          req.proto_http
HTTP_1.0      req.ver 1.0
HTTP_1.1      req.ver 1.1
HTTP_2.0      req.ver 2.0
HTTP_CONTENT  req.hdr_val(content-length) gt 0
HTTP_URL_ABS  url_reg ^[^/:]*://
HTTP_URL_SLASH url_beg /
HTTP_URL_STAR url *
LOCALHOST     src 127.0.0.1/8 ::1
METH_CONNECT  method CONNECT
METH_DELETE   method DELETE
METH_GET      method GET HEAD
METH_HEAD     method HEAD
METH_OPTIONS  method OPTIONS
METH_POST     method POST
METH_PUT      method PUT
METH_TRACE    method TRACE
RDP_COOKIE    req.rdp_cookie_cnt gt 0
REQ_CONTENT   req.len gt 0
TRUE          always_true
WAIT_END      wait_end
"""


def _fetch(criterion: str) -> str:
    name = criterion.partition("(")[0]
    return CRITERIA.get(name, (name, ""))[0]


PREDEFINED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: tuple(words) for name, *words in map(str.split, _PREDEFINED.strip().splitlines())}
)
PREDEFINED_NOT_YET = frozenset(name for name, words in PREDEFINED.items() if _fetch(words[0]) not in FETCHES)
"""Those whose sample is not done yet: refused by name."""
