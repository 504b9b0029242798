"""Regional hosts of providers, and what is declared of them."""

import pytest
from tests.unit.validate.sample import endpoint, provider, said

WARNING = ["W RegionContradicted ModelProvider acme spec.endpoints[0].processesIn"]


@pytest.mark.parametrize(
    ("host", "places", "expected"),
    [
        pytest.param("eu.api.openai.com", ["EU"], [], id="the region"),
        pytest.param("eu.api.openai.com", ["CH"], [], id="a part of it"),
        pytest.param("eu.api.openai.com", ["DE", "US"], [], id="more than it"),
        pytest.param("eu.api.openai.com", ["US"], WARNING, id="another"),
        pytest.param("us.api.openai.com", ["US-CA"], [], id="a state"),
        pytest.param("us.api.openai.com", ["EU"], WARNING, id="another one's"),
        pytest.param("us.api.openai.com", ["World"], [], id="anywhere"),
        pytest.param("api.openai.com", ["EU"], [], id="no region's"),
    ],
)
def test_a_host_of_another_region_is_told(host: str, places: list[str], expected: list[str]) -> None:
    made = {**endpoint("main", *places), "url": f"https://{host}/v1"}
    assert [each for each in said([provider("acme", made)]) if "RegionContradicted" in each] == expected
