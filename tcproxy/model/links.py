"""What becomes of connections to servers in HTTP mode: which are used again, and when a request is tried again."""

from __future__ import annotations

from tcproxy.grammar.rows import BACK, FRONT, SERVER, Draft, Reading, Row, no_effect
from tcproxy.grammar.statements import Refused, Statement, refuse_all
from tcproxy.grammar.units import Choice, Integer, Time, listed
from tcproxy.model.options import parse_option

RETRY_STATUSES = ("401", "403", "404", "408", "425", "500", "501", "502", "503", "504")
RETRY_CAUSES = ("conn-failure", "empty-response", "junk-response", "response-timeout", "0rtt-rejected")
ALL_RETRYABLE = frozenset({*RETRY_CAUSES, "500", "502", "503", "504"})


def parse_retry_on(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read `retry-on WORD...` into the set `retry_on`; what was said before is forgotten."""
    words = statement.words[1:]
    if not words:
        raise Refused("'retry-on' needs at least one word behind it that says when to retry")
    chosen: set[str] = set()
    faults: list[Refused] = []
    for index, word in enumerate(words, 1):
        if word == "none" and len(words) > 1:
            faults.append(Refused("'retry-on' : 'none' can only stand alone", index))
        elif word == "all-retryable-errors":
            chosen |= ALL_RETRYABLE
        elif word in RETRY_CAUSES or word in RETRY_STATUSES:
            chosen.add(word)
        elif word != "none":
            known = listed(("none", *RETRY_CAUSES, *RETRY_STATUSES, "all-retryable-errors"))
            faults.append(Refused(f"'retry-on' has no word '{word}'; there are {known}", index))
    refuse_all(faults)
    draft["retry_on"] = frozenset(chosen)


_REUSE = Choice("never", "safe", "aggressive", "always")

WORDS = (
    Row("http-reuse", BACK, "Choose which requests may go over links that stand.", (_REUSE,), "http_reuse",
        manual="4.2", core=True),
    Row("retry-on", BACK, "Set when a request is sent again.", parse=parse_retry_on, elsewhere="refused",
        manual="4.2"),
    Row("option prefer-last-server", BACK, "Stay with the server that holds a link of this client.",
        parse=parse_option, negatable=True, mode="http", manual="4.2"),
    Row("max-keep-alive-queue", BACK, "Set how many may wait at a server that a client stays with.",
        (Integer(None),), "max_keep_alive_queue", manual="4.2"),
    Row("max-session-srv-conns", FRONT, "Set how many idle links of its own a client may have.", (Integer(None),),
        "max_session_srv_conns", manual="4.2", core=True),
    Row("pool-max-conn", SERVER, "Limit the idle links to the server.", (Integer(-1),), "pool_max_conn",
        manual="5.2", dynamic=True),
    Row("pool-low-conn", SERVER, "Keep this many idle links more than seem to be needed.", (Integer(None),),
        "pool_low_conn", manual="5.2", dynamic=True),
    Row("pool-purge-delay", SERVER, "Set how often idle links are closed that are not needed.", (Time(),),
        "pool_purge_delay", manual="5.2", dynamic=True),
    *no_effect(SERVER, "max-reuse", "No effect: as in HAProxy, links of HTTP/1 do not heed it.",
               arguments=(Integer(None),), manual="5.2"),
)  # fmt: skip
