"""Formats of rules and of answers, written for an exchange."""

from __future__ import annotations

from tcproxy.report import formats
from tcproxy.samples.formats import Format, Piece
from tcproxy.samples.writing import Text, text_of
from tcproxy.session.http.state import Exchange


def written(form: Format) -> Text:
    """Return the function that writes a format."""
    return text_of(form, _variable)


def _variable(piece: Piece) -> Text:
    """Return what writes one variable of a format. Bytes and times of an exchange under way are 0."""
    form = formats.compile_variable(piece)

    def write(exchange: Exchange) -> bytes:
        record = exchange.settings.record(exchange, form.needs)
        record.bytes_in = record.bytes_out = record.total = record.idle = 0  # they are not known yet
        record.termination = "--"
        return form.render(record).encode("utf-8", "surrogateescape")

    return write


def needs_of(form: Format) -> frozenset[str]:
    """Return the facts of a Record that the variables of a format name."""
    return frozenset[str]().union(*(formats.compile_variable(piece).needs for piece in form.variables))
