"""Plug-in files that misbehave, in a program of its own: each is named with its file and the reason."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import PATIENCE, EchoServer, end, free_port, program, wait_for

EXAMPLES = Path(__file__).parent.parent / "docs" / "extending"
STRATEGY = (EXAMPLES / "strategy_example.py").read_text(encoding="utf-8")
CHECKER = (EXAMPLES / "checker_example.py").read_text(encoding="utf-8")

CODE = "import sys; sys.path[:0] = sys.argv.pop(1).split(':'); from tcproxy.command import main; sys.exit(main())"
TEXT = """
defaults
    mode tcp
    timeout client 5s
    timeout connect 1s
    timeout server 5s
listen shop
    bind 127.0.0.1:{port}
    balance {balance}
    {option}
    server s 127.0.0.1:{server} check inter 100ms
"""


def plugins(folder: Path, **files: str) -> Path:
    """Write plug-in files below a folder for the Python path; return where they are."""
    place = folder / "tcproxy" / "plugins"
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (place / f"{name}.py").write_text(text, encoding="utf-8")
    return place


def configured(folder: Path, balance: str = "roundrobin", option: str = "", port: int = 1, server: int = 1) -> str:
    """Write a configuration; return its path."""
    path = folder / "t.cfg"
    path.write_text(TEXT.format(port=port, balance=balance, option=option, server=server), encoding="utf-8")
    return str(path)


def words(path: object, *arguments: str, code: str = CODE) -> list[str]:
    """Return the command line of tcproxy with a Python path."""
    return [sys.executable, "-c", code, str(path), *arguments]


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, which must leave no traceback."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr + done.stdout
    return done


def check(path: object, config: str) -> subprocess.CompletedProcess[str]:
    """Check a configuration."""
    return run(words(path, "-c", "-f", config))


NOT_LOADED = {
    "leaves": ("import sys\nsys.exit(3)\n", "it calls sys.exit (line 2)"),
    "chooses": ("from twisted.internet import reactor\n", "it imports twisted.internet.reactor before a reactor"),
    "installs": (
        "from twisted.internet import selectreactor\nselectreactor.install()\n",
        "it imports twisted.internet.reactor before a reactor",
    ),
    "stops": ("x = 1\nraise GeneratorExit\n", "GeneratorExit (line 2)"),
    "divides": ("1 / 0\n", "ZeroDivisionError: division by zero (line 1)"),
    "lacks": ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module' (line 1)"),
    "errs": ("def (\n", "SyntaxError: invalid syntax (errs.py, line 1)"),
}


def test_files_that_cannot_be_imported_are_named(tmp_path: Path) -> None:
    """Exit, reactor, exception, syntax: a warning each with file, reason and line, and the rest of them works."""
    place = plugins(tmp_path, good=STRATEGY, **{name: text for name, (text, _) in NOT_LOADED.items()})
    done = check(tmp_path, configured(tmp_path, "least-recent"))
    assert done.returncode == 0, done.stderr
    for name, (_, said) in NOT_LOADED.items():
        assert f" plugins : the plugin file {place / name}.py cannot be loaded: {said}" in done.stderr


def test_objects_that_are_no_plugins_are_named(tmp_path: Path) -> None:
    """A missing method, a name that is no word, a property that raises, a class alone: a warning each with the file."""
    place = plugins(
        tmp_path,
        lacking=STRATEGY.replace("def picker(", "def pick_er("),
        nameless=STRATEGY.replace('name = "least-recent"', "name = 7"),
        raising=STRATEGY.replace('name = "least-recent"', "name = property(lambda self: 1 / 0)"),
        classes=STRATEGY.replace("least_recent = LeastRecent()", ""),
    )
    said = check(tmp_path, configured(tmp_path)).stderr
    for name, reason in (
        ("lacking", ".*picker"),
        ("nameless", "the name of a strategy is one word of the configuration, and not 7"),
        ("raising", "ZeroDivisionError: division by zero"),
    ):
        assert re.search(rf"plugins : {re.escape(str(place / name))}.py: {reason}", said), (name, said)
    assert f"the plugin file {place / 'classes'}.py has no plugin" in said
    assert "'x = LeastRecent()'" in said


def test_names_that_are_taken_are_told(tmp_path: Path) -> None:
    """Files of one name, files with a name of ours, a word of ours, and a word twice: the one not used is named."""
    one, two = tmp_path / "one", tmp_path / "two"
    first = plugins(one, recent=STRATEGY, strategies=STRATEGY, ours=STRATEGY.replace('"least-recent"', '"leastconn"'))
    second = plugins(two, recent=CHECKER, other=STRATEGY)
    said = check(f"{one}:{two}:{one}", configured(tmp_path, "leastconn")).stderr
    assert f"{second / 'recent.py'} is not read: {first / 'recent.py'} has the same name" in said
    assert re.search(rf"{first / 'strategies.py'} is not read: .*/tcproxy/plugins/strategies.py has the same", said)
    assert re.search(rf"{first / 'ours.py'}: the name 'leastconn' is taken by the strategy of .*strategies.py", said)
    assert f"{second / 'other.py'}: the name 'least-recent' is taken by the strategy of {first / 'recent.py'}" in said
    assert said.count("is not read") == 2


def test_a_folder_that_is_a_package_is_told(tmp_path: Path) -> None:
    """Plug-ins beside an __init__.py are not found, which a warning says."""
    place = plugins(tmp_path, recent=STRATEGY, __init__="")
    behind = CODE.replace("sys.path[:0] =", "sys.path +=")
    said = run(words(tmp_path, "-c", "-f", configured(tmp_path), code=behind)).stderr
    assert f"the plugins in {place} are not read: its __init__.py keeps them apart" in said


def test_the_list_of_plugins_tells_what_is_wrong(tmp_path: Path) -> None:
    """`-vv` names the files that cannot be used, too."""
    plugins(tmp_path, leaves="raise SystemExit\n")
    done = run(words(tmp_path, "-vv"))
    assert done.returncode == 0
    assert "leaves.py cannot be loaded: it calls sys.exit" in done.stderr


@pytest.mark.parametrize("act", ["raise KeyError('x')", "raise SystemExit(0)", "from twisted.internet import reactor"])
@pytest.mark.parametrize("kind", ["strategy", "checker"])
def test_a_parse_that_fails_is_an_error_of_its_line(kind: str, act: str, tmp_path: Path) -> None:
    """Other exceptions than ValueError in `parse`: an alert with the configuration's line, and the plug-in's file."""
    if kind == "strategy":
        source, head, line = STRATEGY, ", words: Sequence[str]) -> int:\n", 9
        config = configured(tmp_path, "least-recent")
    else:
        source, head, line = CHECKER, ", words: Sequence[str]) -> str:\n", 10
        config = configured(tmp_path, option="option redis-ping")
    assert head in source
    place = plugins(tmp_path, theirs=source.replace(head, f"{head}        {act}\n"))
    done = check(tmp_path, config)
    assert done.returncode == 1
    assert f"parsing [{config}:{line}]" in done.stderr
    assert f"of {place / 'theirs.py'} failed in 'parse': " in done.stderr


def test_a_picker_that_fails_ends_the_start(tmp_path: Path) -> None:
    """The program ends with 1, and names plug-in, file, backend and reason."""
    place = plugins(tmp_path, theirs=STRATEGY.replace("        assert isinstance(options, int)\n", "        1 / 0\n"))
    config = configured(tmp_path, "least-recent", port=free_port())
    done = run(words(tmp_path, "-db", "-f", config))
    assert done.returncode == 1
    said = f"the strategy 'least-recent' of {place / 'theirs.py'} failed in 'picker' for backend shop: ZeroDivision"
    assert f"plugins : {said}" in done.stderr


def test_a_checker_that_crashes_is_told_as_its_own(tmp_path: Path) -> None:
    """Its server goes down with PROCERR and the reason; the message names all, once, and no traceback comes."""
    asked = tmp_path / "asked"
    asked.write_text("")
    fault = f"open({str(asked)!r}, 'a').write('x') and 1 / 0"
    place = plugins(tmp_path, theirs=CHECKER.replace("return self.questions.pop(0)", fault, 1))
    with EchoServer() as server:
        config = configured(tmp_path, option="option redis-ping", port=free_port(), server=server.port)
        process = subprocess.Popen(words(tmp_path, "-db", "-f", config), stderr=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: len(asked.read_text()) > 5, what="some checks")
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=PATIENCE)[1]
        finally:
            end(process)
    assert said.count(f"the checker 'redis-ping' of {place / 'theirs.py'} failed in 'connected' for server shop/s") == 1
    assert "Server shop/s is DOWN, reason: External check error, code: 0, info: " in said
    assert "Traceback" not in said


def test_the_reactor_of_a_running_proxy_may_be_used(tmp_path: Path) -> None:
    """A plug-in that imports the reactor within a method that runs later works."""
    ask = "from twisted.internet import reactor\n        assert reactor.running\n        free = [server"
    plugins(tmp_path, theirs=STRATEGY.replace("free = [server", ask, 1))
    with EchoServer(b"hello") as server:
        port = free_port()
        config = configured(tmp_path, "least-recent", port=port, server=server.port)
        with (
            program(*words(tmp_path, "-db", "-f", config), port=port),
            socket.create_connection(("127.0.0.1", port), PATIENCE) as client,
        ):
            assert client.recv(10) == b"hello"


def test_an_entry_point_that_fails_is_named(tmp_path: Path) -> None:
    """An entry point is named with what it stands for and why it cannot be loaded, or what it is not."""
    package, metadata = tmp_path / "balancing", tmp_path / "balancing-1.0.dist-info"
    shutil.copytree(EXAMPLES, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").touch()
    (package / "leaves.py").write_text("import os\nraise SystemExit\n")
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: balancing\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[tcproxy.plugins]\nleaves = balancing.leaves:x\nclass = balancing.strategy_example:LeastRecent\n"
    )
    said = check(tmp_path, configured(tmp_path, "unheard-of")).stderr
    leaves = package / "leaves.py"
    assert f"the entry point leaves = balancing.leaves:x cannot be loaded: it calls sys.exit ({leaves}:2)" in said
    assert "the entry point class = balancing.strategy_example:LeastRecent is no plugin" in said


def test_twistd_ends_with_the_sentence(tmp_path: Path) -> None:
    """A strategy that makes no picker ends twistd, too, with its name and file and no traceback."""
    place = plugins(tmp_path, theirs=STRATEGY.replace("        assert isinstance(options, int)\n", "        1 / 0\n"))
    config = configured(tmp_path, "least-recent", port=free_port())
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from twisted.scripts.twistd import run; run()"
    done = run(words(tmp_path, "-n", "--pidfile=", "tcproxy", "--config", config, code=code))
    assert done.returncode == 1
    assert f"the strategy 'least-recent' of {place / 'theirs.py'} failed in 'picker' for backend shop" in done.stderr
