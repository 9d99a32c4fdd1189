"""Criteria that stand in ACLs only: another name for a fetch and a matching method (`path_beg` is `path -m beg`).

The fetches themselves stand in tcproxy/samples; a criterion works as soon as its fetch does.
"""

from __future__ import annotations

from types import MappingProxyType

_CRITERIA = """
base=base:str base_beg=base:beg base_dir=base:dir base_dom=base:dom base_end=base:end base_len=base:len
base_reg=base:reg base_sub=base:sub cook=req.cook:str cook_beg=req.cook:beg cook_dir=req.cook:dir
cook_dom=req.cook:dom cook_end=req.cook:end cook_len=req.cook:len cook_reg=req.cook:reg
cook_sub=req.cook:sub hdr=req.hdr:str hdr_beg=req.hdr:beg hdr_dir=req.hdr:dir hdr_dom=req.hdr:dom
hdr_end=req.hdr:end hdr_len=req.hdr:len hdr_reg=req.hdr:reg hdr_sub=req.hdr:sub
http_auth_group=http_auth_group:str method=method:str path=path:str path_beg=path:beg path_dir=path:dir
path_dom=path:dom path_end=path:end path_len=path:len path_reg=path:reg path_sub=path:sub
payload=req.payload:bin payload_lv=req.payload_lv:bin req.ssl_ver=req.ssl_ver:int
req_rdp_cookie=req.rdp_cookie:str req_rdp_cookie_cnt=req.rdp_cookie_cnt:int req_ssl_sni=req.ssl_sni:str
req_ssl_ver=req.ssl_ver:int req_ver=req.ver:str resp_ver=res.ver:str scook=res.cook:str
scook_beg=res.cook:beg scook_dir=res.cook:dir scook_dom=res.cook:dom scook_end=res.cook:end
scook_len=res.cook:len scook_reg=res.cook:reg scook_sub=res.cook:sub shdr=res.hdr:str
shdr_beg=res.hdr:beg shdr_dir=res.hdr:dir shdr_dom=res.hdr:dom shdr_end=res.hdr:end shdr_len=res.hdr:len
shdr_reg=res.hdr:reg shdr_sub=res.hdr:sub ssl_fc_sni_end=ssl_fc_sni:end ssl_fc_sni_reg=ssl_fc_sni:reg
url=url:str url_beg=url:beg url_dir=url:dir url_dom=url:dom url_end=url:end url_len=url:len
url_reg=url:reg url_sub=url:sub urlp=urlp:str urlp_beg=urlp:beg urlp_dir=urlp:dir urlp_dom=urlp:dom
urlp_end=urlp:end urlp_len=urlp:len urlp_reg=urlp:reg urlp_sub=urlp:sub
"""
"""name=fetch:method, as HAProxy's list of ACL keywords has them."""


def _read() -> dict[str, tuple[str, str]]:
    table = {}
    for word in _CRITERIA.split():
        name, _, meaning = word.partition("=")
        fetch, _, method = meaning.partition(":")
        table[name] = (fetch, method)
    return table


CRITERIA = MappingProxyType(_read())
"""Fetch and method by the criterion's name."""

OWN_METHODS = MappingProxyType({"method": "method", "req.ssl_ver": "versions", "req_ssl_ver": "versions"})
"""Criteria that read or compare their patterns in a way that no `-m` has (CRITERIA_METHODS in patterns/methods.py)."""
