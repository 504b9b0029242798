"""What is said of sites: reached, delivered, programmed, held to whom they may call."""

import dataclasses
from typing import Any, Final

import pytest
from tests.unit.plan.small import AMS, CDG, FRA, IAD, NOW, chat, network, planned, running, site
from tests.unit.status.network import Json, calm, changed, conditions, delivered, edge, said, told, without
from tests.unit.validate import sample
from tests.worlds.build import seen
from tests.worlds.reports import EARLIER, LATEST, NEWER, report, written

from isochrone.api.conditions import Reason
from isochrone.api.edge_node_status import EdgeNodeStatus
from isochrone.model import (
    Capability,
    Delivery,
    Fault,
    GatewayPod,
    Held,
    Plan,
    Revision,
    SiteObservation,
    SiteReport,
    Snapshot,
)

FORBIDDEN: Final = Fault(reason=Reason.FORBIDDEN, subject="Role shop/x", message="may not be created: grant it")
EXPIRED: Final = Fault(reason=Reason.CREDENTIALS_INVALID, subject="https://10.1.1.1", message="expired: renew it")
REFUSED: Final = Fault(reason=Reason.UNREACHABLE, subject="https://10.1.1.1", message="connection refused")


def one(snapshot: Snapshot, delivery: Delivery, **more: Any) -> EdgeNodeStatus:
    found = told(snapshot, delivery, **more)[edge()]
    assert isinstance(found, EdgeNodeStatus)
    return found


def heard(**fields: Any) -> Delivery:
    """From `fra`, with all else as it should be."""
    return delivered(fra=report("fra", now=NOW, **fields))


def pod(name: str = "a", *, ago: int = 0, running: Revision | None = LATEST, **fields: Any) -> GatewayPod:
    return GatewayPod(pod=name, at=NOW - ago, running=running, **fields)


def away(seconds: int, *faults: Fault) -> Delivery:
    return heard(observation=SiteObservation(unreachable_since=NOW - seconds), faults=faults)


def test_a_site_where_all_is_well() -> None:
    found = one(calm(), heard())
    assert [(each.type, each.status) for each in found.conditions or ()] == [
        ("Ready", "True"),
        ("Accepted", "True"),
        ("Reachable", "True"),
        ("Delivered", "True"),
        ("Programmed", "True"),
        ("EgressEnforced", "False"),
    ]
    assert said(found) == "True Ready: 2 gateway pods at revision 1.7"
    assert said(found, "Accepted") == "True Accepted: it is in Frankfurt am Main, DE-HE"
    assert found.jurisdiction == "DE-HE"
    assert found.kubernetes_version == "v1.36.2"
    assert found.revision is not None
    assert (found.revision.epoch, found.revision.sequence, found.revision.digest) == (1, 7, f"sha256:{LATEST.digest}")
    assert found.gateway is not None
    assert (found.gateway.replicas, found.gateway.ready_replicas) == (2, 2)
    assert found.gateway.revision == found.revision
    assert (found.devices, found.devices_used) == (1, 1)


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        pytest.param(heard(), "True Reachable: its API server answers (v1.36.2)", id="reached"),
        pytest.param(
            away(119, REFUSED),
            "Unknown Unreachable: no contact since 1970-01-12T13:44:41Z: connection refused",
            id="away-for-a-moment",
        ),
        pytest.param(away(120), "False Unreachable: no contact since 1970-01-12T13:44:40Z", id="lost"),
        pytest.param(
            heard(faults=(EXPIRED,)), "False CredentialsInvalid: https://10.1.1.1: expired: renew it", id="credentials"
        ),
        pytest.param(
            without(delivered(), "fra"),
            "Unknown Progressing: nothing is heard from it yet: install the chart isochrone-site there, site=fra",
            id="not-heard-of",
        ),
    ],
)
def test_whether_it_is_reached(delivery: Delivery, expected: str) -> None:
    assert said(one(calm(), delivery), "Reachable") == expected


def test_a_cluster_that_the_hub_asks_itself_is_not_told_to_run_an_operator() -> None:
    local = sample.edge("fra", "FRA")
    found = one(network(local), Delivery())
    assert said(found, "Reachable") == "Unknown Progressing: its cluster has not been asked yet"


def held(reason: Reason) -> Delivery:
    return dataclasses.replace(heard(), held={"fra": Held(reason=reason, message="why, and the way out")})


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        pytest.param(heard(), "True Delivered: its cluster has revision 1.7", id="delivered"),
        pytest.param(heard(delivered=NEWER), "True Delivered: its cluster has revision 2.1", id="newer"),
        pytest.param(
            heard(delivered=EARLIER),
            "Unknown Progressing: revision 1.7 is being delivered; its cluster has 1.6",
            id="under-way",
        ),
        pytest.param(
            heard(delivered=None),
            "Unknown Progressing: revision 1.7 is being delivered; its cluster has none yet",
            id="first",
        ),
        pytest.param(away(10), "True Delivered: its cluster has revision 1.7", id="out-of-reach-with-what-was-issued"),
        pytest.param(
            heard(observation=SiteObservation(unreachable_since=NOW), delivered=EARLIER),
            "Unknown Progressing: revision 1.7 waits until the cluster is reached; its cluster has 1.6",
            id="out-of-reach",
        ),
        pytest.param(
            heard(observation=SiteObservation(unreachable_since=NOW), delivered=EARLIER, faults=(FORBIDDEN, REFUSED)),
            "Unknown Progressing: revision 1.7 waits until the cluster is reached; its cluster has 1.6",
            id="out-of-reach-after-a-fault",
        ),
        pytest.param(
            heard(faults=(FORBIDDEN,)), "False Forbidden: Role shop/x: may not be created: grant it", id="fault"
        ),
        pytest.param(
            heard(faults=(FORBIDDEN, dataclasses.replace(FORBIDDEN, subject="Role shop/y"))),
            "False Forbidden: Role shop/x: may not be created: grant it (and 1 more)",
            id="two-faults",
        ),
        pytest.param(
            dataclasses.replace(heard(), wanted={}),
            "Unknown Progressing: nothing has been issued for it yet",
            id="nothing-issued",
        ),
        pytest.param(held(Reason.PROGRESSING), "Unknown Progressing: why, and the way out", id="held-by-a-wave"),
        pytest.param(held(Reason.PAUSED), "Unknown Paused: why, and the way out", id="held-by-its-owner"),
        pytest.param(
            held(Reason.CONFIG_REJECTED), "Unknown ConfigRejected: why, and the way out", id="held-by-a-refusal"
        ),
        pytest.param(
            held(Reason.ERRORS_ROSE), "Unknown ErrorsRose: why, and the way out", id="held-by-errors-elsewhere"
        ),
        pytest.param(held(Reason.CONFLICT), "False Conflict: why, and the way out", id="held-by-a-guard"),
    ],
)
def test_whether_it_is_delivered(delivery: Delivery, expected: str) -> None:
    assert said(one(calm(), delivery), "Delivered") == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, "True Programmed: 2 gateway pods at revision 1.7", id="all"),
        pytest.param(
            {"gateway_pods": (pod("a", running=NEWER), pod("b"))},
            "True Programmed: 2 gateway pods at revision 1.7",
            id="newer",
        ),
        pytest.param(
            {"gateway_pods": (pod("a"), pod("b", running=EARLIER))},
            "Unknown Progressing: 1 of 2 gateway pods at revision 1.7",
            id="one-behind",
        ),
        pytest.param(
            {"gateway_pods": (pod("a"), pod("b"), pod("old", ago=121, running=EARLIER))},
            "True Programmed: 2 gateway pods at revision 1.7",
            id="one-silent-and-gone",
        ),
        pytest.param(
            {"gateway_pods": (pod("a"), pod("b"), pod("old", ago=120, running=EARLIER))},
            "Unknown Progressing: 2 of 3 gateway pods at revision 1.7",
            id="one-not-yet-silent",
        ),
        pytest.param(
            {"gateway_pods": (pod("a"), pod("b", ago=121))},
            "Unknown Progressing: 1 of 2 gateway pods told which revision they run",
            id="one-silent-and-ready",
        ),
        pytest.param({"gateway_ready": 1}, "Unknown Progressing: 1 of 2 gateway pods ready", id="one-not-ready"),
        pytest.param(
            {"gateway_outdated": 1},
            "Unknown Progressing: 1 gateway pod to be replaced, once those in their place are ready",
            id="one-of-the-template-before",
        ),
        pytest.param(
            {"gateway_replicas": 0, "gateway_ready": 0, "gateway_pods": ()},
            "Unknown Progressing: it has no gateway pods yet",
            id="none",
        ),
        pytest.param(
            {"gateway_pods": (pod("a"), pod("b", running=EARLIER, refused=LATEST, refused_because="no such engine"))},
            "False ConfigRejected: b refuses revision 1.7 and goes on with 1.6: no such engine",
            id="refused",
        ),
        pytest.param(
            {"gateway_ready": 0, "gateway_pods": (pod("a", running=None, refused=LATEST),)},
            "False ConfigRejected: a refuses revision 1.7 and runs none: it does not say why; its log does",
            id="refused-at-the-start",
        ),
        pytest.param(
            {"gateway_pods": (pod("a"), pod("b", refused=EARLIER, refused_because="no such engine"))},
            "True Programmed: 2 gateway pods at revision 1.7",
            id="refused-before",
        ),
        pytest.param(
            {"gateway_pods": (pod("a"), pod("b", running=None, refused=EARLIER))},
            "Unknown Progressing: 1 of 2 gateway pods at revision 1.7",
            id="refused-what-is-past",
        ),
        pytest.param(
            {"gateway_pods": (pod("a", refused=NEWER), pod("b", running=EARLIER))},
            "Unknown Progressing: 1 of 2 gateway pods at revision 1.7",
            id="refused-by-one-that-runs-what-is-wanted",
        ),
        pytest.param(
            {"gateway_pods": (pod("a"), pod("b"), pod("c", ago=121, running=EARLIER, refused=LATEST))},
            "True Programmed: 2 gateway pods at revision 1.7",
            id="refused-by-one-that-is-gone",
        ),
        pytest.param(
            {"observation": SiteObservation(unreachable_since=NOW - 500)},
            "Unknown Unreachable: what its gateway runs can't be seen: its cluster isn't reached",
            id="out-of-reach",
        ),
    ],
)
def test_what_its_gateway_runs(fields: Json, expected: str) -> None:
    assert said(one(calm(), heard(**fields)), "Programmed") == expected


def test_a_site_where_errors_rose_is_at_fault_and_has_what_was_issued() -> None:
    cause = Held(reason=Reason.ERRORS_ROSE, message="9% fail", is_cause=True)
    found = one(calm(), dataclasses.replace(heard(), held={"fra": cause}))
    assert said(found, "Programmed") == "False ErrorsRose: 9% fail"
    assert said(found, "Delivered") == "True Delivered: its cluster has revision 1.7"
    assert said(found, "Ready") == "False ErrorsRose: 9% fail"


def test_pods_of_different_revisions_have_no_common_one() -> None:
    found = one(calm(), heard(gateway_pods=(pod("a"), pod("b", running=EARLIER))))
    assert found.gateway is not None
    assert found.gateway.revision is None


@pytest.mark.parametrize(
    ("waited", "expected"),
    [
        pytest.param(599, "Unknown Progressing: 0 of 2 gateway pods ready", id="not-long"),
        pytest.param(600, "False DeliveryFailed: 0 of 2 gateway pods ready", id="too-long"),
    ],
)
def test_a_gateway_that_does_not_become_ready_is_a_fault_in_the_end(waited: int, expected: str) -> None:
    late = report("fra", now=NOW + waited, gateway_ready=0)
    first = written(calm(), told(calm(), heard(gateway_ready=0)))
    found = told(first, delivered(fra=late), now=NOW + waited)
    assert said(found[edge()], "Programmed") == expected
    assert said(found[edge()]) == expected


def test_a_fault_that_took_long_to_become_one_stays_one() -> None:
    first = written(calm(), told(calm(), heard(gateway_ready=0)))
    late = delivered(fra=report("fra", now=NOW + 600, gateway_ready=0))
    second = written(first, told(first, late, now=NOW + 600))
    later = delivered(fra=report("fra", now=NOW + 700, gateway_ready=1))
    third = told(second, later, now=NOW + 700)
    assert said(third[edge()], "Programmed") == "False DeliveryFailed: 1 of 2 gateway pods ready"
    well = delivered(fra=report("fra", now=NOW + 701))
    assert said(told(written(second, third), well, now=NOW + 701)[edge()], "Programmed").startswith("True")


BESIDE: Final = changed(AMS, spec={"gateway": {"advertise": {"host": "ams.isochrone-system.svc"}}})
ACME: Final = sample.provider()
BY_ADDRESS: Final = [
    changed(each, spec={"gateway": {"advertise": {"host": f"10.0.0.{number}"}}})
    for number, each in enumerate((FRA, AMS, CDG, IAD))
]
INSIDE: Final = sample.provider(
    "acme", sample.endpoint(url="http://vllm.models.svc:8000/v1", plaintext="Allow"), keys=None
)
ASKING: Final = sample.route("far", tiers=sample.tiers(sample.to_provider()))


def having(*capabilities: Capability) -> Delivery:
    return heard(observation=SiteObservation(capabilities=frozenset(capabilities)))


@pytest.mark.parametrize(
    ("objects", "delivery", "expected"),
    [
        pytest.param(
            [FRA, AMS],
            having(),
            "False NotEnforced: its cluster has no policies by domain name, so only the gateway itself is held to"
            " ams.example.com; with Cilium or GKE's FQDNNetworkPolicy the cluster enforces it",
            id="peers-by-name",
        ),
        pytest.param(
            [FRA, AMS],
            having(Capability.CILIUM_NETWORK_POLICY),
            "True Enforced: by CiliumNetworkPolicy: ams.example.com",
            id="cilium",
        ),
        pytest.param(
            [FRA, AMS],
            having(Capability.FQDN_NETWORK_POLICY),
            "True Enforced: by FQDNNetworkPolicy: ams.example.com",
            id="gke",
        ),
        pytest.param(
            BY_ADDRESS,
            having(),
            "True Enforced: its gateway calls nobody outside of whom only a name is known",
            id="peers-by-address",
        ),
        pytest.param(
            [FRA, BESIDE],
            having(),
            "True Enforced: its gateway calls nobody outside of whom only a name is known",
            id="peer-as-a-service",
        ),
        pytest.param(
            [FRA],
            having(),
            "True Enforced: its gateway calls nobody outside of whom only a name is known",
            id="alone",
        ),
        pytest.param(
            [FRA, ACME, ASKING],
            having(Capability.CILIUM_NETWORK_POLICY),
            "True Enforced: by CiliumNetworkPolicy: api.example.com",
            id="a-provider",
        ),
        pytest.param(
            [FRA, ACME],
            having(),
            "True Enforced: its gateway calls nobody outside of whom only a name is known",
            id="a-provider-that-no-route-names",
        ),
        pytest.param(
            [FRA, INSIDE, ASKING],
            having(),
            "True Enforced: its gateway calls nobody outside of whom only a name is known",
            id="a-provider-that-is-a-service",
        ),
        pytest.param(
            [FRA, AMS],
            without(delivered(), "fra"),
            "Unknown Progressing: what its cluster can enforce is not known yet",
            id="not-heard-of",
        ),
    ],
)
@pytest.mark.parametrize("is_routed", [True, False], ids=["with-tables", "without-tables"])
def test_whether_its_cluster_holds_it_to_whom_it_may_call(
    objects: list[Json], delivery: Delivery, expected: str, *, is_routed: bool
) -> None:
    found = one(network(*objects), delivery, is_routed=is_routed)
    assert said(found, "EgressEnforced") == expected
    assert conditions(found)["Ready"].status == ("Unknown" if "not known yet" in expected else "True")


@pytest.mark.parametrize(
    ("iata", "expected"),
    [
        pytest.param(
            "QQQ",
            "False UnknownPlace: spec.place.iata: no airport has the code QQQ;"
            " give jurisdiction and coordinates instead",
            id="nothing-like-it",
        ),
        pytest.param(
            "LON",
            "False UnknownPlace: spec.place.iata: no airport has the code LON; did you mean LHR (London)?",
            id="a-city",
        ),
    ],
)
def test_an_unknown_place(iata: str, expected: str) -> None:
    found = one(network(site("fra", iata)), heard())
    assert said(found, "Accepted") == expected
    assert said(found) == expected
    assert found.jurisdiction is None


def test_an_unknown_jurisdiction() -> None:
    place = {"jurisdiction": "XX", "coordinates": {"latitude": "50.1", "longitude": "8.6"}}
    found = one(network(changed(FRA, spec={"place": place})), heard())
    assert said(found) == "False UnknownPlace: spec.place.jurisdiction: XX is no ISO 3166 code; correct it"


def state(name: str) -> Json:
    return changed(FRA, spec={"state": name})


def test_a_disabled_site_is_as_it_is_to_be() -> None:
    found = one(network(state("Disabled")), heard(gateway_replicas=0, gateway_ready=0, gateway_pods=()))
    assert said(found) == "True Disabled: nothing runs here, as spec.state says"
    assert set(conditions(found)) == {"Ready", "Accepted", "Reachable", "Delivered"}
    assert found.gateway is None


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        pytest.param((), "True Draining: no engine runs here any more, and none is started", id="done"),
        pytest.param(
            (running("fra"),),
            "Unknown Draining: engines of shop/chat still run here; they end once others are ready elsewhere",
            id="not-yet",
        ),
    ],
)
def test_a_draining_site_says_what_still_runs(there: tuple[Any, ...], expected: str) -> None:
    found = told(seen(network(state("Draining")), running=there), heard(), plan=Plan())
    assert said(found[edge()]) == expected


def test_what_a_gitops_tool_applied_is_not_seen() -> None:
    far = changed(FRA, spec={"delivery": "GitOps"})
    found = one(network(far), Delivery(wanted={"fra": LATEST}))
    assert said(found) == "True Ready: it is as declared; what a GitOps tool applied there is not seen from here"
    assert set(conditions(found)) == {"Ready", "Accepted"}
    assert said(one(network(far), heard(delivered=EARLIER)), "Delivered").startswith("Unknown Progressing")


GOING: Final = changed(FRA, deletionTimestamp="2026-11-20T12:00:00Z")


@pytest.mark.parametrize(
    ("obj", "known", "expected"),
    [
        pytest.param(
            GOING,
            report("fra", now=NOW),
            "Unknown Draining: it is being deleted; 12 objects left in its cluster",
            id="objects-left",
        ),
        pytest.param(
            GOING,
            report("fra", now=NOW, faults=(FORBIDDEN,)),
            "False Forbidden: it is being deleted; 12 objects left in its cluster:"
            " Role shop/x: may not be created: grant it",
            id="fault",
        ),
        pytest.param(
            GOING,
            report("fra", now=NOW, observation=SiteObservation(unreachable_since=NOW)),
            "Unknown Draining: it is being deleted; its cluster can't be reached, which holds this up for 10m at most;"
            " 12 objects left",
            id="out-of-reach",
        ),
        pytest.param(
            GOING,
            None,
            "Unknown Draining: it is being deleted; whether its cluster still has objects of it is not known yet",
            id="not-heard-of",
        ),
        pytest.param(
            changed(GOING, spec={"cleanup": {"policy": "Orphan"}}),
            report("fra", now=NOW),
            "Unknown Draining: it is being deleted; its objects stay in its cluster, as spec.cleanup.policy says",
            id="orphan",
        ),
    ],
)
def test_a_site_that_is_being_deleted_says_what_is_waited_for(
    obj: Json, known: SiteReport | None, expected: str
) -> None:
    found = told(network(obj), delivered(fra=known) if known else without(delivered(), "fra"))
    assert said(found[edge()]) == expected


def test_a_site_that_is_lost_while_it_is_deleted_is_at_fault() -> None:
    lost = report("fra", now=NOW, observation=SiteObservation(unreachable_since=NOW - 500))
    assert said(told(network(GOING), delivered(fra=lost))[edge()]).startswith("False Unreachable: no contact since")


def test_devices_of_pools_and_placements() -> None:
    snapshot = network(FRA, sample.pool("a", "fra", nodes=3, devicesPerNode=4, allowedNamespaces=sample.EVERY), chat())
    found = one(snapshot, heard(), plan=planned(snapshot))
    assert (found.devices, found.devices_used) == (12, 1)
