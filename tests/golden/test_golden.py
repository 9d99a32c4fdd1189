"""Golden files: configurations with the model they make, and configurations with the exact diagnostics.

A .cfg of accepted/ stands beside a .model (warnings first, then the model), one of refused/ beside a .txt. After a
wanted change, GOLDEN_WRITE=1 writes them anew; read the difference before committing it.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.model.process import Configuration
from tcproxy.model.text import describe

HERE = Path(__file__).parent
ACCEPTED = sorted(path.stem for path in (HERE / "accepted").glob("*.cfg"))
REFUSED = sorted(path.stem for path in (HERE / "refused").glob("*.cfg"))

EXCEPTIONS = {
    "accepted/older-proxies-nbproc": "HAProxy 2.5 dropped nbproc; older configurations have it: a warning here",
    "refused/http-words-in-tcp-mode": "HAProxy ignores these words with a warning; here they are refused by name",
    "refused/sections-not-supported-yet": "these sections come with later parts of tcproxy",
}
"""Files on which the verdicts of HAProxy 2.6 and tcproxy differ, and why."""


def read(path: str) -> tuple[Configuration | None, str]:
    """Read one file; return the configuration and what was told, without the lines that name the program."""
    stream = io.StringIO()
    diagnostics = Diagnostics(1, stream, executable="tcproxy", version="X")
    configuration = language.read([path], Environment(), diagnostics)
    told = stream.getvalue().split("\n", 2)
    return configuration, told[2] if len(told) == 3 else ""


def compare(path: Path, text: str) -> None:
    """Compare the text with the golden file, or write it when asked to."""
    if os.environ.get("GOLDEN_WRITE"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration is accepted, with exactly these warnings and this model."""
    monkeypatch.chdir(HERE)
    configuration, told = read(f"accepted/{name}.cfg")
    assert configuration is not None, told
    compare(HERE / "accepted" / f"{name}.model", told + describe(configuration))


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration is refused with exactly these diagnostics, all of them in one run."""
    monkeypatch.chdir(HERE)
    configuration, told = read(f"refused/{name}.cfg")
    assert configuration is None
    compare(HERE / "refused" / f"{name}.txt", told)


@pytest.mark.reference
@pytest.mark.parametrize("path", [*(f"accepted/{one}" for one in ACCEPTED), *(f"refused/{one}" for one in REFUSED)])
def test_verdict_of_the_reference(path: str) -> None:
    """HAProxy gives each golden file the same verdict, but for the exceptions with their reasons."""
    code = verdict_of_reference(HERE / f"{path}.cfg")
    same = (code == 1) == path.startswith("refused")
    assert same == (path not in EXCEPTIONS), f"haproxy -c gives {code}"


def verdict_of_reference(path: Path) -> int:
    """Return HAProxy's exit code for a file: 0 valid, 1 errors, 2 valid but without a listener."""
    program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    assert program
    return subprocess.run([program, "-c", "-q", "-f", str(path)], capture_output=True, timeout=60).returncode
