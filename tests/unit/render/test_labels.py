"""Labels: all that delivery finds children by, and selectors that name no two routes, sites or installations."""

import re

from tests.unit.render.test_names import edge_node

from isochrone.api import ModelRoute
from isochrone.render import labels

ENGINE = {"type": "Custom", "image": "engine", "port": 80}


def model_route(name: str = "chat", *, namespace: str = "lab", uid: str = "") -> ModelRoute:
    metadata = {"name": name, "namespace": namespace, "uid": uid}
    return ModelRoute.model_validate(
        {"kind": "ModelRoute", "metadata": metadata, "spec": {"serving": {"engine": ENGINE}}}
    )


def test_every_label_of_an_engine() -> None:
    assert labels.engine_labels(model_route(uid="4f1c"), edge_node(), "home") == {
        "app.kubernetes.io/name": "chat",
        "app.kubernetes.io/component": "engine",
        "app.kubernetes.io/managed-by": "isochrone",
        "isochrone.dev/installation": "home",
        "isochrone.dev/edge-node": "fra1",
        "isochrone.dev/model-route": "chat",
        "isochrone.dev/route-namespace": "lab",
        "isochrone.dev/route-uid": "4f1c",
    }


def test_a_route_from_a_file_has_no_uid() -> None:
    assert labels.ROUTE_UID not in labels.engine_labels(model_route(), edge_node(), "home")


def test_selectors_stay_when_a_route_is_made_anew() -> None:
    before, after = (labels.engine_selector(model_route(uid=uid), edge_node(), "home") for uid in ("1", "2"))
    assert before == after


def test_selectors_tell_all_apart() -> None:
    found = [
        labels.engine_selector(model_route(), edge_node(), "home"),
        labels.engine_selector(model_route("other"), edge_node(), "home"),
        labels.engine_selector(model_route(namespace="live"), edge_node(), "home"),
        labels.engine_selector(model_route(), edge_node("ber1"), "home"),
        labels.engine_selector(model_route(), edge_node(), "away"),
        labels.gateway_selector(edge_node(), "home"),
        labels.gateway_selector(edge_node("ber1"), "home"),
        labels.gateway_selector(edge_node(), "away"),
    ]
    assert len({tuple(sorted(each.items())) for each in found}) == len(found)


def test_values_of_the_longest_names_are_valid() -> None:
    value = re.compile("[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
    longest = labels.engine_labels(model_route("r" * 56, namespace="n" * 63), edge_node("s" * 48), "isochrone")
    assert all(value.fullmatch(each) for each in longest.values())
