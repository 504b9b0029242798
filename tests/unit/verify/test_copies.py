"""Copies of evidence, as the verifier reads the bucket out of what gateways are to run."""

from typing import Any, Final

import pytest
from tests.unit.render.test_copies import BUCKET
from tests.unit.verify.by_hand import DE, EU, NOWHERE, US, Json, config, read
from tests.unit.verify.by_hand import edge as declared_edge
from tests.unit.verify.by_hand import site as gathered
from tests.unit.verify.installation import PROVIDER, obj, policy, route, tenant
from tests.unit.verify.tampering import errors
from tests.worlds.verified import World, rendered

from isochrone.verify import Rule, copies
from isochrone.verify.book import Book
from isochrone.verify.tables import Said

OBJECTS: Final = {
    "endpoint": "https://s3.eu-central-1.amazonaws.com",
    "bucket": "acme-evidence",
    "accessKey": "objects/AWS_ACCESS_KEY_ID",
    "secretKey": "objects/AWS_SECRET_ACCESS_KEY",
}


def keeping(**bucket: Any) -> Json:
    """fra1, in DE-HE, with a bucket."""
    gateway = {"advertise": {"host": "fra1.example.com"}, "evidence": {"objectStorage": {**BUCKET, **bucket}}}
    return declared_edge("fra1", "DE-HE", gateway=gateway)


def found(place: int, *objects: Json, name: str = "fra1", **bucket: Any) -> list[Said]:
    """What is said of a config whose bucket is at this place."""
    made = config(name)
    made["site"]["evidence"] = {"objects": {**OBJECTS, "place": place, **bucket}}
    site, declared = gathered(made), read(objects)
    return list(copies.of_site(Book(declared, site.config), declared, site))


def rules(place: int, *objects: Json, **bucket: Any) -> list[Rule]:
    return [each.rule for each in found(place, *objects, **bucket)]


def test_a_bucket_in_the_sites_own_place_is_lawful() -> None:
    assert found(DE, keeping()) == []


def test_a_config_without_a_bucket_copies_nothing() -> None:
    site, declared = gathered(config("fra1")), read([keeping(jurisdiction="US-VA")])
    assert list(copies.of_site(Book(declared, site.config), declared, site)) == []


def test_a_bucket_where_a_policy_forbids_what_is_logged_here() -> None:
    """It is told once for all origins alike: Germany and its 16 states."""
    text = (
        "policy eu lets evidence of data from DE be written here, and not be copied to where the bucket is, in US-VA"
        " (Declared)"
    )
    assert found(US, keeping(jurisdiction="US-VA")) == [Said(Rule.UNLAWFUL, text, "eu", cases=17)]


def test_the_first_origin_stands_for_all() -> None:
    """Data of nobody knows where is bound as Germany's is."""
    binding = policy("eu", ["DE"], {"origins": {"include": ["DE"]}}, unknownOrigin="Bind")
    (each,) = found(US, keeping(jurisdiction="US-VA"), binding)
    assert each.message.startswith("policy eu lets evidence of data from DE be written here, and not be copied")
    assert each.cases == 18


def test_data_of_an_unknown_origin_counts_too() -> None:
    """Records of American data may be in America as well; whether data of nobody knows where is American, who knows."""
    logs = {"scope": "Logs", "places": {"include": ["DE"]}, "originCountry": "Allow"}
    binding = policy("eu", ["World"], {"origins": {"include": ["US"]}}, logs, unknownOrigin="Bind")
    text = (
        "policy eu lets evidence of data from an unknown origin be written here, and not be copied to where the bucket"
        " is, in US-VA (Declared)"
    )
    assert found(US, keeping(jurisdiction="US-VA"), binding) == [Said(Rule.UNLAWFUL, text, "eu", cases=1)]


def test_each_site_is_asked_by_its_own_place() -> None:
    """Where America's data is to stay in America, it may be written at iad1, and not go to Germany from there."""
    gateway = {"advertise": {"host": "iad1.example.com"}, "evidence": {"objectStorage": BUCKET}}
    binding = policy("eu", ["US"], {"origins": {"include": ["DE"]}})
    there = declared_edge("iad1", "US-VA", gateway=gateway)
    assert rules(DE, there, binding, name="iad1") == [Rule.UNLAWFUL]


def test_a_bucket_of_which_nobody_knows_where_it_is() -> None:
    first, _ = found(NOWHERE, keeping(jurisdiction="QQ"))
    assert first == Said(Rule.UNLAWFUL, "evidence is copied to a bucket of which it isn't known where it is")


CASES = [
    pytest.param(DE, [], {}, [Rule.NOT_DECLARED], id="nobody declared it"),
    pytest.param(DE, [keeping(bucket="other")], {}, [Rule.WRONG_ADDRESS], id="another bucket"),
    pytest.param(DE, [keeping(prefix="x")], {}, [Rule.WRONG_ADDRESS], id="another prefix"),
    pytest.param(DE, [keeping()], {"prefix": "x"}, [Rule.WRONG_ADDRESS], id="a prefix"),
    pytest.param(DE, [keeping(endpoint="https://s3.example.com")], {}, [Rule.WRONG_ADDRESS], id="another store"),
    pytest.param(DE, [keeping(jurisdiction="US-VA")], {}, [Rule.WRONG_PLACE], id="said to be at home"),
    pytest.param(
        EU,
        [keeping(jurisdiction="DE", evidence="Attested")],
        {},
        [Rule.WRONG_PLACE, Rule.UNLAWFUL],
        id="elsewhere, too",
    ),
    pytest.param(NOWHERE, [keeping(jurisdiction="QQ")], {}, [Rule.UNLAWFUL, Rule.UNLAWFUL], id="nobody knows where"),
    pytest.param(
        US,
        [keeping(jurisdiction="US-VA"), policy("eu", ["DE", "US"], {"origins": {"include": ["DE"]}})],
        {},
        [],
        id="the policy allows it",
    ),
    pytest.param(
        US,
        [keeping(jurisdiction="US-VA"), policy("eu", ["US"], {"origins": {"include": ["DE"]}})],
        {},
        [],
        id="nothing is logged here",
    ),
    pytest.param(
        US,
        [
            keeping(jurisdiction="US-VA"),
            policy("eu", ["DE"], {"origins": {"include": ["DE"]}}, {"scope": "Logs", "places": {"include": ["World"]}}),
        ],
        {},
        [],
        id="an entry for Logs",
    ),
    pytest.param(
        US,
        [
            keeping(jurisdiction="US-VA"),
            policy("eu", ["DE"], {"origins": {"include": ["DE"]}}, mode="Audit"),
        ],
        {},
        [],
        id="a policy that forbids nothing yet",
    ),
    pytest.param(
        US,
        [
            keeping(jurisdiction="US-VA"),
            policy("eu", ["DE"], {"origins": {"include": ["DE"]}}, mode="Audit"),
            policy("later", ["DE"], {"origins": {"include": ["DE"]}}),
        ],
        {},
        [Rule.UNLAWFUL],
        id="one that does, after it",
    ),
    pytest.param(
        DE, [keeping()], {"endpoint": "https://s3.eu-central-1.amazonaws.com/"}, [], id="the same, written otherwise"
    ),
]


@pytest.mark.parametrize(("place", "objects", "bucket", "expected"), CASES)
def test_what_is_found(place: int, objects: list[Json], bucket: Json, expected: list[Rule]) -> None:
    assert rules(place, *objects, **bucket) == expected


# What is rendered


def installation(jurisdiction: str) -> World:
    gateway = {"evidence": {"objectStorage": {**BUCKET, "jurisdiction": jurisdiction}}}
    site = obj("EdgeNode", "fra1", {"place": {"iata": "FRA"}, "gateway": gateway})
    return rendered(
        [site, route("chat", "shop"), PROVIDER, policy("eu", ["EU"], {}), tenant("web", "shop", 1, origins=["DE"])]
    )


@pytest.mark.parametrize("jurisdiction", ["DE-HE", "FR", "US"])
def test_what_is_rendered_is_proved(jurisdiction: str) -> None:
    assert errors(installation(jurisdiction).verify()) == []


def test_a_config_that_was_changed_is_found() -> None:
    def send(config: Json) -> None:
        config["site"]["evidence"]["objects"]["bucket"] = "mine"

    assert [rule for rule, _ in errors(installation("DE-HE").verify(send, sites=("fra1",)))] == [Rule.WRONG_ADDRESS]
