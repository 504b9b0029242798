"""Records of requests: gateways ask the law before they write one, so where it is asked rightly, all is well."""

from typing import Final

import pytest
from tests.unit.verify.installation import PROVIDER, policy, route, site, tenant
from tests.unit.verify.tampering import Json, errors
from tests.unit.verify.test_tampered_law import row, table
from tests.worlds.verified import World, rendered

from isochrone.verify import Rule

ENTRY: Final = {"scope": "Ingress", "places": {"include": ["EU", "US"]}}
OBJECTS: Final = [
    site("fra1", "FRA"),
    site("iad1", "IAD"),
    route("chat", "shop"),
    PROVIDER,
    policy("eu", ["EU"], {"origins": {"include": ["EU"]}}, ENTRY),
    tenant("web", "shop", 1, origins=["DE"]),
]


@pytest.fixture(scope="module")
def wide() -> World:
    """Data of the EU may come in where no record of it may be written."""
    return rendered(OBJECTS)


def test_entry_may_be_wider_than_records(wide: World) -> None:
    assert errors(wide.verify()) == []


def test_records_that_would_be_written_against_the_law_are_found(wide: World) -> None:
    def widen(config: Json) -> None:
        made = table(config, "eu", "Logs")
        made["rows"] = dict.fromkeys(made["rows"], row(config, 0x0F))

    found = [text for rule, text in errors(wide.verify(widen, sites=("iad1",))) if rule is Rule.UNLAWFUL]
    assert [text for text in found if "of tenant shop/web" in text and "in scope Logs" in text]
