"""The tcproxy program from outside: exit codes, streams, what it loads; compared with HAProxy."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import HAPROXY, TCPROXY

TIMEOUTS = "timeout client 5s\n  timeout server 5s\n  timeout connect 5s"
FILES = {
    "ok.cfg": f"defaults\n  mode tcp\n  {TIMEOUTS}\nlisten f\n  bind 127.0.0.1:1\n  server s 127.0.0.1:1\n",
    "warns.cfg": "listen f\n  mode tcp\n  bind 127.0.0.1:1\n  server s 127.0.0.1:1\n",
    "wrong.cfg": "listen f\n  mode tcp\n  bnd 127.0.0.1:1\n",
    "silent.cfg": "defaults\n  mode tcp\n",
    "quiet.cfg": "global\n  quiet\nlisten f\n  mode tcp\n  bind 127.0.0.1:1\n",
    "strict.cfg": "global\n  zero-warning\nlisten f\n  mode tcp\n  bind 127.0.0.1:1\n",
    "only_disabled.cfg": f"defaults\n  mode tcp\n  {TIMEOUTS}\nfrontend f\n  disabled\n  bind 127.0.0.1:1\n",
    "only_control.cfg": "global\n  stats socket /tmp/never-bound.sock\n",
    "folder/ok.cfg": f"defaults\n  mode tcp\n  {TIMEOUTS}\nlisten f\n  bind 127.0.0.1:1\n",
}

CASES: list[tuple[str, int]] = [
    ("-c -f ok.cfg", 0),
    ("-c -q -f ok.cfg", 0),
    ("-c -V -f ok.cfg", 0),
    ("-c -q -V -f ok.cfg", 0),
    ("-c -f ok.cfg -f silent.cfg", 0),
    ("-c -- ok.cfg", 0),
    ("-c -f folder", 0),
    ("-C folder -c -f ok.cfg", 0),
    ("-c -f ok.cfg -n 10 -N 5 -m 100 -dM -L me -p x", 0),
    ("-de -dp -dS -dG -dR -dV -dr -db -c -f ok.cfg", 0),
    ("-D -c -f ok.cfg", 0),
    ("-d -c -f ok.cfg", 0),
    ("-Ws -c -f ok.cfg", 0),
    ("-c -f ok.cfg -sf 1 2", 0),
    ("-c -f ok.cfg -st", 0),
    ("-c -f only_control.cfg", 0),
    ("-c -f warns.cfg", 0),
    ("-c -q -f warns.cfg", 0),
    ("-c -dW -f warns.cfg", 1),
    ("-c -f strict.cfg", 1),
    ("-c -f quiet.cfg", 0),
    ("-c -V -f quiet.cfg", 0),
    ("-c -f wrong.cfg", 1),
    ("-c -q -f wrong.cfg", 1),
    ("-c -f silent.cfg", 2),
    ("-c -q -f silent.cfg", 2),
    ("-c -f only_disabled.cfg", 2),
    ("-c -f missing.cfg", 1),
    ("-C missing -c -f ok.cfg", 1),
    ("-f wrong.cfg", 1),
    ("-f silent.cfg", 1),
    ("-f only_disabled.cfg", 1),
    ("-dW -f warns.cfg", 1),
    ("-q -f wrong.cfg", 1),
    ("-c -f ok.cfg -sf abc", 1),
    ("-c -f ok.cfg -n", 1),
    ("", 1),
    ("-c", 1),
    ("-h", 1),
    ("-Z", 1),
    ("-c -f ok.cfg extra", 1),
    ("-f ok.cfg -sf 0", 1),
    ("-c -f ok.cfg -x", 1),
    ("-v", 0),
    ("-vv", 0),
    ("-cc version_atleast(2.4)", 0),
    ("-cc version_atleast(9.4)", 1),
    ("-cc foo(", 2),
    ("-q -cc foo(", 2),
    ("-cc", 1),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of configurations."""
    folder = tmp_path_factory.mktemp("command")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


@functools.cache
def ran(program: str, line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program with the words of a command line in the folder."""
    return subprocess.run([program, *line.split()], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("line", "code"), CASES, ids=[line or "nothing" for line, _ in CASES])
def test_exit_code(line: str, code: int, folder: Path) -> None:
    """The exit code of each command line; what is quiet says nothing at all."""
    result = ran(TCPROXY, line, folder)
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    if "-q" in line and "-V" not in line:
        assert result.stdout == result.stderr == ""


def valid(text: str) -> list[str]:
    """Return the lines of standard output that tell a verdict."""
    return re.findall(r"^(?:Configuration file .*|Warnings .*)$", text, re.MULTILINE)


@pytest.mark.reference
@pytest.mark.parametrize("line", [line for line, _ in CASES], ids=[line or "nothing" for line, _ in CASES])
def test_the_reference_does_the_same(line: str, folder: Path) -> None:
    """HAProxy ends with the same code, uses the same streams, and gives the same verdict."""
    ours, its = ran(TCPROXY, line, folder), ran(HAPROXY, line, folder)
    assert ours.returncode == its.returncode
    assert bool(ours.stderr) == bool(its.stderr), ours.stderr + its.stderr
    if "-n" not in line.split()[-1:] and "-x" not in line:  # the reference says this much less helpfully
        assert bool(ours.stdout) == bool(its.stdout), ours.stdout
    assert valid(ours.stdout) == valid(its.stdout)


def test_messages_begin_as_the_reference_s_do(folder: Path) -> None:
    """The first message is preceded by who speaks, and every one has level and process number."""
    lines = ran(TCPROXY, "-c -f wrong.cfg", folder).stderr.splitlines()
    assert re.fullmatch(r"\[NOTICE\]   \(\d+\) : tcproxy version is \S+", lines[0])
    assert re.fullmatch(r"\[NOTICE\]   \(\d+\) : path to executable is /\S*tcproxy", lines[1])
    assert re.match(r"\[ALERT\]    \(\d+\) : config : parsing \[wrong.cfg:3\] : ", lines[2])


def test_every_alert_of_a_start_is_told(folder: Path) -> None:
    """What cannot be obeyed yet is refused by name, and only where it matters."""
    result = ran(TCPROXY, "-W -S sock -f ok.cfg", folder)
    assert result.returncode == 1
    assert re.findall(r"the option (-\w+) is known to HAProxy 2.6, not supported by tcproxy yet", result.stderr) == [
        "-W",
        "-S",
    ]


@pytest.mark.parametrize(("switch", "level"), [("-dD", "DIAG"), ("-V", "NOTICE")])
def test_options_without_effect_are_told_to_who_asks(switch: str, level: str, folder: Path) -> None:
    """-de and its like are accepted, and -dD and -V tell that they change nothing."""
    assert "-de" not in ran(TCPROXY, "-de -c -f ok.cfg", folder).stderr
    said = ran(TCPROXY, f"-de {switch} -c -f ok.cfg", folder).stderr
    assert re.search(rf"^\[{level}\] +\(\d+\) : the option -de .* has no effect$", said, re.MULTILINE)


def test_keywords_and_objects(folder: Path) -> None:
    """-dL lists loaded libraries and -dK keywords before the verdict of -c."""
    lines = ran(TCPROXY, "-c -dL -dKcfg -f ok.cfg", folder).stdout.splitlines()
    assert lines[0] == "List of loaded object files:"
    assert any(re.fullmatch(r"/.*/libc\.so\.6", line) for line in lines)
    assert "# List of registered configuration keywords:" in lines
    assert lines[-1] == "Configuration file is valid"


def test_vv_tells_features_and_plugins(folder: Path) -> None:
    """-vv has the lines that scripts look for, in HAProxy's form, and the plugins."""
    said = ran(TCPROXY, "-vv", folder).stdout
    assert re.search(r"^Feature list : (?:[+-]\w+ )*\+EPOLL\b", said, re.MULTILINE)
    assert re.search(r"^ {6}epoll : pref=300,  test result OK$", said, re.MULTILINE)
    assert re.search(r"^Available services : none$", said, re.MULTILINE)
    assert re.search(r"^\t\[IBalancingStrategy\] roundrobin \(.*strategies\.py\)$", said, re.MULTILINE)


def test_vv_names_the_tls_library_that_is_used(folder: Path) -> None:
    """-vv names the OpenSSL of pyOpenSSL, which is not that of Python's own ssl, and conditions compare with it."""
    from OpenSSL import SSL

    version = SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode()
    assert f"\nRunning on OpenSSL version : {version}\n" in ran(TCPROXY, "-vv", folder).stdout
    number = version.split()[1]
    assert ran(TCPROXY, f"-cc openssl_version_atleast({number})", folder).returncode == 0
    assert ran(TCPROXY, f"-cc openssl_version_before({number})", folder).returncode == 1


@pytest.mark.parametrize("there", [True, False])
def test_pcre2_is_a_feature_where_the_package_is(there: bool, folder: Path) -> None:
    """-vv and `feature(PCRE2)` say whether the package pcre2 can be had."""
    hide = "import importlib.util as u; find = u.find_spec; u.find_spec = lambda name: name != 'pcre2' and find(name); "
    hide = "" if there else hide.replace("and find(name)", "and find(name) or None")
    for words, said in ((["-vv"], "+PCRE2 " if there else "-PCRE2 "), (["-cc", "feature(PCRE2)"], "")):
        program = f"import sys; {hide}from tcproxy.command import main; sys.exit(main({words!r}))"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
        assert said in done.stdout
        assert done.returncode == (0 if there or said else 1)


def imported(words: str, folder: Path) -> set[str]:
    """Return the modules that the program imports for these arguments."""
    program = f"import sys; from tcproxy.command import main; main({words.split()!r}); print(*sys.modules, sep='\\n')"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    return set(result.stdout.split())


def test_the_version_needs_nothing(folder: Path) -> None:
    """-v loads neither Twisted nor the language."""
    modules = imported("-v", folder)
    # an old zope.interface lets every Python begin with the empty package `zope`
    assert not {name for name in modules - {"zope"} if name.split(".")[0] in ("twisted", "zope", "OpenSSL", "ssl")}
    assert "tcproxy.language" not in modules


def test_the_check_needs_nothing_that_serves(folder: Path) -> None:
    """-c loads the language, and nothing of Twisted, OpenSSL or the rooms that serve."""
    modules = imported("-c -f ok.cfg", folder)
    assert "tcproxy.language" in modules
    serving = {"tcproxy.session", "tcproxy.servers", "tcproxy.transport", "tcproxy.control", "tcproxy.service"}
    assert not {name for name in modules if name.split(".")[0] in ("twisted", "OpenSSL", "ssl")} | serving & modules


def test_runs_as_a_module(folder: Path) -> None:
    """`python -m tcproxy.command` is the program too."""
    words = [sys.executable, "-m", "tcproxy.command", "-c", "-f", "ok.cfg"]
    result = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (0, "Configuration file is valid\n")


def test_the_local_peer_is_seen_by_the_configuration(folder: Path) -> None:
    """-L names the variable HAPROXY_LOCALPEER; the environment of the process is seen too."""
    (folder / "env.cfg").write_text('.if streq("$HAPROXY_LOCALPEER$PLACE",meat)\n.alert yes\n.endif\n')
    words = [TCPROXY, "-c", "-L", "me", "-f", "env.cfg"]
    result = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, env={**os.environ, "PLACE": "at"}, timeout=60, check=False
    )
    assert result.returncode == 1
    assert "yes" in result.stderr
