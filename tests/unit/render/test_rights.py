"""Rights: enough for all that is rendered, nothing beyond, and a reason for each."""

import importlib.util
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pytest
from tests.cluster.parcels import bundles
from tests.worlds import examples, sites

from isochrone.api import KINDS
from isochrone.controller import state
from isochrone.kube import announcing, contact, election, found, kinds, mailbox
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
    "SITE_IN_SYSTEM": rights.SITE_IN_SYSTEM,
    "LEADING": rights.LEADING,
}
WRITES: Final = ("create", "update", "patch", "delete", "deletecollection")
ANY: Final = ("get", "list", "watch", *WRITES, "impersonate", "escalate", "bind", "approve", "sign", "use", "proxy")
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
    named = (rights.REPORT, rights.REQUEST, rights.CONTACT, rights.SECRETS)
    assert named == (mailbox.REPORT, mailbox.REQUEST, contact.LEASE, mailbox.SECRETS)
    assert named == ("report", "request", "site", "parcel-secrets"), "clusters have them by these names"
    assert rights.PARCEL == mailbox.PARCEL == "parcel"
    assert Joining(site="fra1").site_namespace == mailbox.namespace_of("fra1")


def test_an_operator_writes_by_name_what_only_it_writes() -> None:
    named = (rights.LEADER, rights.RELEASES, rights.ANNOUNCEMENT)
    assert named == (election.NAME, state.NAME, announcing.NAME)
    assert named == ("isochrone-operator", "isochrone-releases", "isochrone-announcement")


def test_no_right_is_given_twice() -> None:
    for rules in ((*rights.MEMBER, *rights.MEMBER_SYSTEM), rights.SITE):
        given = [(rule.group, resource, verb) for rule in rules for resource in rule.resources for verb in rule.verbs]
        assert len(given) == len(set(given))


NEVER_ANYWHERE: Final = (
    ("", "nodes", WRITES),
    ("", "pods", WRITES),
    ("", "pods/exec", ANY),
    ("", "pods/attach", ANY),
    ("", "pods/portforward", ANY),
    ("", "pods/proxy", ANY),
    ("", "pods/ephemeralcontainers", ANY),
    ("", "nodes/proxy", ANY),
    ("", "services/proxy", ANY),
    ("", "serviceaccounts/token", ANY),
    ("", "serviceaccounts", ("impersonate",)),
    ("", "users", ANY),
    ("", "groups", ANY),
    ("", "namespaces", ("delete", "update")),
    ("rbac.authorization.k8s.io", "clusterroles", ANY),
    ("rbac.authorization.k8s.io", "clusterrolebindings", ANY),
    ("rbac.authorization.k8s.io", "roles", ("escalate", "bind")),
    ("apiextensions.k8s.io", "customresourcedefinitions", ANY),
    ("apiregistration.k8s.io", "apiservices", ANY),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", ANY),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", ANY),
    ("certificates.k8s.io", "certificatesigningrequests", ANY),
    ("certificates.k8s.io", "signers", ANY),
    ("isochrone.dev", "edgenodes", ("create", "update", "delete")),
    ("isochrone.dev", "dataresidencypolicies", WRITES),
)
"""What would make more of an account than it is, wherever it is."""
NEVER_EVERYWHERE: Final = (
    ("", "secrets", ANY),
    ("", "configmaps", ANY),
    ("coordination.k8s.io", "leases", ANY),
    ("autoscaling", "horizontalpodautoscalers", ANY),
    ("gateway.networking.k8s.io", "httproutes", ANY),
)
"""What is for isochrone-system alone."""
NEVER_FOR_SITES: Final = (
    ("", "secrets", ("list", "watch", *WRITES)),
    ("", "configmaps", ("list", "watch", "update", "delete")),
    ("isochrone.dev", "edgenodes", ANY),
)
"""Of the namespace of a site that pulls."""


WAITING: Final = next(rule for rule in rights.SITE if "watch" in rule.verbs)
"""A site's operator watches one ConfigMap of its namespace, by its name."""


def test_who_pulls_watches_one_config_map_of_its_own_and_one_for_all() -> None:
    assert (WAITING.resources, WAITING.names, WAITING.verbs) == (("configmaps",), ("parcel",), ("list", "watch"))
    [rule] = rights.SITE_IN_SYSTEM
    assert (rule.resources, rule.names) == (("configmaps",), ("isochrone-announcement",))
    assert rule.verbs == ("list", "watch")


def mentions(rules: Iterable[Rule], group: str, resource: str, verbs: Iterable[str]) -> list[Rule]:
    """Rules that grant one of these, be it by name."""
    return [rule for rule in rules if rule.group == group and resource in rule.resources and {*verbs} & {*rule.verbs}]


@pytest.mark.parametrize(
    ("rules", "never"),
    [
        *(pytest.param(rules, NEVER_ANYWHERE, id=f"{name}-anywhere") for name, rules in ALL.items()),
        pytest.param(rights.MEMBER, NEVER_EVERYWHERE, id="MEMBER-everywhere"),
        pytest.param(rights.HUB, NEVER_EVERYWHERE, id="HUB-everywhere"),
        pytest.param(rights.SITE, NEVER_FOR_SITES, id="SITE-in-its-namespace"),
    ],
)
def test_what_is_never_granted(rules: tuple[Rule, ...], never: tuple[tuple[str, str, tuple[str, ...]], ...]) -> None:
    for group, resource, verbs in never:
        assert [rule for rule in mentions(rules, group, resource, verbs) if rule != WAITING] == []


def test_a_gateway_reads_no_secrets_and_writes_nothing_but_its_lease() -> None:
    for item in rendered():
        for rule in item["rules"] if item["kind"] == "Role" else ():
            assert "secrets" not in rule["resources"]
            if {*rule["verbs"]} & {*WRITES}:
                assert (rule["resources"], rule["verbs"], len(rule["resourceNames"])) == (["leases"], ["patch"], 1)


def test_the_reference_lists_all_rights() -> None:
    root = pathlib.Path(__file__).parents[3]
    spec = importlib.util.spec_from_file_location("hack_rights", root / "hack" / "rights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (root / module.PATH).read_text(encoding="utf-8") == module.render(), "run `make generate`"
    assert {each for _, each in module.PARTS} == {*ALL.values()}
