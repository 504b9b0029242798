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

from isochrone.verify import Rule, Severity, copies
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
    return with_evidence(objectStorage={**BUCKET, **bucket})


def with_evidence(**evidence: Any) -> Json:
    """fra1, in DE-HE."""
    gateway = {"advertise": {"host": "fra1.example.com"}, "evidence": evidence}
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


TRUSTING: Final = {"caSecretRef": {"name": "store", "key": "ca.crt"}}
CASES = [
    pytest.param(DE, [with_evidence()], {}, [Rule.NOT_DECLARED], id="nobody declared it"),
    pytest.param(DE, [], {}, [Rule.WRONG_SETTING, Rule.NOT_DECLARED], id="nor any evidence"),
    pytest.param(DE, [keeping(region="eu-central-1")], {}, [Rule.WRONG_ADDRESS], id="another region"),
    pytest.param(DE, [keeping(region="us-east-1")], {}, [], id="the region that is the default"),
    pytest.param(DE, [keeping()], {"accessKey": "providers/a/b"}, [Rule.WRONG_ADDRESS], id="another's access key"),
    pytest.param(DE, [keeping()], {"secretKey": "providers/a/b"}, [Rule.WRONG_ADDRESS], id="another's secret key"),
    pytest.param(DE, [keeping()], {"caBundle": "objects-ca/ca.crt"}, [Rule.WRONG_ADDRESS], id="trusts somebody"),
    pytest.param(DE, [keeping(**TRUSTING)], {}, [Rule.WRONG_ADDRESS], id="trusts everybody"),
    pytest.param(DE, [keeping(**TRUSTING)], {"caBundle": "objects-ca/ca.crt"}, [], id="trusts whom it should"),
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


@pytest.mark.parametrize(
    ("declared", "bucket", "told"),
    [
        pytest.param({"region": "eu-1"}, {}, "the region us-east-1, not eu-1", id="region"),
        pytest.param({}, {"accessKey": "x/y"}, "the access key x/y, not objects/AWS_ACCESS_KEY_ID", id="access key"),
        pytest.param(
            {}, {"secretKey": "x/y"}, "the secret key x/y, not objects/AWS_SECRET_ACCESS_KEY", id="secret key"
        ),
        pytest.param(TRUSTING, {}, "trusted authorities of the system, not objects-ca/ca.crt", id="trusts everybody"),
        pytest.param({}, {"caBundle": "x/y"}, "trusted authorities x/y, not of the system", id="trusts somebody"),
    ],
)
def test_what_opens_the_bucket_is_told(declared: Json, bucket: Json, told: str) -> None:
    assert found(DE, keeping(**declared), **bucket) == [Said(Rule.WRONG_ADDRESS, f"evidence is copied with {told}")]


# What is kept, and for how long


def kept(evidence: Json | None, *objects: Json) -> list[Said]:
    """What is said of a config that keeps this."""
    made = config("fra1")
    if evidence is not None:
        made["site"]["evidence"] = evidence
    site, declared = gathered(made), read(objects)
    return list(copies.of_site(Book(declared, site.config), declared, site))


def setting(text: str, severity: Severity = Severity.ERROR) -> list[Said]:
    return [Said(Rule.WRONG_SETTING, text, severity=severity)]


DAY: Final = 86_400
KEPT = [
    pytest.param(None, [], [], id="none"),
    pytest.param({}, [with_evidence()], [], id="as declared"),
    pytest.param(
        {"onFailure": "Count", "retentionS": 400 * DAY},
        [with_evidence(onFailure="Count", retentionDays=400)],
        [],
        id="all as declared",
    ),
    pytest.param(
        None,
        [with_evidence()],
        setting("no evidence is kept of where requests are processed, which was declared"),
        id="lost",
    ),
    pytest.param(
        {},
        [],
        setting("evidence is kept of where requests are processed, which was not declared", Severity.WARNING),
        id="more",
    ),
    pytest.param(
        {"onFailure": "Count"},
        [with_evidence()],
        setting("while evidence can't be written, onFailure is Count; declared is Refuse"),
        id="answered without it",
    ),
    pytest.param(
        {"onFailure": "Refuse"},
        [with_evidence(onFailure="Count")],
        setting("while evidence can't be written, onFailure is Refuse; declared is Count", Severity.WARNING),
        id="refused without it",
    ),
    pytest.param(
        {"retentionS": 60},
        [with_evidence(retentionDays=400)],
        setting("evidence is kept for 60 s, but for 34,560,000 s as declared"),
        id="shorter",
    ),
    pytest.param(
        {"retentionS": 34_560_000},
        [with_evidence()],
        setting("evidence is kept for 34,560,000 s, but for ever as declared"),
        id="not for ever",
    ),
    pytest.param(
        {"retentionS": 2 * DAY},
        [with_evidence(retentionDays=1)],
        setting("evidence is kept for 172,800 s, but for 86,400 s as declared", Severity.WARNING),
        id="longer",
    ),
    pytest.param(
        {},
        [with_evidence(retentionDays=1)],
        setting("evidence is kept for ever, but for 86,400 s as declared", Severity.WARNING),
        id="for ever",
    ),
    pytest.param(
        {},
        [keeping()],
        setting("evidence is not copied to https://s3.eu-central-1.amazonaws.com/acme-evidence, which was declared"),
        id="not copied",
    ),
    pytest.param({}, [keeping(jurisdiction="US-VA")], [], id="not copied, as the law has it"),
    pytest.param({}, [keeping(jurisdiction="QQ")], [], id="not copied to nobody knows where"),
    pytest.param(
        {},
        [keeping(jurisdiction="CH")],
        setting("evidence is not copied to https://s3.eu-central-1.amazonaws.com/acme-evidence, which was declared"),
        id="not copied to a place that the config doesn't know",
    ),
]


@pytest.mark.parametrize(("evidence", "objects", "expected"), KEPT)
def test_what_is_said_of_what_is_kept(evidence: Json | None, objects: list[Json], expected: list[Said]) -> None:
    assert kept(evidence, *objects) == expected


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


LOST: Final[list[tuple[str, Any]]] = [
    ("none is kept", lambda site: site.pop("evidence")),
    ("requests are answered without it", lambda site: site["evidence"].update(onFailure="Count")),
    ("it is removed soon", lambda site: site["evidence"].update(retentionS=60)),
    ("it is not copied", lambda site: site["evidence"].pop("objects")),
]


@pytest.mark.parametrize("edit", [pytest.param(edit, id=name) for name, edit in LOST])
def test_evidence_that_was_lost_is_found(edit: Any) -> None:
    found = errors(installation("DE-HE").verify(lambda config: edit(config["site"]), sites=("fra1",)))
    assert [rule for rule, _ in found] == [Rule.WRONG_SETTING]
