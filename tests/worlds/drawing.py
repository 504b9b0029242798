"""How many worlds a property is held to."""

import os
from collections.abc import Callable
from typing import Final

from hypothesis import HealthCheck, Phase, settings

WORLDS: Final = 10_000
"""In the soak."""
_SOAK: Final = os.environ.get("ISOCHRONE_SOAK") == "1"


def examples(soak: int, *, part: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """So many in the soak, and otherwise each so manieth of them, always the same.

    Nothing is kept between runs: what was found belongs into a table. Nothing is shrunk either: a world follows from a
    seed, and another seed is no smaller.
    """
    return settings(
        max_examples=soak if _SOAK else soak // part,
        derandomize=not _SOAK,
        database=None,
        deadline=None,
        print_blob=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
