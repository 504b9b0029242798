"""Which objects are a site's, and whose policies count for it."""

from typing import Final

import pytest
from tests.unit.verify.by_hand import Json, config, edge, read
from tests.unit.verify.clusters import (
    COMPONENT,
    EDGE_NODE,
    FAR,
    Cluster,
    asking,
    beside,
    both,
    cluster,
    labelled,
    names,
    of,
    prove,
    stored,
    told,
)

from isochrone.verify import Rule
from isochrone.verify.declared import Declared
from isochrone.verify.gathered import gather
from isochrone.verify.workloads import SYSTEM

WIDE: Final[Json] = {
    "policyTypes": ["Ingress", "Egress"],
    "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}],
    "ingress": [{}],
}
AT_ANY_PORT: Final = "talk to any address at any port, where it calls nobody"


def opening(labelled: str | None, asked: str | None, namespace: str = SYSTEM) -> Json:
    made = asking("open", asked, labelled)
    return {**made, "metadata": {**made["metadata"], "namespace": namespace}, "spec": {**made["spec"], **WIDE}}


@pytest.mark.parametrize("labelled", [None, "fra1", "iad1", "nowhere"])
@pytest.mark.parametrize("asked", [None, "fra1"])
def test_what_opens_counts_whatever_it_is_labelled_with(labelled: str | None, asked: str | None) -> None:
    made = both()
    made["eu"] += [opening(labelled, asked), opening(labelled, asked, "shop")]
    assert told(prove(**made)) == [
        (
            Rule.EGRESS_OPEN,
            "fra1",
            "a rule lets engines shop/chat talk to any address; their weights need port 443 alone",
        ),
        (Rule.EGRESS_OPEN, "fra1", f"a rule lets the gateway {AT_ANY_PORT}"),
        (Rule.INGRESS_OPEN, "fra1", "a rule lets anybody talk to engines shop/chat, past the gateway of this site"),
    ]


def sharing(own_nodes: dict[str, str]) -> dict[str, Cluster]:
    """Both sites, where fra1 is some of a cluster's nodes: its engines have the site's name, as they are rendered."""
    made = both()
    (pool,) = config("fra1")["engines"]
    pool["discovery"]["service"] = "chat-fra1-engine"
    made["eu"] = cluster(config("fra1", engines=[pool]))
    for each in made["eu"]:
        if each["kind"] == "Service":
            each["metadata"]["name"] = "chat-fra1-engine"
        if each["kind"] == "Deployment":
            each["spec"]["template"]["spec"]["nodeSelector"] = own_nodes
    return made


def declaring(own_nodes: dict[str, str]) -> Declared:
    return read([FAR, edge("fra1", "DE-HE", **({"nodeSelector": own_nodes} if own_nodes else {}))])


def closings(made: Cluster) -> Cluster:
    return [each for each in made if each["kind"] == "NetworkPolicy"]


def test_what_closes_in_another_cluster_closes_nothing_here() -> None:
    made = both()
    moved = closings(made["eu"])
    made["eu"] = [each for each in made["eu"] if each not in moved]
    made["us"] += moved
    assert {(rule, site) for rule, site, _ in told(prove(**made))} == {
        (Rule.EGRESS_OPEN, "fra1"),
        (Rule.INGRESS_OPEN, "fra1"),
    }


@pytest.mark.parametrize("own_nodes", [{}, {"site": "fra1"}], ids=["a cluster of its own", "some of a cluster's nodes"])
def test_what_opens_in_another_folder_counts_where_that_may_be_the_same_cluster(own_nodes: dict[str, str]) -> None:
    made = sharing(own_nodes)
    made["us"].append(opening("iad1", "fra1"))
    known = declaring(own_nodes)
    expected = [(Rule.EGRESS_OPEN, "fra1", f"a rule lets the gateway {AT_ANY_PORT}")] if own_nodes else []
    assert told(prove(known, **made)) == expected


def test_what_closes_in_another_folder_never_counts() -> None:
    made = sharing({"site": "fra1"})
    moved = closings(made["eu"])
    made["eu"] = [each for each in made["eu"] if each not in moved]
    made["us"] += moved
    found = told(prove(declaring({"site": "fra1"}), **made))
    assert {(rule, site) for rule, site, _ in found} == {(Rule.EGRESS_OPEN, "fra1"), (Rule.INGRESS_OPEN, "fra1")}


@pytest.mark.parametrize(("site", "number"), [("fra1", 2), ("nowhere", 2)], ids=["another's", "nobody's"])
def test_pods_of_a_site_where_it_has_no_config(site: str, number: int) -> None:
    made = both()
    made["us"] += [each for each in beside(site) if each["kind"] != "Service"]
    text = "pods of this site are in a cluster without a sound config of it: nothing says where they stand"
    assert told(prove(**made)) == [(Rule.WRONG_PLACE, site, text)] * number


def leading(site: str) -> Json:
    """A gateway's Service, behind which is nobody known."""
    whose = {EDGE_NODE: site, COMPONENT: "gateway"}
    return labelled("Service", "other", SYSTEM, whose, spec={"selector": {"app": "other"}})


@pytest.mark.parametrize("own_nodes", [{}, {"site": "fra1"}], ids=["a cluster of its own", "some of a cluster's nodes"])
def test_a_gateways_service_in_another_folder_counts_where_that_may_be_the_same_cluster(
    own_nodes: dict[str, str],
) -> None:
    made = sharing(own_nodes)
    made["us"] += [leading("fra1"), leading("nowhere")]
    known = declaring(own_nodes)
    text = (
        "the gateway is found by the Service isochrone-system/other, which selects app=other, not pods of the gateway"
    )
    expected = [(Rule.WRONG_ADDRESS, "fra1", f"{text} of fra1 alone")] if own_nodes else []
    assert told(prove(known, **made)) == expected


def test_what_leads_clients_to_others_is_told_of_whole_clusters() -> None:
    made = both()
    made["eu"].append(
        labelled("Service", "chat", "shop", {COMPONENT: "route"}, spec={"type": "ExternalName", "externalName": "a.b"})
    )
    mirror = {"filters": [{"type": "RequestMirror"}]}
    backend = {"name": "gateway", "namespace": SYSTEM}
    made["eu"].append(
        labelled(
            "HTTPRoute", "x", SYSTEM, {}, spec={"hostnames": ["a.b"], "rules": [{"backendRefs": [backend], **mirror}]}
        )
    )
    assert {each.where for each in prove(**made).findings} == {"eu/Service/chat", "eu/HTTPRoute/x"}


def test_objects_of_a_site_are_those_that_carry_its_label_where_its_config_is() -> None:
    given = of({"eu": cluster(config("fra1")), "us": [*cluster(config("iad1")), *beside("fra1")]})
    found = gather(given, installation="isochrone")
    assert {each.where.partition("/")[0] for each in found.objects["fra1"]} == {"eu"}
    assert names(each for each in found.objects["fra1"] if each.item["kind"] == "Service") == ["chat-engine"]
    assert {(site, each.where) for site, each in found.strays if each.item["kind"] == "Deployment"} == {
        ("fra1", "us/Deployment/gateway"),
        ("fra1", "us/Deployment/chat-engine"),
    }


@pytest.mark.parametrize(
    ("policy", "sites"),
    [
        pytest.param(asking("p", None), {"fra1", "iad1"}, id="for all pods"),
        pytest.param(
            asking("p", None, "nowhere"), {"fra1", "iad1"}, id="for all pods, labelled as of a site that isn't"
        ),
        pytest.param(asking("p", None, "iad1"), {"fra1", "iad1"}, id="for all pods, labelled as of another site"),
        pytest.param(asking("p", "fra1", "iad1"), {"fra1"}, id="for its pods, labelled as of another site"),
        pytest.param({**asking("p", None), "spec": {}}, {"fra1", "iad1"}, id="that says nothing of pods"),
        pytest.param(asking("p", "fra1", None, "CiliumNetworkPolicy"), {"fra1"}, id="for its pods, of Cilium"),
        pytest.param(asking("p", None, "x", "FQDNNetworkPolicy"), {"fra1", "iad1"}, id="for all pods, of GKE"),
        pytest.param(asking("p", "iad1", "fra1"), {"iad1"}, id="for another site's pods, labelled as its own"),
        pytest.param(asking("p", "iad1", None, "CiliumNetworkPolicy"), {"iad1"}, id="for another's pods, of Cilium"),
    ],
)
def test_policies_of_a_site_are_those_that_may_select_its_pods(policy: Json, sites: set[str]) -> None:
    """What is in another cluster is kept apart, and only opens."""
    given = of({"eu": [*cluster(config("fra1")), policy], "us": cluster(config("iad1"))})
    found = gather(given, installation="isochrone")
    assert {name for name, objects in found.objects.items() if "p" in names(objects)} == sites & {"fra1"}
    assert {name for name, objects in found.nearby.items() if "p" in names(objects)} == sites & {"iad1"}
    assert {each.only_opens for objects in found.objects.values() for each in objects} == {False}
    assert all(each.only_opens for objects in found.nearby.values() for each in objects)


def test_pods_of_a_site_may_carry_anothers_label() -> None:
    """Policies select pods by what pods are labelled with, not by the label of their Deployment."""
    made = cluster(config("fra1"))
    made[-3]["spec"]["template"]["metadata"] = {"labels": {EDGE_NODE: "iad1"}}
    found = gather(of({"eu": [*made, asking("p", "iad1"), asking("q", "ber1")]}), installation="isochrone")
    assert {"p", "q"} & set(names(found.objects["fra1"])) == {"p"}


def test_policies_that_ask_for_a_site_or_for_none_are_its_own_though_nothing_else_is() -> None:
    """Some workloads make pods in ways that aren't read here."""
    objects = [*stored(config("iad1"), labels={}), asking("p", "iad1"), asking("q", None), asking("r", "fra1")]
    found = gather(of({"us": objects}), installation="isochrone")
    assert names(found.objects["iad1"]) == ["p", "q"]


def test_of_a_cluster_its_services_and_slices_are_kept_whosever_they_are() -> None:
    written = labelled("EndpointSlice", "more", "shop", {"kubernetes.io/service-name": "chat-engine"})
    given = of({"eu": [*cluster(config("fra1")), written], "us": []})
    found = gather(given, installation="isochrone").found
    assert {name: names(objects) for name, objects in found.items()} == {"eu": ["chat-engine", "more"], "us": []}
    text = (
        "addresses that may be added are behind the Service shop/chat-engine, by which engines of shop/chat are found"
    )
    made = both()
    made["eu"].append(written)
    assert told(prove(**made)) == [(Rule.WRONG_ADDRESS, "fra1", text)]


def test_each_spec_of_a_policy_counts() -> None:
    made = both()
    world = {"endpointSelector": {}, "egress": [{"toEntities": ["world"]}]}
    made["eu"].append({"kind": "CiliumNetworkPolicy", "metadata": {"name": "c", "namespace": SYSTEM}, "specs": [world]})
    assert told(prove(**made)) == [(Rule.EGRESS_OPEN, "fra1", "a rule lets pods talk by the entities world")]
