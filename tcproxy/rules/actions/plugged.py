"""Actions and services of plugins become rows and rules like ours (interfaces.IAction, interfaces.IService)."""

from __future__ import annotations

from collections.abc import Sequence

from tcproxy.grammar.suggestions import nearest, suggestion
from tcproxy.guards import GuardedCalls
from tcproxy.rules.actions.rows import Action, ActionWords, Ends, Made
from tcproxy.rules.sets import REQUESTS, SetKind

NAMES = {kind.words: kind for kind in SetKind}
"""Kinds of rule sets by the words of their lines."""


def action_row(plugin: GuardedCalls, kind: SetKind) -> Action:
    """Return the row of a plugin's action for a rule set. Raises ValueError."""
    kinds = plugin.plugin.kinds
    sound = isinstance(kinds, Sequence) and not isinstance(kinds, str)
    if not sound or not kinds or not all(isinstance(kind, str) and kind in NAMES for kind in kinds):
        raise plugin.wrong(f"has {kinds!r} as 'kinds', and not some of {', '.join(NAMES)}")

    def read(words: ActionWords) -> Made:
        at, taken = words.at, []
        while words.more:
            taken.append(words.word(""))
        try:
            parsed = plugin.parse(tuple(taken))
        except ValueError as wrong:
            raise words.refuse(str(wrong), min(at, words.last)) from None
        changes = ("", "status without a body") if kind is SetKind.HTTP_RESPONSE else ("",)  # its answer may be one
        return Made(lambda assembly: assembly.plugged(plugin, parsed), changes)

    found = frozenset(NAMES[words] for words in kinds)
    waits = bool(plugin.plugin.waits) and kind is SetKind.HTTP_REQUEST
    return Action(plugin.name, found, plugin.manual, read, "[WORDS]", Ends.SOMETIMES, waits)


def _read_service(words: ActionWords) -> Made:
    """Read `NAME`."""
    at = words.at
    name = words.word("the name of a service")
    if name == EXPORTER:
        return Made(lambda assembly: assembly.export(), changes=("", EXPORTER))
    service = words.reading.services.get(name)
    if service is None:
        if name.startswith("lua."):
            raise words.refuse(f"the service '{name}' is not supported yet", at)
        near = suggestion(nearest(name, [EXPORTER, *words.reading.services]))
        raise words.refuse(f"there is no service '{name}'{near}", at)
    return Made(lambda assembly: assembly.serve(service))


EXPORTER = "prometheus-exporter"
"""The service that HAProxy 2.6 brings along."""

ACTIONS = (
    Action("use-service", REQUESTS, "Let a service answer in the server's place: of a plugin, or prometheus-exporter.",
           _read_service, "NAME", Ends.ALWAYS, waits=True),
)  # fmt: skip
