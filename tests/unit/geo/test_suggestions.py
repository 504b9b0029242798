"""What somebody may have meant."""

import pytest

from isochrone.geo import blocs
from isochrone.geo.suggestions import CONFUSIONS, suggest


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param("UK", "GB", id="reserved"),
        pytest.param("EL", "GR", id="eurostat"),
        pytest.param("Germany", "DE", id="name"),
        pytest.param("  the netherlands".replace("the ", ""), "NL", id="name-with-space"),
        pytest.param("Bavaria", "DE-BY", id="subdivision"),
        pytest.param("Réunion", "RE", id="accents"),
        pytest.param("EUR", "EU", id="currency"),
        pytest.param("eu", "EU", id="case-of-bloc"),
        pytest.param("us-ca", "US-CA", id="case-of-code"),
        pytest.param("US_CA", "US-CA", id="underscore"),
        pytest.param("USA", "US", id="alpha-3"),
        pytest.param("fr-gp", "GP", id="withdrawn"),
        pytest.param("US-CAL", "US-CA", id="subdivision-too-long"),
        pytest.param("Germny", "DE", id="name-misspelt"),
        pytest.param("EUadequat", "EUAdequate", id="bloc-misspelt"),
        pytest.param("Scotland", "GB-SCT", id="country-in-a-country"),
        pytest.param("XK", "RS-KM", id="private"),
        pytest.param("*", "World", id="star"),
        pytest.param("QQ", None, id="two-letters-are-not-guessed"),
        pytest.param("qzxvw", None, id="nothing-like-it"),
        pytest.param("", None, id="empty"),
    ],
)
def test_suggest(text: str, meant: str | None) -> None:
    assert suggest(text, blocs.known_names()) == meant


def test_only_candidates_are_suggested() -> None:
    assert suggest("Germany", ["FR", "IT"]) is None
    assert suggest("us-west", ["us-west-1", "eu-west-1"]) == "us-west-1"


def test_every_confusion_leads_somewhere() -> None:
    assert set(CONFUSIONS.values()) <= blocs.known_names()
