"""Stage one: what the API server would say to each object, in words that lead to the place in the file."""

from typing import Any

import pytest
from tests.unit.validate.sample import (
    Json,
    edge,
    findings,
    obj,
    policy,
    pool,
    provider,
    route,
    said,
    tenant,
    tiers,
    to_provider,
)

from isochrone import manifests
from isochrone.api import EdgeNode, crd
from isochrone.validate import Finding, Rule, validate

HEAD = "apiVersion: isochrone.dev/v1alpha1\nkind: DataResidencyPolicy\nmetadata: {name: p}\nspec:\n  allow:\n"


def _only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        pytest.param("NO", 'NO was read as a boolean: write "NO"', id="norway"),
        pytest.param("no", 'no was read as a boolean, and text must stand here, such as "NO"', id="lower-case"),
        pytest.param("0x1F", "0x1F was read as a number, and text must stand here, such as ", id="hexadecimal"),
        pytest.param("null", "null was read as null, and text must stand here, such as ", id="null"),
        pytest.param("", "the value is empty", id="empty"),
    ],
)
def test_what_yaml_takes_for_something_else(written: str, message: str) -> None:
    text = f"{HEAD}  - scope: Inference\n    places:\n      include:\n      - DE\n      - {written}\n"
    found = _only(validate(manifests.parse(text.encode(), "p.yaml").manifests))
    assert (found.rule, found.line, found.field) == (Rule.TYPE_INVALID, 10, "spec.allow[0].places.include[1]")
    assert found.message.startswith(message)


@pytest.mark.parametrize(
    ("change", "expected", "way_out"),
    [
        pytest.param(
            {"gatway": {}}, "E UnknownField EdgeNode fra spec.gatway", 'did you mean "gateway"?', id="unknown-field"
        ),
        pytest.param(
            {"zzzz": 1}, "E UnknownField EdgeNode fra spec.zzzz", "remove it; known here: ", id="strange-field"
        ),
        pytest.param(
            {"delivery": "Pul"},
            "E FieldValueNotSupported EdgeNode fra spec.delivery",
            "More: kubectl explain edgenode.spec.delivery",
            id="enum",
        ),
        pytest.param(
            {"gateway": {"replicas": 500}},
            "E FieldValueInvalid EdgeNode fra spec.gateway.replicas",
            "More: kubectl explain edgenode.spec.gateway.replicas",
            id="bound",
        ),
        pytest.param(
            {"gateway": {"autoscaling": {}}},
            "E FieldValueRequired EdgeNode fra spec.gateway.autoscaling.maxReplicas",
            "More: kubectl explain edgenode.spec.gateway.autoscaling.maxReplicas",
            id="required",
        ),
        pytest.param(
            {"place": {"iata": "FRA", "evidence": "Attested"}},
            "E FieldValueInvalid EdgeNode fra spec.place.evidence",
            "More: kubectl explain edgenode.spec.place.evidence",
            id="cel-rule",
        ),
        pytest.param(
            {"images": {"pullSecrets": ["a", "a"]}},
            "E FieldValueDuplicate EdgeNode fra spec.images.pullSecrets[1]",
            "More: kubectl explain edgenode.spec.images.pullSecrets",
            id="set",
        ),
        pytest.param(
            {"staleness": {"maxAge": "1 day"}},
            "E FieldValueInvalid EdgeNode fra spec.staleness.maxAge",
            "More: kubectl explain edgenode.spec.staleness.maxAge",
            id="pattern",
        ),
        pytest.param(
            {"delivery": "GitOps", "cluster": {"type": "Kubeconfig"}},
            "E FieldValueInvalid EdgeNode fra spec.cluster",
            "kubectl explain edgenode.spec.cluster",
            id="rule-about-an-object",
        ),
    ],
)
def test_refusal(change: Json, expected: str, way_out: str) -> None:
    item = edge()
    item["spec"] |= change
    assert said([item]) == [expected]
    assert way_out in _only(findings([item])).way_out


def test_the_way_out_is_what_the_field_takes() -> None:
    way_out = _only(findings([edge(staleness={"maxAge": "1 day"})])).way_out
    schema = crd.structural(EdgeNode)["properties"]["spec"]["properties"]["staleness"]["properties"]["maxAge"]
    assert way_out == f"{schema['description']} More: kubectl explain edgenode.spec.staleness.maxAge"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"staleness": {"maxAge": 50}},
            '50 was read as a number, and text must stand here, such as "50ms" or "50s"',
            id="duration-without-unit",
        ),
        pytest.param(
            {"egress": {"pricePerGiB": 0.5}}, '0.5 was read as a number: write "0.5"', id="number-for-decimal"
        ),
        pytest.param(
            {"gateway": {"replicas": "3"}},
            '"3" is text, and a number must stand here: write 3',
            id="number-in-quotes",
        ),
        pytest.param(
            {"gateway": {"replicas": "1.5"}},
            'Invalid value: "string": must be of type integer: "string"',
            id="fraction-for-whole-number",
        ),
        pytest.param(
            {"gateway": {"replicas": "three"}},
            'Invalid value: "string": must be of type integer: "string"',
            id="no-number-at-all",
        ),
    ],
)
def test_quotes(change: Json, message: str) -> None:
    item = edge()
    item["spec"] |= change
    assert [found.message for found in findings([item])] == [message]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        pytest.param(
            {**policy(), "apiVersion": "isochrone.io/v1alpha1"},
            ["E UnknownKind DataResidencyPolicy eu-only apiVersion"],
            id="another-domain",
        ),
        pytest.param(
            {**policy(), "apiVersion": "isochorne.dev/v1alpha1"},
            ["E UnknownKind DataResidencyPolicy eu-only apiVersion"],
            id="misspelt",
        ),
        pytest.param(
            {**policy(), "apiVersion": "v1alpha1"},
            ["E UnknownKind DataResidencyPolicy eu-only apiVersion"],
            id="no-group",
        ),
        pytest.param(
            {"apiVersion": "Isochrone.dev/v1alpha1", "kind": "Policy", "metadata": {"name": "p"}},
            ["E UnknownKind Policy p apiVersion"],
            id="capital-letter",
        ),
        pytest.param(
            {**route(), "apiVersion": "networking.example.com/v1"},
            ["W UnknownKind ModelRoute shop/chat apiVersion"],
            id="group-of-somebody-else",
        ),
        pytest.param({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}}, [], id="core"),
        pytest.param({"apiVersion": "apps/v1", "kind": "EdgeNodes", "metadata": {"name": "x"}}, [], id="other-kind"),
    ],
)
def test_groups_that_are_not_ours(item: Json, expected: list[str]) -> None:
    assert said([item]) == expected


def test_a_generated_name_is_no_name() -> None:
    item = edge()
    item["metadata"] = {"generateName": "fra-"}
    assert said([item, pool()]) == [
        "E GeneratedName EdgeNode  metadata.generateName",
        "E RefNotFound GPUPool h100 spec.edgeNodeRef.name",
    ]


def test_a_message_leaves_out_what_stands_beside_it() -> None:
    found = _only(findings([edge(gateway={"replicas": 500})]))
    assert found.message == "Invalid value: 500: should be less than or equal to 100"
    found = _only(findings([pool(edgeNodeSelector={}, edgeNodeRef={"name": "fra"})]))
    assert found.message == "give either edgeNodeRef or edgeNodeSelector"


@pytest.mark.parametrize(
    ("item", "rule"),
    [
        pytest.param({"kind": "ModelRoute"}, Rule.NOT_AN_OBJECT, id="no-version"),
        pytest.param(
            {"apiVersion": "isochrone.dev/v1alpha1", "metadata": {"name": "x"}}, Rule.NOT_AN_OBJECT, id="no-kind"
        ),
        pytest.param(obj("EdgeNod", "x", {}), Rule.UNKNOWN_KIND, id="kind"),
        pytest.param({**edge(), "apiVersion": "isochrone.dev/v1"}, Rule.UNKNOWN_KIND, id="version"),
        pytest.param({**edge(), "metadata": {}}, Rule.REQUIRED, id="no-name"),
        pytest.param({**edge(), "metadata": 5}, Rule.BAD_REQUEST, id="metadata-of-another-type"),
    ],
)
def test_not_even_an_object(item: Json, rule: Rule) -> None:
    assert _only(findings([item])).rule is rule


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(edge(), edge(), [], id="same"),
        pytest.param(edge(), edge(iata="MUC"), ["spec.place"], id="site-moves"),
        pytest.param(route(modelName="a"), route(modelName="b"), ["spec.modelName"], id="name-changes"),
        pytest.param(pool(), pool(site="ams"), ["spec"], id="pool-moves"),
        pytest.param(edge("ams"), edge(iata="MUC"), [], id="another-object"),
    ],
)
def test_changes(old: Json, new: Json, expected: list[str]) -> None:
    found = [each.field for each in findings([new], [old]) if each.rule is Rule.INVALID]
    assert found == expected


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([edge(iata="Frankfurt"), pool(), route()], id="site"),
        pytest.param([edge(), pool(nodes="many"), route()], id="pool"),
        pytest.param([edge(), provider(dialect="X"), route(tiers=tiers(to_provider()))], id="provider"),
        pytest.param([edge(), pool(), route(queue=5), tenant(allowedRoutes=[{"name": "chat"}])], id="route"),
        pytest.param([{**edge(), "kind": "edgenode"}, pool(), route()], id="kind"),
        pytest.param([{**edge(), "apiVersion": "isochrone.io/v1alpha1"}, pool(), route()], id="group"),
        pytest.param([{**edge(), "apiVersion": "isochrone.dev/v1"}, pool(), route()], id="version"),
        pytest.param([{k: v for k, v in edge().items() if k != "apiVersion"}, pool(), route()], id="no-version"),
        pytest.param(
            [edge(iata="Frankfurt"), pool(edgeNodeSelector={"matchLabels": {"a": "b"}}), policy("us", "US")], id="law"
        ),
    ],
)
def test_one_mistake_is_one_finding(others: list[Json]) -> None:
    """What could not be read is not missed."""
    assert len(said(others)) == 1


def test_duplicates_are_found_among_objects_that_are_wrong() -> None:
    assert "E DuplicateObject EdgeNode fra metadata.name" in said([edge(iata="5"), edge(iata="5")])


@pytest.mark.parametrize("labels", [[], "x", 5, None, {"a": 1}], ids=repr)
def test_strange_namespaces(labels: Any) -> None:
    item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}
    assert said([item, edge(), pool(), route()]) == []
