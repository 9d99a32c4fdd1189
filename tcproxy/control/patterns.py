"""Commands about the patterns of ACLs and maps (management 9.3, `show acl`, `add map` and their like).

A set is named by `#` and its number, or by the file that it was read from. `@` and a number before that names a
generation: `prepare` begins one, `add` fills it, `commit` lets it take the place of the present one at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from tcproxy.control.command_rows import Answer, CommandError, CommandLine, CommandRow, Message
from tcproxy.grammar.statements import Origin
from tcproxy.samples.kinds import Kind, Sample, cast_sample, decode
from tcproxy.samples.patterns.entries import Entry
from tcproxy.samples.patterns.matchers import Matcher
from tcproxy.samples.patterns.sets import PatternSet

TREES = ("bin", "ip")
"""Methods whose patterns HAProxy keeps in a tree, whatever stands before them; others with `-i` are lists."""
FOLDED_TREES = ("beg", "str")
OUTPUTS = {Kind.STR: "str", Kind.SINT: "sint", Kind.ADDR: "ipv4"}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _number(text: str) -> int:
    """Return the number that a text begins with, 0 for none."""
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    return int(digits or "0")


class Named:
    """The set that a command names, and the words behind it. kind: `acl` or `map`. version: None where none is said."""

    def __init__(self, kind: str, command: CommandLine) -> None:
        words = command.words
        self.version: int | None = None
        if words[:1] and words[0].startswith("@"):
            self.version = _number(words[0][1:])
            words = words[1:]
        self.kind = kind
        self.title = "ACL" if kind == "acl" else "map"
        self.name = words[0] if words else ""
        self.words = words[1:]
        self._command = command

    @property
    def set(self) -> PatternSet:
        """Return the set. Raises CommandError where there is none of this kind."""
        found = self.any_set
        if not _is(self.kind, found):
            raise self.unknown
        return found

    @property
    def any_set(self) -> PatternSet:
        """Return the set, be it one of ACLs or of maps. Raises CommandError where there is none."""
        sets = self._command.world.configuration.patterns
        found: PatternSet | None = None
        if sets is not None and self.name.startswith("#"):
            found = sets.of_number(_number(self.name[1:]))
        elif sets is not None:
            found = sets.of_file(self.name)
        if found is None:
            raise self.unknown
        return found

    @property
    def unknown(self) -> CommandError:
        """Return the error to raise where no set has this name."""
        return CommandError(f"Unknown {self.title} identifier. Please use #<id> or <file>.")


def _is(kind: str, found: PatternSet) -> bool:
    return bool(found.acls if kind == "acl" else found.maps)


# listing


def _show(kind: str, command: CommandLine) -> Answer:
    """List the sets, or the patterns of one."""
    named = Named(kind, command)
    if not named.name:
        if named.version is not None:
            raise named.unknown
        return _list(kind, command)
    found = named.set
    return _entries(found, found.current if named.version is None else named.version)


def _list(kind: str, command: CommandLine) -> Iterator[str]:
    sets = command.world.configuration.patterns
    yield "# id (file) description\n"
    for one in sets.sets if sets is not None else ():
        if _is(kind, one):
            count = len(one) * max(1, len(one.acls) + len(one.maps))
            yield (
                f"{one.number} ({one.file}) {_described(one)}. "
                f"curr_ver={one.current} next_ver={one.next} entry_cnt={count}\n"
            )


def _described(one: PatternSet) -> str:
    if not one.file:
        return f"acl '{one.title}' file '{one.origin.file}' line {one.origin.line}"
    uses = [*(_use("acl", origin) for origin in one.acls), *(_use("map", origin) for origin in one.maps)]
    return f"pattern loaded from file '{one.file}' used {', '.join(uses)}"


def _use(kind: str, origin: Origin) -> str:
    return f"by {kind} at file '{origin.file}' line {origin.line}"


def _entries(found: PatternSet, version: int) -> Iterator[str]:
    """Give the patterns of a version, each with its id; those that are added meanwhile too."""
    for number in found.numbers():
        entry = found.entry(number)
        if entry is not None and entry.generation == version:
            value = b"" if entry.value is None else b" " + entry.value
            yield f"0x{entry.id:x} {decode(entry.text + value)}\n"


# looking up


def _get(kind: str, command: CommandLine) -> Answer:
    """Tell what a set makes of a value, by each way that it is used."""
    named = Named(kind, command)
    if not named.name or not named.words or named.version is not None:
        if named.version is not None and named.words:
            raise named.unknown
        raise CommandError(f"Missing {named.title} identifier and/or key.")
    found = named.any_set
    text = Sample(Kind.STR, _bytes(named.words[0]))
    return "".join(f"{_looked_up(kind, found, matcher, text)}\n" for matcher in found.matchers())


def _looked_up(kind: str, found: PatternSet, matcher: Matcher, text: Sample) -> str:
    case = "insensitive" if matcher.flags.ignore_case else "sensitive"
    said = f"type={matcher.method.name}, case={case}, {'match' if kind == 'acl' else 'found'}="
    wants = matcher.method.wants
    value = text.value if wants in (Kind.STR, Kind.BIN, Kind.METH) else cast_sample(text, wants or Kind.STR)
    entry = matcher.find(value) if value is not None else None
    if entry is None:
        return f"{said}no"
    is_tree = matcher.method.name in TREES or (
        matcher.method.name in FOLDED_TREES and not matcher.flags.ignore_case
    )
    said += f"yes, idx={'tree' if is_tree else 'list'}, "
    if kind == "acl":
        return f'{said}pattern="{decode(entry.text)}"'
    return f'{said}key="{decode(entry.text)}", value="{decode(entry.value or b"")}", type="{_output(found)}"'


def _output(found: PatternSet) -> str:
    """Return the type of a map's values, as its uses want them."""
    return next((name for kind, name in OUTPUTS.items() if kind is not Kind.STR and found.gives(kind)), "str")


# changing


def _add_acl(command: CommandLine) -> Answer:
    """Add a pattern to the current version, or to another one."""
    named = Named("acl", command)
    if not named.name or not named.words or command.payload:
        raise CommandError("'add acl' expects two parameters: ACL identifier and pattern.")
    found = named.set
    if found.maps:
        raise CommandError(
            "This ACL is shared with a map, which needs values for its patterns: add to it by 'add map'."
        )
    _add(found, named, named.words[0], None)
    return ""


def _add_map(command: CommandLine) -> Answer:
    """Add a key with its value, or each line of the payload."""
    named = Named("map", command)
    if not named.name or (len(named.words) < 2 and not command.payload) or (named.words and command.payload):
        raise CommandError(
            "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) "
            "and a payload."
        )
    found = named.set
    if not command.payload:
        _add(found, named, named.words[0], named.words[1])
        return ""
    for line in command.payload.split("\n"):
        key, _, value = line.strip(" \t\r").replace("\t", " ").partition(" ")
        if not value.strip():
            raise CommandError(f"Missing value for key '{key}'.")
        _add(found, named, key, value.strip())
    return ""


def _add(found: PatternSet, named: Named, text: str, value: str | None) -> None:
    version = named.version
    if version is not None and version > found.next:
        raise CommandError(f"Version number in the future, please use 'prepare {named.kind}' before.")
    try:
        found.add(_bytes(text), None if value is None else _bytes(value), version)
    except ValueError as wrong:
        raise CommandError(f"{wrong}.") from wrong


def _entry_of(found: PatternSet, word: str) -> Entry | None:
    """Return the pattern of an id, as `show` prints it behind a `#`."""
    try:
        return found.entry(int(word[1:], 16))
    except ValueError:
        return None


def _delete(kind: str, command: CommandLine) -> Answer:
    """Delete all patterns of a text, or the one of an id."""
    named = Named(kind, command)
    if not named.name or not named.words:
        raise CommandError(f"This command expects two parameters: {named.title} identifier and key.")
    found, key = named.set, named.words[0]
    if key.startswith("#"):
        entry = _entry_of(found, key)
        done = entry is not None and found.delete_entry(entry.id)
    else:
        done = bool(found.delete(_bytes(key)))
    if not done:
        raise CommandError("Key not found.")
    return ""


def _set_map(command: CommandLine) -> Answer:
    """Give a key another value."""
    named = Named("map", command)
    if not named.name or len(named.words) < 2:
        raise CommandError("'set map' expects three parameters: map identifier, key and value.")
    found, (key, value) = named.set, named.words[:2]
    try:
        if key.startswith("#"):
            entry = _entry_of(found, key)
            done = entry is not None and found.set_entry(entry.id, _bytes(value))
        else:
            done = bool(found.set(_bytes(key), _bytes(value)))
    except ValueError as wrong:
        raise CommandError(f"{wrong}.") from wrong
    if not done:
        raise CommandError("Key or pattern not found.")
    return ""


def _clear(kind: str, command: CommandLine) -> Answer:
    """Delete all patterns of the current version, or of another one."""
    named = Named(kind, command)
    if not named.name:
        raise CommandError(f"Missing {named.title} identifier.")
    found = named.set
    if named.version is None or named.version == found.current:
        found.clear()
    else:
        found.abandon(named.version)
    return ""


def _prepare(kind: str, command: CommandLine) -> Answer:
    """Begin another version, and tell its number."""
    return Message(f"New version created: {Named(kind, command).set.prepare()}")


def _commit(kind: str, command: CommandLine) -> Answer:
    """Let a version take the place of the current one."""
    named = Named(kind, command)
    if named.version is None:
        raise CommandError("Missing version number.")
    if not named.set.commit(named.version):
        raise CommandError("Version number out of range.")
    return ""


def _both(name: str, run: Callable[[str, CommandLine], Answer], usage: str, help: str) -> tuple[CommandRow, CommandRow]:
    """Return the rows of a command for ACLs and for maps. help: `{}` stands for either."""
    acl, map_ = (
        CommandRow(f"{name} {kind}", partial(run, kind), usage.format(kind), help.format(title))
        for kind, title in (("acl", "an ACL"), ("map", "a map"))
    )
    return acl, map_


COMMANDS = (
    *_both("show", _show, "[@<ver>] [<{}>]", "list the sets of patterns, or the patterns of {}"),
    *_both("get", _get, "<{}> <value>", "tell what {} makes of a value"),
    CommandRow("add acl", _add_acl, "[@<ver>] <acl> <pattern>", "add a pattern to an ACL"),
    CommandRow("add map", _add_map, "[@<ver>] <map> <key> <val> (+ payload)", "add a key with a value to a map"),
    *_both("del", _delete, "<{}> [<key>|#<ref>]", "delete a pattern of {}"),
    CommandRow("set map", _set_map, "<map> [<key>|#<ref>] <val>", "give a key of a map another value"),
    *_both("clear", _clear, "[@<ver>] <{}>", "delete all patterns of {}"),
    *_both("prepare", _prepare, "<{}>", "begin another version of {}"),
    *_both("commit", _commit, "@<ver> <{}>", "let a version of {} take the place of the current one"),
)
