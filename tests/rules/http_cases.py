"""Rules of HTTP, by what their actions are about: each case is played with HAProxy and with tcproxy (sides.py)."""

from __future__ import annotations

import random

from tests.rules.sides import OK, Case, get


def request(rule: str, target: str = "/a?b=c", *headers: str, method: str = "GET", body: bytes = b"") -> Case:
    """Return a case with one `http-request` rule; more of them behind newlines."""
    return Case(f"http-request {rule}", steps=get(target, *headers, method=method, body=body))


def response(rule: str, answer: bytes = OK) -> Case:
    """Return a case with one `http-response` rule."""
    return Case(f"http-response {rule}", steps=get(), answer=answer)


LISTS = ("X-A: 1", "X-B: a, b ,c", "x-a: 2, 3", "X-C:", "Foo-X-A: q", 'X-Q: "a,b", c ,, d,',
         'X-E: a\\,b,"c\\",d",e\\')
HEADERS = [
    *(
        request(rule, "/", *LISTS)
        for rule in (
            "del-header x-a", "del-header X-", "del-header X- -m beg", "del-header X-A -m end",
            "del-header X-A -m sub", "del-header ^x-.*[ab]$ -m reg", "del-header ^X-.*[ab]$ -m reg",
            "del-header x-a -m str", "del-header foo-x-a if TRUE", "replace-header X-A ([0-9]) v\\1w\\0",
            "replace-header X-A .* %o", "replace-header X-C .* z", "replace-header X-C ^$ z",
            "replace-value X-A ([0-9]) v\\1w", "replace-value X-B .* <\\0>", "replace-value X-Q .* <\\0>",
            "replace-value X-C .* <\\0>", "replace-value X-E .* <\\0>", "replace-value X-B ^b$ 'y, z'",
            "replace-header X-A 1 %[src]\\\\x41\\\\0",
            "replace-header X-A 1 \\\\x4g\\\\q\\\\9", "replace-header X-A 1 a\\\\", "replace-header X-A 1 \\\\x4",
            "set-header x-a %[src]", "add-header x-a 7", "set-header x-new 7 if FALSE",
        )
    ),
    response("set-header x-a %[status]"), response("add-header x-a b"), response("del-header X-A"),
    response("replace-header x-a 1 2"), response("replace-value x-a 1 2"), response("del-header x -m sub"),
]  # fmt: skip

FORMS = ("http://h/a?b#c", "http://h", "*", "/", "/a/b?c?d", "//x/y", "http://h?q", "http://u:p@h/x", "ftp://h/a")
TARGETS = [
    *(
        request(rule)
        for rule in (
            "set-method PUT", "set-path /z", "set-path /z?q", "set-path %o", "set-path z", "set-pathq /z?q=1",
            "set-pathq /z", "set-query x=y", "set-query %o", "set-uri /n", "set-uri http://o:81/n?x", "set-uri *",
            "set-uri %o", "set-path /%[src]/%[int(5)]", "set-method HEAD", "set-method POST", "set-method %o",
            "set-path /z\nhttp-request set-header x-v %[capture.req.uri] if { path /z }",
        )
    ),
    request("set-query %o", "/a"), request("set-query q", "/a"), request("set-query q", "/a?"),
    request("set-query ?q", "/a"),
    *(
        request(rule, form)
        for rule in (
            "set-path /z", "set-pathq /z", "set-query q", "set-uri /n", "set-uri http://o/n",
            "replace-path ^(/?).*$ \\1z", "replace-pathq (.*) /p\\1", "replace-uri (.*) http://o/\\1",
            "replace-uri a /b", "set-header host n", "del-header host", "add-header host n",
            "replace-header host h n", "replace-value host .* n:81",
        )
        for form in FORMS
    ),
    request("replace-path (.*)/(.*) /x\\1y\\2z", "/a/b/c?d"), request("replace-path b /q", "/abc?b"),
    request("replace-path nomatch /q", "/abc?b"), request("set-method GET", method="HEAD"),
    request("set-method GET", method="POST", body=b"xx"), request("set-method OPTIONS", method="HEAD"),
]  # fmt: skip

REDIRECTIONS = [
    *(
        request(f"redirect {rule}")
        for rule in (
            "location /x", "location http://%[src]/%[str(a)]?%[int(3)] code 301", "prefix /p%[int(1)]",
            "prefix / code 303", "scheme https", "scheme http%[str(s)] code 308", "prefix /p drop-query",
            "prefix /p append-slash", "prefix /p append-slash drop-query", "location /x append-slash",
            "location /x drop-query", "location /x?q drop-query append-slash", "location %o",
            "location %o ignore-empty", "location x%o ignore-empty", "prefix %o ignore-empty", "prefix %o",
            "scheme %o ignore-empty", "scheme %o", "location / ignore-empty", "location /x set-cookie a=b",
            "location /x clear-cookie a", "location /x clear-cookie a= code 307 if TRUE", "location /x if FALSE",
        )
    ),
    request("redirect prefix /p append-slash drop-query", "/a/"), request("redirect scheme s append-slash", "/a"),
    request("redirect location /x", method="POST", body=b"xyz"), request("redirect scheme https", "*"),
    request("redirect scheme https", "http://h/b?c"), request("redirect prefix /p", "http://h"),
    request("redirect prefix /p", "*"), Case("", "http-request redirect location /x"), Case("", "redirect location /x"),
    Case("http-request redirect location /a\nredirect location /b"),
    Case("redirect location /b", "http-request redirect location /a"), Case("redirect location /%[src]"),
    Case("redirect prefix /%%a code 301"), Case("redirect location /b ignore-empty drop-query"),
    response("redirect location /x"), response("redirect location /x%[int(1)] code 301"),
    response("redirect location %o ignore-empty"), Case("", "http-response redirect location /x"),
]  # fmt: skip

KEPT = (b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n", b"GET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
TYPED = "content-type a/b"
ANSWERS = [
    *(
        response(rule)
        for rule in (
            "deny", "deny deny_status 404", "deny status 404", f"deny status 200 {TYPED} string abc",
            f"deny status 402 {TYPED} lf-string %[src]-%HM hdr x %[int(5)] hdr y %o", "deny if FALSE", "return",
            "return status 404", "return status 404 default-errorfiles", f"return {TYPED} string abc",
            f"return status 299 {TYPED} lf-string %[src]%ST hdr a b", "set-status 404", "set-status 404 reason Foo",
            "set-status 999", "set-status 299", "set-status 304", "set-status 204", "set-status 418 reason 'a b'",
            "set-status 666", "set-status 599", "set-status 205",
        )
    ),
    *(
        request(rule)
        for rule in (
            "return", "return status 404", "return status 404 default-errorfiles", f"return {TYPED} string abc",
            f"return status 299 {TYPED} lf-string '%[src] x  %HM' hdr a b hdr A c", "return default-errorfiles",
            "return status 204", "return status 503 default-errorfiles", "auth", "auth realm foo",
            f"deny status 402 {TYPED} lf-string '%[src] x  %HM' hdr a b%[int(3)]", "auth realm foo\\ bar if TRUE",
            f"tarpit status 402 {TYPED} lf-string '%[src] x  %HM' hdr a b%[int(3)]", "auth if FALSE", "reject",
        )
    ),
    Case("", "http-response deny"), Case("", f"http-response return {TYPED} string abc"), Case("", "http-request auth"),
    Case("", f"http-request return {TYPED} string abc"), Case("", "http-request reject"),
    request(f"return {TYPED} string abc", "/", method="HEAD"), request("reject", method="POST", body=b"zz"),
    request(f"return {TYPED} string abc", "/", method="POST", body=b"zz"),
    Case(f"http-error status 401 {TYPED} string abc hdr WWW-Authenticate zz hdr b c\nhttp-request auth"),
    Case("option http-use-proxy-header\nhttp-request auth", steps=get("http://h/a")),
    Case("option http-use-proxy-header\nhttp-request auth", steps=get("/a")),
    *(
        Case(rule, steps=KEPT)
        for rule in (
            "http-request deny", "http-request return", "http-request redirect location /", "http-response deny",
            "http-response return", "http-response redirect location /", "http-request auth", "http-request reject",
        )
    ),
]  # fmt: skip

ANSWERED = (
    ("", ""), ("http-request deny", ""), (f"http-request return {TYPED} string abc", ""),
    ("http-request redirect location /x", ""), ("redirect location /x", ""), ("monitor-uri /a?b=c", ""),
    ("http-request auth", ""), ("http-response deny", ""), ("", "http-request deny"), ("http-request tarpit", ""),
    ("http-request reject", ""),
)  # fmt: skip
"""Rules that answer: of the frontend, and of the backend."""
AFTER = [
    *(
        Case(f"http-after-response {rule}\n{front}", back)
        for rule in (
            "set-header x-z 1", "set-status 444 reason Q",
            "set-header x-r %[src]\nhttp-after-response allow\nhttp-after-response set-header x-y 2",
            "del-header content-type", "add-header connection x", "set-var(txn.s) status\n"
            "http-after-response set-header x-s <%[var(txn.s)]>",
        )
        for front, back in ANSWERED
    ),
    *(
        Case(f"http-after-response set-status {one}\n{front}")
        for one in (204, 304)
        for front in ("", "http-request deny")
    ),
    Case("http-after-response set-header x-f 1",
         "http-after-response set-header x-f 2\nhttp-after-response add-header x-g 3\nhttp-request deny"),
    Case("http-after-response set-header x-f 1",
         "http-after-response set-header x-f 2\nhttp-after-response allow\nhttp-after-response add-header x-g 3"),
    Case("http-after-response set-header x-f 1", "http-after-response set-header x-f 2", answer=b""),
    Case("http-after-response set-header x-f 1", steps=(b"GET / HTTP/1.1\r\nbad\r\n\r\n",)),
    Case("http-response set-header x-f 1",
         "http-response set-header x-f 2\nhttp-response allow\nhttp-response add-header x-g 3"),
    Case("http-request deny\nhttp-after-response set-var(res.x) status\n"
         "http-after-response set-header x-v <%[var(res.x)]>"),
    Case("http-request set-var(req.x) str(q)\nhttp-request deny\nhttp-after-response set-header x-v <%[var(req.x)]>"),
]  # fmt: skip

LONG = "a" * 1400
MANY = "\n".join(f"http-request add-header x-{number} {LONG}" for number in range(13))
MANY_OF_RESPONSES, MANY_AFTER = (MANY.replace("http-request", one) for one in ("http-response", "http-after-response"))
OFF = "strict-mode off\n"
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000
GROWN = f"http-request set-header x-a {LONG}\nhttp-request replace-header x-a (.*) " + "\\\\1" * 12
LONGER = f"http-request set-path /{LONG}\nhttp-request replace-path (.*) " + "\\\\1" * 12
LIMITS = [
    Case(MANY), Case(f"http-request {OFF}{MANY}"), Case("", MANY), Case("http-request strict-mode off", MANY),
    Case("http-request strict-mode off", f"http-request strict-mode on\n{MANY}"),
    Case(MANY, steps=get("/", method="POST", body=b"b" * 2000)), Case(MANY_OF_RESPONSES),
    Case(f"http-response {OFF}{MANY_OF_RESPONSES}"), Case("", MANY_OF_RESPONSES),
    Case(MANY_OF_RESPONSES, "http-response strict-mode off"), Case(f"http-request {OFF}{MANY_OF_RESPONSES}"),
    Case(MANY_OF_RESPONSES, answer=BODY), Case(f"http-response {OFF}{MANY_OF_RESPONSES}", answer=BODY),
    Case(MANY_AFTER), Case(f"http-after-response {OFF}{MANY_AFTER}"), Case(f"{MANY_AFTER}\nhttp-request deny"),
    Case(f"http-after-response {OFF}{MANY_AFTER}\nhttp-request deny"),
    Case(f"{MANY_AFTER}\nhttp-request return {TYPED} string abc"),
    Case(f"{MANY_AFTER}\nhttp-request redirect location /x"), Case(MANY_AFTER, answer=b""),
    Case(MANY_AFTER, "http-request deny"), Case(f"http-response {OFF}{MANY_AFTER}"),
    Case("http-after-response strict-mode off", f"{MANY_AFTER}\nhttp-request deny"),
    Case(f"http-response deny\n{MANY_AFTER}"), Case(MANY.replace("add", "set")), Case(GROWN),
    Case(f"http-request {OFF}{GROWN}"), Case(LONGER), Case(f"http-request {OFF}{LONGER}"),
    *(
        Case("\n".join(f"{kind} add-header x-{number} {'b' * 1000}" for number in range(14))
             + f"\n{kind} add-header x-l {'c' * size}")
        for size in range(1000, 1600, 60)
        for kind in ("http-request", "http-response")
    ),
]  # fmt: skip
"""Heads that leave a buffer no room."""

DROPS = [
    Case("http-request silent-drop"), Case("", "http-request silent-drop"), Case("http-response silent-drop"),
    Case("", "http-response silent-drop if TRUE"),
]  # fmt: skip

SHOW = "http-request set-header x-v"
VARIABLES = [
    request(f"set-var(txn.a) str(x)\n{SHOW} %[var(txn.a)]"), request(f"set-var(txn.a) src\n{SHOW} %[var(txn.a)]"),
    request(f"set-var(txn.a) int(3)\nhttp-request set-var(txn.a,ifnotexists) int(4)\n{SHOW} %[var(txn.a)]"),
    request(f"set-var-fmt(req.a) a%[src]b%HM\n{SHOW} %[var(req.a)]"),
    request(f"set-var-fmt(req.a,ifempty) x\n{SHOW} <%[var(req.a)]>"),
    request(f"set-var-fmt(req.a) x\nhttp-request unset-var(req.a)\n{SHOW} <%[var(req.a)]>"),
    request("set-var(txn.a) str(x)\nhttp-response set-header x-v %[var(txn.a)]"),
    request("set-var(req.a) str(x)\nhttp-response set-header x-v <%[var(req.a)]>"),
    request("set-var(res.a) str(x)\nhttp-response set-header x-v <%[var(res.a)]>"),
    response("set-var(res.a) status\nhttp-response set-header x-v <%[var(res.a)]>"),
    response("set-var(txn.a) res.hdr(x-a)\nhttp-after-response set-header x-v <%[var(txn.a)]>"),
    request(f"set-var(txn.a) str(x)\n{SHOW} 1 if {{ var(txn.a) -m str x }}\nhttp-request set-var(txn.a) str(y)\n"
            "http-request set-header x-w 1 if { var(txn.a) -m str x }"),
    request(f"set-var(sess.a) int(1)\n{SHOW} %[var(sess.a)]"),
    request("set-var(txn.a) path,upper\nhttp-request set-path /%[var(txn.a)]"),
    request(f"set-var(txn.a) str(x) upper if TRUE\n{SHOW} %[var(txn.a)]"),
]  # fmt: skip

LOGS = [
    *(request(f"set-log-level {level}") for level in ("silent", "emerg", "debug", "info", "err")),
    response("set-log-level alert"), response("set-log-level silent"),
    request("set-log-level silent\nhttp-request deny"), request("set-log-level notice\nhttp-request deny"),
    Case("option log-separate-errors\nhttp-request set-log-level debug\nhttp-request deny"),
    Case("option dontlog-normal\nhttp-request set-log-level debug"), request("capture src len 20"),
    request("capture str(abcdef) len 3"), request("capture req.hdr(x-none) len 3"),
    Case("declare capture request len 5\nhttp-request capture path id 0\nhttp-request capture str(z) len 4"),
    Case("declare capture request len 5", "http-request capture path id 0"), Case("", "http-request capture path id 0"),
    Case("declare capture response len 3\nhttp-response capture res.hdr(x-a) id 0"),
    Case("declare capture response len 3\nhttp-after-response capture status id 0"),
    Case("declare capture response len 3\nhttp-after-response capture status id 0\nhttp-request deny"),
    Case("capture request header host len 9\nhttp-request capture method len 4"),
    Case("declare capture response len 3",
         "http-response capture res.hdr(x-a) id 0\nhttp-response capture res.hdr(x-a) id 4"),
]  # fmt: skip

LINK = "early-hint link"
WAITED = "http-request wait-for-body time"


def posted(front: str, *parts: bytes, back: str = "", extra: str = "") -> Case:
    """Return a case whose client posts ten bytes, in parts."""
    head = f"POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 10\r\n{extra}\r\n".encode()
    return Case(front, back, steps=(head, *parts))


HALVES = (b"01234", b"56789")
WAITS = [
    request("wait-for-handshake"), request("disable-l7-retry"), request(f"{LINK} a"),
    request(f"{LINK} a\nhttp-request early-hint Link b"), request(f"{LINK} a\nhttp-request early-hint Link b if TRUE"),
    request(f"{LINK} %[src]\nhttp-request deny"),
    Case(f"http-request {LINK} a", steps=(b"GET / HTTP/1.0\r\n\r\n",)),
    Case(f"http-request {LINK} a", f"http-request {LINK} b"),
    request(f"{LINK} a\n{SHOW} 1\nhttp-request early-hint Link b"),
    request(f"{LINK} a\nhttp-request redirect location /x\nhttp-after-response set-header x-y 1"),
    posted(f"{WAITED} 1s", b"0123456789"), posted(f"{WAITED} 300", b"01234"),
    posted(f"{WAITED} 300 at-least 3", *HALVES), posted(f"{WAITED} 2s\n{SHOW} %[req.body]", *HALVES),
    posted(f"{WAITED} 300 if FALSE", *HALVES),
    posted(f"http-request set-header x-1 1\n{WAITED} 2s\nhttp-request set-header x-2 2\n{WAITED} 2s at-least 4\n"
           "http-request set-header x-3 2", b"0123", b"456789"),
    posted("", *HALVES, back=f"{WAITED} 2s\n{SHOW} %[req.body]"),
    posted(f"{WAITED} 2s", *HALVES, extra="Expect: 100-continue\r\n"),
    posted(f"{WAITED} 2s\nhttp-request deny", *HALVES),
    posted(f"http-request allow if TRUE\n{WAITED} 2s\nhttp-request deny", *HALVES),
    posted(f"{WAITED} 2s\nhttp-request allow\n{WAITED} 2s\nhttp-request deny", *HALVES),
    posted(f"{WAITED} 2s", b"01234", b""), Case("", "http-request set-timeout server 300", answer=b""),
    request("set-priority-class int(3)"), request("set-priority-offset int(-5)"),
]  # fmt: skip

TELL = "http-request set-header x-s"
CLIENTS = [
    request("set-nice 5"), request("set-nice abc"), request("set-tos 0x10"), request("set-mark 7"),
    response("set-tos 8"), response("set-mark 0x7"), response("set-nice 7"),
    request(f"set-src str(1.2.3.4)\n{TELL} %[src]"), request(f"set-src str(nope)\n{TELL} %[src]"),
    request(f"set-src str(1.2.3.4)\nhttp-request set-src-port int(66000)\n{TELL} %[src]:%[src_port]"),
    request(f"set-src str(::1)\nhttp-request set-src-port int(9)\n{TELL} %[src]"),
    request(f"set-dst str(9.8.7.6)\nhttp-request set-dst-port int(77)\n{TELL} %[dst]:%[dst_port]"),
    Case("option forwardfor\noption originalto\nhttp-request set-src str(1.2.3.4)\nhttp-request set-dst str(5.6.7.8)"),
    Case(f"http-request set-src str(1.2.3.4)\n{TELL} %ci", "option forwardfor"),
    Case("log-format '%ft %ci %fi:%fp %b/%s %ST'\nhttp-request set-src str(1.2.3.4)\n"
         "http-request set-dst str(1.2.3.5)\nhttp-request set-dst-port int(4)"),
    Case("http-request set-src str(1.2.3.4)\nhttp-request set-src-port int(5)\nhttp-request set-dst str(1.2.3.5)\n"
         "http-request set-dst-port int(4)", words="send-proxy"),
]  # fmt: skip

NORMALIZERS = (
    "path-merge-slashes", "path-strip-dot", "path-strip-dotdot", "path-strip-dotdot full", "percent-decode-unreserved",
    "percent-decode-unreserved strict", "percent-to-uppercase", "percent-to-uppercase strict", "query-sort-by-name",
    "fragment-strip", "fragment-encode",
)  # fmt: skip
PIECES = ("/", "/", "a", "b", ".", "..", "/../", "/./", "%41", "%4a", "%zz", "%", "%2f", "?", "&", "b=1", "a=2", "aa",
          "=", "%%36")  # fmt: skip
CORNERS = ("*", "http://h/a/../b?c", "http://h", "/..", "/../..", "/a/..", "/a/../..", "/a/b/../../c", "//..", "/.",
           "/./", "/a/.", "/a/./", "/...", "/..a", "/?b&a", "/?", "/?b=2&a=1&b=1&aa=0&a")  # fmt: skip


def _generated() -> list[str]:
    chance = random.Random(4)
    return ["/" + "".join(chance.choices(PIECES, k=chance.randrange(9))) for _ in range(20)]


NORMAL = [
    *(request(f"normalize-uri {one}", target) for one in NORMALIZERS for target in (*CORNERS, *_generated())),
    *(
        Case(f"option accept-invalid-http-request\nhttp-request normalize-uri {one}", steps=get(target))
        for one in NORMALIZERS
        for target in ("/a#b", "/#", "/a?b#c#d", "/a/..#/b")
    ),
]

TWO = (
    "backend x#-a\n    mode http\n    http-request return status 299 hdr who a\n"
    "backend x#-b\n    mode http\n    http-request return status 298 hdr who b\n"
)
BY_PATH = "use_backend x#-%[path,field(2,/)]"
HOSTS = b"GET / HTTP/1.1\r\nHost: A\r\n\r\nGET / HTTP/1.1\r\nHost: B\r\nConnection: close\r\n\r\n"
SWITCHING = [
    *(Case(BY_PATH, steps=get(target), more=TWO) for target in ("/a", "/b", "/c", "/")),
    *(Case(f"{BY_PATH} if {{ path /a }}\nuse_backend x#-b", steps=get(target), more=TWO) for target in ("/a", "/b")),
    *(Case(f"{BY_PATH}\nuse_backend x#-b", steps=get(target), more=TWO) for target in ("/a", "/c")),
    Case("use_backend x#-%HM", steps=get("/", method="a"), more=TWO), Case("use_backend %[str(x#-a)]", more=TWO),
    Case("use_backend x#-%[req.hdr(host),lower] if TRUE", steps=(HOSTS,), more=TWO),
]  # fmt: skip

DOWN = "server off 127.0.0.1:1 disabled\nuse-server off if TRUE\nuse-server s if TRUE"
DEAD = "server dead 127.0.0.1:1 maxconn 1\nretries 0\n"
SERVERS = [
    *(
        Case("", DEAD + rules, steps=get(target, *headers))
        for target in ("/a", "/b")
        for headers in ((), ("Cookie: c=x", "x-s: s"))
        for rules in (
            "use-server s if { path /a }", "use-server s unless { path /a }",
            "use-server dead if { path /a }\nuse-server s if TRUE",
            "use-server %[req.hdr(x-s)] if TRUE\nuse-server s if TRUE",
            "use-server %[req.hdr(x-s)] if { req.hdr(x-s) -m found }\nuse-server dead if TRUE",
            "cookie c\nuse-server s if { path /a }", "cookie c insert\nuse-server s if TRUE",
        )
    ),
    Case("", DEAD + DOWN), Case("", f"{DEAD}option persist\n{DOWN}"), Case("", f"{DEAD}force-persist if TRUE\n{DOWN}"),
    Case("", f"{DEAD}ignore-persist if TRUE\nuse-server s if TRUE"),
]  # fmt: skip

FAMILIES = {
    "headers": HEADERS, "targets": TARGETS, "redirections": REDIRECTIONS, "answers": ANSWERS, "after": AFTER,
    "limits": LIMITS, "variables": VARIABLES, "logs": LOGS, "waits": WAITS, "clients": CLIENTS, "normal": NORMAL,
    "drops": DROPS, "switching": SWITCHING, "servers": SERVERS,
}  # fmt: skip
