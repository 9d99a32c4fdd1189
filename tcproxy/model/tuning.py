"""Global words that tune (manual 3.2): those that change something here are stored, the others only checked."""

from __future__ import annotations

from tcproxy.grammar.rows import GLOBAL, Argument, Draft, Reading, Row, Status, no_effect
from tcproxy.grammar.sections import read_arguments
from tcproxy.grammar.statements import Statement
from tcproxy.grammar.units import Choice, Integer, Size, Text, Time


def parse_tuning(statement: Statement, draft: Draft, reading: Reading) -> None:
    """Read a word with one number into the mapping `tune`, under the word's own name."""
    name = statement.words[0]
    row = reading.words.at(GLOBAL_WHERE)[name]
    draft.put("tune", name, read_arguments(row, statement, 1, reading)[0])


(GLOBAL_WHERE,) = GLOBAL


def _tune(name: str, help: str, argument: Argument, status: Status = Status.DONE, core: bool = True) -> Row:
    return Row(name, GLOBAL, help, (argument,), parse=parse_tuning, status=status, manual="3.2", core=core)


_SIZES = {
    "global": "of all scopes", "proc": "of the process, those of clients included",
    "reqres": "of a request or a response", "sess": "of a client's connection, those of its requests included",
    "txn": "of a request and its response, those of both scopes included",
}  # fmt: skip

_EFFECTIVE = (
    _tune("tune.bufsize", "Set the bytes of a buffer.", Integer(1)),
    _tune("tune.http.maxhdr", "Set how many lines a head may have, its first one included.", Integer(5, 32767)),
    _tune("tune.maxaccept", "Set how many connections are accepted in a row.", Integer(-1)),
    _tune("tune.maxpollevents", "Set how many events are asked for at once.", Integer(0)),
    _tune("tune.maxrewrite", "Set the bytes of a buffer that are kept for rewriting.", Integer(0), Status.KEPT),
    _tune("tune.http.cookielen", "Set how many bytes of a captured cookie are kept at the most.", Integer(0)),
    _tune("tune.http.logurilen", "Set how many bytes of a request line logs show.", Integer(0)),
    _tune("tune.pipesize", "Set the bytes of a pipe for splicing.", Size()),
    _tune("tune.rcvbuf.client", "Set the kernel's receive buffer of client connections.", Integer(0)),
    _tune("tune.rcvbuf.server", "Set the kernel's receive buffer of server connections.", Integer(0)),
    _tune("tune.sndbuf.client", "Set the kernel's send buffer of client connections.", Integer(0)),
    _tune("tune.sndbuf.server", "Set the kernel's send buffer of server connections.", Integer(0)),
    _tune("tune.pool-high-fd-ratio", "Set the percentage of descriptors beyond which no link is kept idle.",
          Integer(0, 100), core=False),
    _tune("tune.pool-low-fd-ratio", "Set the percentage of descriptors beyond which few links are kept idle.",
          Integer(0, 100), core=False),
    _tune("maxpipes", "Limit the pipes for splicing.", Integer(0)),
    *(
        _tune(f"tune.vars.{scope}-max-size", f"Limit the bytes of variables {which}.", Size(), core=False)
        for scope, which in _SIZES.items()
    ),
    _tune("tune.vars.check-max-size", "Limit the bytes of variables of a check.", Size(), Status.KEPT, core=False),
)

_NUMBERS = """
    tune.buffers.limit
    tune.buffers.reserve
    tune.comp.maxlevel
    tune.pattern.cache-size
    tune.quic.frontend.conn-tx-buffers.limit
    tune.quic.frontend.max-streams-bidi
    tune.quic.retry-threshold
    tune.recv_enough
    tune.runqueue-depth
    tune.zlib.memlevel
    tune.zlib.windowsize
    maxcompcpuusage
    maxcomprate
    maxzlibmem
"""

_REGISTERED_NUMBERS = """
    tune.h2.header-table-size
    tune.h2.initial-window-size
    tune.h2.max-concurrent-streams
    tune.h2.max-frame-size
    tune.lua.forced-yield
    tune.lua.maxmem
    tune.peers.max-updates-at-once
    mworker-max-reloads
    thread-groups
"""

_TIMES = "tune.lua.service-timeout\ntune.lua.session-timeout\ntune.lua.task-timeout\nclose-spread-time"
_SWITCHES = "tune.idle-pool.shared\ntune.listener.multi-queue\ntune.sched.low-latency\ntune.fd.edge-triggered"
_FLAGS = "tune.fail-alloc\nno-memory-trimming"
_BARE = "noepoll\nnoevports\nnogetaddrinfo\nnokqueue\nnopoll\nnoreuseport"

_NOTHING = "No effect: it tunes what does not exist here."

WORDS = (
    *_EFFECTIVE,
    *no_effect(GLOBAL, _NUMBERS, _NOTHING, arguments=(Integer(None),), manual="3.2", core=True),
    *no_effect(GLOBAL, _REGISTERED_NUMBERS, _NOTHING, arguments=(Integer(None),), manual="3.2"),
    *no_effect(GLOBAL, _TIMES, _NOTHING, arguments=(Time(),), manual="3.2"),
    *no_effect(GLOBAL, _SWITCHES, _NOTHING, arguments=(Choice("on", "off"),), manual="3.2"),
    *no_effect(GLOBAL, "profiling.tasks", _NOTHING, arguments=(Choice("auto", "on", "off"),), manual="3.2"),
    *no_effect(GLOBAL, _FLAGS, _NOTHING, many=0, manual="3.2"),
    *no_effect(GLOBAL, "profiling.memory", _NOTHING, arguments=(Choice("on", "off"),), manual="3.2", core=True),
    *no_effect(GLOBAL, "tune.idletimer\ntune.quic.frontend.max-idle-timeout", _NOTHING, arguments=(Time(),),
               manual="3.2", core=True),
    *no_effect(GLOBAL, "cpu-map", _NOTHING, many=2, manual="3.1", core=True),
    *no_effect(GLOBAL, "thread-group", _NOTHING, many=1, manual="3.1"),
    *no_effect(GLOBAL, _BARE, _NOTHING, many=0, manual="3.2", core=True),
    *no_effect(GLOBAL, "busy-polling\nnuma-cpu-mapping\ninsecure-fork-wanted", _NOTHING, many=0, negatable=True,
               manual="3.2", core=True),
    Row("cluster-secret", GLOBAL, "No effect: there is no QUIC.", (Text(),), status=Status.NO_EFFECT,
        manual="3.1", core=True),
)  # fmt: skip
