"""What counts as a difference between what was applied and what is there, and how it is said."""

from typing import Any

import pytest

from isochrone.rollout import difference

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("wanted", "found", "said"),
    [
        pytest.param({"spec": {"replicas": 3}}, {"spec": {"replicas": 3, "paused": False}}, None, id="defaults"),
        pytest.param({"spec": {"replicas": 3}}, {"spec": {"replicas": 5}}, "spec.replicas is 5, not 3", id="changed"),
        pytest.param({"spec": {"replicas": 3}}, {"spec": {}}, "spec.replicas is missing", id="removed"),
        pytest.param({"spec": {"a": {"b": 1}}}, {"spec": {"a": "text"}}, "spec.a is missing", id="another-type"),
        pytest.param({"spec": {"podSelector": {}}}, {"spec": {}}, None, id="empty-map-dropped"),
        pytest.param({"spec": {"egress": []}}, {"spec": {}}, None, id="empty-list-dropped"),
        pytest.param(
            {"spec": {"ingress": [1]}}, {"spec": {"ingress": [1, 2]}}, "spec.ingress has 2 entries, not 1", id="opened"
        ),
        pytest.param(
            {"rules": [{"verbs": ["get"]}]},
            {"rules": [{"verbs": ["*"]}]},
            'rules[0].verbs[0] is "*", not "get"',
            id="in-a-list",
        ),
        pytest.param(
            {"subjects": [{"name": "a"}]},
            {"subjects": [{"name": "a"}, {"name": "b"}]},
            "subjects has 2 entries, not 1",
            id="subject-added",
        ),
        pytest.param(
            {"containers": [{"name": "a", "image": "x"}]},
            {"containers": [{"name": "sidecar"}, {"name": "a", "image": "x"}]},
            None,
            id="sidecar",
        ),
        pytest.param(
            {"containers": [{"name": "a", "image": "x"}]},
            {"containers": [{"name": "a", "image": "y"}]},
            'containers[a].image is "y", not "x"',
            id="image",
        ),
        pytest.param({"env": [{"name": "A"}]}, {"env": []}, "env[A] is missing", id="variable-removed"),
        pytest.param({"limits": {"cpu": "1000m"}}, {"limits": {"cpu": "1"}}, None, id="same-quantity"),
        pytest.param(
            {"limits": {"cpu": "1000m"}},
            {"limits": {"cpu": "2"}},
            'limits.cpu is "2", not "1000m"',
            id="other-quantity",
        ),
        pytest.param(
            {"data": {"cpu": "1000m"}}, {"data": {"cpu": "1"}}, 'data.cpu is "1", not "1000m"', id="no-quantity"
        ),
        pytest.param(
            {"limits": {"cpu": "x"}}, {"limits": {"cpu": "y"}}, 'limits.cpu is "y", not "x"', id="not-an-amount"
        ),
        pytest.param({"a": "x" * 200}, {"a": "y"}, f'a is "y", not "{"x" * 76}...', id="long-values-are-cut"),
    ],
)
def test_first(wanted: Json, found: Json, said: str | None) -> None:
    assert difference.first(wanted, found) == said


def owned(fields: Json, **content: Any) -> Json:
    entry = {"manager": "isochrone", "operation": "Apply", "fieldsV1": fields}
    return {"metadata": {"managedFields": [entry, {"manager": "kubectl", "operation": "Apply"}]}, **content}


REPLICAS: Json = {"f:spec": {"f:replicas": {}}}


@pytest.mark.parametrize(
    ("wanted", "fields", "said"),
    [
        pytest.param({"spec": {"replicas": 3}}, REPLICAS, None, id="still-wanted"),
        pytest.param({"spec": {}}, REPLICAS, "spec.replicas is no longer wanted", id="given-up"),
        pytest.param({}, REPLICAS, "spec is no longer wanted", id="all-of-it"),
        pytest.param(
            {"c": [{"name": "a", "env": [{"name": "X"}]}]},
            {"f:c": {'k:{"name":"a"}': {".": {}, "f:name": {}, "f:env": {'k:{"name":"X"}': {"f:name": {}}}}}},
            None,
            id="items",
        ),
        pytest.param(
            {"c": [{"name": "a"}]},
            {"f:c": {'k:{"name":"b"}': {".": {}, "f:name": {}}}},
            "c[b] is no longer wanted",
            id="item-gone",
        ),
        pytest.param(
            {"c": [{"name": "a"}]},
            {"f:c": {'k:{"name":"a"}': {"f:name": {}, "f:image": {}}}},
            "c[a].image is no longer wanted",
            id="field-of-an-item-gone",
        ),
        pytest.param(
            {"ports": [{"port": 80}]},
            {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}},
            None,
            id="key-by-default",
        ),
        pytest.param({"v": ["a"]}, {"f:v": {'v:"a"': {}}}, None, id="value"),
        pytest.param({"v": ["a"]}, {"f:v": {'v:"b"': {}}}, 'v has "b", which is no longer wanted', id="value-gone"),
    ],
)
def test_leftover(wanted: Json, fields: Json, said: str | None) -> None:
    assert difference.leftover(wanted, owned(fields), "isochrone") == said


def test_what_somebody_else_applied_is_not_ours() -> None:
    found = {"metadata": {"managedFields": [{"manager": "argocd", "operation": "Apply", "fieldsV1": REPLICAS}]}}
    assert difference.leftover({"spec": {"replicas": 1}}, found, "isochrone") == "isochrone has not applied it"


@pytest.mark.parametrize(
    ("path", "is_ours"),
    [
        pytest.param(("spec", "replicas"), True, id="field"),
        pytest.param(("spec",), True, id="above"),
        pytest.param(("spec", "paused"), False, id="another"),
    ],
)
def test_owns(path: tuple[str, ...], is_ours: bool) -> None:
    assert difference.owns(owned(REPLICAS), "isochrone", *path) is is_ours
