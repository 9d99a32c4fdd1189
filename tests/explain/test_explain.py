"""`tcproxy explain` and `tcproxy test`: what is told of a request, and of a table of requests."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tcproxy import testing
from tcproxy.explain.asking import payload_bytes, request_bytes
from tcproxy.explain.cases import EXPECTATIONS, read_cases
from tcproxy.explain.programs import explain, play_cases
from tcproxy.explain.telling import without_keys

SITE = Path(__file__).parent / "site.cfg"
CASES = Path(__file__).parent / "test_site.proxy.toml"
DOCS = Path(__file__).parents[2] / "docs" / "testing.rst"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what `tcproxy explain` prints about the site."""
    assert explain(["-f", str(SITE), *words]) == 0
    return capsys.readouterr().out


def test_rules_are_told_in_order_with_their_values(capsys: pytest.CaptureFixture[str]) -> None:
    """Each rule that was looked at has its place, its samples, what it changed; the server has a reason."""
    text = told(capsys, "GET /x", "--src", "10.1.1.1")
    assert re.findall(r"^(.) \S*site.cfg:(\d+)", text, re.MULTILINE) == [
        ("*", "13"), (" ", "14"), (" ", "15"), ("*", "16"),
    ]  # fmt: skip
    for line in (
        "      inside: src 10.0.0.0/8 192.168.0.0/16 -> '10.1.1.1': holds",
        "      + x-a: 10.1.1.1:50000",
        "      src 10.9.9.9 -> '10.1.1.1': does not hold, and '!' makes it hold",
        "backend admin",
        "server a: balance roundrobin among a",
    ):
        assert f"{line}\n" in text


def test_a_cookie_and_servers_that_are_down(capsys: pytest.CaptureFixture[str]) -> None:
    """A cookie leads to its server, not to one that is down; without any server that is said."""
    assert "server s2: the client's cookie\n" in told(capsys, "GET /", "-H", "Cookie: SRV=b")
    down = told(capsys, "GET /", "-H", "Cookie: SRV=b", "--down", "shop/s2")
    assert "server s1: balance roundrobin among s1\n" in down
    none = told(capsys, "GET /", "--down", "shop/s1", "--down", "shop/s2")
    assert "backend shop\nno server was asked: none of its servers is usable\n" in none
    assert " HTTP/1.1 503 Service Unavailable\n" in none


def test_the_record_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints what the text tells."""
    record = json.loads(told(capsys, "POST /x", "--data", "abc", "--src", "1.2.3.4", "--json"))
    assert (record["status"], record["backend"], record["frontend"]) == (429, "", "web")
    last = record["rules"][-1]
    assert last["rule"] == "http-request deny deny_status 429 if { src 1.2.3.4 }"
    assert (last["met"], last["ends"], last["tests"][0]["value"]) == (True, True, "1.2.3.4")
    assert len(record["log"]) == 1


def test_the_server_may_answer_as_one_likes(capsys: pytest.CaptureFixture[str]) -> None:
    """Rules about responses see the given answer, and the client gets it."""
    text = told(capsys, "GET /", "--answer", r"HTTP/1.1 404 Nope\r\nContent-Length: 2\r\n\r\nab")
    assert "HTTP/1.1 404 Nope\n" in text and "x-r: 127.0.0.1\n" in text and "and 2 bytes of a body" in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["GET ftp://x/"], "begins neither with http://"),
        (["G=T,x /"], "is no method"),
        (["GET / HTTP/1.1"], "is no request"),
        (["GET /", "-H", "x"], "is no header"),
        (["GET /", "--down", "shop/s9"], "there is no server 'shop/s9'"),
        (["GET /", "--frontend", "x"], "there is no frontend 'x'; there are 'web'"),
        (["GET /", "--bind", "1.2.3.4:5"], "no frontend has such a 'bind' line"),
        (["--payload", "xyz"], "neither a file nor hexadecimal digits"),
        ([], "a request is missing"),
    ],
)
def test_wrong_questions_are_answered_with_a_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What does not fit is told on standard error, and the exit code is 1."""
    assert explain(["-f", str(SITE), *words]) == 1
    assert sentence in capsys.readouterr().err


def test_a_client_of_tcp(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes of a client in TCP mode go to a server of the backend that rules choose."""
    file = tmp_path / "tcp.cfg"
    file.write_text(
        "defaults\n timeout connect 1s\n timeout client 1s\n timeout server 1s\nlisten t\n bind :2222\n"
        " use_backend x if { src 9.9.9.9 }\n server one 127.0.0.1:1\nbackend x\n server a 127.0.0.1:2\n"
    )
    assert explain(["-f", str(file), "--payload", "00ff", "--src", "9.9.9.9"]) == 0
    text = capsys.readouterr().out
    assert "server a: balance roundrobin among a\nto the server:\n      2 bytes: 00 ff\n" in text


def test_a_wait_is_told(tmp_path: Path) -> None:
    """Time goes on while a rule waits, and no other."""
    file = tmp_path / "wait.cfg"
    file.write_text(
        "defaults\n mode http\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n timeout tarpit 3s\n"
        "listen t\n bind :80\n http-request tarpit\n"
    )
    outcome = testing.ask(testing.load(file), "GET /")
    assert (outcome.status, outcome.waited) == (500, 3.0)


def test_a_request_as_bytes() -> None:
    """A method and an URL become a request line, the headers that it needs, and those that are given."""
    octets, port = request_bytes("https://example.org:8443/a?b", ["X-Y:  z "], b"abc")
    assert (port, octets) == (
        8443,
        b"POST /a?b HTTP/1.1\r\nHost: example.org:8443\r\nX-Y: z\r\nContent-Length: 3\r\n\r\nabc",
    )
    assert request_bytes("/x", ["host: a"]) == (b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n", 80)
    assert payload_bytes("00 ff") == b"\0\xff"


# tables


def test_cases_that_differ_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each difference has a sentence; the exit code says whether there is any."""
    assert play_cases([str(CASES)]) == 0
    file = tmp_path / "cases.toml"
    text = CASES.read_text().replace('server = "s2", to_client', 'server = "s1", to_client').replace("429", "403")
    file.write_text(text.replace('x-a = "10.1.1.1:50000"', 'x-a = false, x-z = "1"'))
    assert play_cases(["-f", str(SITE), "-v", str(file)]) == 1
    said = capsys.readouterr().out
    for sentence in (
        "server: 's2' instead of 's1'", "status: 429 instead of 403", "the header x-a is there: ['10.1.1.1:50000']",
        "x-z: none instead of ['1']", "2 of 5 cases as expected", "http-request deny deny_status 429",
    ):  # fmt: skip
        assert sentence in said


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1", "there is no setting 'x'"),
        ("[[case]]\nrequest = 'GET /'", "it expects nothing"),
        ("[[case]]\nrequest = 'GET /'\nexpect = { color = 'red' }", "nothing is known of 'color'"),
        ("[[case]]\nrequst = 'GET /'\nexpect = { status = 200 }", "there is no setting 'requst'"),
        ("[[case]]\nexpect = { status = 200 }", "a request is missing"),
        ("configuration = 'a.cfg'", "there are no cases in it"),
        ("[[case", "cases.toml: "),
        ("[[case]]\nrequest = 'GET /'\nexpect = { status = 200 }", "it names no configuration"),
    ],
)
def test_wrong_files_are_refused(
    text: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no table of cases is told with its place, and the exit code is 2."""
    file = tmp_path / "cases.toml"
    file.write_text(text)
    assert play_cases([str(file)]) == 2
    assert sentence in capsys.readouterr().err


def test_yaml_says_the_same(tmp_path: Path) -> None:
    """A table in YAML is read like one in TOML."""
    file = tmp_path / "cases.yaml"
    file.write_text("case:\n- request: GET /\n  src: 10.1.1.1\n  expect: {backend: admin, to_client: {x-r: null}}\n")
    assert play_cases(["-f", str(SITE), str(file)]) == 0


def test_the_manual_names_all_that_may_be_expected() -> None:
    """docs/testing.rst has each expectation, and its example of a table can be read."""
    text = DOCS.read_text()
    assert all(f"``{name}``" in text for name in EXPECTATIONS)


def test_the_example_of_the_manual_is_a_table(tmp_path: Path) -> None:
    """The table of docs/testing.rst is read as it stands there."""
    block = DOCS.read_text().split(".. code-block:: toml\n\n")[1].split("\n\n.. code-block")[0]
    file = tmp_path / "cases.toml"
    file.write_text("\n".join(line[3:] for line in block.splitlines()))
    assert [case.name for case in read_cases(file).cases] == [
        "colleagues see the administration", "an abuser is told to wait",
    ]  # fmt: skip


def test_python_asks_the_same_engine() -> None:
    """`tcproxy.testing` loads a configuration and plays requests; a wrong one is a ValueError."""
    site = testing.load(SITE)
    outcome = testing.ask(site, "GET /", src="10.1.1.1")
    assert (outcome.backend, outcome.server, outcome.status) == ("admin", "a", 200)
    assert testing.told(outcome).startswith("frontend web\n")
    with pytest.raises(ValueError, match="Cannot open"):
        testing.load("/nowhere.cfg")


def test_keys_are_not_told() -> None:
    """Keys of converters are asterisks in what explain prints, names of variables are not."""
    line = "path,hmac(sha256,U0VL),hex x,jwt_verify(HS256,SECRET) aes_gcm_dec(128,txn.n,U0VL,txn.t) hmac(sha1,txn.key)"
    assert without_keys(line) == (
        "path,hmac(sha256,***),hex x,jwt_verify(HS256,***) aes_gcm_dec(128,txn.n,***,txn.t) hmac(sha1,txn.key)"
    )


def test_a_name_is_asked_for_by_tls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--sni plays the hello of a TLS client, whose name decides."""
    file = tmp_path / "tls.cfg"
    file.write_text(
        "defaults\n timeout client 1s\n timeout server 1s\n timeout connect 1s\nfrontend f\n bind 127.0.0.1:1\n"
        " tcp-request inspect-delay 2s\n tcp-request content accept if { req.ssl_hello_type 1 }\n"
        " use_backend a if { req.ssl_sni -i a.example.org }\n default_backend b\n"
        "backend a\n server s 127.0.0.1:1\nbackend b\n server s 127.0.0.1:1\n"
    )
    for name, backend in (("A.example.org", "a"), ("b.example.org", "b")):
        assert explain(["-f", str(file), "--sni", name]) == 0
        assert f"\nbackend {backend}\n" in capsys.readouterr().out
