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
        pytest.param(["EH", "MA-12"], None, False, "EH", Origin.of("EH", "MA-12"), id="GeoIP: within two countries"),
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


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param(["World"], UNKNOWN, id="the world"),
        pytest.param(["XK"], UNKNOWN, id="no code of ISO"),
        pytest.param(["DE", "Atlantis"], Origin(frozenset({"DE"}), or_elsewhere=True), id="one that can't be read"),
        pytest.param(
            ["Benelux", "World"], Origin(frozenset({"BE", "NL", "LU"}), or_elsewhere=True), id="and the world"
        ),
    ],
)
def test_what_can_be_anywhere_is_an_unknown_origin_beside_the_others(declared: list[str], expected: Origin) -> None:
    origin, _ = origins_of(declared)

    assert origin == expected


def test_nothing_is_an_unknown_origin() -> None:
    assert Origin.of() == UNKNOWN


def test_what_has_no_code_is_not_known_whatever_else_is_said() -> None:
    assert not Origin(frozenset(), or_elsewhere=False).is_known
    assert Origin(frozenset(), or_elsewhere=False).each == (None,)


def test_a_code_alone_is_known() -> None:
    assert Origin.of("DE").is_known
    assert Origin.of("DE").each == ("DE",)


def test_a_code_among_what_is_none_is_not_known() -> None:
    assert not Origin.of("DE", "nowhere").is_known
    assert Origin.of("DE", "nowhere").each == ("DE", None)
