"""Actions about connections: let one pass, close one, or wait for a header in front of its bytes (manual 4.2)."""

from __future__ import annotations

from collections.abc import Callable

from tcproxy.rules.actions.rows import Act, Action, ActionWords, Assembly, Ends, Made
from tcproxy.rules.sets import TCP, SetKind

CONNECTION = frozenset({SetKind.TCP_CONNECTION})
CONTENT = frozenset({SetKind.TCP_CONTENT})
RESPONSE = frozenset({SetKind.TCP_RESPONSE})


def _nothing(stream: object) -> None:
    """Do nothing."""


def _bare(make: Callable[[Assembly], Act]) -> Callable[[ActionWords], Made]:
    """Return what reads an action without words behind it."""
    return lambda words: Made(make, ())


def _expecting(header: str) -> Callable[[ActionWords], Made]:
    """Return what reads `layer4`, the one place where a header can stand."""

    def read(words: ActionWords) -> Made:
        if not words.take("layer4"):
            raise words.refuse(f"'layer4' must follow, and not '{words.next}'", min(words.at, words.last))
        return Made(lambda assembly: assembly.expect(header), ())

    return read


def _switch(words: ActionWords) -> Made:
    """Read `http [proto PROTOCOL]`."""
    if words.draft.get("kind") == "backend":
        raise words.refuse("a backend cannot switch the mode of a client", words.last_read)
    if not words.take("http"):
        raise words.refuse(f"the mode 'http' must follow, and not '{words.next}'", min(words.at, words.last))
    if words.take("proto"):
        at, name = words.at, words.word("the name of a protocol")
        if name == "h2":
            raise words.refuse("HTTP/2 is known to HAProxy 2.6, not supported by tcproxy yet", at)
        if name != "h1":
            raise words.refuse(f"there is no protocol '{name}', but 'h1'", at)
    return Made(lambda assembly: assembly.speak_http(), ())


ACTIONS = (
    Action("accept", TCP, "Let it pass: no more rules of this set are looked at.",
           _bare(lambda assembly: _nothing), ends=Ends.SET, core=TCP),
    Action("close", RESPONSE, "Close the connection to the server; the client has what is there.",
           _bare(lambda assembly: assembly.close_server()), ends=Ends.SET, core=RESPONSE),
    Action("expect-netscaler-cip", CONNECTION, "Wait for a NetScaler Client IP header in front of the bytes.",
           _expecting("netscaler-cip"), "layer4", core=CONNECTION),
    Action("expect-proxy", CONNECTION, "Wait for a PROXY header in front of the bytes.",
           _expecting("proxy"), "layer4", core=CONNECTION),
    Action("reject", TCP, "Close the connection without an answer.",
           _bare(lambda assembly: assembly.reject()), ends=Ends.ALWAYS, core=TCP),
    Action("switch-mode", CONTENT, "Speak HTTP with a client of a frontend in TCP mode.", _switch,
           "http [proto h1]", ends=Ends.SET),
)  # fmt: skip
