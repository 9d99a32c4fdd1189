"""Actions that change the patterns of files, in HAProxy and in tcproxy: conditions and maps see the same changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.sides import Case
from tests.rules.test_http_reference import AGAIN, differing

FILES = {
    "list": "x\ny\nx\n",
    "map": "x 1\ny 2\nx 3\n",
    "numbers": "x 1\ny 2\n",
    "addresses": "x 1.2.3.4\n",
    "networks": "10.0.0.0/8 ten\n",
    "regexes": "^a a\n",
}
LOOK = (
    "http-request set-header x-list 1 if { path,field(2,/) -f DIR/#.list }\n"
    "http-request set-header x-map <%[path,field(2,/),map(DIR/#.map)]>\n"
    "http-request set-header x-number <%[path,field(2,/),map_str_int(DIR/#.numbers)]>\n"
    "http-request set-header x-address <%[path,field(2,/),map_str_ip(DIR/#.addresses)]>\n"
    "http-request set-header x-network <%[path,field(2,/),map_ip(DIR/#.networks)]>\n"
    "http-request set-header x-regex <%[path,field(2,/),map_reg(DIR/#.regexes)]>\n"
)
KEY = "%[path,field(2,/)]"
RULES = (
    "add-acl(DIR/#.list) z", f"add-acl(DIR/#.list) {KEY}", f"del-acl(DIR/#.list) {KEY}", "del-acl(DIR/#.list) x",
    f"add-acl(DIR/#.map) {KEY}", f"del-acl(DIR/#.map) {KEY}", f"add-acl(DIR/#.numbers) {KEY}",
    f"del-acl(DIR/#.addresses) {KEY}", f"set-map(DIR/#.map) {KEY} %[req.hdr(v)]", f"set-map(DIR/#.list) {KEY} v",
    f"del-map(DIR/#.list) {KEY}", f"del-map(DIR/#.map) {KEY}", f"set-map(DIR/#.numbers) {KEY} %[req.hdr(v)]",
    f"set-map(DIR/#.addresses) {KEY} %[req.hdr(v)]", f"set-map(DIR/#.networks) {KEY} v%[src]",
    f"del-map(DIR/#.networks) {KEY}", "del-map(DIR/#.networks) 10.0.0.0/8", f"set-map(DIR/#.regexes) {KEY} v",
    "del-map(DIR/#.regexes) ^a", f"set-map(DIR/#.map) {KEY} %[req.hdr(v)] if {{ path /x }}",
    "set-map(DIR/#.map) if %[req.hdr(v)] unless { path /x }", f"set-map(DIR/#.map) {KEY} %[req.hdr(none)]",
    "set-map(DIR/#.map) %[req.hdr(none)] v", "add-acl(DIR/#.list) %[req.hdr(none)]",
    f"set-map(DIR/#.map) {KEY} '%[path,field(2,/),map(DIR/#.map)] more'", f"add-acl(DIR/#.none) {KEY}",
    f"set-map(DIR/#.none) {KEY} v", "del-map() x",
)  # fmt: skip
OF_RESPONSES = (
    "set-map(DIR/#.map) x %[status]", "add-acl(DIR/#.list) z", "del-acl(DIR/#.list) y", "del-map(DIR/#.map) x",
)  # fmt: skip
PATHS = ("x", "y", "z", "", "10.1.2.3", "11.0.0.0/8", "11.1.2.3", "ab", "a(b", "x")
VALUES = ("5", "7.7.7.7", "abc", "")


def asking(value: str) -> bytes:
    """Return requests for all paths in one connection, with this value."""
    lines = [f"GET /{path} HTTP/1.1\r\nHost: h\r\nv: {value}\r\n\r\n" for path in PATHS]
    lines.append("GET /end HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    return "".join(lines).encode()


def cases() -> list[Case]:
    """Return rules in front of what looks, behind it, in the backend, and of responses."""
    found = []
    for rule in RULES:
        for value in VALUES if "hdr(v)" in rule else VALUES[:1]:
            steps = (asking(value),)
            found += [
                Case(f"http-request {rule}\n{LOOK}", steps=steps), Case(f"{LOOK}http-request {rule}", steps=steps),
                Case(f"http-request {rule}", LOOK, steps=steps),
                Case(LOOK, f"http-request {rule}\n{LOOK}", steps=steps),
            ]  # fmt: skip
    for rule in OF_RESPONSES:
        look = "http-response set-header x-map <%[str(x),map(DIR/#.map)]>"
        found += [
            Case(LOOK, f"http-response {rule}\n{look}", steps=(asking("1"),)),
            Case(f"{LOOK}{look}\nhttp-response {rule}", steps=(asking("1"),)),
        ]
    return found


def placed(case: Case, folder: Path, number: int) -> Case:
    """Return the case with files of its own."""
    for name, content in FILES.items():
        (folder / f"{number}.{name}").write_text(content)
    front, back = (lines.replace("DIR/#", f"{folder}/{number}") for lines in (case.front, case.back))
    return Case(f"no log\n{front}", back, case.steps)  # so many lines at once are more than a socket holds


@pytest.mark.reference
def test_changes_are_seen_alike(tmp_path: Path) -> None:
    """Each request of a connection, and each rule behind the one that changes a file, meets the same patterns."""
    found = differing([placed(case, tmp_path, number) for number, case in enumerate(cases())])
    for _ in range(AGAIN):
        found = differing([case for case, _ in found]) if found else []
    assert not found, "\n\n".join(told for _, told in found)
