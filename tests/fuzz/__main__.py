"""python -m tests.fuzz TARGET [SECONDS [NUMBER]]: look for bytes that break a property.

With atheris the program's own branches lead the search, and what it finds stays in the folder `.fuzz/TARGET`; without,
seeds are changed at random, by the number or by one that is told. An input that breaks something is written to a file.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(".fuzz")
TARGETS = ("requests", "responses", "bodies", "session")


def main(words: list[str]) -> int:
    """Run a target for some seconds; 1 when something was found."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("seconds", type=float, nargs="?", default=60.0, help="how long to look (%(default)g)")
    parser.add_argument("number", type=int, nargs="?", help="of an earlier search without atheris, to repeat that")
    asked = parser.parse_args(words)
    if importlib.util.find_spec("atheris") and asked.number is None:
        return guided(asked.target, int(asked.seconds))
    return changed(asked.target, asked.seconds, secrets.randbits(32) if asked.number is None else asked.number)


def _opened(name: str, stack: contextlib.ExitStack) -> Callable[[bytes], None]:
    from tests.fuzz import targets

    if name == "session":
        return stack.enter_context(targets.sessions())
    found: Callable[[bytes], None] = getattr(targets, name)
    return found


def changed(name: str, seconds: float, number: int) -> int:
    """Change seeds at random."""
    from tests.fuzz.mutation import Mutation
    from tests.fuzz.seeds import WORDS, seeds

    print(f"{name}: {seconds:g} seconds, number {number}", flush=True)
    mutation, until, count = Mutation(seeds(name), WORDS, number), time.monotonic() + seconds, 0
    with contextlib.ExitStack() as stack:
        target = _opened(name, stack)
        while time.monotonic() < until:
            data = mutation.next()
            count += 1
            try:
                target(data)
            except Exception:
                FOLDER.mkdir(exist_ok=True)
                file = FOLDER / f"{name}-{number}-{count}"
                file.write_bytes(data)
                print(f"{file}: {data!r}", flush=True)
                raise
    print(f"{count} inputs")
    return 0


def guided(name: str, seconds: int) -> int:
    """Let atheris lead."""
    import atheris

    with atheris.instrument_imports(include=["tcproxy"]):
        from tests.fuzz.seeds import WORDS, seeds
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (folder / f"seed-{number}").write_bytes(seed)
    lines = ('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in WORDS if word)
    (FOLDER / "words").write_text("".join(lines))
    options = [f"-max_total_time={seconds}", f"-dict={FOLDER / 'words'}", f"-artifact_prefix={FOLDER / name}-"]
    stack = contextlib.ExitStack()
    atheris.Setup([sys.argv[0], *options, "-max_len=8192", str(folder)], _opened(name, stack))
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
