"""Decision record 2, section 6: the origin of a request."""

import pytest

from isochrone.law.origin import UNKNOWN, Origin, OriginNotAllowed, of_request
from isochrone.law.policy import origins_of


@pytest.mark.parametrize(
    ("declared", "header", "trust", "geo_ip", "expected"),
    [
        pytest.param(None, None, False, None, UNKNOWN, id="nothing declared"),
        pytest.param(None, "DE", True, "DE", UNKNOWN, id="a header can't make up for a missing declaration"),
        pytest.param(["DE"], None, True, None, Origin.of("DE"), id="one declared"),
        pytest.param(["DE", "FR"], None, True, None, Origin.of("DE", "FR"), id="all of them"),
        pytest.param(["DE", "FR"], "FR", True, None, Origin.of("FR"), id="the header chooses"),
        pytest.param(["DE", "FR"], "FR", False, None, Origin.of("DE", "FR"), id="an untrusted header is ignored"),
        pytest.param(["US"], "US-CA", True, None, Origin.of("US-CA"), id="the header may be finer"),
        pytest.param(["US-CA"], "US", True, None, OriginNotAllowed("US"), id="but not coarser"),
        pytest.param(["US"], "PR", True, None, OriginNotAllowed("PR"), id="PR is not part of US"),
        pytest.param(["GP"], "FR-971", True, None, Origin.of("GP"), id="the same territory by its other code"),
        pytest.param(["DE"], "US", True, None, OriginNotAllowed("US"), id="outside"),
        pytest.param(["DE"], "Germany", True, None, OriginNotAllowed("Germany"), id="no code"),
        pytest.param(["DE"], "", True, None, OriginNotAllowed(""), id="an empty header is not no header"),
        pytest.param(["DE", "FR"], None, False, "FR", Origin.of("FR"), id="GeoIP narrows"),
        pytest.param(["DE", "FR"], None, False, "US", Origin.of("DE", "FR"), id="GeoIP never empties"),
        pytest.param(["DE"], None, False, "FR", Origin.of("DE"), id="GeoIP never widens"),
        pytest.param(["US-CA", "US-NY", "CA"], None, False, "US", Origin.of("US-CA", "US-NY"), id="GeoIP: countries"),
        pytest.param(["DE"], None, False, "??", Origin.of("DE"), id="GeoIP without an answer"),
        pytest.param(["DE", "FR"], "DE", True, "FR", Origin.of("DE"), id="a trusted header is more than GeoIP"),
    ],
)
def test_origin_of_request(
    declared: list[str] | None, header: str | None, trust: bool, geo_ip: str | None, expected: Origin | OriginNotAllowed
) -> None:
    assert of_request(declared, header=header, trust_header=trust, geo_ip=geo_ip) == expected


def test_blocs_are_expanded() -> None:
    origin, problems = origins_of(["Benelux"])

    assert origin == Origin.of("BE", "NL", "LU")
    assert problems == ()


@pytest.mark.parametrize("declared", [["World"], ["DE", "Atlantis"], ["XK"]])
def test_what_can_be_anywhere_is_unknown(declared: list[str]) -> None:
    origin, _ = origins_of(declared)

    assert origin == UNKNOWN
