"""Rights: enough for all that is rendered, nothing beyond, and a reason for each."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import pytest
from tests.cluster.parcels import bundles
from tests.worlds import examples, sites

from isochrone.api import KINDS
from isochrone.kube import found, kinds, mailbox
from isochrone.kube.kinds import Kind
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import rights
from isochrone.render.joining import Joining
from isochrone.render.rights import Rule

ALL: Final = {
    "MEMBER": rights.MEMBER,
    "MEMBER_SYSTEM": rights.MEMBER_SYSTEM,
    "HUB": rights.HUB,
    "HUB_SYSTEM": rights.HUB_SYSTEM,
    "HUB_IN_SITE": rights.HUB_IN_SITE,
    "SITE": rights.SITE,
}
WORLDS: Final = 40


def allows(rules: Iterable[Rule], group: str, resource: str, verb: str) -> bool:
    return any(
        group == rule.group and resource in rule.resources and verb in rule.verbs and not rule.names for rule in rules
    )


def group_of(kind: Kind) -> str:
    return kind.api_version.rpartition("/")[0]


def held(namespace: str) -> tuple[Rule, ...]:
    """What a member's credentials allow in a namespace."""
    return (*rights.MEMBER, *(rights.MEMBER_SYSTEM if namespace == SYSTEM_NAMESPACE else ()))


def rendered() -> Iterator[dict[str, Any]]:
    for snapshot in (*map(examples.example, examples.NAMES), *map(sites.world, range(WORLDS))):
        for bundle in bundles(snapshot):
            yield from bundle.objects


def test_all_that_is_rendered_can_be_applied_and_removed() -> None:
    seen = set()
    for item in rendered():
        kind, namespace = kinds.kind_of(item), item["metadata"].get("namespace", "")
        seen.add(kind)
        for verb in ("get", "create", "patch", *(() if kind is kinds.NAMESPACE else ("delete",))):
            assert allows(held(namespace), group_of(kind), kind.plural, verb), (verb, kind, namespace)
    assert {kinds.AUTOSCALER, kinds.SERVICE_EXPORT, kinds.CILIUM_NETWORK_POLICY} <= seen


def test_all_that_is_granted_to_gateways_is_held() -> None:
    """Kubernetes lets nobody grant what they don't have."""
    granted = 0
    for item in rendered():
        for rule in item["rules"] if item["kind"] == "Role" else ():
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        granted += 1
                        assert allows(held(item["metadata"]["namespace"]), group, resource, verb)
    assert granted > 100


@pytest.mark.parametrize("kind", [*kinds.CHILDREN, *kinds.OPTIONAL_CHILDREN], ids=lambda kind: str(kind.name))
def test_children_are_listed_where_they_may_be(kind: Kind) -> None:
    is_in_system = kind in found._ONLY_OURS
    assert allows(rights.MEMBER, group_of(kind), kind.plural, "list") is not is_in_system
    assert allows(rights.MEMBER_SYSTEM, group_of(kind), kind.plural, "list") is is_in_system


@pytest.mark.parametrize("rules", ALL.values(), ids=ALL)
def test_every_right_has_a_reason_and_no_wildcard(rules: tuple[Rule, ...]) -> None:
    for rule in rules:
        assert len(rule.why) >= 10
        assert not rule.why.endswith(".")
        assert "*" not in {*rule.resources, *rule.verbs, rule.group, *rule.names}
        assert not {"escalate", "bind", "impersonate", "deletecollection"} & {*rule.verbs}
        assert bool(rule.paths) != bool(rule.resources)
        assert len(rule.verbs) == len(set(rule.verbs))


def test_an_operator_reads_all_that_is_declared() -> None:
    for kind in KINDS:
        assert allows(rights.HUB, "isochrone.dev", kind.info.plural, "watch")
        assert allows(rights.HUB, "isochrone.dev", f"{kind.info.plural}/status", "patch")
        assert not allows(rights.HUB, "isochrone.dev", kind.info.plural, "delete")


def test_a_site_reports_by_the_names_that_it_may_write() -> None:
    assert (rights.REPORT, rights.CONTACT) == (mailbox.REPORT, mailbox.LEASE)
    assert Joining(site="fra1").site_namespace == mailbox.namespace_of("fra1")


def test_no_right_is_given_twice() -> None:
    for rules in ((*rights.MEMBER, *rights.MEMBER_SYSTEM), rights.SITE):
        given = [(rule.group, resource, verb) for rule in rules for resource in rule.resources for verb in rule.verbs]
        assert len(given) == len(set(given))


@pytest.mark.parametrize(
    ("group", "resource", "verb"),
    [
        ("", "secrets", "get"),
        ("", "secrets", "list"),
        ("", "configmaps", "get"),
        ("", "pods", "create"),
        ("", "pods/exec", "create"),
        ("", "nodes", "patch"),
        ("", "namespaces", "delete"),
        ("", "serviceaccounts/token", "create"),
        ("rbac.authorization.k8s.io", "clusterroles", "create"),
        ("rbac.authorization.k8s.io", "clusterrolebindings", "create"),
        ("apiextensions.k8s.io", "customresourcedefinitions", "create"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "create"),
        ("coordination.k8s.io", "leases", "patch"),
    ],
)
def test_what_a_hub_may_not_do_in_the_namespaces_of_others(group: str, resource: str, verb: str) -> None:
    assert not allows(rights.MEMBER, group, resource, verb)
