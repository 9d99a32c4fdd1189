"""A plugin for pytest: files named `test_*.proxy.toml` or `test_*.proxy.yaml` are tables of cases (cases.py).

Each case is a test; `tcproxy test` plays the same files. The engine is imported where there is such a file, and not by
every run of pytest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tcproxy.explain.cases import Case
    from tcproxy.explain.rehearsal import Rehearsal

SUFFIXES = (".proxy.toml", ".proxy.yaml", ".proxy.yml")


class Different(Exception):
    """What came of a case is not what was expected."""


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take files of cases."""
    if file_path.name.startswith("test_") and file_path.name.endswith(SUFFIXES):
        return Cases.from_parent(parent, path=file_path)
    return None


class Cases(pytest.File):
    """One file of cases."""

    def collect(self) -> Iterator[pytest.Item]:
        """Return its cases."""
        from tcproxy.explain.cases import WrongCases, read_cases
        from tcproxy.explain.loading import load

        file = read_cases(self.path)
        if not file.configuration:
            raise WrongCases(f"{self.path}: it names no configuration")
        rehearsal = load(*file.configuration)
        for case in file.cases:
            yield PlayedCase.from_parent(self, name=case.name, case=case, rehearsal=rehearsal)


class PlayedCase(pytest.Item):
    """One case."""

    def __init__(self, case: Case, rehearsal: Rehearsal, **more: Any) -> None:
        super().__init__(**more)
        self.case, self.rehearsal = case, rehearsal

    def runtest(self) -> None:
        """Play it."""
        from tcproxy.explain.telling import told

        outcome, differences = self.case.play(self.rehearsal)
        if differences:
            raise Different("\n".join([*differences, "", told(outcome)]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the differences, and what happened, without a traceback."""
        from tcproxy.explain.rehearsal import WrongQuestion

        if isinstance(excinfo.value, Different | WrongQuestion):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where it stands."""
        return self.path, None, self.name
