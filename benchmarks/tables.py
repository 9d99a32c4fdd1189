"""The result as a table: a row for each measurement and program, reStructuredText or Markdown; a summary for the docs.

The ratio is the median of the rounds', and its spread their least and most.
"""

from __future__ import annotations

import os
import platform
import sysconfig
import time
from collections.abc import Callable, Sequence
from statistics import fmean, median

from benchmarks.http_programs import PLAIN
from benchmarks.measurements import Measurement, Reading, Readings

Result = tuple[Measurement, Readings]
HEAD = ("Measured", "Program", "Cost", "User part", "Ratio to HAProxy", "Spread", "Target", "To plain")


def rows(measurement: Measurement, readings: Readings) -> list[list[str]]:
    """Return the rows of one measurement; the first program is the measure of the others."""
    base, *_ = measurement.programs
    found: list[list[str]] = []
    for program in measurement.programs:
        mine = readings[program.name]
        title = measurement.title if not found else ""
        if not mine:
            found.append([title, program.name, "not measured", "", "", "", "", ""])
            continue
        cost = median(one.cost for one in mine) * measurement.scale
        share = fmean(one.user_share for one in mine)  # of ticks, which are coarse: all rounds count
        user = f"{share:.0%}" if share else ""
        ratios = _ratios(readings, program.name, base.name + PLAIN * program.plain)
        target = measurement.targets.get(program.name)
        told = [f"{_number(cost)} {measurement.unit}", user, *_told(ratios), f"{target:g}" if target else ""]
        told.append(_told(_ratios(readings, program.name, program.name + PLAIN))[0])
        found.append([title, program.name, *told])
    return found


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _ratios(readings: Readings, name: str, base: str) -> list[float]:
    """Return the ratio of each round: both of its numbers saw the same noise."""
    pairs = zip(readings.get(name, []), readings.get(base, []), strict=False)
    return [mine.cost / theirs.cost for mine, theirs in pairs if theirs.cost]


def _told(ratios: Sequence[float]) -> tuple[str, str]:
    if not ratios:
        return "", ""
    return f"{median(ratios):.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}"


def restructured(lines: Sequence[Sequence[str]]) -> str:
    """Return a table in reStructuredText (list-table: Sphinx and docutils read it)."""
    text = [".. list-table::", "   :header-rows: 1", ""]
    for line in lines:
        for at, cell in enumerate(line):
            mark = "   * - " if at == 0 else "     - "
            text.append(f"{mark}{cell}".rstrip())
    return "\n".join(text) + "\n"


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, its columns aligned for the eye."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]

    def one(line: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"

    head, *body = lines
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([one(head), rule, *map(one, body)]) + "\n"


def summary(results: Sequence[Result]) -> str:
    """Return one row a measurement: tcproxy beside HAProxy, and the ratios of others. It is the form of the docs."""
    head = "what|HAProxy (user part)|tcproxy (user part)|ratio (spread)|to plain|target|others' ratios"
    lines = [head.split("|")]
    lines += [_summed(measurement, readings) for measurement, readings in results]
    first, *rest = restructured(lines).splitlines(keepends=True)
    return "".join([f"{first.rstrip()} {_conditions()}\n", *rest])


def _summed(measurement: Measurement, readings: Readings) -> list[str]:
    base, *others = measurement.programs
    ratios = {one.name: _ratios(readings, one.name, base.name + PLAIN * one.plain) for one in others}
    ratios.pop(base.name + PLAIN, None)
    ours = ratios.pop("tcproxy", [])
    middle, spread = _told(ours)
    return [
        f"{measurement.title}: {measurement.unit}",
        _cost(measurement, readings[base.name]),
        _cost(measurement, readings.get("tcproxy", [])),
        f"**{middle}** ({spread})" if ours else "",
        _told(_ratios(readings, "tcproxy", f"tcproxy{PLAIN}"))[0],
        _targets(measurement),
        ", ".join(f"{name} {_told(found)[0]}" for name, found in ratios.items() if found),
    ]


def _targets(measurement: Measurement) -> str:
    """Return the ratios to reach: to HAProxy, and to the plain configuration."""
    target = measurement.targets.get("tcproxy")
    told = [f"{target:g}"] if target else []
    return ", ".join([*told, *([f"{measurement.to_plain:g} to plain"] if measurement.to_plain else [])])


def _cost(measurement: Measurement, mine: Sequence[Reading]) -> str:
    if not mine:
        return ""
    cost = median(one.cost for one in mine) * measurement.scale
    share = fmean(one.user_share for one in mine)
    return f"{_number(cost)} ({_number(cost * share)})" if share else _number(cost)


def _conditions() -> str:
    now = time.localtime()
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    linux = ".".join(platform.release().split(".")[:2])
    build = "with" if optimised else "without"
    return (
        f"Measured on {now.tm_mday} {time.strftime('%B %Y', now)}, {os.cpu_count()} cores, Linux {linux}, "
        f"CPython {platform.python_version()} (a build {build} profile-guided optimisation)"
    )


FORMATS: dict[str, Callable[[Sequence[Result]], str]] = {
    "rst": lambda results: restructured(_lines(results)),
    "markdown": lambda results: markdown(_lines(results)),
    "summary": summary,
}


def _lines(results: Sequence[Result]) -> list[list[str]]:
    return [list(HEAD), *(row for measurement, readings in results for row in rows(measurement, readings))]
