"""Commands that look inside of the process: bad messages, rate limits, descriptors, libraries, memory, code at work."""

from __future__ import annotations

import gc
import platform
import resource
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tcproxy.control.command_rows import Answer, CommandError, CommandLine, CommandRow, Level
from tcproxy.grammar.units import read_integer
from tcproxy.report.dates import Stamp

LIMITS = ("connections", "sessions")
OTHER_LIMITS = {"ssl-sessions": "TLS", "http-compression": "compression"}


# bad messages


def show_errors(command: CommandLine) -> Answer:
    """Print the last bad request of each frontend, and the last bad response of each backend."""
    words = command.words
    wanted = ""
    if words and words[0] != "-1":
        proxies = command.world.configuration.proxies
        wanted = next((one.name for one in proxies if words[0] in (one.name, str(one.id))), "")
        if not wanted:
            raise CommandError("No such proxy.")
    kinds = ("request", "response")
    if len(words) > 1:
        if words[1] not in kinds:
            raise CommandError("Expects 'request' or 'response' behind the proxy.")
        kinds = (words[1],)  # type: ignore[assignment]  # one of them
    return _captures(command, wanted, kinds)


def _captures(command: CommandLine, wanted: str, kinds: tuple[str, ...]) -> Iterator[str]:
    errors = command.world.errors
    yield f"Total events captured on [{Stamp()(time.time())}] : {errors.count}\n"
    for proxy in command.world.configuration.proxies:
        for kind in kinds:
            found = errors.of(proxy.name, kind)
            if found is not None and wanted in ("", proxy.name, found.other[0]):
                yield from found.lines()


# limits


def set_rate_limit(command: CommandLine) -> Answer:
    """Limit the connections, or the sessions, that begin in a second in the whole process."""
    name = command.word(0)
    if name in OTHER_LIMITS and command.word(1) == "global":
        raise CommandError(f"'set rate-limit {name}' needs {OTHER_LIMITS[name]}, which tcproxy does not have yet.")
    if name not in LIMITS or command.word(1) != "global":
        raise CommandError("'set rate-limit' supports 'connections global' and 'sessions global' with a number.")
    if not command.word(2):
        raise CommandError("Expects an integer value.")
    try:
        number = max(0, read_integer(command.word(2), False))
    except ValueError:
        number = 0  # as HAProxy reads a word that is no number: no limit
    world = command.world
    world.limit_rates(**{name: number})
    for bind in list(world.waiting):
        if bind.resume is not None:
            bind.resume()
    return ""


# the process


def show_activity(command: CommandLine) -> Answer:
    """Tell what the process has done: sessions, requests, time of the processor, collections of garbage."""
    world = command.world
    used = resource.getrusage(resource.RUSAGE_SELF)
    facts = {
        "thread_id": f"{threading.get_native_id()} (1)",
        "date_now": f"{time.time():.6f}",
        "accepted": world.counters.total,
        "req_count": world.counters.requests,
        "sessions": len(world.sessions),
        "cpu_user_ms": int(used.ru_utime * 1000),
        "cpu_system_ms": int(used.ru_stime * 1000),
        "ctxsw_voluntary": used.ru_nvcsw,
        "ctxsw_involuntary": used.ru_nivcsw,
        "page_faults": used.ru_majflt,
    }
    lines = [f"{name}: {value}\n" for name, value in facts.items()]
    for generation, told in enumerate(gc.get_stats()):
        lines.append(f"gc_{generation}: {told['collections']} collections, {told['collected']} objects\n")
    return "".join(lines)


def show_fd(command: CommandLine) -> Answer:
    """List the open descriptors with what they are."""
    return _descriptors()


def _descriptors() -> Iterator[str]:
    folder = Path("/proc/self/fd")
    for fd in sorted(int(one.name) for one in folder.iterdir()):
        try:
            target = (folder / str(fd)).readlink()
            flags = Path(f"/proc/self/fdinfo/{fd}").read_text()
        except OSError:
            continue  # it was the one that listed the folder, or is closed by now
        mode = next((line.split()[1] for line in flags.splitlines() if line.startswith("flags:")), "0")
        yield f"{fd:7d} : {target} flags=0{mode.lstrip('0')}\n"


def show_libs(command: CommandLine) -> Answer:
    """List the shared libraries, and the modules of Python that are compiled, with their places in memory."""
    ends: dict[str, tuple[str, str]] = {}
    for line in Path("/proc/self/maps").read_text().splitlines():
        words = line.split(None, 5)
        if len(words) == 6 and words[5].startswith("/"):
            begin, _, end = words[0].partition("-")
            ends[words[5]] = (ends.get(words[5], (begin, ""))[0], end)
    return "".join(
        f"0x{begin}-0x{end} (0x{int(end, 16) - int(begin, 16):07x}) {path}\n" for path, (begin, end) in ends.items()
    )


def show_pools(command: CommandLine) -> Answer:
    """Tell what memory is in use: of the process, and of Python's objects."""
    status = dict(line.partition(":")[::2] for line in Path("/proc/self/status").read_text().splitlines())
    pages = {name: status.get(name, "0 kB").strip() for name in ("VmRSS", "VmHWM", "RssAnon", "VmSize")}
    lines = ["Memory in use (Python keeps no pools of HAProxy's kind).\n"]
    lines += [f"  - {name} : {value}\n" for name, value in pages.items()]
    frozen = gc.get_freeze_count()
    lines.append(f"  - Python : {sys.getallocatedblocks()} blocks, {frozen} objects frozen at the start\n")
    lines.append(f"Total: {pages['VmRSS']} resident.\n")
    return "".join(lines)


def show_threads(command: CommandLine) -> Answer:
    """Print where each thread of Python is at this moment."""
    names = {one.ident: one.name for one in threading.enumerate()}
    lines = []
    for number, (ident, frame) in enumerate(sys._current_frames().items(), 1):
        here = "* " if ident == threading.get_ident() else "  "
        lines.append(f"{here}Thread {number} : id=0x{ident:x} name={names.get(ident, '?')}\n")
        lines += [f"             {line}\n" for text in traceback.format_stack(frame) for line in text.splitlines()]
    return "".join(lines)


def show_tasks(command: CommandLine) -> Answer:
    """Count the calls that are still to come, by what is called."""
    calls: list[Any] = list(getattr(command.world.clock, "getDelayedCalls", list)())
    found = Counter(getattr(call.func, "__qualname__", repr(call.func)) for call in calls)
    lines = [f"Delayed calls: {len(calls)} (Python {platform.python_version()})\n"]
    lines += [f"  {name:<60} {count:6d}\n" for name, count in found.most_common()]
    return "".join(lines)


COMMANDS = (
    CommandRow("show errors", show_errors, "[<px>] [request|response]", "print the last bad messages", Level.OPERATOR),
    CommandRow("set rate-limit", set_rate_limit, "<setting> <value>", "limit new connections a second", Level.ADMIN),
    CommandRow("show activity", show_activity, "", "tell what the process has done"),
    CommandRow("show fd", show_fd, "", "list the open descriptors", Level.OPERATOR),
    CommandRow("show libs", show_libs, "", "list the shared libraries", Level.OPERATOR),
    CommandRow("show pools", show_pools, "", "tell what memory is in use"),
    CommandRow("show threads", show_threads, "", "print where each thread is at this moment"),
    CommandRow("show tasks", show_tasks, "", "count the calls that are still to come"),
)
