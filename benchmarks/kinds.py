"""The kinds of configuration that HTTP mode is measured with: what a site has, and each part of it by itself.

The same lines serve the load over sockets (http_programs.py) and the exchanges in memory (memory.py).
"""

from __future__ import annotations

from dataclasses import dataclass

LOG = "    log 127.0.0.1:{target} local0\n    option httplog\n"
"""The load's server takes log datagrams on the UDP port of its own number."""
SERVER = "    server target 127.0.0.1:{target}\n"
COOKIE = "    cookie SRV insert indirect nocache\n"
WITH_COOKIES = "    server s1 127.0.0.1:{target} cookie s1\n    server s2 127.0.0.1:{target} cookie s2\n"
CAPTURES = """\
    capture request header User-Agent len 64
    capture request header Referer len 64
    capture response header Content-Type len 32
    capture response header ETag len 16
"""
CHOICE = """\
    use_backend first if { src 192.0.2.0/24 }
    use_backend second if { src 198.51.100.0/24 203.0.113.0/24 }
    use_backend third if { src 10.0.0.0/8 }
    use_backend fourth if { src 172.16.0.0/12 192.168.0.0/16 }
    use_backend fifth if { src 127.0.0.0/8 }
"""
"""The last one holds: all five are looked at."""
CHOSEN = "".join(f"backend {name}\n{SERVER}" for name in ("first", "second", "third", "fourth", "fifth"))
DENY = "    http-request deny if { src 192.0.2.0/24 }\n"
RULES = """\
    acl articles path_beg /v/ /archive/ /feed/
    acl site hdr(host) -i www.example.org example.org
    acl strangers src 192.0.2.0/24
    http-request set-header X-One %[src] if !strangers !{ path_beg /admin/ }
    http-request set-header X-Two %[src] if articles site
    http-request set-header X-Three %[src] if !strangers articles
    http-request set-header X-Four %[src] if strangers
    http-request set-header X-Five %[src] if !strangers !articles
    http-response set-header X-Site %[src] if !strangers
    http-response set-header X-Stranger yes if strangers
    http-response add-header X-Served-By %[dst_port] if !strangers
    http-response set-header X-Nothing here if strangers
    http-response set-header X-Frame-Options DENY unless strangers
"""
"""Five rules of requests and five of responses over three ACLs: three of each hold, or two."""
SITE = """\
    option forwardfor
    acl api path_beg /api/
    acl static path_end .css .js .png .jpg
    acl shop hdr(host) -i shop.example.org
    acl blog hdr_beg(host) -i blog.
    http-request set-header X-Forwarded-Proto http
    redirect prefix https://www.example.org code 301 if { hdr(host) -i example.org }
    use_backend first if api
    use_backend second if static
    use_backend third if shop
    use_backend fourth if blog
    default_backend fifth
"""
"""Four ACLs choose among five backends; the last one is left."""
SITES = "".join(
    f"backend {name}\n    balance leastconn\n{COOKIE}{WITH_COOKIES}"
    for name in ("first", "second", "third", "fourth", "fifth")
)
USUAL = "    balance leastconn\n    option forwardfor\n    option httpchk\n"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of configuration.

    defaults, listen: more lines of these sections. servers: of the listen section. sections: more of them.
    load: what its clients send (http_load.py). logged: each request is told to a syslog server.
    """

    name: str
    title: str
    defaults: str = ""
    listen: str = ""
    servers: str = SERVER
    sections: str = ""
    load: str = "varied"
    logged: bool = False


USUAL_KIND = Kind(
    "usual", "what most sites have",
    LOG, USUAL + COOKIE, WITH_COOKIES, load="cookies", logged=True,
)  # fmt: skip
PLAIN_KIND = Kind("plain", "no more than timeouts")
PARTS = (
    Kind("httplog", "option httplog", LOG, logged=True),
    Kind("forwardfor", "option forwardfor", listen="    option forwardfor\n"),
    Kind("cookie", "cookie insert indirect nocache", listen=COOKIE, servers=WITH_COOKIES, load="cookies"),
    Kind("captures", "four headers captured", listen=CAPTURES),
    Kind("use_backend", "use_backend by src among five", listen=CHOICE.replace("{", "{{").replace("}", "}}"),
         sections=CHOSEN),
    Kind("deny", "http-request deny that never holds", listen=DENY.replace("{", "{{").replace("}", "}}")),
)  # fmt: skip
RETURN = """    http-request return status 200 content-type text/html lf-string "<p>%[path]</p>\\nend\\n"
"""
"""An answer of the proxy's own, with the path in it."""
RULED = (
    Kind("rules", "ten rules over three ACLs", listen=RULES.replace("{", "{{").replace("}", "}}")),
    Kind("site", "a site: rules choose among five backends, forwardfor, cookie, httplog",
         LOG, SITE.replace("{", "{{").replace("}", "}}"), "", SITES, load="cookies", logged=True),
)  # fmt: skip
RETURN_KIND = Kind("return", "http-request return, with a sample in it", listen=RETURN)
"""No server is asked."""
LOADS = (
    Kind("headers", "requests of 64 headers, no more than timeouts", load="headers"),
    Kind("single", "one request a connection, no more than timeouts", load="single"),
)
"""The plain configuration under other loads."""
KINDS = {kind.name: kind for kind in (PLAIN_KIND, USUAL_KIND, *PARTS, *RULED, RETURN_KIND, *LOADS)}
"""By name."""
