"""The site that tests of running processes share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.sites import Site
from tests.running import EchoServer


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a site with a plain configuration."""
    with EchoServer() as server:
        site = Site(tmp_path, server.port)
        site.configure()
        yield site
