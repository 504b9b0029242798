"""What is said of pools, providers, tenants and policies."""

import dataclasses
from typing import Any, Final

import pytest
from tests.unit.plan.small import AMS, FRA, IAD, NOW, chat, network, pool, running
from tests.unit.status.network import Json, calm, changed, conditions, delivered, said, told
from tests.unit.validate import sample
from tests.worlds.build import seen
from tests.worlds.reports import report

from isochrone.api.conditions import Status
from isochrone.api.gpu_pool import GPUPoolStatus
from isochrone.api.inference_tenant import InferenceTenantStatus
from isochrone.api.model_provider import ModelProviderStatus
from isochrone.api.residency_policy import DataResidencyPolicyStatus
from isochrone.model import Delivery, ObjectKey, Plan, SiteObservation, Snapshot

GONE: Final[Json] = {"deletionTimestamp": "2026-11-20T12:00:00Z"}


def one(snapshot: Snapshot, kind: str, name: str, namespace: str = "", **more: Any) -> Any:
    return told(snapshot, **more)[ObjectKey(kind, namespace, name)]


def old(obj: Json, day: int) -> Json:
    return changed(obj, creationTimestamp=f"2026-01-{day:02d}T00:00:00Z")


def at_selected(**labels: str) -> Json:
    return sample.pool("shared", edgeNodeSelector={"matchLabels": labels}, nodes=2, devicesPerNode=4)


@pytest.mark.parametrize(
    ("obj", "expected", "figures"),
    [
        pytest.param(pool("fra"), "True Ready: 1 GPU at 1 site", (1, 1, 1), id="at-a-site"),
        pytest.param(at_selected(), "True Ready: 8 GPUs at each of 2 sites", (2, 16, 1), id="at-several"),
        pytest.param(
            at_selected(region="mars"),
            "Unknown Progressing: spec.edgeNodeSelector matches none of the 2 EdgeNodes yet",
            (0, 0, 0),
            id="at-none-yet",
        ),
        pytest.param(
            pool("mars"),
            "False RefNotFound: spec.edgeNodeRef: there is no EdgeNode mars; create it",
            (0, 0, 0),
            id="no-site",
        ),
        pytest.param(
            pool("fra", allowedNamespaces=None),
            "True Ready: no namespace may use it: name some in spec.allowedNamespaces",
            (1, 1, 0),
            id="for-nobody",
        ),
    ],
)
def test_pools(obj: Json, expected: str, figures: tuple[int, ...]) -> None:
    found = one(network(FRA, AMS, obj, chat()), "GPUPool", obj["metadata"]["name"])
    assert isinstance(found, GPUPoolStatus)
    assert said(found) == expected
    assert (found.edge_nodes, found.devices, found.devices_used) == figures


UNTOLD: Final = (
    "; what others hold of them at {} is not known (nodes is forbidden): let the operator see it, by `isochrone site"
    " join {}` once more, or with the chart of this version"
)


@pytest.mark.parametrize(
    ("fra", "ams", "expected", "held"),
    [
        pytest.param({}, {}, "", 0, id="nothing"),
        pytest.param({"taken": {"shared": (1, 2)}}, {"taken": {"shared": (4,)}}, "", 7, id="at-each-site"),
        pytest.param({"taken": {"other": (1, 2)}}, {}, "", 0, id="of-another-pool"),
        pytest.param(
            {"taken": {"shared": (3,)}},
            {"untold": "nodes is forbidden"},
            UNTOLD.format("ams", "ams"),
            3,
            id="unknown-at-one-site",
        ),
        pytest.param(
            {"untold": "nodes is forbidden"},
            {"untold": "nodes is forbidden"},
            UNTOLD.format("ams, fra", "ams"),
            None,
            id="unknown",
        ),
    ],
)
def test_what_others_hold_of_a_pool(fra: Json, ams: Json, expected: str, held: int | None) -> None:
    seen_at = {"fra": SiteObservation(**fra), "ams": SiteObservation(**ams)}
    reports = {name: report(name, now=NOW, observation=each) for name, each in seen_at.items()}
    found = one(network(FRA, AMS, at_selected(), chat()), "GPUPool", "shared", delivery=delivered(**reports))
    assert said(found) == f"True Ready: 8 GPUs at each of 2 sites{expected}"
    assert found.devices_of_others == held


def test_what_others_hold_at_a_site() -> None:
    observation = SiteObservation(taken={"gpu-fra": (1,), "gone": (4,)})
    reports = {"fra": report("fra", now=NOW, observation=observation)}
    found = one(network(FRA, AMS, pool("fra"), chat()), "EdgeNode", "fra", delivery=delivered(**reports))
    assert (found.devices, found.devices_of_others) == (1, 1)
    assert one(network(FRA), "EdgeNode", "fra", delivery=Delivery()).devices_of_others is None


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        pytest.param((), "nothing runs in it any more", id="done"),
        pytest.param(
            (running("fra"),),
            "engines of shop/chat still run in it, until others are ready elsewhere",
            id="not-yet",
        ),
    ],
)
def test_a_pool_that_is_being_deleted(there: tuple[Any, ...], expected: str) -> None:
    snapshot = network(FRA, changed(pool("fra"), **GONE), chat())
    found = one(seen(snapshot, running=there), "GPUPool", "gpu-fra")
    assert said(found) == f"Unknown Draining: it is being deleted; {expected}"


ASKING: Final = sample.route("far", tiers=sample.tiers(sample.to_provider()))


@pytest.mark.parametrize(
    ("obj", "more", "expected", "figures"),
    [
        pytest.param(sample.provider(), [ASKING], "True Ready: 1 route may send to it", (2, 1), id="used"),
        pytest.param(sample.provider(), [], "True Ready: no route names it", (0, 0), id="unused"),
        pytest.param(
            sample.provider(allowedNamespaces=None),
            [ASKING],
            "True Ready: no namespace may use it: name some in spec.allowedNamespaces",
            (0, 1),
            id="for-nobody",
        ),
        pytest.param(
            sample.provider("acme", sample.endpoint("eu", "EU"), sample.endpoint("it", "Atlantis")),
            [],
            "False UnknownBloc: spec.endpoints[1].processesIn: 'Atlantis' is no ISO 3166 code and no bloc; until then"
            " no policy that binds allows it",
            (0, 0),
            id="bloc",
        ),
        pytest.param(
            sample.provider("acme", sample.endpoint("eu", "EU", storesIn=["XX"])),
            [],
            "False UnknownPlace: spec.endpoints[0].storesIn: 'XX' is no ISO 3166 code and no bloc; until then no policy"
            " that binds allows it",
            (0, 0),
            id="place",
        ),
    ],
)
@pytest.mark.parametrize("is_routed", [True, False], ids=["with-tables", "without-tables"])
def test_providers(obj: Json, more: list[Json], expected: str, figures: tuple[int, int], *, is_routed: bool) -> None:
    found = one(network(FRA, AMS, obj, *more), "ModelProvider", "acme", is_routed=is_routed)
    assert isinstance(found, ModelProviderStatus)
    assert said(found) == expected
    assert (found.edge_nodes, found.routes) == figures


def test_where_a_provider_processes_over_all_its_endpoints() -> None:
    two = sample.provider("acme", sample.endpoint("us", "US"), sample.endpoint("eu", "IE", "DE"))
    assert one(network(two), "ModelProvider", "acme").processes_in == ["DE", "IE", "US"]


KEYED: Final = sample.provider(keys=[{"name": "main", "secretRef": {"name": "acme", "key": "key"}}])
OWN_CA: Final = sample.provider(
    "acme", sample.endpoint("eu", "EU"), sample.endpoint("us", "US", caSecretRef={"name": "ca", "key": "ca.crt"})
)
BY_GIT: Final = changed(AMS, spec={"delivery": "GitOps"})


@pytest.mark.parametrize(
    ("obj", "secrets", "expected"),
    [
        pytest.param(KEYED, {"acme": {"key", "more"}}, "True every Secret that it names is there", id="there"),
        pytest.param(sample.provider(), {}, "True every Secret that it names is there", id="needs-none"),
        pytest.param(
            KEYED,
            {"other": {"key"}},
            'False spec.keys[0].secretRef: there is no Secret isochrone-system/acme; create it, with the key "key"',
            id="no-secret",
        ),
        pytest.param(
            KEYED,
            {"acme": {"token"}},
            'False spec.keys[0].secretRef: Secret isochrone-system/acme has nothing under the key "key"; add it, or'
            " name another",
            id="no-such-key",
        ),
        pytest.param(
            OWN_CA,
            {},
            "False spec.endpoints[1].caSecretRef: there is no Secret isochrone-system/ca; create it, with the key"
            ' "ca.crt"',
            id="authorities",
        ),
    ],
)
def test_the_secrets_of_a_provider(obj: Json, secrets: dict[str, set[str]], expected: str) -> None:
    seen_here = dataclasses.replace(delivered(), secrets={name: frozenset(keys) for name, keys in secrets.items()})
    found = conditions(one(network(FRA, AMS, obj, ASKING), "ModelProvider", "acme", delivery=seen_here))
    assert f"{found['ResolvedRefs'].status} {found['ResolvedRefs'].message}" == expected
    assert found["Ready"].status == found["ResolvedRefs"].status


@pytest.mark.parametrize(
    ("secrets", "objects", "expected"),
    [
        pytest.param(None, [FRA, ASKING], None, id="not-seen"),
        pytest.param({}, [BY_GIT, ASKING], None, id="all-by-gitops"),
        pytest.param({}, [BY_GIT], None, id="all-by-gitops-unused"),
        pytest.param({}, [FRA, BY_GIT, ASKING], "False", id="one-is-not"),
        pytest.param({}, [FRA, BY_GIT], "False", id="one-is-not-unused"),
        pytest.param({}, [], None, id="no-site"),
    ],
)
def test_who_brings_the_secrets_of_a_provider(
    secrets: dict[str, frozenset[str]] | None, objects: list[Json], expected: str | None
) -> None:
    seen_here = dataclasses.replace(delivered(), secrets=secrets)
    found = conditions(one(network(*objects, KEYED), "ModelProvider", "acme", delivery=seen_here)).get("ResolvedRefs")
    assert (found.status if found else None) == expected


EXPIRED: Final = {"name": "old", "sha256": sample.SHA + "2", "expires": "1970-01-12T13:46:40Z"}
KEY: Final = {"name": "new", "sha256": sample.SHA + "3", "expires": "1970-01-12T13:46:41Z"}


@pytest.mark.parametrize(
    ("obj", "expected", "active"),
    [
        pytest.param(sample.tenant(), "True Ready: it may call 1 route", 1, id="calls-its-namespace"),
        pytest.param(
            sample.tenant(state="Suspended"),
            "True Suspended: its keys are refused, as spec.state says",
            1,
            id="suspended",
        ),
        pytest.param(sample.tenant(keys=[EXPIRED, KEY]), "True Ready: it may call 1 route", 1, id="one-key-expired"),
        pytest.param(
            sample.tenant(keys=[EXPIRED]),
            "False Invalid: spec.keys: all of them have expired; add a new one",
            0,
            id="all-keys-expired",
        ),
        pytest.param(
            sample.tenant(key="9"),
            "False Conflict: spec.keys[0]: InferenceTenant bank/older, which is older, has this key; make another",
            0,
            id="key-of-an-older-one",
        ),
        pytest.param(
            sample.tenant(origins=["DE", "Atlantis"]),
            "False UnknownBloc: spec.origins: 'Atlantis' is no ISO 3166 code and no bloc; until then its data may come"
            " from anywhere",
            1,
            id="unknown-origin",
        ),
        pytest.param(
            sample.tenant(allowedRoutes=[{"name": "chat"}, {"name": "nothing"}]),
            "False RefNotFound: spec.allowedRoutes[1]: there is no ModelRoute shop/nothing; create it, or name another",
            1,
            id="no-route",
        ),
        pytest.param(
            sample.tenant(allowedRoutes=[{"name": "chat", "namespace": "bank"}]),
            "False RefNotPermitted: spec.allowedRoutes[0]: ModelRoute bank/chat does not let namespace shop in;"
            " ask its owner to add it to spec.allowedNamespaces",
            1,
            id="route-of-others",
        ),
        pytest.param(
            changed(sample.tenant(), **GONE),
            "Unknown Draining: it is being deleted; its keys are refused",
            0,
            id="deleted",
        ),
    ],
)
def test_tenants(obj: Json, expected: str, active: int) -> None:
    others = [chat(), sample.route("chat", ns="bank"), old(sample.tenant("older", ns="bank", key="9"), 1)]
    found = one(network(FRA, *others, old(obj, 2)), "InferenceTenant", "web", "shop")
    assert isinstance(found, InferenceTenantStatus)
    assert said(found) == expected
    assert found.active_keys == active


BOUND: Final = {"matchLabels": {"tier": "gold"}}


@pytest.mark.parametrize(
    ("policies", "tenant", "expected"),
    [
        pytest.param([], sample.tenant(), 0, id="none"),
        pytest.param([sample.policy(), sample.policy("other")], sample.tenant(), 2, id="all"),
        pytest.param([sample.policy(binds={"tenants": BOUND})], sample.tenant(), 0, id="without-the-label"),
        pytest.param([sample.policy(binds={"tenants": BOUND})], sample.tenant(labels={"tier": "gold"}), 1, id="label"),
        pytest.param([sample.policy(binds={"routes": BOUND})], sample.tenant(), 0, id="label-of-a-route"),
        pytest.param([sample.policy(binds={"namespaces": {"names": ["shop"]}})], sample.tenant(), 1, id="namespace"),
        pytest.param([sample.policy(binds={"dataClasses": ["health"]})], sample.tenant(), 0, id="without-the-class"),
        pytest.param(
            [sample.policy(binds={"dataClasses": ["health"]})], sample.tenant(dataClasses=["health"]), 1, id="class"
        ),
        pytest.param(
            [sample.policy(binds={"dataClasses": ["health"]})],
            sample.tenant(dataClassHeader="Trust"),
            1,
            id="class-by-header",
        ),
        pytest.param(
            [sample.policy(binds={"origins": {"include": ["EU"]}})], sample.tenant(origins=["DE"]), 1, id="origin"
        ),
        pytest.param(
            [sample.policy(binds={"origins": {"include": ["EU"]}})], sample.tenant(origins=["US"]), 0, id="other-origin"
        ),
        pytest.param(
            [sample.policy(binds={"origins": {"include": ["EU"]}})], sample.tenant(), 1, id="origin-that-is-not-known"
        ),
        pytest.param(
            [sample.policy(binds={"origins": {"include": ["EU"]}}, unknownOrigin="Ignore")],
            sample.tenant(origins=["Atlantis"]),
            0,
            id="origin-that-is-not-known-and-ignored",
        ),
        pytest.param(
            [sample.policy(binds={"origins": {"include": ["EU"]}})],
            sample.tenant(origins=["Atlantis"]),
            1,
            id="origin-that-is-not-known-and-refused",
        ),
        pytest.param([sample.policy()], sample.tenant(allowedRoutes=[]), 0, id="calls-nothing"),
    ],
)
def test_policies_that_may_bind_a_tenant(policies: list[Json], tenant: Json, expected: int) -> None:
    found = one(network(FRA, chat(), tenant, *policies), "InferenceTenant", "web", "shop")
    assert found.policies == expected
    bound = [
        each.bound_tenants
        for each in told(network(FRA, chat(), tenant, *policies)).values()
        if isinstance(each, DataResidencyPolicyStatus)
    ]
    assert sum(filter(None, bound)) == expected


def nowhere(**places: Any) -> Json:
    return sample.policy(allow=[{"scope": "Inference", "places": places}])


def policy_of(snapshot: Snapshot, **more: Any) -> DataResidencyPolicyStatus:
    found = one(snapshot, "DataResidencyPolicy", "eu-only", **more)
    assert isinstance(found, DataResidencyPolicyStatus)
    return found


@pytest.mark.parametrize(
    ("objects", "expected", "ready"),
    [
        pytest.param(
            [FRA, chat(), sample.policy()],
            "True Satisfiable: it allows inference at a site, or at a provider's endpoint",
            "True Ready: it may bind 1 route and no tenants",
            id="a-site",
        ),
        pytest.param(
            [IAD, chat(), sample.provider(), sample.policy()],
            "True Satisfiable: it allows inference at a site, or at a provider's endpoint",
            "True Ready: it may bind 1 route and no tenants",
            id="an-endpoint",
        ),
        pytest.param(
            [IAD, chat(), sample.policy()],
            "False Unsatisfiable: no site and no provider's endpoint satisfies it, and it binds shop/chat;"
            " iad: PlaceNotAllowed; allow a place where you have one, or add one there",
            "",
            id="nowhere-here",
        ),
        pytest.param(
            [IAD, sample.policy()],
            "True Satisfiable: it binds no route, so nothing depends on it",
            "True Ready: it may bind no routes and no tenants",
            id="binds-nothing",
        ),
        pytest.param(
            [chat(), sample.policy()],
            "Unknown Progressing: there is no site and no provider yet",
            "",
            id="nothing-there",
        ),
        pytest.param(
            [FRA, chat(), nowhere(include=[])],
            "False Unsatisfiable: inference is allowed nowhere, as spec.allow says: all that it binds is refused",
            "True Ready: it may bind 1 route and no tenants",
            id="nowhere-on-purpose",
        ),
        pytest.param(
            [FRA, chat(), nowhere(include=["DE"], exclude=["EU"])],
            "False Unsatisfiable: spec.allow: exclude takes away all that include allows, so inference is allowed"
            " nowhere; exclude less",
            "",
            id="nowhere-by-exclusion",
        ),
    ],
)
def test_whether_a_policy_can_be_kept(objects: list[Json], expected: str, ready: str) -> None:
    found = policy_of(network(*objects))
    assert said(found, "Satisfiable") == expected
    assert said(found) == (ready or expected)


def test_names_that_are_not_known() -> None:
    found = policy_of(network(FRA, chat(), nowhere(include=["DE", "Atlantis"])))
    assert said(found) == (
        "False UnknownBloc: 'Atlantis' is no ISO 3166 code and no bloc; until then, what names it allows nothing,"
        " and binds everybody"
    )


def test_an_audit_refuses_nothing() -> None:
    found = policy_of(network(FRA, IAD, chat(), sample.policy(mode="Audit"), sample.tenant()))
    assert said(found) == "True Auditing: it reports what it would refuse, and refuses nothing; 1 route and 1 tenant"
    assert (found.bound_routes, found.bound_tenants, found.lawful_edge_nodes) == (1, 1, 1)


def test_routes_that_it_leaves_without_a_place() -> None:
    found = policy_of(network(IAD, pool("iad"), chat(), sample.provider(), sample.policy()))
    assert [(each.route, each.message) for each in found.exceptions or ()] == [
        (
            "shop/chat",
            "at 1 site no caller's data may be processed there; add a site in a place that the policy allows",
        )
    ]
    assert policy_of(network(FRA, pool("fra"), chat(), sample.policy())).exceptions is None


def test_a_route_that_has_some_place_is_no_exception() -> None:
    wanting = chat(placement={"minSites": 2})
    assert policy_of(network(FRA, pool("fra"), IAD, pool("iad"), wanting, sample.policy())).exceptions is None


def test_an_audit_leaves_nothing_without_a_place() -> None:
    audit, enforced = sample.policy(mode="Audit"), sample.policy("other")
    found = told(network(IAD, pool("iad"), chat(), audit, enforced))
    exceptions = {
        key.name: len(each.exceptions or ())
        for key, each in found.items()
        if isinstance(each, DataResidencyPolicyStatus)
    }
    assert exceptions == {"eu-only": 0, "other": 1}


@pytest.mark.parametrize(
    ("kind", "obj"),
    [
        pytest.param("ModelProvider", sample.provider(), id="provider"),
        pytest.param("DataResidencyPolicy", sample.policy(), id="policy"),
    ],
)
def test_what_is_being_deleted_waits(kind: str, obj: Json) -> None:
    found: Status = one(network(FRA, chat(), changed(obj, **GONE)), kind, obj["metadata"]["name"])
    assert said(found).startswith("Unknown Draining: it is being deleted; ")
    assert list(conditions(found)) == ["Ready"]


def test_of_two_objects_with_one_name_the_older_has_the_status() -> None:
    twice = calm(chat(), old(pool("fra", nodes=3), 1), pool("fra", nodes=2))
    assert one(twice, "GPUPool", "gpu-fra", plan=Plan()).devices == 3
