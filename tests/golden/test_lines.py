"""Line by line: each statement of lines/*.cfg is refused by HAProxy exactly if tcproxy refuses it.

Where the two differ the line says who refuses it, and why, in a comment behind it. What only shows at the end of a
reading (names that refer, host names) stands in golden files of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from itertools import takewhile
from pathlib import Path

import pytest

from tcproxy import language
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment

HERE = Path(__file__).parent
FILES = sorted(path.name for path in (HERE / "lines").glob("*.cfg"))

ONLY_TCPROXY = "# only tcproxy refuses: "
ONLY_HAPROXY = "# only HAProxy refuses: "
ORIGIN = re.compile(r"\[[^\[\]]*?:([0-9]+)\]")


def refused_here(path: Path) -> set[int]:
    """Return the numbers of the lines that tcproxy refuses."""
    diagnostics = Diagnostics(1)
    language.read([str(path)], Environment(), diagnostics)
    # what is told behind this summary needs the whole file, which HAProxy looks at only when each line is right
    of_lines = takewhile(lambda item: not item.message.startswith("Error(s) found"), diagnostics.items)
    alerts = [ORIGIN.search(item.message) for item in of_lines if item.level == "alert"]
    return {int(found[1]) for found in alerts if found}


def refused_by_reference(path: Path) -> set[int]:
    """Return the numbers of the lines that HAProxy refuses."""
    program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    assert program
    done = subprocess.run([program, "-c", "-f", str(path)], capture_output=True, text=True, timeout=60)
    # a message about an empty name is cut at the NUL of that name, its end of line too
    messages = re.split(r"(?=\[(?:ALERT|WARNING|NOTICE)\] )", done.stderr)
    alerts = [text for text in messages if text.startswith("[ALERT]")]
    return {int(found[1]) for found in map(ORIGIN.search, alerts) if found}


def marked(path: Path, mark: str) -> set[int]:
    """Return the numbers of the lines with a mark and a reason behind it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if re.search(re.escape(mark) + r"\w", line)}


@pytest.mark.reference
@pytest.mark.parametrize("name", FILES)
def test_lines_are_refused_alike(name: str) -> None:
    """HAProxy and tcproxy refuse the same lines, but for those that say otherwise."""
    path = HERE / "lines" / name
    ours, theirs = refused_here(path), refused_by_reference(path)
    assert ours - theirs == marked(path, ONLY_TCPROXY)
    assert theirs - ours == marked(path, ONLY_HAPROXY)
