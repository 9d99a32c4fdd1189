"""Names of headers in another case: what the global section and its file say, and whom it reaches."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tests.running import HAPROXY

TEXT = """
global
    h1-case-adjust host Host
    h1-case-adjust-file {missing}
    h1-case-adjust-file {path}
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
listen a
    bind 127.0.0.1:1
    option h1-case-adjust-bogus-server
listen b
    bind 127.0.0.1:2
"""
FILES = {
    "# a comment\n\n  foo\tFOO  \nx-a  X-A\n": "",
    "foo Foo\nfoo FOO\n": "line 2: 'foo' has been told before",
    "foo Foo # no comment\n": "line 1: 'foo' and 'Foo # no comment' differ by more than their case",
    "foo\n": "line 1: 'foo' and '' differ by more than their case",
    "host HOST\n": "line 1: 'host' has been told before",
}


@pytest.mark.parametrize("content", list(FILES))
def test_the_last_file_is_read(content: str, tmp_path: Path) -> None:
    """The last h1-case-adjust-file counts; its lines join those of the section, and what is wrong there is told."""
    path = tmp_path / "cases"
    path.write_text(content)
    (tmp_path / "a.cfg").write_text(TEXT.format(path=path, missing=tmp_path / "none"))
    said = io.StringIO()
    configuration = language.read([str(tmp_path / "a.cfg")], Environment(), Diagnostics(1, said))
    if FILES[content]:
        assert configuration is None
        assert f"h1-case-adjust-file '{path}' : {FILES[content]}" in said.getvalue()
        return
    assert configuration is not None
    one, other = configuration.proxies
    assert one.header_case == {"host": "Host", "foo": "FOO", "x-a": "X-A"}
    assert other.header_case is None


@pytest.mark.reference
@pytest.mark.parametrize("content", list(FILES))
def test_verdicts_of_the_reference(content: str, tmp_path: Path) -> None:
    """HAProxy takes and refuses the same files."""
    assert shutil.which(HAPROXY)
    (tmp_path / "cases").write_text(content)
    (tmp_path / "a.cfg").write_text(TEXT.format(path=tmp_path / "cases", missing=tmp_path / "none"))
    done = subprocess.run([HAPROXY, "-c", "-q", "-f", str(tmp_path / "a.cfg")], capture_output=True, timeout=30)
    assert (done.returncode == 1) is bool(FILES[content])
