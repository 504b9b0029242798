"""Hypothesis: the same examples in every run, unless `make soak` asks for new and many more.

And if a run says that it is on the compiled package, it must be.
"""

import os
from importlib.machinery import EXTENSION_SUFFIXES

from hypothesis import HealthCheck, settings

SOAK = os.environ.get("ISOCHRONE_SOAK") == "1"

# Machines are shared and slow at times: no deadline per example, and no complaint that making one took long.
settings.register_profile(
    "test", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("soak", parent=settings.get_profile("test"), derandomize=False)
settings.load_profile("soak" if SOAK else "test")


def pytest_configure() -> None:
    if os.environ.get("ISOCHRONE_COMPILED") == "1":
        from isochrone_gateway.server import http1

        assert str(http1.__file__).endswith(tuple(EXTENSION_SUFFIXES)), "this is not the compiled package"
