"""The %-variables of log formats: how each becomes a part of an f-string over a Record `r` (manual 8.2.6).

formats.py reads a format's text and joins the parts; `names` lists what the parts may call.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from tcproxy.report import dates
from tcproxy.report.record import NOWHERE, Record

Flags = frozenset[str]
"""Of Q (quotes), X (hexadecimal) and E (backslashes)."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One %-variable: `write(flags)` returns its part of the f-string.

    pair: the address pair that it reads, or another fact that is found out only where it is named. waits: it is
    known only at the end. plus: `option logasap` marks it.
    """

    write: Callable[[Flags], str]
    pair: str = ""
    waits: bool = False
    plus: bool = False


def _text(expression: str) -> Callable[[Flags], str]:
    """Text, which the flags may quote and escape."""

    def write(flags: Flags) -> str:
        body = f"{{escaped({expression})}}" if "E" in flags else f"{{{expression}}}"
        return f'"{body}"' if "Q" in flags else body

    return write


def _perhaps(expression: str) -> Callable[[Flags], str]:
    """Text that may be missing: `-`, or two quotes."""

    def write(flags: Flags) -> str:
        quoted = "Q" in flags
        body = f"escaped({expression})" if "E" in flags else expression
        return f'"{{{body}}}"' if quoted else f"{{{body} or dash}}"

    return write


def _address(pair: str) -> Callable[[Flags], str]:
    def write(flags: Flags) -> str:
        if "X" in flags:
            return f"{{hexadecimal(r.{pair}[0])}}"
        if "Q" in flags:
            return f'"{{blank(r.{pair}[0])}}"'
        return f"{{r.{pair}[0]}}"

    return write


def _port(pair: str, always: bool = False) -> Callable[[Flags], str]:
    def write(flags: Flags) -> str:
        digits = f"{{r.{pair}[1]:04X}}" if "X" in flags else f"{{r.{pair}[1]}}"
        if always:
            return digits
        missing = "quotes" if "Q" in flags else "dash"
        return f"{{{missing} if r.{pair} is nowhere else {'hexport' if 'X' in flags else 'port'}(r.{pair})}}"

    return write


def _plain(expression: str) -> Callable[[Flags], str]:
    """A number or a date: no flag changes it."""
    return lambda flags: f"{{{expression}}}"


def _number(expression: str, digits: int = 4) -> Callable[[Flags], str]:
    """A number that flag X writes in hexadecimal, of so many digits at least."""
    return lambda flags: f"{{{expression}:0{digits}X}}" if "X" in flags else f"{{{expression}}}"


def _request_part(expression: str) -> Callable[[Flags], str]:
    """A part of the request line, or what stands in its place when there was none."""
    return _text(f"shown({expression}) or badreq")


def _milliseconds(flags: Flags) -> str:
    return "{milliseconds(r.accepted):02X}" if "X" in flags else "{milliseconds(r.accepted):03d}"


def _nothing(flags: Flags) -> str:
    return ""


def _pairs() -> Iterator[tuple[str, Variable]]:
    for name, pair in (("c", "client"), ("f", "front"), ("b", "local"), ("s", "remote")):
        yield f"{name}i", Variable(_address(pair), pair)
        yield f"{name}p", Variable(_port(pair, always=name in "cf"), pair)


# In TCP mode HAProxy 2.6 makes Tw one millisecond too long: it subtracts the time of a request, which TCP does
# not have and which stands at -1. So do we.
_WAIT = "r.queue - r.request if r.queue >= 0 else -1"
_DATA = "r.total - r.queue - r.connect if r.connect >= 0 else -1"
_ASKED = "r.handshake + r.idle + r.request if r.request >= 0 else -1"
_HTTP_DATA = "r.total - r.idle - r.queue - r.connect - r.response if r.response >= 0 else -1"

VARIABLES: dict[str, Variable] = {
    **dict(_pairs()),
    "B": Variable(_plain("r.bytes_out"), waits=True, plus=True),
    "H": Variable(_text("hostname")),
    "ID": Variable(_perhaps("r.unique_id"), pair="unique_id", waits=True),
    "ST": Variable(_plain("0")),
    "T": Variable(_plain("gmt(int(r.accepted))")),
    "Tc": Variable(_plain("r.connect"), waits=True),
    "Td": Variable(_plain(_DATA), waits=True),
    "Th": Variable(_plain("r.handshake"), waits=True),
    "Tl": Variable(_plain("local_zone(int(r.accepted))")),
    "Ts": Variable(_number("int(r.accepted)")),
    "Tt": Variable(_plain("r.total"), waits=True, plus=True),
    "Tu": Variable(_plain("r.total"), waits=True, plus=True),
    "Tw": Variable(_plain(_WAIT), waits=True),
    "U": Variable(_plain("r.bytes_in"), waits=True),
    "ac": Variable(_plain("r.active"), waits=True),
    "b": Variable(_text("r.backend")),
    "bc": Variable(_plain("r.backend_active"), waits=True),
    "bq": Variable(_plain("r.backend_queue"), waits=True),
    "f": Variable(_text("r.frontend")),
    "fc": Variable(_plain("r.frontend_active"), waits=True),
    "ft": Variable(_text("r.frontend + tilde if r.tls else r.frontend")),
    "hr": Variable(_nothing),
    "hrl": Variable(_nothing),
    "hs": Variable(_nothing),
    "hsl": Variable(_nothing),
    "lc": Variable(_number("r.sequence")),
    "ms": Variable(_milliseconds),
    "pid": Variable(_number("getpid()")),
    "rc": Variable(lambda flags: "{plus[r.redispatched]}{r.retries}", waits=True),
    "rt": Variable(_number("r.number")),
    "s": Variable(_text("r.server")),
    "sc": Variable(_plain("r.server_active"), waits=True),
    "sq": Variable(_plain("r.server_queue"), waits=True),
    "sslc": Variable(_perhaps("empty")),
    "sslv": Variable(_perhaps("empty")),
    "t": Variable(_plain("stamp(r.accepted)")),
    "ts": Variable(_plain("r.termination"), waits=True),
    "tsc": Variable(lambda flags: "{r.termination}{r.cookie}"),
}  # fmt: skip
HTTP_VARIABLES: dict[str, Variable] = {
    "CC": Variable(_perhaps("empty")),
    "CS": Variable(_perhaps("empty")),
    "HM": Variable(_request_part("r.method")),
    "HP": Variable(_request_part("path_of(r.target)")),
    "HPO": Variable(_request_part("path_alone(r.target)")),
    "HQ": Variable(_perhaps("query_of(r.target)")),
    "HU": Variable(_request_part("r.target")),
    "HV": Variable(_request_part("r.version")),
    "TR": Variable(_plain("r.request"), waits=True),
    "Ta": Variable(_plain("r.total - r.idle"), waits=True, plus=True),
    "Ti": Variable(_plain("r.idle"), waits=True),
    "Tq": Variable(_plain(_ASKED), waits=True),
    "Tr": Variable(_plain("r.response"), waits=True),
    "r": Variable(_text("request_line(r)")),
    "tr": Variable(_plain("stamp(r.accepted)")),
    "trg": Variable(_plain("gmt(int(r.accepted))")),
    "trl": Variable(_plain("local_zone(int(r.accepted))")),
}
"""Variables that stand in HTTP mode only."""
HTTP_MEANINGS: dict[str, Variable] = {
    "ST": Variable(_plain("r.status"), waits=True),
    "Td": Variable(_plain(_HTTP_DATA), waits=True),
}
"""Variables that mean more in HTTP mode."""

_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "]": "\\]"})


def _hexadecimal(address: str) -> str:
    """Return an address in hexadecimal; `unix` and `-` stay (the reference cuts the line there)."""
    try:
        return ip_address(address).packed.hex().upper()
    except ValueError:
        return address


_SHOWN = {code: f"#{code:02X}" for code in (*range(32), 34, 35, *range(127, 256))}
"""Bytes of a request that lines do not show as they are."""


def shown(text: bytes) -> str:
    """Return bytes as log lines show them: what is not printable, and what would end a field, in hexadecimal."""
    return text.decode("latin-1").translate(_SHOWN)


def _request_line(record: Record) -> str:
    if not record.method:
        return BAD_REQUEST
    return shown(b"%b %b %b" % (record.method, record.target, record.version))


def _path_of(target: bytes) -> bytes:
    return target.partition(b"?")[0]


BAD_REQUEST = "<BADREQ>"


def names() -> dict[str, object]:
    """Return what the compiled functions may name."""
    return {
        "stamp": dates.Stamp(),
        "gmt": dates.gmt,
        "local_zone": dates.local_zone,
        "milliseconds": lambda moment: int(moment % 1 * 1000),
        "hexadecimal": _hexadecimal,
        "escaped": lambda text: text.translate(_ESCAPES),
        "blank": lambda text: "" if text == "-" else text,
        "port": lambda pair: str(pair[1]),
        "hexport": lambda pair: f"{pair[1]:04X}",
        "getpid": os.getpid,
        "hostname": socket.gethostname(),
        "nowhere": NOWHERE,
        "dash": "-",
        "quotes": '""',
        "tilde": "~",
        "empty": "",
        "plus": ("", "+"),
        "badreq": BAD_REQUEST,
        "shown": shown,
        "request_line": _request_line,
        "path_of": _path_of,
        "path_alone": lambda target: _path_of(target).partition(b"?")[0],
        "query_of": lambda target: shown(b"".join(target.partition(b"?")[1:])),
    }
