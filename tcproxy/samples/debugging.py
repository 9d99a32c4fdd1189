"""The converter `debug`: it tells a sample to whoever debugs a configuration (manual 7.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Sample, Value, cast_sample, decode
from tcproxy.samples.rows import Converter, ConvertWith

if TYPE_CHECKING:
    from tcproxy.samples.facts import Facts

DESTINATIONS = ("buf0", "stdout", "stderr")
_PRINTABLE = bytes(range(0x20, 0x7F))
_SHOWN = bytes(byte if byte in _PRINTABLE else ord(".") for byte in range(256))


def shown(sample: Sample) -> bytes:
    """Return a sample as text; a dot stands for each byte that does not print."""
    text = cast_sample(sample, Kind.STR)
    assert isinstance(text, bytes)
    return text.translate(_SHOWN)


def _debug(prefix: bytes = b"", destination: bytes = b"buf0") -> ConvertWith:
    """Return the converter that tells what it is given, and gives it on."""
    where = decode(destination)
    if where not in DESTINATIONS:
        raise ValueError(f"there is no destination '{where}', only {', '.join(DESTINATIONS)}")

    def tell(facts: Facts, value: Value) -> Value | None:
        assert isinstance(value, Sample)
        facts.world.tell_sample(where, b"[debug] %b: type=%b <%b>" % (prefix, value.kind.value.encode(), shown(value)))
        return value

    return tell


CONVERTERS = (
    Converter(
        "debug", Kind.ANY, Kind.ANY, "The same, told to buf0 (`show events buf0`), stdout or stderr.",
        build_with=_debug, arguments=(ArgumentType.STRING, ArgumentType.STRING),
    ),
)  # fmt: skip
