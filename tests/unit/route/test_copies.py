"""Whether a gateway's config lets copies go to the bucket that it has."""

import pytest
from msgspec.structs import replace
from tests.contract.config_versions import minimal

from isochrone_gateway.config import Config
from isochrone_gateway.config.law import Law, Mode, Policy, Table, encode_row
from isochrone_gateway.config.places import Place, Places
from isochrone_gateway.config.site import EvidenceKeeping, ObjectStorage
from isochrone_gateway.route.copies import forbidding, place_of_copies, why_not
from isochrone_gateway.route.mask import Age


def config(*, bucket: int = 1, allowed: int = 0b11, otherwise: int = -1, mode: Mode = Mode.ENFORCE) -> Config:
    """The site is in DE; places 1 to 3 are in DE, in FR, and not known. Data of DE may be logged at `allowed`."""
    made = minimal()
    places = (
        Place(codes=frozenset({"DE-HE"}), country="DE"),
        Place(codes=frozenset({"DE-BE"}), country="DE"),
        Place(codes=frozenset({"FR-IDF"}), country="FR"),
        Place(codes=frozenset()),
    )
    storage = ObjectStorage(
        endpoint="https://s3.example.com",
        bucket="evidence",
        place=bucket,
        access_key="objects/a",
        secret_key="objects/s",
    )
    policy = Policy(name="stay", generation=1, digest="0" * 64, scopes={"Inference": 1, "Logs": 0}, mode=mode)
    law = Law(
        policies=(policy,),
        tables=(Table(rows={"DE": 0}, otherwise=otherwise, unknown="Deny"), Table(otherwise=1)),
        rows=(encode_row(allowed), encode_row(0b1111)),
    )
    site = replace(made.site, place=0, evidence=EvidenceKeeping(objects=storage))
    return replace(made, site=site, places=replace(Places(), places=places), law=law)


WHY = [
    pytest.param(config(), Age.FRESH, "DE-BE", "", id="allowed at both"),
    pytest.param(config(allowed=0b01), Age.FRESH, "", "stay: Logs is allowed at this site", id="not at the bucket's"),
    pytest.param(config(allowed=0b10), Age.FRESH, "DE-BE", "", id="not at the site's: nothing is written"),
    pytest.param(config(allowed=0b00), Age.FRESH, "DE-BE", "", id="at neither: nothing is written"),
    pytest.param(config(allowed=0b01, mode=Mode.AUDIT), Age.FRESH, "DE-BE", "", id="only audited"),
    pytest.param(config(allowed=0b11, otherwise=1), Age.FRESH, "DE-BE", "", id="of others, too"),
    pytest.param(config(allowed=0b01, bucket=2, otherwise=1), Age.FRESH, "", "stay", id="of some origin, not"),
    pytest.param(config(allowed=0b111, bucket=2), Age.FRESH, "FR-IDF", "", id="abroad"),
    pytest.param(config(allowed=0b111, bucket=2), Age.STALE, "FR-IDF", "nothing may leave the country", id="stale"),
    pytest.param(config(), Age.STALE, "DE-BE", "", id="stale, at home"),
    pytest.param(config(), Age.EXPIRED, "DE-BE", "nothing may leave this site", id="expired"),
    pytest.param(config(allowed=0b1111, bucket=3), Age.FRESH, "", "the bucket's place isn't known", id="not known"),
]


@pytest.mark.parametrize(("made", "age", "place", "problem"), WHY)
def test_where_copies_may_go(made: Config, age: Age, place: str, problem: str) -> None:
    assert place_of_copies(made) == place
    assert problem in why_not(made, age)
    assert bool(problem) == bool(why_not(made, age))


def test_a_config_without_a_bucket_has_no_place_for_them() -> None:
    made = config()
    for evidence in (None, EvidenceKeeping()):
        without = replace(made, site=replace(made.site, evidence=evidence))
        assert (place_of_copies(without), why_not(without, Age.EXPIRED)) == ("", "")


def test_policies_that_forbid_them_are_named() -> None:
    made = config(allowed=0b01)
    (policy,) = made.law.policies
    law = replace(
        made.law, policies=(policy, replace(policy, name="other"), replace(policy, name="x", scopes={"Inference": 1}))
    )
    assert forbidding(law, 0, 1) == ("stay", "other")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        pytest.param(Table(rows={"DE": 0}, unknown="Deny"), True, id="of an origin"),
        pytest.param(Table(otherwise=0, unknown="Deny"), True, id="of every other origin"),
        pytest.param(Table(unknown=0), True, id="of unknown origin"),
        pytest.param(Table(rows={"DE": 1}, otherwise=1, unknown=1), False, id="of none"),
    ],
)
def test_one_row_that_has_the_site_alone_forbids_them(table: Table, *, expected: bool) -> None:
    policy = Policy(name="stay", generation=1, digest="0" * 64, scopes={"Inference": 0})
    law = Law(policies=(policy,), tables=(table,), rows=(encode_row(0b010), encode_row(0b110)))
    assert bool(forbidding(law, 1, 2)) == expected


def test_what_is_in_several_countries_is_at_home_nowhere() -> None:
    made = config()
    place = Place(codes=frozenset({"FR-IDF", "DE-BE"}))
    several = replace(made, law=Law(), places=replace(made.places, places=(place, place)))
    assert place_of_copies(several) == "DE-BE,FR-IDF"
    assert "nothing may leave the country" in why_not(several, Age.STALE)


def test_all_policies_that_forbid_them_are_told() -> None:
    made = config(allowed=0b01)
    (policy,) = made.law.policies
    both = replace(made, law=replace(made.law, policies=(policy, replace(policy, name="other"))))
    assert why_not(both, Age.FRESH) == "stay, other: Logs is allowed at this site, but not where the bucket is"
