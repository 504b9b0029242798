"""What a table for gateways lists, and what it leaves out."""

import itertools
from typing import Any

import pytest
from tests.contract import residency

from isochrone import law
from isochrone.geo import codes
from isochrone.law import masks

DE, FR, US = (law.Place(frozenset({code})) for code in ("DE", "FR", "US"))
INFERENCE = law.Scope.INFERENCE


def table(*places: law.Place, **spec: Any) -> masks.Table:
    allow = [{"scope": "Inference", "places": {"include": ["DE", "US"]}}]
    return masks.table(residency.policy("p", {"allow": allow, **spec}), INFERENCE, places)


def test_what_stands_in_place_of_a_mask_is_none() -> None:
    assert len({masks.NOT_BOUND, masks.REFUSED}) == 2
    assert max(masks.NOT_BOUND, masks.REFUSED) < 0


def test_bit_i_stands_for_place_i() -> None:
    assert table(DE, FR, US) == masks.Table(rows={}, otherwise=0b101, unknown=0b101)


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        pytest.param("US", 1, id="a country"),
        pytest.param("US-CA", 2, id="a part that is listed"),
        pytest.param("US-NY", 1, id="a part that is not"),
        pytest.param("DE-BE", 4, id="nor is its country"),
        pytest.param(None, 8, id="unknown"),
    ],
)
def test_a_look_up_takes_the_code_then_its_country_then_the_rest(origin: str | None, expected: int) -> None:
    assert masks.Table(rows={"US": 1, "US-CA": 2}, otherwise=4, unknown=8).mask(origin) == expected


def test_only_what_differs_is_listed_in_order_and_by_canonical_codes() -> None:
    found = table(DE, binds={"origins": {"include": ["PR", "FR", "US-NY", "US-CA", "CH"]}})

    assert list(found.rows.items()) == [("CH", 1), ("FR", 1), ("PR", 1), ("US", 1), *_unbound_states()]
    assert (found.otherwise, found.unknown) == (masks.NOT_BOUND, masks.REFUSED)


def test_parts_stand_among_countries() -> None:
    found = table(DE, binds={"origins": {"include": ["DE-BE", "FR"]}})

    assert list(found.rows) == sorted(found.rows)
    assert {"DE", "DE-BY", "FR"} <= set(found.rows)


def _unbound_states() -> list[tuple[str, int]]:
    """Parts of a country that is bound as a whole because some of its parts are."""
    parts = sorted(code for code in codes.subdivisions() if code.startswith("US-") and codes.canonical(code) == code)
    return [(code, masks.NOT_BOUND) for code in parts if code not in {"US-CA", "US-NY"}]


def test_where_no_mask_is_the_most_common_the_least_is_left_out() -> None:
    for counted in itertools.permutations([("A", 3), ("B", 2), ("C", 2), ("D", 3), ("E", 1)]):
        assert masks._most_common(dict(counted)) == 2


def test_the_country_of_the_origin_is_allowed_by_name_of_either() -> None:
    found = table(DE, FR, allow=[{"scope": "Inference", "originCountry": "Allow"}], unknownOrigin="Bind")

    assert (found.mask("DE"), found.mask("DE-BE"), found.mask("FR"), found.mask("US")) == (1, 1, 2, 0)
    assert (found.otherwise, found.unknown) == (0, 0)


def test_the_country_of_the_origin_is_allowed_by_either_code_of_a_territory() -> None:
    territory = law.Place(frozenset({"US-PR"}))
    found = table(territory, allow=[{"scope": "Inference", "originCountry": "Allow"}])

    assert (found.mask("PR"), found.mask("US")) == (1, 0)
