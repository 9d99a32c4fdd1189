"""What the tests need of the machine: a test that needs a missing program says so and is skipped, never in CI."""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from hypothesis import settings

# an example's time says more about who else uses the machine than about the program
settings.register_profile("tcproxy", deadline=None)
settings.load_profile("tcproxy")

# a shell lets what it starts in the background ignore SIGINT, and so would the programs that tests start
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _missing(item: pytest.Item) -> list[str]:
    names = [name for mark in item.iter_markers("program") for name in mark.args]
    if item.get_closest_marker("reference"):
        names.append("haproxy")
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [name for name in names if shutil.which(name, path=path) is None]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or in CI fail, a test whose program is not installed."""
    missing = _missing(item)
    if missing:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say(f"needs {', '.join(missing)}: apt-get install haproxy varnish nginx-light socat redis ...")
