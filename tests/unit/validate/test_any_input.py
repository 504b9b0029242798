"""Whatever stands in a manifest: findings, never a crash; the same ones in whatever order the objects come."""

import copy
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.validate.sample import (
    EVERY,
    FAR,
    Json,
    edge,
    endpoint,
    findings,
    namespace,
    policy,
    pool,
    provider,
    route,
    secret,
    serving,
    tenant,
    tiers,
    to_provider,
    to_route,
)

from isochrone import manifests
from isochrone.validate import Finding, validate

WORLD = [
    edge(**FAR),
    edge("ams", "AMS", labels={"zone": "a"}, **FAR),
    pool(),
    pool("spot", edgeNodeSelector={"matchLabels": {"zone": "a"}}, capacityType="Spot", allowedNamespaces=EVERY),
    provider(
        "acme", endpoint("nl", "NL"), endpoint("fr", "FR"), keys=[{"name": "a", "secretRef": {"name": "s", "key": "k"}}]
    ),
    route(serving=serving(), tiers=tiers({"serving": {}}, to_provider()), dataClasses=["health"]),
    route("alias", tiers=tiers(to_route("chat")), aliases=["other"]),
    policy(binds={"origins": {"include": ["Mine"]}}, blocs=[{"name": "Mine", "members": ["DE", "FR"]}]),
    policy("home", allow=[{"scope": "Inference", "originCountry": "Allow"}], binds={"dataClasses": ["health"]}),
    tenant(origins=["DE"], allowedRoutes=[{"name": "chat"}]),
    namespace("shop", team="ai"),
    secret("s", "k"),
]
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        10**30,
        "",
        "x",
        "EU",
        "US-CA",
        "World",
        "\ud83d",
        [],
        [None],
        [[]],
        {},
        {"": 1},
        {"name": 5},
    ]
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_no_value_is_too_odd(data: st.DataObject) -> None:
    objects: list[Json] = copy.deepcopy(WORLD)
    for _ in range(data.draw(st.integers(1, 3))):
        places = _places(objects)
        container, key = places[data.draw(st.integers(0, len(places) - 1))]
        if data.draw(st.booleans()) and isinstance(container, dict):
            container.pop(key)
        else:
            container[key] = copy.deepcopy(data.draw(ODD))
    read = [_manifest(item) for item in objects if type(item) is dict]
    for found in validate(read, read):
        assert found.message
        assert found.file == "f"


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_does_not_matter(order: random.Random) -> None:
    wrong = [*WORLD, policy("us", "US"), policy("eu", "EU"), route("b", modelName="chat"), tenant("x", origins=["XX"])]
    shuffled = order.sample(wrong, len(wrong))
    assert _unplaced(findings(shuffled)) == _unplaced(findings(wrong))


def test_the_world_itself_is_sound() -> None:
    assert findings(WORLD) == []


def _manifest(item: Json) -> manifests.Manifest:
    [read] = manifests.parse(b"{}", "f").manifests
    return manifests.Manifest(obj=item, source=read.source, tree=read.tree)


def _unplaced(found: list[Finding]) -> set[tuple[str, ...]]:
    """Without lines; messages name the lines of others, so they are left out too."""
    return {(each.severity, each.rule, str(each.object), each.field) for each in found}
