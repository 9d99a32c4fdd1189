"""What the stories share: each module's are told together, once."""

from __future__ import annotations

import pytest

from tests.scenarios.beside import Told, tell


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest) -> dict[str, Told]:
    """Tell the stories of the module that were asked for, around both programs."""
    return tell(request.module.STORIES.asked(request))
