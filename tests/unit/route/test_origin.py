"""The origin of a request."""

import pytest

from isochrone_gateway.config.places import Places
from isochrone_gateway.config.tenants import Tenant
from isochrone_gateway.route.origin import ELSEWHERE, UNKNOWN, Origins

ORIGINS = Origins(
    Places(
        aliases={"FR-971": "GP", "US-PR": "PR"},
        within={
            "GB-LND": frozenset({"GB-ENG"}),
            "GB-ENG": frozenset({"GB-EAW"}),
            "GB-EAW": frozenset({"GB"}),
            "NO-21": frozenset({"SJ"}),
            "MA-12": frozenset({"MA", "EH"}),
        },
    )
)


def tenant(*origins: str, header: bool = True, elsewhere: bool = False) -> Tenant:
    return Tenant(id="a/b", origins=frozenset(origins), origin_header=header, or_elsewhere=elsewhere)


@pytest.mark.parametrize(
    ("caller", "header", "origin"),
    [
        pytest.param(None, None, UNKNOWN, id="no tenant"),
        pytest.param(None, "DE", UNKNOWN, id="no tenant, header"),
        pytest.param(tenant(), "DE", UNKNOWN, id="no origins, header"),
        pytest.param(tenant("DE", "FR"), None, {"DE", "FR"}, id="all of them"),
        pytest.param(tenant("DE", elsewhere=True), None, {"DE", ELSEWHERE}, id="one of them, or unknown"),
        pytest.param(tenant("DE", elsewhere=True), "DE", {"DE"}, id="the one that is known"),
        pytest.param(tenant("DE", elsewhere=True), "FR", None, id="what is unknown can't be chosen"),
        pytest.param(tenant(elsewhere=True), "FR", None, id="nothing that can be read"),
        pytest.param(tenant("DE", "FR", header=False), "DE", {"DE", "FR"}, id="header ignored"),
        pytest.param(tenant("DE", "FR"), "DE", {"DE"}, id="one of them"),
        pytest.param(tenant("DE"), "DE-BY", {"DE-BY"}, id="a part of one"),
        pytest.param(tenant("DE-BY"), "DE", None, id="wider than declared"),
        pytest.param(tenant("DE"), "FR", None, id="another"),
        pytest.param(tenant("FR"), "FR-971", None, id="a territory with a code of its own"),
        pytest.param(tenant("FR-971"), "GP", {"GP"}, id="the tenant's alias"),
        pytest.param(tenant("GP"), "FR-971", {"GP"}, id="the header's alias"),
        pytest.param(tenant("GB-ENG"), "GB-LND", {"GB-LND"}, id="a part of a part"),
        pytest.param(tenant("GB"), "GB-LND", {"GB-LND"}, id="a part of a part of the country"),
        pytest.param(tenant("NO"), "NO-21", None, id="listed by one country, part of another code"),
        pytest.param(tenant("SJ"), "NO-21", {"NO-21"}, id="part of another code"),
        pytest.param(tenant("MA"), "MA-12", None, id="partly elsewhere"),
        pytest.param(tenant("MA", "EH"), "MA-12", {"MA-12"}, id="in both"),
        pytest.param(tenant("DE"), "de", None, id="lower case"),
        pytest.param(tenant("DE"), "", None, id="empty"),
        pytest.param(tenant("DE"), "DE\n", None, id="line end"),
        pytest.param(tenant("DE"), "DE,FR", None, id="a list"),
    ],
)
def test_the_origin_of_a_request(caller: Tenant | None, header: str | None, origin: set[str] | None) -> None:
    assert ORIGINS.of_request(caller, header) == origin


@pytest.mark.parametrize(
    ("origin", "country", "narrowed"),
    [
        pytest.param({"DE", "FR"}, "DE", {"DE"}, id="one of them"),
        pytest.param({"DE-BY", "DE-BE", "FR"}, "DE", {"DE-BY", "DE-BE"}, id="parts"),
        pytest.param({"DE"}, "US", {"DE"}, id="never nothing"),
        pytest.param(set(), "US", set(), id="never more"),
        pytest.param({"DE"}, None, {"DE"}, id="not known"),
        pytest.param({"NO-21", "NO"}, "SJ", {"NO-21"}, id="part of another code"),
        pytest.param({"MA-12", "EH", "MA"}, "MA", {"MA-12", "MA"}, id="partly in it"),
        pytest.param({"MA-12", "EH", "MA"}, "EH", {"MA-12", "EH"}, id="partly in the other"),
        pytest.param({"DE", "FR", ELSEWHERE}, "DE", {"DE", ELSEWHERE}, id="what is unknown stays"),
        pytest.param({ELSEWHERE}, "DE", {ELSEWHERE}, id="only unknown"),
        pytest.param({"GB-LND", "IE"}, "GB", {"GB-LND"}, id="a part of a part"),
    ],
)
def test_geoip_only_narrows(origin: set[str], country: str | None, narrowed: set[str]) -> None:
    assert ORIGINS.narrowed(frozenset(origin), country) == narrowed
