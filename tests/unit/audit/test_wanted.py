"""Filters let through what is asked for, and what may be it."""

import pathlib
from typing import Any

import pytest
from tests.unit.audit import network

from isochrone import audit
from isochrone.audit import NoArea, Wanted, area

EVERY = {"r-local", "r-hop", "r-denied", "r-away", "r-beyond", "r-open", "r-late", "r-failed", "r-gone", "r-us"}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[audit.Source, ...]:
    root: pathlib.Path = tmp_path_factory.mktemp("evidence")
    network.write(root)
    return audit.sources([root], None)


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        pytest.param({}, EVERY, id="everything"),
        pytest.param({"tenants": ["globex"]}, {"r-away", "r-beyond", "r-us"}, id="tenant"),
        pytest.param({"tenants": ["globex", "acme"]}, EVERY - {"r-gone", "r-late"}, id="either tenant"),
        pytest.param({"routes": ["@demo"]}, {"r-gone"}, id="route"),
        pytest.param({"policies": ["eu-only"]}, {"r-local", "r-hop", "r-denied", "r-open", "r-failed"}, id="policy"),
        pytest.param({"policies": ["no-logs"]}, {"r-denied"}, id="policy of what was refused"),
        pytest.param({"policies": [""]}, set(), id="no policy has no name"),
        pytest.param({"sites": ["ber1"]}, {"r-hop", "r-failed", "r-gone"}, id="site"),
        pytest.param({"outcomes": ["Unknown", "Failed"]}, {"r-open", "r-failed"}, id="outcome"),
        pytest.param({"origin": area("EU")}, EVERY - {"r-away", "r-beyond", "r-us"}, id="origin"),
        pytest.param({"origin": area("DE-BE")}, EVERY - {"r-away", "r-beyond", "r-us"}, id="may come from a part"),
        pytest.param({"origin": area("US")}, {"r-away", "r-beyond", "r-us", "r-gone", "r-late"}, id="or from anywhere"),
        pytest.param({"outside": area("EU")}, {"r-away", "r-beyond", "r-us", "r-late"}, id="outside a bloc"),
        pytest.param({"outside": area("DE-BE,DE-HE")}, {"r-away", "r-beyond", "r-us", "r-late"}, id="outside parts"),
        pytest.param({"outside": area("US-VA")}, EVERY - {"r-denied"}, id="a country isn't surely in its part"),
        pytest.param({"outside": area("World")}, set(), id="nothing is outside the world"),
        pytest.param({"inside": area("EU")}, {"r-local", "r-hop", "r-open", "r-failed", "r-gone"}, id="inside a bloc"),
        pytest.param({"inside": area("DE-BE")}, {"r-hop", "r-failed", "r-gone"}, id="all of it inside, at one end"),
        pytest.param({"inside": area("World")}, EVERY - {"r-denied"}, id="refused ones were processed nowhere"),
        pytest.param({"since": network.START + 11}, {"r-failed", "r-gone", "r-late"}, id="since, inclusive"),
        pytest.param({"until": network.START + 2}, {"r-local"}, id="until, exclusive"),
        pytest.param({"tenants": ["acme"], "sites": ["ber1"]}, {"r-hop", "r-failed"}, id="both"),
    ],
)
def test_filters(sources: tuple[audit.Source, ...], asked: dict[str, Any], ids: set[str]) -> None:
    wanted = Wanted(**asked)
    assert {each.id for each in audit.every(sources, audit.Reading()) if wanted.has(each)} == ids


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("Germny", "did you mean 'DE'", id="a country's name"),
        pytest.param("EU,Nordic", "did you mean 'Nordics'", id="a bloc"),
        pytest.param("EUU", "blocs are: .*EU,", id="nothing near"),
        pytest.param("", "no ISO 3166 code", id="empty"),
    ],
)
def test_what_is_no_area_is_told_with_what_may_be_meant(text: str, said: str) -> None:
    with pytest.raises(NoArea, match=said):
        area(text)
