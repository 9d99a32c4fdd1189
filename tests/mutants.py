"""`python -m tests.mutants FILE...`: break a file in one place at a time, and see that its tests notice.

Each mutant leaves out one statement, turns one condition round, or changes one constant. A test that promises to hold
the file must fail: the mutants that no test notices are printed, with their lines. Some of them are no fault (a
statement that only saves time), and the others miss a test. The work is done in a copy of the checkout.

Mutants are tried in forks of a process that has collected the tests (tests/mutant_forks.py); those that live there are
tried once more, each from its file by a process of its own.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
NEEDED = ("tcproxy", "twisted", "tests", "benchmarks", "etc", "setup.py", "pyproject.toml")
"""What of a checkout tests need."""
FAST = ("tests/transport/http1/test_both_ways.py", "tests/transport/http1/test_fast.py")
ATTEMPTS = (
    "tests/session/test_attempts.py",
    "tests/session/test_choosing.py",
    "tests/session/http/test_attempts.py",
    "tests/session/http/test_links.py",
    "tests/session/http/test_retries.py",
)
SESSION = ("tests/session/test_relay.py", "tests/session/test_endings.py", "tests/session/test_timers.py")
RELAY = (
    "tests/transport/test_relay.py",
    "tests/transport/test_server_links.py",
    "tests/transport/test_stream_socket.py",
)
PROMISED = {
    "tcproxy/session/http/fast.py": FAST,
    "tcproxy/session/http/accounting.py": FAST,
    "tcproxy/session/http/log_lines.py": FAST,
    "tcproxy/session/attempts.py": ATTEMPTS,
    "tcproxy/session/relay.py": SESSION,
    "tcproxy/transport/relay.py": RELAY,
}
"""The tests that promise to hold a file, by its path in the checkout."""
TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return, ast.Raise, ast.Delete)
NO_PLACE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.JoinedStr)
"""Nodes that nothing is changed in: a function in a function has its own turn."""
PYTEST = "-x -q -p no:cacheprovider -p tests.unshrunk --hypothesis-profile=unshrunk --hypothesis-seed=1"
MOST_SECONDS = 120
"""Seconds for the tests of one mutant, at the most; one that makes them hang is noticed."""


class Mutant(NamedTuple):
    """One changed text of a file. what: was done at this line, which reads `line`."""

    number: int
    what: str
    line: str
    text: str


def mutants(source: str) -> Iterator[Mutant]:
    """Give the mutants of a file's text, in the order of its lines."""
    lines = source.splitlines()
    found = []
    count = len(list(_places(ast.parse(source))))
    for at in range(count):
        tree = ast.parse(source)
        parent, name, index = list(_places(tree))[at]
        holder = getattr(parent, name)
        node = holder if index is None else holder[index]
        for what, replacement in _changes(node):
            ast.copy_location(replacement, node)
            _put(parent, name, index, replacement)
            number = getattr(node, "lineno", getattr(parent, "lineno", 0))
            text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(tree)))
            found.append(Mutant(number, what, lines[number - 1].strip(), text))
            _put(parent, name, index, node)
    yield from sorted(found, key=lambda mutant: mutant.number)


def _put(parent: ast.AST, name: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[index] = node


def _places(tree: ast.Module) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Give the places of a file's functions: nodes by who holds them, under which name, at which place of a list."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for number, statement in enumerate(node.body):
                if not (number == 0 and _is_text(statement)):
                    yield node, "body", number
                    yield from _within(statement)


def _within(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns") or isinstance(node, NO_PLACE):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST):
                yield node, name, index
                yield from _within(child)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Give what may take the place of a node, and how that is called."""
    if isinstance(node, SIMPLE) and not _is_text(node) and not _is_bare(node):
        yield "left out", ast.Pass()
    elif isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            turned = copy.deepcopy(node)
            turned.ops[at] = TURNED[type(operator)]()
            yield "comparison turned round", turned
    elif isinstance(node, ast.BoolOp):
        other = copy.deepcopy(node)
        other.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and for or", other
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not left out", node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "constant changed", ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield "constant changed", ast.Constant(node.value + 1)


def _is_bare(node: ast.AST) -> bool:
    """Return whether a statement does nothing: a bare return, a declaration without a value."""
    return isinstance(node, (ast.Return, ast.AnnAssign)) and node.value is None


class Checkout:
    """A copy of the checkout, in which a file is replaced by its mutants, one after another."""

    def __init__(self, folder: Path, file: str, tests: Sequence[str]) -> None:
        self.folder = folder
        for name in NEEDED:
            place = ROOT / name
            if place.is_dir():
                shutil.copytree(place, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif place.exists():
                shutil.copy(place, folder / name)
        self.file = folder / file
        self.words = [sys.executable, "-m", "pytest", *PYTEST.split(), *tests]

    def notices(self, text: str, seconds: float = MOST_SECONDS) -> bool:
        """Return whether the tests fail when the file has this text."""
        self.file.write_text(text)
        # one of the same second and length would be taken for it
        Path(importlib.util.cache_from_source(self.file)).unlink(missing_ok=True)
        try:
            run = subprocess.run(
                self.words, cwd=self.folder, capture_output=True, text=True, check=False, timeout=seconds
            )
        except subprocess.TimeoutExpired:
            return True
        if run.returncode not in (0, 1):
            # 2 to 5: the tests did not run. An error of syntax or import of the mutant is noticed, too
            return run.returncode == 2 or "Error" in run.stdout
        return run.returncode == 1

    def lives_in_forks(self, tried: list[Mutant], seconds: float) -> list[Mutant]:
        """Return the mutants that the tests do not notice in a fork of a process that has collected them."""
        if not tried:
            return []
        words = self.folder / "mutants.json"
        told = {
            "file": str(self.file),
            "texts": [self.file.read_text(), *(one.text for one in tried)],
            "seconds": seconds,
        }
        words.write_text(json.dumps(told), encoding="utf-8")
        # the plugin is this checkout's own; the tests of the mutants need not be
        shutil.copy(Path(__file__).with_name("mutant_forks.py"), self.folder / "tests")
        read, written = os.pipe()
        command = [*self.words[:3], "-p", "tests.mutant_forks", *self.words[3:]]
        room = os.environ | {"MUTANTS": str(words), "MUTANTS_TO": str(written)}
        nothing = subprocess.DEVNULL
        with subprocess.Popen(
            command, cwd=self.folder, env=room, pass_fds=[written], stdout=nothing, stderr=nothing
        ) as process:
            os.close(written)
            noticed = []
            with open(read, "rb", buffering=0) as verdicts:
                while letter := verdicts.read(1):
                    noticed.append(letter == b"n")
                    _show(noticed[-1])
            process.wait()
        if noticed[:1] == [True]:
            raise RuntimeError("the tests fail in a fork without a mutant")
        return [one for at, one in enumerate(tried, 1) if at >= len(noticed) or not noticed[at]]


def survivors(file: str, tests: Sequence[str], jobs: int, only: tuple[int, int] | None = None) -> list[Mutant]:
    """Return the mutants of a file that its tests do not notice; raises RuntimeError if they fail without any."""
    source = (ROOT / file).read_text()
    every = [one for one in mutants(source) if only is None or only[0] <= one.number <= only[1]]
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        checkouts = [Checkout(Path(name) / str(job), file, tests) for job in range(jobs)]
        began = time.monotonic()
        # without comments, as the mutants are: forks tell functions of one name by their lines
        if checkouts[0].notices(ast.unparse(ast.parse(source)), 5 * MOST_SECONDS):
            raise RuntimeError("the tests fail without a mutant")
        most = time.monotonic() - began
        print(f"{file}: {len(every)} mutants, {most:.1f} s at the most for each", file=sys.stderr)
        for one in checkouts[1:]:
            one.file.write_text(ast.unparse(ast.parse(source)))
        with ThreadPoolExecutor(jobs) as pool:
            alive = _alive_in_forks(pool, checkouts, every, 20 + 5 * most)
            print(f"\n{len(alive)} live in a fork", file=sys.stderr)
            alive = _alive(pool, checkouts, alive, 20 + 5 * most)
    print(file=sys.stderr)
    return alive


def _alive_in_forks(
    pool: ThreadPoolExecutor, checkouts: list[Checkout], every: list[Mutant], seconds: float
) -> list[Mutant]:
    """Return the mutants that live, each tried in a fork; those that a process did not come to are among them."""
    jobs = len(checkouts)
    shares = [every[job::jobs] for job in range(jobs)]
    work = [pool.submit(one.lives_in_forks, share, seconds) for one, share in zip(checkouts, shares, strict=True)]
    return sorted((one for share in work for one in share.result()), key=every.index)


def _alive(pool: ThreadPoolExecutor, checkouts: list[Checkout], every: list[Mutant], seconds: float) -> list[Mutant]:
    """Return the mutants that live, each tried from its file."""
    free: SimpleQueue[Checkout] = SimpleQueue()
    for one in checkouts:
        free.put(one)

    def lives(mutant: Mutant) -> bool:
        checkout = free.get()
        try:
            noticed = checkout.notices(mutant.text, seconds)
        finally:
            free.put(checkout)
        _show(noticed)
        return not noticed

    return [mutant for mutant, lived in zip(every, pool.map(lives, every), strict=True) if lived]


def _show(noticed: bool) -> None:
    print("." if noticed else "S", end="", file=sys.stderr, flush=True)


def arguments(words: list[str]) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file of tcproxy/, by its path in the checkout")
    parser.add_argument("--tests", nargs="+", default=[], help="tests that promise to notice (those of PROMISED)")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time (1)")
    parser.add_argument("--lines", default="", metavar="FIRST-LAST", help="of these lines only")
    found = parser.parse_args(words)
    for file in found.files:
        if not (found.tests or file in PROMISED):
            parser.error(f"say with --tests which tests hold {file}")
    return found


def main(words: list[str]) -> int:
    """Try the mutants of the files; print those that no test notices."""
    asked = arguments(words)
    first, _, last = asked.lines.partition("-")
    only = (int(first), int(last or first)) if first else None
    alive = 0
    for file in asked.files:
        for mutant in survivors(file, asked.tests or PROMISED[file], asked.jobs, only):
            print(f"{file}:{mutant.number}: {mutant.what}: {mutant.line}")
            alive += 1
    print(f"{alive} mutants live")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
