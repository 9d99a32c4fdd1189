"""When variables begin and end, and slots of captures that converters fill, told beside haproxy."""

from __future__ import annotations

import pytest

from tests.scenarios.beside import Scene, Stories, Told, differences
from tests.scenarios.http_actors import OK, head, serve, story

pytestmark = pytest.mark.reference

STORIES = Stories()

SCOPES = ("sess", "txn", "req", "res")
SHOWN = "|".join(f"%[var({scope}.{{0}})]" for scope in SCOPES)
SET = "|".join(f"%[str({{0}}),set-var({scope}.{{0}})]" for scope in SCOPES)
"""Sets a variable of each scope, and tells which were set."""


def rule(kind: str, name: str, text: str) -> str:
    """Return a rule that writes a format into a header."""
    return f"    {kind} set-header {name} <{text}>\n"


PLACES = f"""
frontend {{name}}
    bind {{host}}:1000
    default_backend {{name}}.b
{rule("http-request", "A-Before", SHOWN.format("a") + SHOWN.format("d"))}\
{rule("http-request", "A-Set", SET.format("a"))}\
{rule("http-request", "A-Seen", SHOWN.format("a"))}\
{rule("http-response", "D-Before", SHOWN.format("a") + SHOWN.format("b") + SHOWN.format("c"))}\
{rule("http-response", "D-Set", SET.format("d"))}\
{rule("http-response", "D-Seen", SHOWN.format("d"))}\
backend {{name}}.b
    server s {{host}}:2000
{rule("http-request", "B-Before", SHOWN.format("a"))}\
{rule("http-request", "B-Set", SET.format("b"))}\
{rule("http-request", "B-Seen", SHOWN.format("b"))}\
{rule("http-response", "C-Before", SHOWN.format("a") + SHOWN.format("b"))}\
{rule("http-response", "C-Set", SET.format("c"))}\
{rule("http-response", "C-Seen", SHOWN.format("c"))}\
"""
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


@story(STORIES, PLACES)
def scopes(scene: Scene) -> None:
    """Of three requests on one connection, and one on another, each sees what is left of those before it."""
    door = scene.listen(2000)
    serve(scene, scene.connect(), door, (GET, GET, GET))
    serve(scene, scene.connect(), door, (GET,))


UNSET = f"""
listen {{name}}
    bind {{host}}:1000
    server s {{host}}:2000
{rule("http-request", "A-Set", SET.format("a"))}\
{rule("http-request", "A-Unset", "|".join(f"%[str(x),unset-var({scope}.a)]" for scope in SCOPES))}\
{rule("http-request", "A-Seen", SHOWN.format("a"))}\
{rule("http-request", "Again", "|".join(f"%[str(x),set-var({scope}.a,ifexists)]" for scope in SCOPES))}\
{rule("http-request", "Known", "%[str(x),set-var(txn.k,ifset)]%[str(y),set-var(txn.k,ifexists)]%[var(txn.k)]")}\
{rule("http-request", "Count", "%[var(sess.n,0),add(1),set-var(sess.n)]")}\
{rule("http-request", "Most", "%[var(sess.n),mul(3),set-var(sess.m,ifgt)]%[var(sess.m)]")}\
{rule("http-response", "Unset", "%[str(x),unset-var(req.a)]%[str(x),unset-var(res.a)]")}\
"""


@story(STORIES, UNSET)
def unset(scene: Scene) -> None:
    """What is forgotten is not there, in the scopes of the moment; conditions look at what earlier requests left."""
    serve(scene, scene.connect(), scene.listen(2000), (GET, GET, GET))


SLOTS = f"""
listen {{name}}
    bind {{host}}:1000
    server s {{host}}:2000
    capture request header Host len 4
    declare capture request len 3
    declare capture response len 2
    log-format "%hr %hs %hrl"
{rule("http-request", "A", "%[str(abcdef),capture-req(1)]|%[path,capture-req(0)]|%[str(x),capture-req(2)]")}\
{rule("http-response", "B", "%[status,capture-res(0)]|%[str(x),capture-res(1)]|%[str(y),capture-req(-1)]")}\
"""


@story(STORIES, SLOTS)
def slots(scene: Scene) -> None:
    """Converters fill slots of `capture` and `declare capture`, cut to their length, and the log line has them."""
    serve(scene, scene.connect(), scene.listen(2000), (GET, GET))


OWN = f"""
frontend {{name}}
    bind {{host}}:1000
    default_backend {{name}}.b
{rule("http-request", "A-Set", SET.format("a"))}\
    http-request set-header A-Unset %[str(x),unset-var(sess.a)] if {{{{ path /deny }}}}
    http-request deny if {{{{ path /deny }}}}
    http-request return status 200 hdr Own %[var(req.a)]|%[var(txn.a)] if {{{{ path /own }}}}
{rule("http-after-response", "E-Seen", SHOWN.format("a") + SHOWN.format("c"))}\
{rule("http-after-response", "Instead", "%[var(req.none,q)]%[var(res.none,s)]%[var(txn.none,t)]")}\
{rule("http-after-response", "E-Set", SET.format("e"))}\
{rule("http-after-response", "F-Seen", SHOWN.format("e"))}\
backend {{name}}.b
    server s {{host}}:2000
{rule("http-response", "C-Set", SET.format("c"))}\
    http-response deny if {{{{ status 404 }}}}
"""


@story(STORIES, OWN)
def answers_of_its_own(scene: Scene) -> None:
    """A denied request, an answer of a rule, a forwarded response and a denied one each see the scopes of HAProxy."""
    door, client = scene.listen(2000), scene.connect()
    client.send(GET.replace(b"/x", b"/own"))
    head(client)
    client.send(GET)
    link = door.accept()
    head(link)
    link.send(OK)
    head(client)
    client.send(GET)
    head(link)
    link.send(OK.replace(b"200 OK", b"404 No"))
    head(client)
    other = scene.connect()
    other.send(GET.replace(b"/x", b"/deny"))
    head(other)
    for one in (client, link, other):
        one.close()
    scene.logged(4)


PROCESS = f"""
listen {{name}}
    bind {{host}}:1000
    server s {{host}}:2000
{rule("http-request", "N", "%[var(proc.n),add(1),set-var(proc.n)]")}\
{rule("http-request", "Late", "%[var(proc.late)]%[str(x),set-var(proc.late,ifexists)]")}\
{rule("http-request", "Gone", "%[str(x),unset-var(proc.gone)]%[var(proc.gone,none)]")}\
"""


@story(STORIES, PROCESS, "set-var proc.n int(5)\n    set-var proc.gone str(here)")
def process(scene: Scene) -> None:
    """Variables of the process begin with the global section, and last from client to client."""
    door = scene.listen(2000)
    serve(scene, scene.connect(), door, (GET, GET))
    serve(scene, scene.connect(), door, (GET,))


@pytest.mark.parametrize("name", list(STORIES.by_name))
def test_told_alike(name: str, told: dict[str, Told]) -> None:
    """Server and client see the same headers, and log lines say the same, with either program."""
    found = differences(told[name])
    assert not found, "\n".join([name, *found])


