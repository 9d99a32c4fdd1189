"""`tcproxy explain` and `tcproxy test`: their command lines, messages and exit codes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tcproxy import language
from tcproxy.explain.asking import hello_bytes, payload_bytes, request_bytes
from tcproxy.explain.cases import CaseFile, WrongCases, read_cases
from tcproxy.explain.rehearsal import Question, Rehearsal, WrongQuestion
from tcproxy.explain.telling import record, told
from tcproxy.grammar.diagnostics import Diagnostics
from tcproxy.grammar.environment import Environment
from tcproxy.guards import PluginFailed
from tcproxy.model.process import Configuration

ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def read(files: Sequence[str]) -> Configuration | None:
    """Read a configuration; None when there were errors, which are told on standard error."""
    return language.read(list(files), Environment(os.environ), Diagnostics(os.getpid(), sys.stderr))


def explain(words: Sequence[str]) -> int:
    """Tell what a configuration does with a request, and why. Return the exit code: 1 for errors."""
    asked = _explain_arguments().parse_args(words)
    configuration = read(asked.file)
    if configuration is None:
        return 1
    try:
        outcome = Rehearsal(configuration).play(_question(asked))
    except (WrongQuestion, PluginFailed) as wrong:
        print(f"tcproxy explain: {wrong}", file=sys.stderr)
        return 1
    if asked.json:
        print(json.dumps(record(outcome), indent=2))
    else:
        print(told(outcome), end="")
    return 0


def _explain_arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tcproxy explain",
        description="Play a request through a configuration, with no socket and no server, and tell each rule that was "
        "looked at, what it changed, and which server would be asked.",
    )
    add = parser.add_argument
    add("-f", dest="file", action="append", required=True, metavar="FILE", help="configuration (several times)")
    add("request", nargs="?", default="", help="'METHOD URL', as 'GET https://example.org/path'")
    add("-H", dest="header", action="append", default=[], metavar="'NAME: VALUE'", help="a header (several times)")
    add("--data", default="", help="the request's body")
    add("--payload", metavar="HEX|FILE", help="the bytes of a client in TCP mode, in place of a request")
    add("--sni", metavar="NAME", help="a TLS client's first bytes, which ask for this name, in place of a request")
    add("--src", default="127.0.0.1", metavar="ADDRESS", help="the client's address (127.0.0.1)")
    add("--frontend", default="", metavar="NAME", help="the frontend; by default the one whose port the URL has")
    add("--bind", default="", metavar="ADDRESS", help="the address that it comes in by: ADDRESS:PORT, or a name")
    add("--answer", default=ANSWER, metavar="TEXT", help=r"what the server answers; \r and \n are read as such")
    add("--down", action="append", default=[], metavar="BACKEND/SERVER", help="a server out of service (several times)")
    add("--json", action="store_true", help="print a record of JSON")
    return parser


def _question(asked: argparse.Namespace) -> Question:
    if asked.payload is not None:
        data, port = payload_bytes(asked.payload), 0
    elif asked.sni is not None:
        data, port = hello_bytes(asked.sni), 0
    elif asked.request:
        data, port = request_bytes(asked.request, asked.header, asked.data.encode("utf-8", "surrogateescape"))
    else:
        raise WrongQuestion("a request is missing: 'GET http://host/path', or --payload or --sni for TCP")
    answer = asked.answer.replace("\\r", "\r").replace("\\n", "\n").encode("utf-8", "surrogateescape")
    return Question(data, asked.src, asked.frontend, asked.bind, port, answer, tuple(asked.down))


# tcproxy test

NOTHING_WRONG, DIFFERENT, UNUSABLE = 0, 1, 2
"""Exit codes of `tcproxy test`."""


def play_cases(words: Sequence[str]) -> int:
    """Play files of cases, and tell each difference. Return the exit code: 1 for differences, 2 for what is no case."""
    parser = argparse.ArgumentParser(
        prog="tcproxy test",
        description="Play tables of requests through a configuration, and compare what comes of them with what is "
        "expected.",
    )
    parser.add_argument("cases", nargs="+", type=Path, metavar="CASES", help="files of TOML or YAML")
    parser.add_argument(
        "-f", dest="file", action="append", default=[], metavar="FILE", help="configuration, instead of the file's own"
    )
    parser.add_argument("-v", dest="verbose", action="store_true", help="tell what happened in each case that differs")
    asked = parser.parse_args(words)
    worst = NOTHING_WRONG
    for path in asked.cases:
        try:
            worst = max(worst, _test_file(read_cases(path), asked.file, asked.verbose))
        except (WrongCases, WrongQuestion, PluginFailed, OSError) as wrong:
            print(f"tcproxy test: {wrong}", file=sys.stderr)
            worst = UNUSABLE
    return worst


def _test_file(file: CaseFile, instead: Sequence[str], verbose: bool) -> int:
    files = list(instead) or [str(path) for path in file.configuration]
    if not files:
        raise WrongCases(f"{file.path}: it names no configuration, and there is no -f")
    configuration = read(files)
    if configuration is None:
        return UNUSABLE
    rehearsal = Rehearsal(configuration)
    failed = 0
    for case in file.cases:
        outcome, differences = case.play(rehearsal)
        if differences:
            failed += 1
            print(f"{file.path}: {case.name}")
            for sentence in differences:
                print(f"    {sentence}")
            if verbose:
                print("".join(f"      {line}\n" for line in told(outcome).splitlines()), end="")
    print(f"{file.path}: {len(file.cases) - failed} of {len(file.cases)} cases as expected")
    return DIFFERENT if failed else NOTHING_WRONG
