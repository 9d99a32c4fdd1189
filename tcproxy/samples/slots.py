"""Converters that put a text into a slot of `capture` or `declare capture`, for log lines (manual 7.3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tcproxy.model.captures import Capture
from tcproxy.samples.arguments import ArgumentType
from tcproxy.samples.kinds import Kind, Value, bytes_of
from tcproxy.samples.rows import Converter, ConvertWith

if TYPE_CHECKING:
    from tcproxy.samples.facts import CapturedFacts, Facts

Slots = Callable[["Facts", "CapturedFacts"], tuple[Sequence[Capture], list[bytes | None]]]
"""Returns what the slots of one direction are, and their values."""


def _of_requests(facts: Facts, captured: CapturedFacts) -> tuple[Sequence[Capture], list[bytes | None]]:
    return facts.frontend.model.request_captures, captured.request


def _of_responses(facts: Facts, captured: CapturedFacts) -> tuple[Sequence[Capture], list[bytes | None]]:
    return facts.frontend.model.response_captures, captured.response


def _into(slots: Slots) -> Callable[[int], ConvertWith]:
    """Return what builds the converter for a slot; it gives on what it is given, nothing without such a slot."""

    def build(index: int) -> ConvertWith:
        def capture(facts: Facts, value: Value) -> Value | None:
            captured = facts.captured
            if captured is None:
                return None
            declared, values = slots(facts, captured)
            if not 0 <= index < len(declared):
                return None
            values[index] = bytes_of(value)[: declared[index].length]
            return value

        return capture

    return build


_INDEX = (ArgumentType.INTEGER,)

CONVERTERS = (
    Converter(
        "capture-req", Kind.STR, Kind.STR, "The same, captured in this slot of the request.",
        build_with=_into(_of_requests), arguments=_INDEX, required=1,
    ),
    Converter(
        "capture-res", Kind.STR, Kind.STR, "The same, captured in this slot of the response.",
        build_with=_into(_of_responses), arguments=_INDEX, required=1,
    ),
)  # fmt: skip
