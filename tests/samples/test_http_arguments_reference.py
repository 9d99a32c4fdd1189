"""Arguments of fetches of HTTP: HAProxy and tcproxy take and refuse the same."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tcproxy.samples.expressions import parse_expression
from tests.running import HAPROXY

HEAD = "defaults\n  mode http\nfrontend f\n  bind 127.0.0.1:1\n"
EXPRESSIONS = """
hdr hdr() hdr(,) hdr(,1) hdr(x,) hdr(x,-10) hdr(x,-11) hdr(x,10) hdr(x,a) hdr(x,1,2) hdr_cnt(x,1) hdr_ip(x,-11)
hdr_val(x,-11) req.fhdr(x,-11) req.fhdr(x,9999999999) hdr(x,+1) hdr(x,-0) hdr(x,1.5) hdr(x hdr(x)y
path() path(a) path(,) method() method(GET) urlp(a,b,c) urlp(a,;;) urlp(,) urlp() urlp_val(a,;,) url_param(a,,)
capture.req.hdr capture.req.hdr() capture.req.hdr(-1) capture.req.hdr(99) capture.req.hdr(a) capture.req.hdr(0,1)
req.body_param(a,b) req.body_param() req.body(a) req.hdr_names(ab) req.hdr_names(a,b) req.hdrs() req.hdrs(1)
cook(a,b) cook(,) cook_cnt() http_auth_bearer(a,b) http_auth_type(a) base32+src() url32+src(a) http_first_req(1)
unique-id() unique-id(a) fc_http_major() fc_http_major(1) HDR(x) Path hdrx(x) req.hdr.x(x) fe_req_rate(f) fe_req_rate()
"""


@pytest.mark.reference
def test_the_same_is_refused(tmp_path: Path) -> None:
    """Names and arguments are taken or refused as by HAProxy."""
    expressions = EXPRESSIONS.split()
    file = tmp_path / "arguments.cfg"
    refused: set[str] = set()
    while True:  # HAProxy tells 50 errors at the most
        asked = [text for text in expressions if text not in refused]
        file.write_text(HEAD + "".join(f"  tcp-request content set-var(txn.a) {text}\n" for text in asked))
        run = subprocess.run([HAPROXY, "-c", "-f", str(file)], capture_output=True, text=True, check=False)
        lines = {int(number) - HEAD.count("\n") - 1 for number in re.findall(r"ALERT.*?\.cfg:([0-9]+)\]", run.stderr)}
        if not lines:
            break
        refused |= {asked[number] for number in lines}
    ours = set()
    for text in expressions:
        try:
            parse_expression(text, "f")
        except ValueError:
            ours.add(text)
    assert refused ^ ours == set()
    assert 10 < len(refused) < len(expressions) - 10
