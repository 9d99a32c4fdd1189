"""A plugin of pytest: `-p tests.unshrunk --hypothesis-profile=unshrunk` tells the first failure as it was found."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "unshrunk", phases=(Phase.explicit, Phase.generate), database=None, suppress_health_check=list(HealthCheck)
)
