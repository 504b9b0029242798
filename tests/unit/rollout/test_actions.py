"""A parcel and what its cluster has: what is applied, what is removed, what is left alone."""

import dataclasses
from typing import Any

import pytest

from isochrone.model import Parcel, Revision, SecretCopy
from isochrone.render import labels
from isochrone.render.bundle import identity
from isochrone.rollout import actions
from isochrone.rollout.actions import Found

Json = dict[str, Any]


def item(kind: str, name: str, *, site: str | None = "fra1", route: str = "", **content: Any) -> Json:
    versions = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "NetworkPolicy": "networking.k8s.io/v1"}
    marks = {labels.INSTALLATION: "isochrone"} | ({labels.EDGE_NODE: site} if site else {})
    marks |= {labels.MODEL_ROUTE: route, labels.ROUTE_NAMESPACE: "demo"} if route else {}
    metadata = {"name": name, "namespace": "demo", "labels": marks, "annotations": content.pop("annotations", {})}
    return {"apiVersion": versions.get(kind, "v1"), "kind": kind, "metadata": metadata, **content}


def there(wanted: Json, **changes: Any) -> Json:
    """As the API server has it once we have applied it."""
    metadata = {**wanted["metadata"], "uid": "u", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"}
    metadata["managedFields"] = [{"manager": "isochrone", "operation": "Apply", "fieldsV1": {}}]
    return {**wanted, "metadata": metadata, **changes}


def found(*items: Json, pods: tuple[Json, ...] = (), settled: dict[Any, str] | None = None) -> Found:
    return Found(children={identity(each): each for each in items}, pods=pods, settled=settled or {})


def parcel(*items: Json, **more: Any) -> Parcel:
    revision = Revision(epoch=1, sequence=1, digest="a")
    return Parcel(site="fra1", installation="isochrone", revision=revision, objects=items, **more)


SERVICE = item("Service", "chat", spec={"type": "ClusterIP"})
ENGINE = item("Deployment", "chat", route="chat", spec={"replicas": 2})


@pytest.mark.parametrize(
    ("wanted", "has", "applied"),
    [
        pytest.param(SERVICE, [], ["it is missing"], id="missing"),
        pytest.param(SERVICE, [there(SERVICE)], [], id="as-wanted"),
        pytest.param(
            SERVICE,
            [there(SERVICE, spec={"type": "NodePort"})],
            ['spec.type is "NodePort", not "ClusterIP"'],
            id="changed",
        ),
        pytest.param(
            item("Namespace", "demo", annotations={"isochrone.dev/apply": "CreateOnly"}),
            [there(item("Namespace", "demo"))],
            [],
            id="created-only",
        ),
    ],
)
def test_what_is_applied(wanted: Json, has: list[Json], applied: list[str]) -> None:
    decided = actions.decide(parcel(wanted), found(*has))
    assert [each.because for each in decided.apply] == applied
    assert decided.remove == ()


def test_what_the_api_server_makes_of_it_is_not_applied_for_ever() -> None:
    changed = there(SERVICE, spec={"type": "Other"})
    because = 'spec.type is "Other", not "ClusterIP"'
    decided = actions.decide(parcel(SERVICE), found(changed, settled={identity(SERVICE): because}))
    assert decided.apply == ()


@pytest.mark.parametrize(
    ("gone", "removed"),
    [
        pytest.param(there(SERVICE), True, id="no-longer-wanted"),
        pytest.param(there(item("Service", "chat", site="iad1")), False, id="another-sites"),
        pytest.param(there(item("Service", "chat", site=None)), False, id="shared"),
        pytest.param(there(item("Namespace", "demo")), False, id="namespace"),
        pytest.param(there(item("Service", "else")), False, id="wanted-by-another-site"),
        pytest.param(there(item("Service", "held", route="held")), False, id="of-a-paused-route"),
    ],
)
def test_what_is_removed(gone: Json, removed: bool) -> None:
    elsewhere = {identity(item("Service", "else"))}
    decided = actions.decide(parcel(), found(gone), elsewhere=elsewhere, paused={"demo/held"})
    assert [each.identity for each in decided.remove] == ([identity(gone)] if removed else [])


def test_a_paused_route_stays_as_it_is() -> None:
    changed = there(ENGINE, spec={"replicas": 9})
    assert actions.decide(parcel(ENGINE), found(changed), paused={"demo/chat"}).apply == ()
    assert actions.decide(parcel(ENGINE), found(changed)).apply != ()


def test_engines_go_before_what_guards_them() -> None:
    policy = there(item("NetworkPolicy", "chat", spec={"podSelector": {"matchLabels": {"app": "chat"}}}))
    pod = {"metadata": {"namespace": "demo", "labels": {"app": "chat", "more": "x"}}}
    other = {"metadata": {"namespace": "demo", "labels": {"app": "else"}}}
    first = actions.decide(parcel(), found(there(ENGINE), policy, pods=(pod, other)))
    assert [each.identity[1] for each in first.remove] == ["Deployment"]
    assert first.waiting == 1
    last = actions.decide(parcel(), found(policy, pods=(other,)))
    assert [each.identity[1] for each in last.remove] == ["NetworkPolicy"]
    assert last.waiting == 0


def test_engines_stay_until_gateways_ask_them_no_more() -> None:
    gone, others = there(item("Deployment", "chat")), there(item("Service", "else"))
    gone["metadata"]["labels"][labels.COMPONENT] = labels.ENGINE
    first = actions.decide(parcel(), dataclasses.replace(found(gone, others), is_behind=True))
    assert [each.identity for each in first.remove] == [identity(others)]
    assert first.waiting == 1
    assert [each.identity for each in actions.decide(parcel(), found(gone)).remove] == [identity(gone)]


def test_secrets_come_after_namespaces_and_their_values_are_in_no_word() -> None:
    copy = SecretCopy(name="openai", data={"key": "Y2FuYXJ5"})
    wanted = actions.with_secrets(parcel(item("Namespace", "demo"), SERVICE, secrets=(copy,)))
    assert [each["kind"] for each in wanted.objects] == ["Namespace", "Secret", "Service"]
    secret = dict(wanted.objects[1])
    decided = actions.decide(wanted, found(there(secret, data={"key": "b3RoZXI="})))
    (change,) = (each for each in decided.apply if each.item["kind"] == "Secret")
    assert change.because == "its content is not what was delivered"
    assert "Y2FuYXJ5" not in repr(copy)


def test_only_shards_that_nothing_names_and_that_are_not_new_are_unused() -> None:
    def shard(name: str, made: str) -> Json:
        made_item = there(item("ConfigMap", name, site=None, immutable=True))
        made_item["metadata"]["labels"][labels.COMPONENT] = "gateway-config"
        made_item["metadata"]["creationTimestamp"] = made
        return made_item

    shards = [shard("law-old", "2026-01-01T00:00:00Z"), shard("law-used", "2026-01-01T00:00:00Z")]
    shards += [shard("law-new", "2026-01-02T00:00:00Z"), there(item("ConfigMap", "else", site=None))]
    unused = actions.unused_shards(shards, {"law-used"}, before="2026-01-01T12:00:00Z")
    assert [each.identity[3] for each in unused] == ["law-old"]
    trust = there(item("ConfigMap", "trust", site=None))
    trust["metadata"]["labels"][labels.COMPONENT] = "gateway-trust"
    shared = actions.without_gateways([*shards, trust])
    assert [each.identity[3] for each in shared] == ["law-new", "law-old", "law-used", "trust"]


def gateway(kind: str, *, wanted: int | None = 2, ready: int = 0) -> Json:
    made = item(kind, "gateway", spec={} if wanted is None else {"replicas": wanted}, status={"readyReplicas": ready})
    made["metadata"]["labels"][labels.COMPONENT] = labels.GATEWAY
    return made


@pytest.mark.parametrize(
    ("heir", "is_removed"),
    [
        pytest.param([], False, id="not there yet"),
        pytest.param([gateway("StatefulSet")], False, id="starts"),
        pytest.param([gateway("StatefulSet", wanted=3, ready=1)], False, id="too few"),
        pytest.param([gateway("StatefulSet", ready=1)], True, id="half of them"),
        pytest.param([gateway("StatefulSet", wanted=None, ready=1)], True, id="an autoscaler counts them"),
        pytest.param([gateway("StatefulSet", wanted=None)], False, id="an autoscaler counts them, and none is ready"),
    ],
)
def test_a_gateway_ends_once_the_one_in_its_place_is_ready(heir: list[Json], *, is_removed: bool) -> None:
    old = there(gateway("Deployment", ready=2))
    decided = actions.decide(parcel(gateway("StatefulSet")), found(old, *map(there, heir)))
    assert [each.identity[1] for each in decided.remove] == (["Deployment"] if is_removed else [])
    assert decided.waiting == (0 if is_removed else 1)


def test_a_gateway_that_nothing_follows_ends_at_once() -> None:
    decided = actions.decide(parcel(), found(there(gateway("StatefulSet", ready=2))))
    assert [each.identity[1] for each in decided.remove] == ["StatefulSet"]
