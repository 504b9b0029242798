"""Which country a place surely lies in."""

import pytest

from isochrone import law


@pytest.mark.parametrize(
    ("codes", "country", "expected"),
    [
        pytest.param(["DE"], "DE", True, id="the country"),
        pytest.param(["DE-BE", "DE-BY"], "DE", True, id="parts of it"),
        pytest.param(["DE", "FR"], "DE", False, id="in two"),
        pytest.param(["DE"], "DE-BE", False, id="only a part of it is meant"),
        pytest.param(["US-CA"], "US-CA", False, id="a state is no country"),
        pytest.param(["US-PR"], "PR", True, id="a territory"),
        pytest.param(["PR"], "US", False, id="which is no part of a country"),
        pytest.param(["MA-12"], "MA", False, id="what lies within two is in neither"),
        pytest.param(["DE"], "XK", False, id="no code of ISO"),
        pytest.param(["DE", "XK"], "DE", False, id="perhaps elsewhere"),
        pytest.param([], "DE", False, id="nowhere that is known"),
    ],
)
def test_a_place_lies_in_a_country(codes: list[str], country: str, expected: bool) -> None:
    assert law.Place(frozenset(codes)).lies_in(country) is expected
