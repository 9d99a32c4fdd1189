"""Words of proxies, binds and servers that HAProxy 2.6 knows and no room has yet: refused by name.

A word leaves this file when its own room has a row for it. `mode` marks the words that only HTTP uses.
"""

from __future__ import annotations

from tcproxy.grammar.rows import (
    BACK,
    BIND,
    FRONT,
    NAMED,
    NAMED_BACK,
    PROXY,
    SERVER,
    each,
    gone,
    refused,
)

_HTTP_FRONT = """
    option httpslog
"""


_HTTP_PROXY = "compression"

_BACK = """
    external-check
    option external-check
    option ldap-check
    option mysql-check
    option pgsql-check
    option redis-check
    option smtpchk
    option spop-check
    option ssl-hello-chk
    option tcp-check
    tcp-check
    transparent
"""

_PROXY = "email-alert"
_NAMED = "filter\nstick-table"
_NAMED_BACK = "stick\nuse-fcgi-app"

_DROPPED = dict.fromkeys(
    each(
        "reqadd reqallow reqdel reqdeny reqiallow reqidel reqideny reqipass reqirep reqitarpit reqpass reqrep "
        "reqtarpit rspadd rspdel rspdeny rspidel rspideny rspirep rsprep"
    ),
    "write 'http-request' or 'http-response' rules",
)

_TLS_VERSIONS = ("sslv3", "tlsv10", "tlsv11", "tlsv12", "tlsv13")

_BIND_TLS_VALUES = each(
    "alpn ca-file ca-ignore-err ca-sign-file ca-sign-pass ca-verify-file ciphers ciphersuites crl-file crt "
    "crt-ignore-err crt-list curves ecdhe npn ssl-max-ver ssl-min-ver tls-ticket-keys verify"
)

_BIND_TLS_FLAGS = (
    "ssl", "allow-0rtt", "generate-certificates", "no-ca-names", "no-tls-tickets", "prefer-client-ciphers",
    "strict-sni",
    *(f"{way}-{version}" for way in ("force", "no") for version in _TLS_VERSIONS),
)  # fmt: skip

_SERVER_TLS_VALUES = each(
    "alpn ca-file check-alpn check-sni ciphers ciphersuites crl-file crt npn sni ssl-max-ver ssl-min-ver verify "
    "verifyhost"
)

_SERVER_TLS_FLAGS = (
    "ssl", "allow-0rtt", "check-ssl", "no-ssl-reuse", "no-tls-tickets", "ssl-reuse", "tls-tickets",
    "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn", "no-send-proxy-v2-ssl", "no-send-proxy-v2-ssl-cn",
    *(f"{way}-{version}" for way in ("force", "no") for version in _TLS_VERSIONS),
)  # fmt: skip

WORDS = (
    *refused(FRONT, _HTTP_FRONT, mode="http", negatable=True, manual="4.2"),
    *refused(PROXY, _HTTP_PROXY, mode="http", negatable=True, manual="4.2"),
    *refused(BACK, _BACK, manual="4.2"),
    *refused(PROXY, _PROXY, manual="4.2"),
    *refused(NAMED, _NAMED, manual="4.2"),
    *refused(NAMED_BACK, _NAMED_BACK, manual="4.2"),
    *gone(PROXY, _DROPPED),
    *refused(BIND, "\n".join(_BIND_TLS_VALUES), many=1, manual="5.1"),
    *refused(BIND, "\n".join(_BIND_TLS_FLAGS), manual="5.1"),
    *refused(SERVER, "\n".join(_SERVER_TLS_VALUES), many=1, manual="5.2"),
    *refused(SERVER, "\n".join(_SERVER_TLS_FLAGS), manual="5.2"),
)
