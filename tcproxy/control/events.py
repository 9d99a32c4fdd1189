"""`show events`: the places where the converter `debug` tells samples, and what the ring in memory holds."""

from __future__ import annotations

from tcproxy.control.command_rows import Answer, CommandError, CommandLine, CommandRow, Level, Message
from tcproxy.grammar.addresses import Address, Family

_PLACES = (
    "Event sinks (add -n to a name for new events only):\n"
    "    stdout     : type=fd, {} dropped, standard output (fd#1)\n"
    "    stderr     : type=fd, {} dropped, standard error (fd#2)\n"
    "    buf0       : type=buffer, 0 dropped, ring buffer in memory\n"
)


def show_events(command: CommandLine) -> Answer:
    """List where events go, or show those of the ring `buf0`. `-n` leaves out the ones that are there."""
    name, *options = command.words or ("",)
    if not name:
        dropped = (command.world.sinks.sink(Address(Family.FD, number)).dropped for number in "12")
        return _PLACES.format(*dropped)
    if name not in ("stdout", "stderr", "buf0"):
        raise CommandError("No such event sink")
    if name != "buf0":
        return Message("Nothing to report for this sink")
    if command.talk.level < Level.OPERATOR:
        raise CommandError("Permission denied")
    letters = {letter for word in options for letter in _letters(word)}
    if "w" in letters:
        raise CommandError("'show events' with -w is known to HAProxy 2.6, not supported by tcproxy yet")
    return "" if "n" in letters else "".join(command.world.events.lines())


def _letters(word: str) -> str:
    """Return the letters of an option. Raises CommandError for a word that is none."""
    if word[:1] != "-" or not set(word[1:]) <= set("wn"):
        raise CommandError("unknown option")
    return word[1:]


COMMANDS = (
    CommandRow("show events", show_events, "[<sink>] [-n]", "list the event sinks, or show events of one"),
)  # fmt: skip
