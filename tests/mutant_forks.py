"""A plugin of pytest: run the collected tests once for each mutant of a file, each time in a fork of the process.

Importing the house and collecting tests takes seconds, and is done once. A fork then gives the functions of the file,
which is imported already, the code that they have in the mutant. So a function that only import calls stays as it is:
`tests.mutants` tries the mutants that live once more, from the file.

The environment says which: MUTANTS names a JSON file with `file`, `texts` and `seconds`, and MUTANTS_TO the number of
a descriptor to which each verdict is written, a letter each: n (noticed), l (lives).
"""

from __future__ import annotations

import gc
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType

import pytest

NOTICED, LIVES = b"n", b"l"
POLL_SECONDS = 0.01


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Take the place of the one run: a fork for each mutant."""
    if session.testsfailed:
        return None
    asked = json.loads(Path(os.environ["MUTANTS"]).read_text(encoding="utf-8"))
    for text in asked["texts"]:
        verdict = NOTICED if _notices(session, asked["file"], text, asked["seconds"]) else LIVES
        os.write(int(os.environ["MUTANTS_TO"]), verdict)
    return True


def _notices(session: pytest.Session, file: str, text: str, seconds: float) -> bool:
    """Return whether the tests fail with a mutant, or do not end in time."""
    child = os.fork()
    if not child:
        _test(session, file, text)
    until = time.monotonic() + seconds
    status = None
    while status is None and time.monotonic() < until:
        ended, found = os.waitpid(child, os.WNOHANG)
        if ended:
            status = found
        else:
            time.sleep(POLL_SECONDS)
    if status is None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    try:  # what its tests left
        os.killpg(child, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    return status != 0


def _test(session: pytest.Session, file: str, text: str) -> None:
    """Run the tests with a mutant, and end the process: 0 if they pass."""
    failed = True
    try:
        os.setsid()
        changed = put_in(file, text)
        session.config.pluginmanager.unregister(name="tests.mutant_forks")
        try:
            session.config.hook.pytest_runtestloop(session=session)
            failed = bool(session.testsfailed) and changed
        except session.Failed:
            failed = changed
    finally:
        os._exit(int(failed))


def put_in(file: str, text: str) -> bool:
    """Give the functions of a file the code of a text of it. Return False if one does not take it: nothing is said."""
    parts: dict[str, list[CodeType]] = {}
    for code in _codes(compile(text, file, "exec", dont_inherit=True)):
        parts.setdefault(code.co_qualname, []).append(code)
    present: dict[str, list[FunctionType]] = {}
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename == file:
            present.setdefault(one.__code__.co_qualname, []).append(one)
    try:
        for name, functions in present.items():
            lines = sorted({one.__code__.co_firstlineno for one in functions})
            for one in functions:
                one.__code__ = parts[name][lines.index(one.__code__.co_firstlineno)]
    except (ValueError, KeyError, IndexError):
        return False
    return True


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Give all code in a code, in the order of its lines."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _codes(one)
