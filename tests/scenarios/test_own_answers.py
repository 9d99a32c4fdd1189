"""What the proxy itself answers, told beside haproxy: pages, redirections, monitoring; with log and counters."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.scenarios.actors import Actor
from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.beside import tell as tell_all
from tests.scenarios.http_actors import DEFAULTS

pytestmark = pytest.mark.reference

PAGES = Path(__file__).parent / "pages"
STORIES = Stories()
FIRST_PORT = 1001

GET = b"GET /x/y?z=1 HTTP/1.1\r\nHost: a.b:8\r\n\r\n"
HEAD = b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n"
OLD = b"GET /x HTTP/1.0\r\n\r\n"
OLD_KEPT = b"HEAD /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
EXPECTING = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
EMPTY_POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
ABSOLUTE = b"GET http://a/c?d=1 HTTP/1.1\r\nHost: a\r\n\r\n"
BARE = b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"
STAR = b"OPTIONS * HTTP/1.1\r\nHost: a, b\r\n\r\n"
CONNECT = b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"
UPGRADE = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: z\r\n\r\n"
SLASHES = b"GET //e.f/x?? HTTP/1.0\r\n\r\n"
BAD = b"GET x\r\n\r\n"
SEVERAL = (GET, HEAD, OLD, OLD_KEPT)


def converse(scene: Scene, port: int, request: bytes) -> None:
    """Ask, read the answer, and ask again where it lets the connection stay; put all of it down."""
    client = scene.connect(port)
    client.send(request)
    answer = _answer(client, request)
    if answer.endswith(b"\1"):
        client.send(b"GET /again HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    answer += b"".join(iter(lambda: client.sock.recv(65536), b""))
    text = answer.replace(scene.host.encode(), b"HOST").replace(b"x" * 1000, b"...")
    scene.note(f"{port} {request!r}: {text!r}")
    client.close()


def _answer(client: Actor, request: bytes) -> bytes:
    """Return an answer, ended by a byte 1 where its length tells that it is whole, and that the connection stays."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.sock.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"\r\ncontent-length: (\d+)", head)  # what is told before there is a request has capitals
    if b" 204 " in head:
        length = 0
    elif found is None:
        return data
    else:
        length = 0 if request.startswith(b"HEAD") or b" 304 " in head else int(found[1])
    while len(body) < length:
        piece = client.sock.recv(65536)
        body += piece
        data += piece
    kept = b"keep-alive" in head or (not request.endswith(OLD[-12:]) and head.startswith(b"HTTP/1.1"))
    return data + b"\1" if kept and b"connection: close" not in head else data


def tell(
    name: str, sections: tuple[str, ...], requests: tuple[bytes, ...] = SEVERAL, *, rest: str = "", unlogged: int = 0,
    begin: str = "", apart: tuple[str, ...] = (),
) -> None:  # fmt: skip
    """Register a story: each section, at a port of its own, is asked these requests.

    rest: further sections; begin: those in front. unlogged: how many of the exchanges leave no line.
    apart: columns of `show stat` that differ for a known reason.
    """
    text = begin
    for number, words in enumerate(sections):
        kind, _, words = words.partition(":")
        text += f"\n{kind} {{name}}.{number}\n    bind {{host}}:{FIRST_PORT + number}\n    {words}\n"

    def play(scene: Scene) -> None:
        """Clients ask."""
        for number in range(len(sections)):
            for request in requests:
                converse(scene, FIRST_PORT + number, request)
        scene.logged(_exchanges(scene) - unlogged)

    play.__name__ = name
    STORIES.story(DEFAULTS + text + rest, bare=True, apart=apart)(play)


def _exchanges(scene: Scene) -> int:
    """Return how many exchanges there were: one a conversation, and one more where the client was let ask again."""
    return len(scene.seen) + sum("\\x01" in text for text in scene.seen)


def _page(name: str) -> str:
    return f"errorfile 503 {PAGES}/{name}.http"


# pages

WHOLE = (
    "closing", "bare-lines", "nothing", "sized", "sized-old", "sized-closing", "kept", "upgrade", "no-body",
    "not-found", "no-content", "not-modified", "switching", "later",
)  # fmt: skip
tell("files", tuple("listen:" + _page(name) for name in WHOLE))
tell("built-in", ("listen:", "listen:option httpclose", "frontend:"), (*SEVERAL, POST, CHUNKED, EXPECTING, CONNECT))
tell(
    "elsewhere",
    ("listen:errorloc 503 /x?y", "listen:errorloc302 503 'http://a/ b'", "frontend:errorloc303 503 http://a/x"),
)
COMPOSED = (
    "",
    "content-type text/plain string hello",
    f"content-type a/b lf-file {PAGES}/format.txt",
    f"content-type a/b file {PAGES}/format.txt",
    f"content-type a/b file {PAGES}/large.txt",
    f"file {PAGES}/nothing.http",
    "content-type a/b string x hdr X-Foo %ci hdr x-foo ' a %HM ' hdr Content-Type z hdr Connection close",
    "hdr Connection upgrade hdr A b",
    "content-type a/b lf-string '%f %b  %s %HM %HU %HP %HQ %HV %ST %B %U %tsc %{{+Q}}r %rc'",
    "content-type a/b lf-string '[%bi %bp %si %sp %ID %CC %hr] '",
    "content-type a/b lf-string '%TR/%Tw/%Tc/%Tr %{{+Q}}si %{{+X}}ci %{{+X}}si %{{+Q}}ID %sslc %fc/%sc/%lc '",
    f"errorfile {PAGES}/a.http",
)
tell("composed", tuple(f"listen:http-error status 503 {words}" for words in COMPOSED))
tell(
    "composed-of-the-server",
    (
        "listen:retries 0\n    server s {host}:{free}\n"
        "    http-error status 503 content-type a/b lf-string '%s %si %rc %Tw %ST %tsc'",
    ),
    (GET,),
)
HTTP_ERRORS = f"""
http-errors {{name}}-a
    {_page("a")}
    errorfile 400 /dev/null
http-errors {{name}}-b
    {_page("b")}
    errorfile 404 {PAGES}/not-found.http
"""
tell(
    "of-groups",
    (
        "listen:errorfiles {name}-a 503\n    errorfiles {name}-b",
        "listen:errorfiles {name}-b\n    errorfiles {name}-a",
        "listen:errorfiles {name}-a\n    http-error status 503 default-errorfiles",
        "listen:http-error status 503 errorfiles {name}-a\n    http-error status 400 errorfiles {name}-a",
        f"listen:{_page('c')}\n    errorfiles {{name}}-a",
        f"listen:errorfiles {{name}}-a\n    {_page('c')}",
        f"listen:{_page('c')}\n    errorfiles {{name}}-b 404",
    ),
    (GET, BAD),
    rest=HTTP_ERRORS,
)
tell(
    "of-frontends-and-backends",
    (
        f"frontend:{_page('a')}\n    use_backend {{name}}.own",
        f"frontend:{_page('a')}\n    use_backend {{name}}.none",
        f"frontend:{_page('a')}\n    use_backend {{name}}.default",
        f"frontend:{_page('a')}",
    ),
    (GET,),
    rest=f"""
backend {{name}}.own
    {_page("b")}
backend {{name}}.none
backend {{name}}.default
    http-error status 503 default-errorfiles
""",
)
tell(
    "of-defaults",
    (
        "listen:",
        f"listen:{_page('a')}",
        "listen:http-error status 503 default-errorfiles",
        "listen:errorfiles {name}-b 404",
    ),
    (GET,),
    begin=f"    {_page('c')}\n",
    rest=HTTP_ERRORS,
)
EARLY = "\n    ".join(f"errorfile {status} {{}}" for status in (400, 408, 413, 422))
tell(
    "before-there-is-a-request",
    tuple(
        f"listen:timeout http-request 100ms\n    {words}"
        for words in (
            "",
            EARLY.replace("{}", "/dev/null"),
            EARLY.replace("{}", f"{PAGES}/a.http"),
            "errorloc 400 /x\n    http-error status 408 content-type a/b string x",
        )
    ),
    (
        BAD,
        b"GET / HT",
        b"",
        POST.replace(b"Content-Length: 3", b"Transfer-Encoding: gzip, chunked"),
        OLD.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc"),
        CHUNKED.replace(b"1\r\na", b"zz\r\na"),
    ),
)
tell(
    "null-connections",
    tuple(
        f"listen:timeout http-request 100ms\n    {words}"
        for words in (
            "option dontlognull",
            "option dontlognull\n    errorfile 408 /dev/null",
            "option http-ignore-probes",
        )
    ),
    (b"",),
    unlogged=3,
)

# redirections

PLACES = (
    "location /x", "location /x code 301", "location http://a/%ci?%[src] code 303",
    "location 'a b' code 307 ignore-empty", "location /x code 308 set-cookie A",
    "code 302 location /x drop-query append-slash set-cookie A=1",
    "location /x clear-cookie B", "location /x set-cookie A clear-cookie B=", "location /x prefix /p",
)  # fmt: skip
tell(
    "to-a-place",
    (*(f"frontend:redirect {words}" for words in PLACES), "listen:redirect location /l"),
    (GET, HEAD, OLD, OLD_KEPT, POST, EMPTY_POST, EXPECTING, CHUNKED, CONNECT, UPGRADE),
)
tell(
    "to-the-same-path",
    tuple(
        f"frontend:redirect {words}"
        for words in (
            "prefix http://b", "prefix /", "prefix / drop-query", "prefix /p drop-query append-slash",
            "prefix /p/ append-slash", "scheme https", "scheme https drop-query append-slash code 301",
        )
    ),
    (GET, ABSOLUTE, BARE, STAR, CONNECT, SLASHES, GET.replace(b"Host", b"X")),
)  # fmt: skip
tell(
    "under-conditions",
    (
        "frontend:acl here dst_port 1001\n    redirect location /no unless here\n    redirect location /yes if here",
        "frontend:use_backend {name}.b\n    redirect location /no if FALSE or",
        "listen:redirect location /no if\n    redirect location /twice if TRUE",
        "listen:option httpclose\n    redirect location /x",
    ),
    (GET, POST),
    rest="""
backend {name}.b
    redirect location /no if {{ dst_port 1 }}
    redirect prefix /b
    server s {host}:{free}
""",
)
tell(
    "to-the-server-itself",
    (
        "listen:server s {host}:{free} redir http://x.y\n    retries 0",
        f"frontend:use_backend {{name}}.b\n    {_page('a')}",
    ),
    (GET, HEAD, OLD, ABSOLUTE, BARE, STAR, POST, POST.replace(b"POST", b"GET")),
    rest="""
backend {name}.b
    retries 0
    server s1 {host}:{free} redir /a/
    server s2 {host}:{free}
""",
    apart=("smax",),
)

# monitoring

PROBES = tuple(
    b"%b %b HTTP/1.1\r\nHost: a\r\n\r\n" % (method, target)
    for method, target in ((b"GET", b"/m"), (b"HEAD", b"/m"), (b"POST", b"http://a/m"), (b"OPTIONS", b"/m"))
)
MONITORS = (
    "monitor-uri /m", "monitor-uri /m\n    monitor fail if TRUE\n    redirect location /x",
    f"monitor-uri /m\n    monitor fail unless TRUE\n    monitor fail if {{{{ dst_port lt 2000 }}}}\n    {_page('a')}",
    "monitor-uri /m\n    monitor fail if FALSE or\n    option dontlognull\n    errorloc 200 /foo",
)  # fmt: skip
tell("alive", tuple(f"{kind}:{words}" for kind in ("frontend", "listen") for words in MONITORS), PROBES, unlogged=32)
tell(
    "not-monitored",
    (
        "frontend:monitor-uri m",
        "frontend:monitor-uri http://a/m",
        "frontend:monitor-uri /m?x",
        "frontend:monitor fail if TRUE",
    ),
    (PROBES[0], PROBES[0].replace(b"/m", b"/M"), PROBES[0].replace(b"/m", b"/m?y")),
)
tell("monitored-with-a-body", ("listen:monitor-uri /x",), (POST, EXPECTING, CHUNKED), unlogged=3)
tell(
    "monitored-in-absolute-form",
    ("frontend:monitor-uri http://a/m", "frontend:monitor-uri /m\n    errorfile 200 /dev/null"),
    (PROBES[2],),
    unlogged=2,
)


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest) -> dict[str, Told]:
    """Tell the stories that were asked for."""
    return tell_all(STORIES.asked(request))


@pytest.mark.parametrize("name", STORIES.by_name)
def test_answers_are_the_same(name: str, told: dict[str, Told]) -> None:
    """Clients get the same bytes from either program, the log says the same, and so do the counters."""
    assert not differences(told[name])
