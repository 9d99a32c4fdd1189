"""Variables: conditions, scopes and limits beside HAProxy, and what the global section sets."""

from __future__ import annotations

import gc
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import pytest

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.samples.expressions import parse_expression
from tcproxy.samples.kinds import Kind, Sample, Value, cast_sample, sample_of
from tcproxy.samples.variables import CONDITIONS, SCOPES, Store, read_variable, store_of_process
from tests.rules.world import client
from tests.running import HAPROXY, free_port, program
from tests.samples import reference
from tests.samples.reference import Answer, answer_of, differences

VALUES = ("int(4)", "int(5)", "int(6)", "str()", "str(a)", "bool(1)", "bin(00)", "ipv4(1.2.3.4)", "meth(GET)")


@pytest.mark.reference
def test_conditions_are_those_of_haproxy() -> None:
    """Each condition, alone and with another, admits a value of each kind after one of each kind as in HAProxy."""
    before = {f"txn.v{number}": value for number, value in enumerate(VALUES)}
    names = [*before, "txn.none"]
    cases = [
        f"{value},set-var({name},{condition})" for value in VALUES for name in names for condition in CONDITIONS
    ]
    cases += [f"int(5),set-var({name},{one},{two})" for name in names for one in CONDITIONS for two in CONDITIONS]
    told = differences(cases, before)
    assert not told, "\n".join(told)


@pytest.mark.reference
def test_a_condition_makes_a_name_exist() -> None:
    """A name exists behind an attempt that a condition prevented, unless that is `ifexists`; not behind unset-var."""
    attempts = {f"txn.r{number}": f"int(1),set-var(txn.n{number},{word})" for number, word in enumerate(CONDITIONS)}
    attempts["txn.gone"] = "int(1)"
    attempts["txn.r"] = "int(1),unset-var(txn.gone)"
    names = [f"txn.n{number}" for number in range(len(CONDITIONS))] + ["txn.gone", "txn.r"]
    cases = [f"int(2),set-var({name},{word})" for name in names for word in ("ifexists", "ifnotexists")]
    told = differences([*cases, *(f"var({name})" for name in names)], attempts)
    assert not told, "\n".join(told)


@pytest.mark.reference
def test_names_and_defaults_are_those_of_haproxy() -> None:
    """Names of all forms are accepted or refused by the fetch and both converters alike; defaults are texts."""
    names = ("", "x", "txn", "txn.", ".x", "txn.x", "TXN.x", "txn.x-y", "txn.x y", "txn..x", "txn.x.y", "req.x",
             "foo.x", "txn.é", "txn._", "txn.0", "psess.x", "'txn.x'")  # fmt: skip
    cases = [f"{start}({name})" for name in names for start in ("var", "str(a),set-var", "str(a),unset-var")]
    cases += ["var", "str(a),set-var", "str(a),unset-var", "var(txn.x,)", "var(txn.x,d)", "var(txn.x,d,e)"]
    cases += ["var(txn.x,5),add(1)", "var(txn.x,1.2.3.4),ipmask(8)", "var(txn.x,),length", "var(txn.x,'a,b')"]
    rest = ("(txn.x,)", "(txn.x,foo)", "(txn.x,IFSET)", "(txn.x,ifset,)", f"(txn.x{',ifnotset' * 4})",
            f"(txn.x{',ifnotset' * 5})", "(,ifset)")  # fmt: skip
    told = differences([*cases, *(f"str(a),set-var{one}" for one in rest), "str(a),unset-var(txn.x,a)"])
    assert not told, "\n".join(told)


LIMITS = (1, 79, 80, 81, 100, 159, 160, 161, 162, 163, 170, 239, 240, 241, 250, 260, 320, 400)


@pytest.mark.reference
@pytest.mark.parametrize("scope", ["txn", "reqres", "sess", "proc", "global"])
def test_limits_are_those_of_haproxy(scope: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each limit of a scope the variables that HAProxy sets are set, and no others."""
    cases = [
        f"{value},set-var({where}.k),length{more}"
        for value in ("int(7)", "str(a)", "str(abcdefghij)", "str()", "bin(0000)", "meth(GET)")
        for where in ("txn", "req")
        for more in ("", ",set-var(txn.l)", ",set-var(req.l)")
    ]
    cases.append("int(1),set-var(txn.k),unset-var(txn.k),set-var(txn.l)")
    cases.append("str(abcdefgh),set-var(txn.k),field(1,b),set-var(txn.k),length")
    told = []
    for limit in LIMITS:
        tune = {f"tune.vars.{scope}-max-size": limit}
        line = f"  tune.vars.{scope}-max-size {limit}\n"
        monkeypatch.setattr(reference, "_HEAD", HEAD.replace("defaults\n", f"{line}defaults\n"))
        monkeypatch.setattr(reference, "of_tcproxy", lambda text, _, tune=tune: _within(tune, text))
        told += [f"{limit}: {one}" for one in differences(cases)]
    assert not told, "\n".join(told)


HEAD = reference._HEAD


def _within(tune: Mapping[str, int], text: str) -> Answer:
    """Return what comes of an expression that a variable keeps, within limits."""
    stores = stores_within(tune)
    facts = client(variables=stores.get)
    found = parse_expression(text, "f")
    value = found.take(facts)  # type: ignore[arg-type]
    if value is None:
        return Answer()
    sample = sample_of(found.kind, value)
    return answer_of(sample) if stores["txn"].put("asked", sample) else Answer()


def stores_within(tune: Mapping[str, int]) -> dict[str, Store]:
    """Return the stores of a request."""
    proc = store_of_process(tune)
    sess = proc.inner("sess")
    txn = sess.inner("txn")
    return {"proc": proc, "sess": sess, "txn": txn, "req": txn.inner("req")}


def test_a_scope_that_ends_gives_its_bytes_back() -> None:
    """What a request's variables counted for counts no more when they are gone, in all scopes around."""
    stores = stores_within({"tune.vars.proc-max-size": 1000})
    stores["req"].put("a", Sample(Kind.STR, b"x" * 20))
    stores["txn"].put("b", Sample(Kind.SINT, 5))
    assert [stores[scope].size for scope in ("proc", "sess", "txn", "req")] == [180, 180, 180, 100]
    del stores["req"]
    gc.collect()
    assert [stores[scope].size for scope in ("proc", "sess", "txn")] == [80, 80, 80]
    stores["txn"].remove("b")
    assert [stores[scope].size for scope in ("proc", "sess", "txn")] == [0, 0, 0]


def test_a_text_that_grows_beyond_the_limit_is_forgotten() -> None:
    """Where a new text does not fit, the old one is gone and its bytes are free; the name exists."""
    store = store_of_process({"tune.vars.proc-max-size": 90}).inner("txn")
    assert store.put("a", Sample(Kind.STR, b"0123456789"))
    assert not store.put("a", Sample(Kind.STR, b"0123456789a"))
    assert "a" not in store and store.size == 80
    assert store.put("a", Sample(Kind.STR, b"0123"), frozenset({"ifexists"})) and store.size == 84


def test_variables_of_another_moment_are_none() -> None:
    """Where there is no such scope a variable is not set, cannot be set, and has no default."""
    facts = client(variables=lambda scope: None)
    assert take("var(res.a)", facts) is None
    assert take("str(a),set-var(res.a)", facts) is None and take("str(a),unset-var(res.a)", facts) is None
    assert take("var(res.a,b)", facts) is None
    assert take("int(5),add(res.a)", facts) is None and take("str(a),concat(b,res.a)", facts) == b"ab"


def take(text: str, facts: SimpleNamespace) -> Value | None:
    """Take a sample."""
    return parse_expression(text, "f").take(facts)  # type: ignore[arg-type]


# the global section

GOOD = (
    "int(5)", "str(a)", "int(5) int(6)", "int(5) if TRUE", "var(proc.v0)", "var(proc.none)", "var(txn.v0)",
    "var(proc.v0),add(1)", "int(200),sub(proc.v0)", "'str(a b)'", "str(a),set-var(txn.z)", "str(a),set-var(proc.z)",
    "var(proc.z),concat(b,proc.v0)", "str(a),debug(there)", "str(a),capture-req(0)", "int(5),", "ipv4(1.2.3.4)",
    "bin(00ff)", "meth(GET)", "nbproc", "thread", "env(TCPROXY_GIVEN)", "env(TCPROXY_NONE)", "str(b),nbsrv",
    "str(b/s),srv_queue", "bool(1)", "ipv6(::1)", "str(a),unset-var(proc.v1)", "var(proc.v1)",
)  # fmt: skip
BAD = (
    "set-var", "set-var proc.x", "set-var txn.x int(5)", "set-var check.x int(5)", "set-var x int(5)",
    "set-var proc. int(5)", "set-var proc.a-b int(5)", "set-var proc.x src", "set-var proc.x str(a),nothing",
    "set-var proc.x nothing(a)", "set-var proc.x stopping", "set-var proc.x fe_conn(f)", "set-var proc.x nbsrv(b)",
    "set-var proc.x int(5))", "set-var proc.x int", "set-var(proc.x) int(5)", "no set-var proc.x int(5)",
    "set-var proc.x src_port", "set-var proc.x ''", "set-var '' int(5)",
)  # fmt: skip
REST = """\
defaults
  mode http
  timeout client 5s
frontend f
  bind 127.0.0.1:%d
  http-request return status 200 %s
"""


@pytest.mark.reference
def test_the_global_section_sets_what_haproxy_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each `set-var` line leaves the value that it leaves in HAProxy."""
    monkeypatch.setenv("TCPROXY_GIVEN", "given")
    lines = [f"set-var proc.v{number} {text}" for number, text in enumerate(GOOD)]
    shown = "|".join(f"%[var(proc.v{number}),hex,concat(+)]" for number in range(len(GOOD)))
    port = free_port()
    file = tmp_path / "global.cfg"
    file.write_text(f"global\n{_indented(lines)}{REST % (port, f'content-type text/plain lf-string {shown}')}")
    with program(HAPROXY, "-db", "-f", str(file), port=port):
        theirs = urlopen(f"http://127.0.0.1:{port}/").read().decode().split("|")
    kept = _read(lines)
    ours = [_hex(kept.get(f"v{number}")) for number in range(len(GOOD))]
    assert dict(zip(lines, ours, strict=True)) == dict(zip(lines, theirs, strict=True))


def _hex(sample: Sample | None) -> str:
    if sample is None:
        return ""
    found = cast_sample(sample, Kind.BIN)
    assert isinstance(found, bytes)
    return f"{found.hex().upper()}+"


def _indented(lines: Iterable[str]) -> str:
    return "".join(f"  {line}\n" for line in lines)


def _read(lines: Sequence[str]) -> Mapping[str, Sample]:
    """Return the variables that lines of the global section set; none where one is refused."""
    text = f"global\n{_indented(lines)}{REST % (1, '')}".replace("  http-request return status 200 \n", "")
    found = language.read_text(text, Environment({"TCPROXY_GIVEN": "given"}), Diagnostics(1), name="t")
    return found.process.variables if found is not None else {}


@pytest.mark.reference
@pytest.mark.parametrize("line", BAD)
def test_the_global_section_refuses_what_haproxy_refuses(line: str, tmp_path: Path) -> None:
    """A wrong `set-var` line is refused by both."""
    file = tmp_path / "wrong.cfg"
    file.write_text(f"global\n  {line}\n{REST % (1, '')}")
    run = subprocess.run([HAPROXY, "-c", "-f", str(file)], capture_output=True, check=False)
    assert run.returncode == 1
    assert _read(["set-var proc.here int(5)"]) and not _read(["set-var proc.here int(5)", line])


def test_scopes() -> None:
    """All scopes that the manual names can be read."""
    assert [read_variable(f"{scope}.a").scope for scope in SCOPES] == list(SCOPES)


FORMATS = (
    "abc", "abc def", '"abc  def"', '"%[int(5)]"', '"%[var(proc.v0)]"', '"<%[var(proc.v3),add(1)]>"',
    '"%[var(proc.none)]"', "a%%b", '"%H"', '"%[env(TCPROXY_GIVEN)] %[str(a)]"', '"%[ipv4(1.2.3.4)]"', "%%", '" x "',
    '"%Ts"', "é",
)  # fmt: skip
WRONG_FORMATS = (
    "set-var-fmt", "set-var-fmt proc.x", "set-var-fmt txn.x abc", "set-var-fmt proc.x ''", "set-var-fmt proc.x %",
    "set-var-fmt proc.x %zz", "set-var-fmt proc.x %[src]", "set-var-fmt proc.x %[nothing]",
    "set-var-fmt proc.x %[int(5)",
    "set-var-fmt proc.x %[req.hdr(a)]", "set-var-fmt proc.x %HM", "no set-var-fmt proc.x a",
)  # fmt: skip


@pytest.mark.reference
def test_formats_make_variables_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each `set-var-fmt` line leaves the text that it leaves in HAProxy."""
    monkeypatch.setenv("TCPROXY_GIVEN", "given")
    lines = [f"set-var-fmt proc.v{number} {text}" for number, text in enumerate(FORMATS)]
    shown = "|".join(f"%[var(proc.v{number}),hex,concat(+)]" for number in range(len(FORMATS)))
    port = free_port()
    file = tmp_path / "global.cfg"
    file.write_text(f"global\n{_indented(lines)}{REST % (port, f'content-type text/plain lf-string {shown}')}")
    with program(HAPROXY, "-db", "-f", str(file), port=port):
        theirs = urlopen(f"http://127.0.0.1:{port}/").read().decode().split("|")
    kept = _read(lines)
    ours = [_hex(kept.get(f"v{number}")) for number in range(len(FORMATS))]
    clock = FORMATS.index('"%Ts"')
    assert abs(int(bytes.fromhex(ours.pop(clock)[:-1])) - int(bytes.fromhex(theirs.pop(clock)[:-1]))) < 100
    assert ours == theirs


@pytest.mark.reference
@pytest.mark.parametrize("line", WRONG_FORMATS)
def test_wrong_formats_are_refused(line: str, tmp_path: Path) -> None:
    """A wrong `set-var-fmt` line is refused by both."""
    test_the_global_section_refuses_what_haproxy_refuses(line, tmp_path)


def test_what_a_format_can_tell_before_there_is_a_client() -> None:
    """Process and time are told; what tells of a client is refused by name."""
    kept = _read(['set-var-fmt proc.x "%pid %t %T %Tl %ms"'])
    assert str(kept["x"].value, "ascii").startswith(str(os.getpid()))
    assert not _read(["set-var-fmt proc.x %ci"]) and not _read(["set-var-fmt proc.x %{+X}pid"])


@pytest.mark.reference
def test_what_is_kept_has_the_kind_that_haproxy_gives_it() -> None:
    """A part of a text is a text, and a sum with a truth value a truth value, whatever lists of converters say."""
    made = (
        "str(12x),bytes(0,2)", "bin(3132),bytes(0,1)", "int(5),bytes(7)", "str(12),bytes(0,1),upper",
        "var(txn.v0),bytes(0)", "bool(1),add(4)", "str(1),not,add(4)", "int(7),add(1)", "var(txn.v5),mul(3)",
        "var(txn.v7),add(1)", "meth(GET)", "ipv4(1.2.3.4),bytes(0)", "ipv6(::ffff:1.2.3.4),ipmask(24)",
        "ipv6(::1),ipmask(24,64)", "str(1.2.3.4),ipmask(32)",
    )  # fmt: skip
    before = {f"txn.v{number}": text for number, text in enumerate(made)}
    uses = ("add(1)", "ipmask(32,128)", "concat", "iif(t,f)", "bytes(0)", "set-var(txn.k,ifgt)", "length")
    told = differences([f"var({name}),{use}" for name in before for use in uses], before)
    assert not told, "\n".join(told)
