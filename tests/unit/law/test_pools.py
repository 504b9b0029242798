"""Which sites a pool is at."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.validate import sample

from isochrone.api import GPUPool
from isochrone.law.subject import is_at

GOLD: Mapping[str, Any] = {"edgeNodeSelector": {"matchLabels": {"tier": "gold"}}}
IRON: Mapping[str, Any] = {"edgeNodeSelector": {"matchLabels": {"tier": "iron"}}}


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        pytest.param(sample.pool(site="fra"), True, id="the one that it names"),
        pytest.param(sample.pool(site="cdg"), False, id="another than it names"),
        pytest.param(sample.pool(**GOLD), True, id="one of those that it selects"),
        pytest.param(sample.pool(**IRON), False, id="none of those that it selects"),
        pytest.param(sample.pool(edgeNodeRef=None), False, id="any, where it says nothing"),
    ],
)
def test_a_pool_is_at_a_site(pool: Mapping[str, Any], expected: bool) -> None:
    assert is_at(GPUPool.model_validate(pool), "fra", {"tier": "gold"}) is expected
