"""The reference names every condition, every reason and every metric."""

import pathlib
from typing import Final

from tests.unit.status.network import calm, told

from isochrone.api.conditions import ConditionType, Reason
from isochrone.status import families

TEXT: Final = (pathlib.Path(__file__).parents[3] / "docs" / "reference" / "status.md").read_text(encoding="utf-8")


def test_all_of_them_are_explained() -> None:
    words = [*ConditionType, *Reason, *(each.name for each in families(told(calm())))]
    assert [each for each in words if f"`{each}" not in TEXT] == []
