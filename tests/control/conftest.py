"""Fixtures of the control room."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.control.worlds import Play


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Return a world and an administrator's conversation with it."""
    return Play(tmp_path)
