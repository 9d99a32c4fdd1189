"""The table of what HAProxy 2.6 lists and tcproxy does not do yet, with the reason of each line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tcproxy import language
from tests.test_language import reference

REASONS = {
    r"\tbind <addr> (ssl|namespace|proto)\b|\t(allow-0rtt|no-ca-names|alpn|ca-\S+|ciphers\S*|crl-file|curves|ecdhe|npn"
    r"|ssl-m\S+|verify)\b|ssl_fc_sni_": "TLS, HTTP/2 and namespaces: their issue",
    r"\tserver <name> <addr> (allow-0rtt|alpn|ca-file|check-(alpn|proto|sni|ssl)|cipher|crl|crt|force-|namespace|no-"
    r"|npn|proto|send-proxy-v2-ssl|sni|ssl|tls|verify|ws)": "TLS, HTTP/2 and namespaces: their issue",
    r"\tserver <name> <addr> (agent-|resolve)|\thttpclient|do-resolve|show resolvers|httpclient": "agents, resolvers",
    r"\tlua-|lua\.": "Lua",
    r"\t(clitimeout|contimeout|srvtimeout)": "gone in HAProxy, too: refused with the word that took its place",
    r"\t(compression|filter|use-fcgi-app|external-check|tcp-check)\b|fcgi|ot-group|send-spoe-group|opentracing|spoe"
    r"|\bcomp(ression|_algo)?\b|\btrace\b": "filters and other kinds of checks: theirs",
    r"cache": "the cache",
    r"sc-(inc|set)|sc[012]?_|track-sc|table|in_table|src_(?!is_local)|sess_": "stick tables",
    r"use-service|prometheus-exporter": "services: plugins alone have them",
    r"option transparent": "transparent proxying is not done yet",
    r"\[(WORKER|MASTER)\]": "commands of the runtime socket: theirs",
    r"internal\.|cpu_calls": "of HAProxy's own inner parts, which have no counterpart here",
    r"\bssl_": "TLS",
}  # fmt: skip
"""Lines of `-dKall` by pattern, and why they are not ours."""


@pytest.mark.reference
def test_each_line_that_is_not_ours_has_its_reason(tmp_path: Path) -> None:
    """Whatever HAProxy lists and tcproxy does not is in the table of refusals."""
    path = tmp_path / "t.cfg"
    path.write_text("listen l\n    bind 127.0.0.1:8000\n", encoding="utf-8")
    ours = set(language.dump_keywords(["all"]).splitlines())
    lacking = [line for line in reference("-dKall", "-c", "-q", "-f", str(path)).splitlines() if line not in ours]
    assert lacking
    assert [line for line in lacking if not any(re.search(reason, line) for reason in REASONS)] == []
