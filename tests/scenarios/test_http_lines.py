"""Log lines of HTTP mode beside haproxy: variables, flags, captures, moments, ids, and which lines are wanted."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from tests.scenarios.actors import Actor, Doorman
from tests.scenarios.beside import Play, Scene, Stories, Told, differences

pytestmark = pytest.mark.reference

STORIES = Stories()

DEFAULTS = """
defaults
    mode http
    log {host}:514 len 8192 local0
    timeout connect 2s
    timeout client 300ms
    timeout server 300ms
    retries 1
"""
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
BAD = b"GET x\r\n\r\n"
TARGETS = (
    b"/x", b"/x?", b"/x?a=b?c", b"/x//y/?", b"http://a:80/p?q;f", b"http://a", b"http://a/", b'/"\\]{|}~`^<>',
    b"/" + b"x" * 1500 + b"?y", b"/?" + b'"' * 1500,
)  # fmt: skip
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
SWITCH = b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nhello"


def story(
    text: str, settings: str = "", apart: tuple[str, ...] = (), alone: bool = False
) -> Callable[[Play], Play]:
    """Register the function that follows as a story of HTTP mode."""
    apart = (*apart, "h1_open_connections", "idle_conn_cur", "srv_icur")  # idle links, which other stories tell of
    return STORIES.story(DEFAULTS + text, bare=True, settings=settings, alone=alone, apart=apart)


class Server:
    """Answers every request by what its target, or its header X-Answer, asks for."""

    def __init__(self, scene: Scene, port: int = 2000) -> None:
        self.scene = scene
        self.heads: list[bytes] = []
        self.door = scene.listen(port)
        threading.Thread(target=self._accept, args=(self.door,), daemon=True).start()

    def _accept(self, door: Doorman) -> None:
        door.sock.settimeout(None)
        with contextlib.suppress(OSError):
            while True:
                link, _ = door.sock.accept()
                threading.Thread(target=self._serve, args=(Actor(self.scene, "server", link),), daemon=True).start()

    def _serve(self, link: Actor) -> None:
        with contextlib.suppress(OSError), link.sock:
            while request := read_head(link):
                self.heads.append(request)
                link.sock.sendall(self._answer(request))

    @staticmethod
    def _answer(request: bytes) -> bytes:
        target = request.split(b" ")[1]
        special = {
            b"/silence": b"", b"/stall": OK.replace(b"3", b"9"), b"/nonsense": b"FOO\r\n\r\n", b"/switch": SWITCH,
            b"/500": OK.replace(b"200 OK", b"500 Oh"), b"/interim": b"HTTP/1.1 103 Early\r\nX-R: no\r\n\r\n" + OK,
            b"/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        }  # fmt: skip
        if found := re.search(rb"(?i)x-answer: ([^\r]*)", request):
            headers = b"".join(line + b"\r\n" for line in found[1].split(b";;"))
            return OK.replace(b"Content", headers + b"Content")
        return special.get(target, OK.replace(b"abc", b"") if request.startswith(b"HEAD") else OK)


def read_head(actor: Actor) -> bytes:
    """Read a head, b"" at the end."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = actor.sock.recv(1)
        if not byte:
            return b""
        data += byte
    return data


def ask(scene: Scene, request: bytes, port: int = 1000, lines: int = 1) -> None:
    """Let a client send this, which closes the connection, and wait for the line.

    The program is not asked how far it is: such sessions are counted with the requests.
    """
    client = scene.connect(port).send(request)
    with contextlib.suppress(OSError):
        while client.sock.recv(65536):
            pass
    client.close()
    scene.logged(lines)


def request(*headers: bytes, target: bytes = b"/x") -> bytes:
    """Return a request with these headers."""
    lines = (b"Host: a", b"Connection: close", *headers)
    return b"GET %b HTTP/1.1\r\n%b\r\n" % (target, b"".join(line + b"\r\n" for line in lines))


# captures

SLOTS = ("hr", "hs", "hrl", "hsl", "CC", "CS")
CAPTURED = "|".join(f"%{flags}{name}" for flags in ("", "{{+Q}}", "{{+E}}", "{{+Q,+E}}") for name in SLOTS)
CAPTURES = f"""
listen {{name}}
    bind {{host}}:1000
    log-format '{CAPTURED}'
    capture request header X-A len 8
    declare capture request len 10
    capture request header Host len 20
    capture request header x-a len 2
    capture request header Empty len 0
    capture response header Server len 5
    declare capture response len 10
    capture response header X-R len 50
    capture cookie SID len 20
    server s {{host}}:2000
"""
HEADERS: tuple[tuple[bytes, ...], ...] = (
    (), (b"X-A: 1", b"X-A: 2,3"), (b"X-A: 123456789012",), (b'x-a: a"b\\]{|}#',), (b"x-a: \x01\xe9\x7f\t b",),
    (b"x-a:",), (b"X-A: 1", b"X-A:"), (b"Empty: 5",), (b"Cookie: SID=1",), (b"Cookie: a=b; SID=123456789012345678",),
    (b"Cookie: SIDxx=1; SID=2",), (b"Cookie: SID",), (b"Cookie: SID = 5 ; a = b",), (b'Cookie: SID="a;b"; c=d',),
    (b"Cookie: $Version=1; SID=a,b; c=d",), (b"Cookie: a=b", b"Cookie: SID=a", b"Cookie: SID=b"), (b"Cookie: sid=a",),
    (b"Cookie: SID=",), (b'Cookie: a="x\\"; SID=1"; SID=2',), (b"Cookie:   ;;SID=a b c;",),
    (b'Cookie: SID=\xe9\x01"#{',), (b"Cookie2: SID=9",), (b"Cookie: a; b=c;SIDX; SID=7",),
    (b'X-Answer: Server: abcdefgh;;X-R: q"\\|{}#]',), (b"X-Answer: Server: a;;Server: b;;X-R:",),
    (b"X-Answer: Set-Cookie: SID=1; path=/",), (b"X-Answer: Set-Cookie: a=b;;Set-Cookie: SIDx=2;;Set-Cookie: SID=3",),
    (b"X-Answer: Set-Cookie: a=b, SID=2",), (b"X-Answer: Set-Cookie2: a=b, SID=2",),
    (b'X-Answer: Set-Cookie: SID = "a;b" ; x=y',), (b"X-Answer: Set-Cookie: SID=123456789012345678901",),
    (b"X-Answer: Set-Cookie: SID=;;Set-Cookie: SID=2",), (b"X-Answer: Set-Cookie: $x=1;;Set-Cookie:;;Set-Cookie: SID",),
)  # fmt: skip


@story(CAPTURES)
def captures(scene: Scene) -> None:
    """Headers and cookies in their slots: cut, repeated, missing, empty, with odd bytes, quoted and escaped."""
    server = Server(scene)
    for headers in HEADERS:
        ask(scene, request(*headers))
    ask(scene, request(target=b"/interim"))
    ask(scene, request(target=b"/nonsense"))
    ask(scene, BAD)
    for head in server.heads:
        scene.note(repr(head).replace(scene.host, "HOST"))


@story(
    """
listen {name}
    bind {host}:1000
    mode tcp
    log-format '%hr|%hs|%hrl|%hsl|%{{+Q}}hr|%{{+Q}}hsl'
    capture request header X-A len 8
    capture response header Server len 5
    declare capture response len 10
    server s {host}:2000
listen {name}.none
    bind {host}:1001
    log-format '1 %hr %hs 2 %hrl 3 %hr%hs 4'
    server s {host}:2000
listen {name}.some
    bind {host}:1002
    log-format '1 %hr %hs 2 %hrl 3 %hr%hs 4'
    capture response header Server len 5
    server s {host}:2000
listen {name}.cookie
    bind {host}:1003
    log-format '%CC|%CS|%{{+Q}}CC'
    capture cookie A len 0
    server s {host}:2000
listen {name}.persistent
    bind {host}:1004
    log-format '%CC|%CS|%tsc'
    capture cookie A len 20
    cookie A insert indirect
    server s {host}:2000 cookie one
    server t {host}:2000 cookie two
"""
)
def captures_elsewhere(scene: Scene) -> None:
    """In TCP mode slots are empty; without slots, and of what is no request, nothing is written, spaces included."""
    Server(scene)
    client = scene.connect(1000).send(GET)
    client.reads(40)
    client.close()
    scene.logged()
    for port in (1001, 1002):
        for text in (LAST, BAD):
            ask(scene, text, port)
    ask(scene, request(b"Cookie: A=1", b"X-Answer: Set-Cookie: A=1"), 1003)
    ask(scene, request(b"Cookie: A=two"), 1004)
    ask(scene, request(b"Cookie: A=two", b"X-Answer: Set-Cookie: A=three"), 1004)


# variables

FIELDS = (
    "%B %CC %CS %H %HM %HP %HPO %HQ %HU %HV %ID %ST %U %ac %b %bc %bq %f %fc %ft %lc %hr %hrl %hs %hsl %r %rc %rt %s "
    "%sc %sq %sslc %sslv %ts %tsc"
)
WIDE = "<" + FIELDS.replace(" ", "> <") + ">"
FLAGS = ("", "+Q", "+X", "+E", "+Q,+E", "+Q,+X")


def every_flag() -> str:
    """Return a section for each set of flags."""
    text = ""
    for number, flags in enumerate(FLAGS):
        given = f"%{{{{{flags}}}}}o " if flags else ""
        form = f"{given}{WIDE} [%t] [%tr] [%trg] [%trl] [%T] [%Tl]"
        name = f".{number}" if number else ""
        text += f"listen {{name}}{name}\n    bind {{host}}:{1000 + number}\n    log-format '{form}'\n"
        text += "    server s {host}:2000\n"
    return text


@story(every_flag(), alone=True)
def variables(scene: Scene) -> None:
    """Every variable under every flag, of requests of all kinds, and of what is no request."""
    Server(scene)
    requests = [request(target=target) for target in TARGETS]
    requests.append(request().replace(b"GET", b"A" * 1030))
    requests += [b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"GET /x HTTP/1.0\r\n\r\n", BAD]
    for number in range(len(FLAGS)):
        for text in requests if number in (0, 4) else (requests[2], requests[7], BAD):
            ask(scene, text, 1000 + number)


@story(
    """
listen {name}
    bind {host}:1000
    log-format '%ci:%cp %fi:%fp %bi:%bp %si:%sp %{{+Q}}bi %{{+Q,+X}}bi'
    server s {host}:2000
"""
)
def addresses(scene: Scene) -> None:
    """Addresses of both sides, of a link that is used again too, and of none."""
    Server(scene)
    client = scene.connect()
    for _ in range(3):
        client.send(GET)
        scene.logged()
    client.close()
    scene.until("FRONTEND", scur=0)
    ask(scene, BAD)


@story(
    """
listen {name}
    bind {host}:1000
    log-format '%{{+Q}}r %HU %HV %CC'
    capture cookie A len 30
    server s {host}:2000
""",
    settings="    tune.http.logurilen 20\n    tune.http.cookielen 10\n",
    alone=True,
)
def lengths(scene: Scene) -> None:
    """What logs show of a request line and of a cookie may be made shorter."""
    Server(scene)
    for target in (b"/", b"/123456789", b"/1234567890", b"/12345678901234567890"):
        ask(scene, request(b"Cookie: A=1234567890", target=target))


TIMES = "%ST %ts Ta=%Ta Tc=%Tc Td=%Td Th=%Th Ti=%Ti Tq=%Tq TR=%TR Tr=%Tr Tt=%Tt Tu=%Tu Tw=%Tw"
PAUSE = 0.4


@story(
    f"""
listen {{name}}
    bind {{host}}:1000
    timeout client 2s
    log-format '{TIMES}'
    server s {{host}}:2000
listen {{name}}.greeted
    bind {{host}}:1001 accept-proxy
    timeout client 2s
    log-format '{TIMES}'
    server s {{host}}:2000
listen {{name}}.impatient
    bind {{host}}:1002
    log-format '{TIMES}'
    timeout client 2s
    timeout http-request 600ms
    timeout http-keep-alive 1s
    server s {{host}}:2000
"""
)
def times(scene: Scene) -> None:
    """From which moment to which each time counts: pauses before, within and behind requests."""
    Server(scene)
    pauses: tuple[tuple[bytes, ...], ...] = (
        (GET, b"", GET), (b"", GET), (b"GET", b" /x HTTP/1.1\r\n\r\n"), (b"", b"GET", b" /x HTTP/1.1\r\n\r\n"),
        (b"\r\n", GET), (GET, b"\r\n", GET), (GET, b"GET", b" /x HTTP/1.1\r\n\r\n"), (b"", b"GET x\r\n\r\n"),
        (b"GET", b" x\r\n\r\n"), (GET, b"GET x\r\n\r\n"), (GET + BAD,), (GET + b"GET", b" / HTTP/1.1\r\n\r\n"),
    )  # fmt: skip
    threads = [threading.Thread(target=_paused, args=(scene, 1000, pieces)) for pieces in pauses]
    threads.append(threading.Thread(target=_paused, args=(scene, 1001, (b"", b"PROXY UNKNOWN\r\n", GET, GET))))
    for pieces in ((b"", b"GET"), (b"GET", b" "), (GET, b"GET"), (b"", b"\r\n"), (GET, b"\r\n"), ()):
        threads.append(threading.Thread(target=_paused, args=(scene, 1002, (*pieces, b"", b"", b""))))
    for thread in threads:
        thread.start()
        thread.join(0.05)
    for thread in threads:
        thread.join()
    scene.left()
    scene.lines[:] = sorted(
        scene.read_log(), key=lambda line: (line.text, [round(time / 200) for time in line.times])
    )


def _paused(scene: Scene, port: int, pieces: Iterable[bytes]) -> None:
    client = scene.connect(port)
    stop = threading.Event()
    for piece in pieces:
        if piece:
            client.send(piece)
        stop.wait(PAUSE)
    client.close()


# when a line is written

ALONE = (
    FIELDS + " %Ta %Tc %Td %Th %Ti %Tq %TR %Tr %Tt %Tu %Tw %bi %ci %cp %fi %fp %si %T %t %tr %Ts %ms %pid x"
).split()
AFTER = (
    "%r %f %b", "%r %t %ms", "%r %ST", "%HM %ci", "%r %B", "%rt %hr", "%[src]", "%[rand(1)]", "%r %[rand(1)]",
    "%f %[str(x)]", "%r %[src] %B", "%[be_name] %hr", "%{{+Q}}[int(1)] %t",
)  # fmt: skip


def every_moment(options: str = "") -> str:
    """Return a section for each format."""
    text = ""
    for number, form in enumerate((*ALONE, *AFTER)):
        name = f".{number}" if number else ""
        text += f"listen {{name}}{name}\n    bind {{host}}:{1000 + number}\n    log-format '#{number} {form}'\n"
        text += f"    timeout client 9s\n    timeout server 9s\n    {options}\n    server s {{host}}:2000\n"
    return text


def _moments(scene: Scene) -> None:
    door = scene.listen(2000)
    for number in range(len(ALONE) + len(AFTER)):
        client = scene.connect(1000 + number).send(GET)
        link = door.accept()
        read_head(link)
        counts = [_count(scene, number)]
        link.send(OK[:-2])
        read_head(client)
        counts.append(_count(scene, number))
        link.send(OK[-2:])
        client.reads(3)
        link.close()
        client.close()
        scene.until("FRONTEND", scur=0) if not number else None
        counts.append(_count(scene, number, least=1))
        scene.note(f"{(*ALONE, *AFTER)[number]}: {counts}")
    scene.lines.clear()


def _count(scene: Scene, number: int, least: int = 0) -> int:
    from tests.running import wait_for

    def found() -> list[str]:
        return [line.raw for line in scene.read_log() if f"#{number} " in line.raw]

    if least:
        wait_for(lambda: len(found()) >= least, 6, f"the line of {number}")
    else:
        scene.turn()  # lines of one turn leave at its end, behind the bytes that the client has read
    return len(found())


@story(every_moment())
def moments(scene: Scene) -> None:
    """A line is written as soon as all is known that it names; what tells of the request alone is written twice."""
    _moments(scene)


@story(every_moment("option logasap"))
def moments_of_logasap(scene: Scene) -> None:
    """With `option logasap` no line waits for the end."""
    _moments(scene)


KINDS = (
    b"/x", b"/silence", b"/stall", b"/nonsense", b"/500", b"/interim", b"/chunks",
)  # fmt: skip
UPGRADE = b"GET /switch HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n"


def _all_kinds(scene: Scene, unwanted: tuple[bytes, ...] = (), twice: tuple[bytes, ...] = ()) -> None:
    Server(scene)
    every = [request(target=target) for target in KINDS]
    every += [UPGRADE, b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n", BAD, b"GET", b""]
    every += [b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc"]
    every += [b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"]
    for text in every:
        client = scene.connect()
        if text:
            client.send(text)
        client.ends()
        scene.until("FRONTEND", scur=0)


def _plain_clf(text: str) -> str:
    """Return a line without its port, milliseconds, times and load of the process."""
    text = re.sub(r'(?<="" "" )\d+ \d{3}', "PORT MS", text)

    def timeless(found: re.Match[str]) -> str:
        return " ".join("-1" if time == "-1" else "T" for time in found[1].split()) + f" {found[2]} ALL"

    return re.sub(r"((?:-?\d+ ){5})(\S{4}) \d+", timeless, text)


OPTIONS = {
    "httplog": "option httplog",
    "logasap": "option httplog\n    option logasap",
    "clf": "option httplog clf",
    "dontlog-normal": "option httplog\n    option dontlog-normal",
    "dontlognull": "option httplog\n    option dontlognull",
    "log-separate-errors": "option httplog\n    option log-separate-errors\n    log-tag other",
    "all": "option httplog\n    option log-separate-errors\n    option logasap\n    option dontlog-normal",
    "none": "",
    "request-alone": "log-format '%r %lc'",
    "request-alone-errors": "log-format '%r %lc'\n    option dontlog-normal",
    "named": "log-format '%U %{{+Q}}r %B %ST %ts %fc/%bc/%sc/%rc Ta=%Ta Tt=%Tt Tu=%Tu'\n    option logasap",
}


def _register(name: str, words: str) -> None:
    def play(scene: Scene) -> None:
        """Requests of all kinds: good, silent, stalled, broken, switched, cut short, and none at all."""
        _all_kinds(scene)
        if name == "clf":
            scene.lines[:] = [replace(line, text=_plain_clf(line.text)) for line in scene.read_log()]

    play.__name__ = name
    text = f"listen {{name}}\n    bind {{host}}:1000\n    {words}\n    server s {{host}}:2000\n"
    story(text)(play)


for name_, words_ in OPTIONS.items():
    _register(name_, words_)


# unique ids

ID = "%f-%b/%s-%{{+Q}}r-%ST-%TR-%Tw-%Tt-%ID-%bi-%bp-%ac-%fc-%lc-%rt-%CC-%{{+Q}}CC-%hr"


@story(
    f"""
listen {{name}}
    bind {{host}}:1000
    log-format '%ID|%rt|%lc'
    unique-id-format {ID}
    unique-id-header X-Unique-ID
    capture request header Host len 4
    capture cookie a len 8
    option forwardfor
    server s {{host}}:2000
listen {{name}}.logged
    bind {{host}}:1001
    log-format '%ID|%rt|%lc'
    unique-id-format {ID}
    server s {{host}}:2000
listen {{name}}.twice
    bind {{host}}:1002
    log-format '%rt|%lc'
    unique-id-format %rt-%lc
    unique-id-header X-Unique-ID
    server s {{host}}:2000
listen {{name}}.without
    bind {{host}}:1003
    log-format '%ID|%rt|%lc'
    unique-id-header X-Unique-ID
    server s {{host}}:2000
frontend {{name}}.redirected
    bind {{host}}:1004
    log-format '%ID'
    unique-id-format %ST-%b-%rt-%tsc
    redirect location /elsewhere
""",
    alone=True,
)
def unique_ids(scene: Scene) -> None:
    """Each request has an id, made before it goes to a server, in its header and in its line."""
    server = Server(scene)
    for port, lines in ((1000, 1), (1001, 1), (1002, 2), (1003, 1), (1004, 1)):
        for _ in range(2):
            ask(scene, request(b"Cookie: a=b", b"X-Unique-Id: mine"), port, lines)
        ask(scene, BAD, port)
    for head in server.heads:
        scene.note(repr(head).replace(scene.host, "HOST"))


# connections that fail before

@story(
    """
listen {name}
    bind {host}:1000 accept-proxy
    option httplog
    error-log-format '%ci:%cp [%tr] %ft %ST %ts %tsc %{{+Q}}r %HM %HU %HQ %CC %hr %s %lc'
    capture request header Host len 4
    server s {host}:2000
listen {name}.fixed
    bind {host}:1001 accept-proxy name entrance
    option httplog
    option log-separate-errors
    server s {host}:2000
listen {name}.none
    bind {host}:1002 accept-proxy
    server s {host}:2000
""",
    apart=("h1_total_connections",),
)
def failed_connections(scene: Scene) -> None:
    """A connection without its PROXY header is told in the error format, with variables of HTTP mode too."""
    Server(scene)
    for port in (1000, 1001):
        scene.connect(port).send(b"no header at all, really").ends(reset=False).close()
        scene.logged()
    scene.connect(1002).send(b"no header at all, really").ends(reset=False).close()
    ask(scene, b"PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n" + LAST, 1000)
    ask(scene, b"PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n" + LAST, 1002)


@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Lines, and what actors see, are the same with either program."""
    assert not differences(told[name])
