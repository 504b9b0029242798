"""The table of how providers are told where to process: whole, dated, and of places that there are."""

import datetime as dt
import itertools
import pathlib

import pytest

from isochrone.geo import blocs, codes
from isochrone.geo.providers import Provider, Reach, known, said

TODAY = dt.date(2026, 11, 27)
ROOT = pathlib.Path(__file__).parents[3]


@pytest.mark.parametrize("provider", known(), ids=lambda provider: provider.name)
def test_each_has_a_source_a_date_and_a_way_out(provider: Provider) -> None:
    assert provider.source.startswith("https://")
    assert dt.date.fromisoformat(provider.as_of) <= TODAY
    assert provider.pin
    assert provider.hosts


@pytest.mark.parametrize("provider", known(), ids=lambda provider: provider.name)
def test_all_places_are_known(provider: Provider) -> None:
    wheres = itertools.chain(provider.hosts.values(), provider.values.values(), provider.profiles.values())
    names = {name for where in wheres if not isinstance(where, Reach) for name in where}
    assert blocs.resolve(names)[1] == ()
    assert {*provider.regions.values()} <= {*codes.countries()}


def test_the_reference_has_a_row_for_each() -> None:
    page = (ROOT / "docs" / "reference" / "residency.md").read_text()
    assert [each.name for each in known() if f"| [{each.name}]({each.source}) |" not in page] == []


def test_no_host_is_two_providers() -> None:
    hosts = [host for provider in known() for host in provider.hosts]
    assert len(hosts) == len({*hosts})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://eu.api.openai.com/v1", "eu.api.openai.com processes in EEA, CH", id="places"),
        pytest.param("https://api.openai.com/v1", "api.openai.com may process anywhere", id="anywhere"),
        pytest.param(
            "https://acme.openai.azure.com/openai/v1",
            "acme.openai.azure.com doesn't tell where it processes",
            id="it can't be told",
        ),
    ],
)
def test_in_words(url: str, expected: str) -> None:
    assert [str(each) for each in said(url, body={}, models=["m"])] == [expected]
