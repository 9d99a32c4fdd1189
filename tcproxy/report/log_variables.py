"""The %-variables of log formats: how each becomes a part of a line made from a Record `r` (manual 8.2.6).

formats.py reads a format's text and joins the parts; `names` lists what the parts may call.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from json.encoder import encode_basestring
from typing import NamedTuple

from tcproxy.report import dates, messages
from tcproxy.report.record import NOWHERE
from tcproxy.samples.formats import Flags

Part = tuple[str, str]
"""What stands in a template of the operator %, and the expression that it prints."""


class Known(Enum):
    """When what a variable tells is known."""

    ALWAYS = "from the first moment"
    REQUEST = "with the request"
    LATER = "once a server is chosen or the response came"
    END = "at the end"


class Forms(NamedTuple):
    """How a variable is written. text: as text, under flags. json: as a value of JSON."""

    text: Callable[[Flags], Part]
    json: Part


@dataclass(frozen=True, slots=True)
class Variable:
    """One %-variable.

    pair: the address pair that it reads, or another fact that is found out only where it is named. known: when
    the line may be written at the earliest. plus: `option logasap` marks it. captures: it tells what was captured
    of requests ("request") or responses ("response"), and nothing at all where nothing is captured.
    """

    forms: Forms
    pair: str = ""
    known: Known = Known.ALWAYS
    plus: bool = False
    captures: str = ""

    def write(self, flags: Flags, early: bool = False) -> Part:
        """Return its part. early: `option logasap` is on."""
        if "json" in flags:
            return self.forms.json
        part, expression = self.forms.text(flags)
        return f"+{part}" if self.plus and early else part, expression


def _missing(flags: Flags) -> str:
    """Return the name of what is written for a text that is missing."""
    return "quotes" if "Q" in flags else "dash" if "M" in flags else "nothing"


def _text(expression: str) -> Forms:
    """Text that the flags may quote and escape."""

    def write(flags: Flags) -> Part:
        body = f"escaped({expression})" if "E" in flags else expression
        return '"%s"' if "Q" in flags else "%s", body

    return Forms(write, ("%s", f"quote({expression})"))


def _perhaps(expression: str) -> Forms:
    """Text that may be missing: then `-` is written, or two quotes with flag Q, or nothing without flag M."""

    def write(flags: Flags) -> Part:
        body = f"escaped({expression})" if "E" in flags else expression
        return ('"%s"', body) if "Q" in flags else ("%s", f"{body} or {_missing(flags)}")

    return Forms(write, ("%s", f"quote({expression}) if {expression} else null"))


def _cookie(expression: str) -> Forms:
    """A captured cookie, bytes as they came."""

    def write(flags: Flags) -> Part:
        body = f"escaped({expression})" if "E" in flags else expression
        return ('"%s"', f"'' if {expression} is None else {body}") if "Q" in flags else (
            "%s", f"{_missing(flags)} if {expression} is None else {body}"
        )  # fmt: skip

    return Forms(write, ("%s", f"null if {expression} is None else quote({expression})"))


def _address(pair: str) -> Forms:
    def write(flags: Flags) -> Part:
        known = f"hexadecimal(r.{pair}[0])" if "X" in flags else f"r.{pair}[0]"
        if "Q" in flags and "X" not in flags:
            return '"%s"', f"blank({known})"
        if "Q" not in flags and "M" in flags:
            return "%s", known  # the text of an address that is not known is `-`
        return "%s", f"{_missing(flags)} if r.{pair} is nowhere else {known}"

    return Forms(write, ("%s", f"null if r.{pair} is nowhere else quote(r.{pair}[0])"))


def _port(pair: str, always: bool = False) -> Forms:
    def write(flags: Flags) -> Part:
        if always:
            return "%04X" if "X" in flags else "%s", f"r.{pair}[1]"
        known = f"{'hexport' if 'X' in flags else 'port'}(r.{pair})"
        return "%s", f"{_missing(flags)} if r.{pair} is nowhere else {known}"

    return Forms(write, ("%s", f"null if r.{pair} is nowhere else r.{pair}[1]"))


def _plain(expression: str) -> Forms:
    """A number that no flag changes; %d writes small numbers fastest."""
    return Forms(lambda flags: ("%d", expression), ("%d", expression))


def _large(expression: str) -> Forms:
    """A number that no flag changes, and that is rarely small."""
    return Forms(lambda flags: ("%s", expression), ("%s", expression))


def _fixed(expression: str) -> Forms:
    """Text that no flag changes."""
    return Forms(lambda flags: ("%s", expression), ("%s", f"quote({expression})"))


def _number(expression: str) -> Forms:
    """A number that flag X writes in hexadecimal, of four digits at least."""
    return Forms(lambda flags: ("%04X" if "X" in flags else "%s", expression), ("%s", expression))


def _milliseconds(expression: str) -> Forms:
    return Forms(lambda flags: ("%02X" if "X" in flags else "%03d", expression), ("%d", expression))


def _retries() -> Forms:
    return Forms(lambda flags: ("%s", "retried(r.retries, r.redispatched)"), ("%d", "r.retries"))


def _captured(kind: str, block: bool) -> Forms:
    """Headers that were captured, in braces or as a list (manual 8.8)."""
    values = f"r.{kind}_captures"

    def write(flags: Flags) -> Part:
        escape = "escaped" if "E" in flags else "plain"
        if block:
            return '"%s"' if "Q" in flags else "%s", f"block({values}, {escape})"
        style = "quoted" if "Q" in flags else "listed" if "M" in flags else "spaced"
        return "%s", f"{style}({values}, {escape})"

    return Forms(write, ("%s", f"quote(block({values}, plain))" if block else f"array({values})"))


def _pairs() -> Iterator[tuple[str, Variable]]:
    for name, pair in (("c", "client"), ("f", "front"), ("b", "local"), ("s", "remote")):
        yield f"{name}i", Variable(_address(pair), pair, Known.LATER)
        yield f"{name}p", Variable(_port(pair, always=name in "cf"), pair, Known.LATER)


# In TCP mode HAProxy 2.6 makes Tw one millisecond too long: it subtracts the time of a request, which TCP does
# not have and which stands at -1. So do we. A client of TCP mode may speak HTTP all the same, if its backend does.
_WAIT = "(r.queue + 1 if r.request < 0 else r.queue) if r.queue >= 0 else -1"
_ASKED = "r.handshake + r.idle + r.request if r.request >= 0 else -1"
_HTTP_DATA = "r.total - r.idle - r.request - r.queue - r.connect - r.response if r.response >= 0 else -1"
_DATA = f"({_HTTP_DATA}) if r.request >= 0 else r.total - r.queue - r.connect if r.connect >= 0 else -1"

VARIABLES: dict[str, Variable] = {
    **dict(_pairs()),
    "B": Variable(_large("r.bytes_out"), known=Known.END, plus=True),
    "H": Variable(_text("hostname")),
    "ID": Variable(_perhaps("r.unique_id"), pair="unique_id", known=Known.END),
    "ST": Variable(_plain("0"), known=Known.LATER),
    "T": Variable(_fixed("gmt(int(r.accepted))")),
    "Tc": Variable(_plain("r.connect"), known=Known.END),
    "Td": Variable(_plain(_DATA), known=Known.END),
    "Th": Variable(_plain("r.handshake"), known=Known.END),
    "Tl": Variable(_fixed("local_zone(int(r.accepted))")),
    "Ts": Variable(_number("int(r.accepted)")),
    "Tt": Variable(_plain("r.total"), known=Known.END, plus=True),
    "Tu": Variable(_plain("r.total - r.idle"), known=Known.END, plus=True),
    "Tw": Variable(_plain(_WAIT), known=Known.END),
    "U": Variable(_large("r.bytes_in"), known=Known.END),
    "ac": Variable(_plain("r.active"), known=Known.END),
    "b": Variable(_text("r.backend")),
    "bc": Variable(_plain("r.backend_active"), known=Known.END),
    "bq": Variable(_plain("r.backend_queue"), known=Known.END),
    "f": Variable(_text("r.frontend")),
    "fc": Variable(_plain("r.frontend_active"), known=Known.END),
    "ft": Variable(_text("r.frontend + '~' if r.tls else r.frontend")),
    "hr": Variable(_captured("request", block=True), known=Known.LATER, captures="request"),
    "hrl": Variable(_captured("request", block=False), known=Known.LATER, captures="request"),
    "hs": Variable(_captured("response", block=True), known=Known.LATER, captures="response"),
    "hsl": Variable(_captured("response", block=False), known=Known.LATER, captures="response"),
    "lc": Variable(_number("r.sequence")),
    "ms": Variable(_milliseconds("milliseconds(r.accepted)")),
    "pid": Variable(_number("getpid()")),
    "rc": Variable(_retries(), known=Known.END),
    "rt": Variable(_number("r.number"), known=Known.REQUEST),
    "s": Variable(_text("r.server"), known=Known.LATER),
    "sc": Variable(_plain("r.server_active"), known=Known.END),
    "sq": Variable(_plain("r.server_queue"), known=Known.END),
    "sslc": Variable(_perhaps("''"), known=Known.LATER),
    "sslv": Variable(_perhaps("''"), known=Known.LATER),
    "t": Variable(_fixed("stamp(r.accepted)")),
    "ts": Variable(_fixed("r.termination"), known=Known.END),
    "tsc": Variable(_fixed("r.termination + r.cookie")),
}
HTTP_VARIABLES: dict[str, Variable] = {
    "CC": Variable(_cookie("r.request_cookie"), known=Known.LATER),
    "CS": Variable(_cookie("r.response_cookie"), known=Known.LATER),
    "HM": Variable(_text("method_of(r.line)"), known=Known.REQUEST),
    "HP": Variable(_text("path_of(r.line)"), known=Known.REQUEST),
    "HPO": Variable(_text("path_alone(r.line)"), known=Known.REQUEST),
    "HQ": Variable(_text("query_of(r.line)"), known=Known.REQUEST),
    "HU": Variable(_text("target_of(r.line)"), known=Known.REQUEST),
    "HV": Variable(_text("version_of(r.line)"), known=Known.REQUEST),
    "TR": Variable(_plain("r.request"), known=Known.END),
    "Ta": Variable(_plain("r.total - r.idle"), known=Known.END, plus=True),
    "Ti": Variable(_plain("r.idle"), known=Known.END),
    "Tq": Variable(_plain(_ASKED), known=Known.END),
    "Tr": Variable(_plain("r.response"), known=Known.END),
    "r": Variable(_text("shown(r.line) or badreq"), known=Known.REQUEST),
    "tr": Variable(_fixed("stamp(r.begun)")),
    "trg": Variable(_fixed("gmt(int(r.begun))")),
    "trl": Variable(_fixed("local_zone(int(r.begun))")),
}
"""Variables that stand in HTTP mode only."""
HTTP_MEANINGS: dict[str, Variable] = {
    "ST": Variable(_plain("r.status"), known=Known.LATER),
    "Td": Variable(_plain(_HTTP_DATA), known=Known.END),
    "Tw": Variable(_plain("r.queue"), known=Known.END),
}
"""Variables that mean more in HTTP mode."""

_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "]": "\\]"})


def _hexadecimal(address: str) -> str:
    """Return an address in hexadecimal; `unix` and `-` stay as they are (HAProxy ends the line there)."""
    try:
        return ip_address(address).packed.hex().upper()
    except ValueError:
        return address


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _retried(count: int, elsewhere: bool) -> str:
    return f"+{count}" if elsewhere else str(count)


def _quote(text: str) -> str:
    """Return a text as JSON has it; what came as bytes that are no UTF-8 becomes U+FFFD."""
    if not text.isascii():
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return encode_basestring(text)


def _array(captures: Sequence[bytes | None]) -> str:
    """Return captured values as an array of JSON."""
    return f"[{', '.join(['null' if value is None else _quote(messages.header(value)) for value in captures])}]"


def names() -> dict[str, object]:
    """Return the names that compiled formats may use, with their values."""
    return {
        "stamp": dates.Stamp().__call__,
        "gmt": dates.gmt,
        "local_zone": dates.local_zone,
        "milliseconds": lambda moment: int(moment % 1 * 1000),
        "hexadecimal": _hexadecimal,
        "escaped": _escaped,
        "plain": str,
        "blank": lambda text: "" if text == "-" else text,
        "port": lambda pair: str(pair[1]),
        "hexport": lambda pair: f"{pair[1]:04X}",
        "getpid": os.getpid,
        "hostname": socket.gethostname(),
        "nowhere": NOWHERE,
        "dash": "-",
        "quotes": '""',
        "nothing": "",
        "null": "null",
        "quote": _quote,
        "array": _array,
        "retried": _retried,
        **messages.names(),
    }
