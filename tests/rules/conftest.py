"""Host names in patterns: only `localhost` resolves in these tests, so that none of them asks a name server."""

from __future__ import annotations

import pytest

from tcproxy.grammar import networks


@pytest.fixture(autouse=True, scope="session")
def only_localhost() -> object:
    """Let no test reach the system's resolver."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "_resolved", {"localhost": bytes((127, 0, 0, 1))}.get)
        yield
