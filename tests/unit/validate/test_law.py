"""Policies that can't be kept, and those whom they leave no place."""

from collections.abc import Sequence

import pytest
from tests.unit.validate.sample import (
    FAR,
    Json,
    edge,
    endpoint,
    policy,
    pool,
    provider,
    route,
    said,
    serving,
    tenant,
    tiers,
    to_provider,
)

ITALIAN = {"origins": {"include": ["IT"]}}


def ingress(name: str, *places: str, exclude: Sequence[str] = (), scope: str = "Ingress") -> Json:
    """A policy that allows inference everywhere, and another scope at these places."""
    areas = {"include": list(places), **({"exclude": list(exclude)} if exclude else {})}
    everywhere = {"scope": "Inference", "places": {"include": ["World"]}}
    return policy(name, allow=[everywhere, {"scope": scope, "places": areas}])


TWO_LAWS = [
    policy("eu", binds={"origins": {"include": ["EU"]}}),
    policy("us", "US", binds={"origins": {"include": ["US"]}}),
]
TWO_PLACES = [
    edge(),
    pool(),
    provider("acme", endpoint("us", "US")),
    route(serving=serving(), tiers=tiers({"serving": {}}, to_provider())),
]

FINE = [
    pytest.param(
        [
            edge(),
            pool(),
            provider("acme", endpoint("us", "US")),
            *TWO_LAWS,
            route(),
            tenant(origins=["DE", "US"], originHeader="Trust"),
        ],
        id="header-chooses-an-origin",
    ),
    pytest.param(
        [
            *TWO_PLACES,
            policy("a", binds={"tenants": {"matchLabels": {"law": "eu"}}}),
            policy("b", "US", binds={"tenants": {"matchLabels": {"law": "us"}}}),
            tenant("a", key="1", labels={"law": "eu"}),
            tenant("b", key="2", labels={"law": "us"}),
        ],
        id="apart-for-two-tenants",
    ),
    pytest.param([edge(), pool(), route(), policy()], id="lawful-site"),
    pytest.param([edge(), pool(), route(), ingress("p", "DE")], id="ingress-at-a-site"),
    pytest.param([edge(), pool(), route(), ingress("p", scope="Logs")], id="logs-nowhere"),
    pytest.param([edge(), pool(), route(), ingress("p", scope="Cache")], id="cache-nowhere"),
    pytest.param([edge(), pool(), route(), ingress("p", "US", scope="State")], id="state-elsewhere"),
    pytest.param([edge(), pool(), route(), policy(), tenant(origins=["DE"])], id="lawful-tenant"),
    pytest.param(
        [
            edge(),
            pool(),
            route(),
            policy("us-only", "US", binds={"dataClasses": ["health"]}),
            tenant(dataClassHeader="Trust"),
        ],
        id="class-by-header",
    ),
    pytest.param([edge(), pool(), route(), policy("us-only", "US", mode="Audit")], id="audit-decides-nothing"),
    pytest.param(
        [edge(), pool(), route(), policy("home", allow=[{"scope": "Inference", "originCountry": "Allow"}])],
        id="origin-country",
    ),
    pytest.param(
        [edge(), pool(), route(), policy("a", "DE", "FR"), policy("b", "DE", "IT"), policy("c", "US", mode="Audit")],
        id="common-place",
    ),
    pytest.param(
        [
            edge(),
            pool(),
            provider("acme", endpoint("us", "US")),
            route(),
            route("us", tiers=tiers(to_provider())),
            policy("a", binds={"dataClasses": ["x"]}),
            policy("b", "US", binds={"dataClasses": ["y"]}),
            route("x", dataClasses=["x"]),
            route("z", dataClasses=["y"], tiers=tiers(to_provider())),
        ],
        id="apart-but-never-together",
    ),
]

WRONG = [
    pytest.param(
        [edge(), pool(), provider("acme", endpoint("us", "US")), *TWO_LAWS, route(), tenant(origins=["DE", "US"])],
        ["E NoLawfulPlace InferenceTenant shop/web spec.origins"],
        id="every-origin-counts",
    ),
    pytest.param(
        [*TWO_PLACES, policy("a", "DE", binds=ITALIAN, unknownOrigin="Bind"), policy("b", "US", "FR")],
        ["W Unsatisfiable DataResidencyPolicy b spec.allow"],
        id="contradiction-that-leaves-other-origins",
    ),
    pytest.param(
        [edge(), pool(), route(), policy("p", "DE", exclude=["EU"])],
        ["E Unsatisfiable DataResidencyPolicy p spec.allow[0].places"],
        id="all-excluded",
    ),
    pytest.param(
        [edge(), pool(), route(), policy("p", allow=[{"scope": "Inference", "places": {"include": []}}])],
        ["W Unsatisfiable DataResidencyPolicy p spec.allow[0].places"],
        id="nowhere-on-purpose",
    ),
    pytest.param(
        [edge(), pool(), route(), ingress("p")],
        ["W Unsatisfiable DataResidencyPolicy p spec.allow[1].places"],
        id="ingress-nowhere-on-purpose",
    ),
    pytest.param(
        [edge(), pool(), route(), ingress("p", "DE", exclude=["EU"])],
        ["E Unsatisfiable DataResidencyPolicy p spec.allow[1].places"],
        id="ingress-all-excluded",
    ),
    pytest.param(
        [edge(), pool(), route(), ingress("p", "US"), provider("acme", endpoint("us", "US"))],
        ["E Unsatisfiable DataResidencyPolicy p spec.allow"],
        id="ingress-without-site",
    ),
    pytest.param(
        [edge(**FAR), edge("cdg", "CDG", **FAR), pool(), route(), ingress("p", "DE"), ingress("q", "FR")],
        ["E Unsatisfiable DataResidencyPolicy q spec.allow"],
        id="ingress-contradiction",
    ),
    pytest.param(
        [edge(), pool(), route(), policy("p", "US")],
        ["E Unsatisfiable DataResidencyPolicy p spec.allow"],
        id="no-site-there",
    ),
    pytest.param(
        [
            edge(),
            pool(),
            route(),
            policy("p", allow=[{"scope": "Inference", "places": {"include": ["EU"]}, "minEvidence": "Attested"}]),
        ],
        ["E Unsatisfiable DataResidencyPolicy p spec.allow"],
        id="evidence-too-low",
    ),
    pytest.param(
        [
            edge(),
            pool(),
            provider("acme", endpoint("us", "US")),
            route(serving=serving(), tiers=tiers({"serving": {}}, to_provider())),
            policy("a"),
            policy("b", "US"),
        ],
        ["E Unsatisfiable DataResidencyPolicy b spec.allow"],
        id="contradiction",
    ),
    pytest.param(
        [
            edge(),
            pool(),
            route(),
            policy("a", "DE", "FR"),
            policy("b", "DE", "IT", binds={"origins": {"include": ["IT"]}}),
            policy("c", "FR", binds={"origins": {"include": ["IT"]}}),
            provider("acme", endpoint("fr", "FR")),
        ],
        ["W Unsatisfiable DataResidencyPolicy c spec.allow"],
        id="contradiction-for-one-origin",
    ),
    pytest.param(
        [edge(), pool(), route(), policy(binds={"routes": {"matchLabels": {"x": "z"}}})],
        ["W BindsNothing DataResidencyPolicy eu-only spec.binds"],
        id="binds-no-route",
    ),
    pytest.param(
        [edge(), pool(), route(), policy(binds={"dataClasses": ["health"]})],
        ["W BindsNothing DataResidencyPolicy eu-only spec.binds"],
        id="binds-no-class",
    ),
    pytest.param(
        [edge(), pool(), route(), policy(binds={"tenants": {"matchLabels": {"x": "z"}}}), tenant()],
        ["W BindsNothing DataResidencyPolicy eu-only spec.binds"],
        id="binds-no-tenant",
    ),
    pytest.param(
        [edge(**FAR), edge("ewr", "EWR", **FAR), pool(site="ewr"), route(), policy()],
        ["E NoLawfulPlace ModelRoute shop/chat spec"],
        id="route-unlawful",
    ),
    pytest.param(
        [provider("acme", endpoint("eu", "EU"), endpoint("any", "World")), route(tiers=tiers(to_provider())), policy()],
        ["W NoLawfulPlace ModelProvider acme spec.endpoints[1].processesIn"],
        id="endpoint-unlawful",
    ),
    pytest.param(
        [edge(), pool(), route(), policy("p", binds={"origins": {"include": ["EU"]}}), tenant()],
        ["E NoLawfulPlace InferenceTenant shop/web spec.origins"],
        id="tenant-of-unknown-origin",
    ),
    pytest.param(
        [
            edge(),
            pool(),
            provider("acme", endpoint("us", "US")),
            route(),
            route("us", tiers=tiers(to_provider())),
            policy("p", binds={"origins": {"include": ["EU"]}}),
            tenant(origins=["FR"]),
        ],
        ["W NoLawfulPlace InferenceTenant shop/web spec.origins"],
        id="tenant-on-one-route",
    ),
]


@pytest.mark.parametrize("objects", FINE)
def test_nothing_is_said(objects: list[Json]) -> None:
    assert said(objects) == []


@pytest.mark.parametrize(("objects", "expected"), WRONG)
def test_it_is_said(objects: list[Json], expected: list[str]) -> None:
    assert sorted(said(objects)) == sorted(expected)
