"""What labels a selector matches, as Kubernetes has it."""

from collections.abc import Mapping
from typing import Any

import pytest

from isochrone.api.selectors import LabelSelector
from isochrone.law.subject import _holds, matches


def needs(key: str, operator: str, *values: str) -> Mapping[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param({}, True, id="an empty one matches all"),
        pytest.param({"matchLabels": {"tier": "gold"}}, True, id="a label as it is"),
        pytest.param({"matchLabels": {"tier": "iron"}}, False, id="with another value"),
        pytest.param({"matchLabels": {"zone": "gold"}}, False, id="a label that isn't there"),
        pytest.param({"matchLabels": {"tier": "gold", "team": "red"}}, False, id="one of two"),
        pytest.param(needs("tier", "In", "iron", "gold"), True, id="In: it is"),
        pytest.param(needs("tier", "In", "iron"), False, id="In: it isn't"),
        pytest.param(needs("zone", "In", "gold"), False, id="In: not there"),
        pytest.param(needs("tier", "In"), False, id="In: nothing"),
        pytest.param(needs("tier", "NotIn", "iron", "gold"), False, id="NotIn: it is"),
        pytest.param(needs("tier", "NotIn", "iron"), True, id="NotIn: it isn't"),
        pytest.param(needs("zone", "NotIn", "gold"), True, id="NotIn: not there"),
        pytest.param(needs("tier", "Exists"), True, id="Exists: it does"),
        pytest.param(needs("zone", "Exists"), False, id="Exists: it doesn't"),
        pytest.param(needs("tier", "DoesNotExist"), False, id="DoesNotExist: it does"),
        pytest.param(needs("zone", "DoesNotExist"), True, id="DoesNotExist: it doesn't"),
        pytest.param({"matchLabels": {"tier": "gold"}, **needs("zone", "Exists")}, False, id="a label, not the rest"),
        pytest.param({"matchLabels": {"tier": "iron"}, **needs("team", "Exists")}, False, id="the rest, not a label"),
        pytest.param({"matchLabels": {"tier": "gold"}, **needs("team", "Exists")}, True, id="both"),
    ],
)
def test_what_a_selector_matches(selector: Mapping[str, Any], expected: bool) -> None:
    assert matches(LabelSelector.model_validate(selector), {"tier": "gold", "team": "blue"}) is expected


def test_an_operator_that_there_is_not_matches_nothing_by_mistake() -> None:
    with pytest.raises(ValueError, match="Like"):
        _holds("Like", "gold", ["gold"])
