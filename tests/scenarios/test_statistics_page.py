"""The statistics page beside haproxy's: its forms, who may see it, changes of servers, and what all that counts."""

from __future__ import annotations

import csv

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import DEFAULTS, OK, head

pytestmark = pytest.mark.reference

STORIES = Stories()
SHORT = DEFAULTS.replace("%B ", "").replace("%TR/%Tc/%Ta ", "")
"""Without the bytes of answers, and their times: pages are not alike."""
SITE = "\nlisten {name}\n    bind {host}:1000\n    server s {host}:2000 cookie c\n    server t {host}:2001 disabled\n"
TOLD = ("cache-control", "content-type", "refresh", "location", "www-authenticate")


def ask(scene: Scene, target: str, *headers: str, method: str = "GET", form: str | None = None) -> str:
    """Send a request on a connection of its own, put down what is told of the answer, and return its body."""
    client = scene.connect()
    lines = [f"{method} {target} HTTP/1.1", "Host: a", "Connection: close", *headers]
    if form is not None:
        lines.append(f"Content-Length: {len(form)}")
    client.send("\r\n".join([*lines, "", form or ""]).encode())
    data = b"".join(iter(lambda: client.sock.recv(65536), b""))
    client.sock.close()
    top, _, body = data.partition(b"\r\n\r\n")
    status, *fields = top.decode().split("\r\n")
    told = sorted(field for field in fields if field.partition(":")[0].lower() in TOLD)
    scene.note(f"{method} {target} {form or ''}: {status} | {' | '.join(told)}")
    return body.decode("latin-1")


def lines_of(body: str) -> list[str]:
    """Return the lines of CSV in a body, which may be in chunks."""
    return [line for line in body.replace("\r\n", "\n").split("\n") if line.count(",") > 50]


@STORIES.story(
    SHORT + SITE + "    stats uri /s?x\n    stats refresh 7s\n    stats scope .\n", bare=True, apart=("bout", "smax")
)
def forms(scene: Scene) -> None:
    """Each form has its content type; a refresh that is not stopped; other methods and targets go to the server."""
    for target in ("/s?x;csv", "/s?x;json", "/s?x;typed", "/s?x;csv;norefresh", "/s?x/more;csv", "http://a/s?x;csv"):
        ask(scene, target)
    ask(scene, "/s?x;csv", method="HEAD")
    door = scene.listen(2000)
    for method, target in (("GET", "/s"), ("GET", "/s?y"), ("PUT", "/s?x"), ("DELETE", "/s?x;csv")):
        client = scene.connect()
        client.send(f"{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode())
        link = door.accept()
        head(link)
        link.send(OK)
        head(client)
        client.close()
        link.close()
    scene.logged(11)
    scene.left()


ROWS = """
defaults
    mode http
    timeout connect 2s
    timeout client 2s
    timeout server 2s

frontend {name}
    bind {host}:1000
    stats enable
    stats uri /s
    stats scope {name}.b
    default_backend {name}.b

frontend {name}.f
    bind {host}:1001
    stats uri /s
    stats show-legends
    default_backend {name}.b

backend {name}.b
    cookie C insert
    server s {host}:2000 cookie c
    server t {host}:2001 disabled cookie d
"""


@STORIES.story(ROWS, bare=True, apart=("bout", "smax"))
def rows(scene: Scene) -> None:
    """The scope, `;up`, `;no-maint` and `scope=` choose rows, `show-legends` what stands in some columns."""
    for port, target in (
        (1000, "/s;csv"), (1000, "/s;csv;up"), (1000, "/s;csv;no-maint"), (1000, "/s?scope=NOPE;csv"),
        (1000, f"/s?scope={scene.name.upper()}.b;csv"), (1001, "/s;csv"),
    ):  # fmt: skip
        client = scene.connect(port)
        client.send(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        body = b"".join(iter(lambda sock=client.sock: sock.recv(65536), b"")).decode()  # type: ignore[misc]
        client.sock.close()
        header, *others = lines_of(body)
        for row in csv.DictReader([header.removeprefix("# "), *others]):
            if row["pxname"].startswith(scene.name):
                shown = (row["pxname"], row["svname"], row["status"], row["addr"], row["cookie"], row["algo"])
                scene.note(f"{target}: {' '.join(shown).replace(scene.host, 'HOST')}")
    scene.left()


@STORIES.story(
    SHORT + SITE + "    stats uri /s\n    stats admin if {{ hdr(x-admin) yes }}\n", bare=True, apart=("smax",)
)
def changes(scene: Scene) -> None:
    """A form changes servers, and the answer tells what became of it; without the condition nothing is changed."""
    admin, name = "X-Admin: yes", scene.name
    ask(scene, "/s", method="POST", form=f"s=s&b={name}&action=maint")
    for form in (
        f"s=s&b={name}&action=maint", f"s=t&s=s&b={name}&action=ready", f"action=drain&b={name}&s=s",
        f"s=s&s=nobody&b={name}&action=ready", f"s=nobody&b={name}&action=ready", "s=s&b=nobody&action=ready",
        f"s=s&b={name}&action=explode", f"s=s&b={name}", f"b={name}&action=maint", "", f"s=%73&b={name}&action=maint",
        *(f"s=s&b={name}&action={action}" for action in (
            "enable", "enable", "disable", "stop", "start", "ready", "dhlth", "ehlth", "hdown", "hnolb", "hrunn",
            "dagent", "eagent", "arunn", "adown", "shutdown",
        )),
    ):  # fmt: skip
        ask(scene, "/s", admin, method="POST", form=form)
        scene.note(f"{scene.row('s')['status']} {scene.row('t')['status']}")
    ask(scene, "/s;up;norefresh;csv?scope=abc", admin, method="POST", form=f"s=s&b={name}&action=ready")
    scene.logged(29)
    scene.left()


LOGIN = "    no log\n    stats uri /s\n    stats auth u:p:q\n    stats auth v:w\n"
RULES = """    no log
    stats uri /s
    stats http-request deny if {{ hdr(x) no }}
    stats http-request allow if {{ hdr(x) yes }}
    stats http-request auth realm R
"""


# HAProxy 2.6.12 has a line with status 400 for an answer 401, the bytes of both, and two aborts (docs/differences.rst)
ASKED = ("bout", "smax", "cli_abrt")


def log_in(scene: Scene, *values: str) -> None:
    """Ask for the page with each of these Authorization headers."""
    for value in values:
        ask(scene, "/s;csv", f"Authorization: {value}")
    scene.left()


@STORIES.story(SHORT + SITE + LOGIN, bare=True, apart=ASKED)
def logins(scene: Scene) -> None:
    """The page asks for a name and a password, in its default realm; of several users each has its own."""
    ask(scene, "/s")
    log_in(scene, "Basic dTpwOnE=", "basic djp3", "Basic dTp3", "Basic djpwOnE=", "Basic !!", "Bearer djp3")


@STORIES.story(SHORT + SITE + LOGIN + "    stats realm The\\ Realm\n", bare=True, apart=ASKED)
def realms(scene: Scene) -> None:
    """The realm is that which is said."""
    ask(scene, "/s")
    scene.left()


@STORIES.story(SHORT + SITE + RULES, bare=True, apart=ASKED)
def rules(scene: Scene) -> None:
    """`stats http-request` refuses, lets in, and asks for a password, for the page alone."""
    for value in ("no", "yes", "other"):
        ask(scene, "/s;csv", f"X: {value}")
    scene.left()


BACKEND = """
frontend {name}
    bind {host}:1000
    default_backend {name}.b
    use_backend {name}.c if {{ path_beg /c }}

backend {name}.b
    stats uri /s
    server s {host}:2000

backend {name}.c
    stats uri /c
    stats auth u:p
    server s {host}:2000
"""


@STORIES.story(SHORT + BACKEND, bare=True, apart=("bout", "smax"))
def of_backends(scene: Scene) -> None:
    """The page of a backend is counted there; it changes nothing about the server."""
    for target in ("/s;csv", "/s;typed", "/s;csv"):
        ask(scene, target)
    ask(scene, "/c;csv", "Authorization: Basic dTpw")
    scene.logged(4)
    scene.left()


TRAFFIC = """    stats uri /s
    stats scope .
    http-request deny if {{ path /denied }}
    retries 1
    timeout connect 100ms
"""


@STORIES.story(SHORT + SITE + TRAFFIC, bare=True, apart=("bout", "smax"))
def traffic(scene: Scene) -> None:
    """The page and the runtime socket tell the same of good, bad, denied, retried and failed requests."""
    ask(scene, "/")  # nobody listens
    door = scene.listen(2000)
    for request in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"):
        client = scene.connect()
        client.send(request)
        link = door.accept()
        head(link)
        link.send(OK.replace(b"200 OK", b"204 No Content\r\nX: y"))
        head(client)
        client.close()
        link.close()
    ask(scene, "/denied")
    client = scene.connect()
    client.send(b"GET bad\r\n\r\n")
    head(client)
    client.close()
    scene.logged(5)
    scene.left()
    page = {line.split(",")[1]: line for line in lines_of(ask(scene, "/s;csv")) if line.startswith(scene.name)}
    scene.logged()
    scene.left()
    table = scene.order(f"show stat {scene.name} -1 -1").splitlines()
    socket = {line.split(",")[1]: line for line in table if line.startswith(scene.name)}
    scene.note(f"{sorted(page) == sorted(socket)} {len(page['s'].split(','))}")


@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Answers, log lines, counters and states are those of haproxy."""
    found = differences(told[name])
    assert not found, "\n".join([name, *found])
