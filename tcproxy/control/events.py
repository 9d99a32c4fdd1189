"""`show events`: the places where events go, and what the rings in memory hold (management 9.3).

Events are log lines that a `log ring@NAME` sends there, and in `buf0` what the converter `debug` tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from twisted.internet.defer import Deferred

from tcproxy.control.command_rows import Answer, CommandError, CommandLine, CommandRow, Later, Level, Message
from tcproxy.grammar.addresses import Address, Family
from tcproxy.report.events import Events
from tcproxy.session.settings import World

_STREAMS = (
    "Event sinks (add -n to a name for new events only, -w to wait for more; any input ends that):\n"
    "    stdout     : type=fd, {} dropped, standard output (fd#1)\n"
    "    stderr     : type=fd, {} dropped, standard error (fd#2)\n"
)


def _rings(world: World) -> Mapping[str, Events]:
    """Return the rings by name, `buf0` first."""
    return {**world.sinks.rings, "buf0": world.events}


def show_events(command: CommandLine) -> Answer:
    """List where events go, or show those of a ring. `-n` leaves out the ones that are there, `-w` waits for more."""
    name, *options = command.words or ("",)
    rings = _rings(command.world)
    if not name:
        dropped = (command.world.sinks.sink(Address(Family.FD, number)).dropped for number in "12")
        lines = (f"    {ring.name:<10} : type=buffer, 0 dropped, {ring.description}\n" for ring in rings.values())
        return _STREAMS.format(*dropped) + "".join(lines)
    if name in ("stdout", "stderr"):
        return Message("Nothing to report for this sink")
    if name not in rings:
        raise CommandError("No such event sink")
    if command.talk.level < Level.OPERATOR:
        raise CommandError("Permission denied")
    letters = {letter for word in options for letter in _letters(word)}
    ring = rings[name]
    since = ring.written if "n" in letters else 0
    return _follow(ring, since, command.world) if "w" in letters else ring.lines(since)


def _follow(ring: Events, since: int, world: World) -> Iterator[str | Later]:
    """Give the lines of a ring, and then those that come, until the client says something or leaves."""
    while True:
        yield from ring.lines(since)
        since = ring.written
        written: Deferred[None] = Deferred()

        tell = partial(world.clock.callLater, 0, _fire, written)  # whoever writes a line is in the middle of something
        ring.followers.add(tell)
        try:
            yield written
        finally:
            ring.followers.discard(tell)


def _fire(written: Deferred[None]) -> None:
    if not written.called:
        written.callback(None)


def _letters(word: str) -> str:
    """Return the letters of an option. Raises CommandError for a word that is none."""
    if word[:1] != "-" or not set(word[1:]) <= set("wn"):
        raise CommandError("unknown option")
    return word[1:]


COMMANDS = (
    CommandRow("show events", show_events, "[<sink>] [-w] [-n]", "list the event sinks, or show events of one"),
)  # fmt: skip
