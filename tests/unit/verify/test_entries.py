"""Where Services lead that are named like routes."""

import dataclasses
from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import Json, config, edge, read, site
from tests.unit.verify.installation import route

from isochrone.verify import Rule, Severity, entries
from isochrone.verify.gathered import Found

KNOWN: Final = read([edge("iad1", "US-VA", cluster={"type": "Remote"})])
EU: Final = "cluster of fra1"
OURS: Final = "isochrone-gateway-fra1.isochrone-system.svc"
LABELS: Final = {"app.kubernetes.io/component": "route"}


def service(name: str = "chat", namespace: str | None = "shop", labels: Json | None = None, **item: Any) -> Found:
    return Found({"kind": "Service", "metadata": {"name": name, "namespace": namespace, "labels": labels}, **item}, "x")


def leading(host: str | None, **fields: Any) -> Json:
    return {"spec": {"type": "ExternalName", "externalName": host, **fields}}


def told(given: Found, cluster: str = EU) -> list[tuple[Severity, str]]:
    configs = [site(config("fra1")), site(config("iad1"))]
    found = list(entries.findings(KNOWN, configs, {cluster: [given]}))
    assert {(each.rule, each.site, each.where) for each in found} <= {(Rule.WRONG_ADDRESS, "", "x")}
    assert {each.cases for each in found} <= {1}
    return [(each.severity, each.message) for each in found]


def astray(where: str) -> str:
    return f"the Service shop/chat, by which clients call a route, leads to {where}, and to no gateway of its cluster"


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        pytest.param(leading(f"{OURS}.cluster.local"), None, id="its gateway"),
        pytest.param(leading(f"{OURS}.cluster.local."), None, id="its gateway, ending in a dot"),
        pytest.param(leading(OURS), None, id="its gateway, without a domain"),
        pytest.param(leading("evil.us"), "evil.us", id="elsewhere"),
        pytest.param(leading(f"{OURS}2.cluster.local"), f"{OURS}2.cluster.local", id="another domain's"),
        pytest.param(leading(f"x.{OURS}"), f"x.{OURS}", id="below it"),
        pytest.param(
            leading("isochrone-gateway.isochrone-system.svc.cluster.local"),
            "isochrone-gateway.isochrone-system.svc.cluster.local",
            id="a gateway of another cluster",
        ),
        pytest.param(
            leading("isochrone-gateway-fra1.demo.svc.cluster.local"),
            "isochrone-gateway-fra1.demo.svc.cluster.local",
            id="another namespace",
        ),
        pytest.param(leading(None), "pods of its own", id="nowhere"),
        pytest.param(leading(OURS, type="ClusterIP"), OURS, id="its gateway, in a field that isn't read"),
        pytest.param({"spec": {"selector": {"a": "b"}}}, "pods of its own", id="pods"),
        pytest.param({"spec": None}, "pods of its own", id="nothing"),
        pytest.param({"spec": {"type": "ExternalName"}}, "pods of its own", id="a name that isn't said"),
    ],
)
def test_where_a_routes_service_leads(spec: Json, where: str | None) -> None:
    expected = astray(where) if where else None
    assert told(service(labels=LABELS, **spec)) == ([(Severity.ERROR, expected)] if where else [])
    assert told(service(apiVersion="v1", **spec)) == ([(Severity.ERROR, expected)] if where else [])
    assert told(service(labels={"a": "b"}, **spec)) == ([(Severity.WARNING, expected)] if where else [])


def test_what_is_another_domain_only_the_cluster_knows() -> None:
    """It is told once for all Services."""
    text = "by which clients call a route, leads to a gateway only if evil.us is the domain of its cluster"
    given = [
        service(name, labels=LABELS, **leading(f"{OURS}.evil.us"))._replace(where=name) for name in ("chat", "more")
    ]
    given.append(service("home", labels=LABELS, **leading(f"{OURS}.cluster.local")))
    (found,) = entries.findings(KNOWN, [site(config("fra1"))], {EU: given})
    assert (found.severity, found.cases, found.where) == (Severity.WARNING, 2, "chat")
    assert found.message == f"the Service shop/chat, {text}"


@pytest.mark.parametrize(
    ("given", "number"),
    [
        pytest.param(service("web", **leading("evil.us")), 0, id="no route's name"),
        pytest.param(service(namespace="web", **leading("evil.us")), 0, id="another namespace"),
        pytest.param(service(namespace=None, **leading("evil.us")), 0, id="no namespace"),
        pytest.param(service("web", labels=LABELS, **leading("evil.us")), 1, id="a route that isn't declared"),
        pytest.param(Found({**service(**leading("evil.us")).item, "kind": "Other"}, "x"), 0, id="another kind"),
    ],
)
def test_which_services_are_those_of_routes(given: Found, number: int) -> None:
    assert len(told(given)) == number


@pytest.mark.parametrize(
    ("name", "namespace", "number"),
    [
        pytest.param("isochrone-gateway-fra1", "isochrone-system", 0, id="its gateway's"),
        pytest.param("isochrone-gateway-fra1-peer", "isochrone-system", 0, id="its gateway's, for peers"),
        pytest.param("isochrone-gateway", "isochrone-system", 1, id="a gateway's of another cluster"),
        pytest.param("chat-engine", "shop", 0, id="engines'"),
        pytest.param("chat-engine", "web", 1, id="engines', in another namespace"),
    ],
)
def test_what_has_the_name_of_a_gateway_or_of_engines_is_theirs(name: str, namespace: str, number: int) -> None:
    """Routes may have such names."""
    known = read([edge("iad1", "US-VA", cluster={"type": "Remote"}), route(name, namespace)])
    given = service(name, namespace, spec={"selector": {"a": "b"}})
    found = entries.findings(known, [site(config("fra1")), site(config("iad1"))], {EU: [given]})
    assert len(list(found)) == number
    assert len(told(service(name, namespace, LABELS, spec={"selector": {"a": "b"}}))) == 1


def test_where_no_config_is_any_sites_gateway_may_be() -> None:
    for host in (OURS, "isochrone-gateway.isochrone-system.svc"):
        assert told(service(labels=LABELS, **leading(host)), "another") == []
    assert len(told(service(labels=LABELS, **leading("evil.us")), "another")) == 1
    assert len(told(service(labels=LABELS, **leading(OURS)), "cluster of iad1")) == 1


def test_a_site_that_is_not_declared_has_no_gateway() -> None:
    known = read()
    lacking = {name: each for name, each in known.sites.items() if name != "fra1"}
    made = dataclasses.replace(known, sites=lacking)
    given = {EU: [service(labels=LABELS, **leading(OURS))]}
    assert len(list(entries.findings(made, [site(config("fra1"))], given))) == 1
