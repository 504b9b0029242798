"""Sites that join and leave, on a real API server: the credentials do what they are for, and nothing else."""

import asyncio
import base64
import itertools
import pathlib
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.cluster import optional_kinds
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options
from tests.cluster.parcels import parcels
from tests.cluster.waiting import until
from tests.worlds import examples

from isochrone.cli import main
from isochrone.kube import access, contact, errors, kinds, kubeconfig, mailbox
from isochrone.kube.access import Access
from isochrone.kube.api import Api
from isochrone.kube.member import Member
from isochrone.model import Parcel, Revision, SiteReport
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import rights
from isochrone.render.joining import OPERATOR
from isochrone.render.rights import Account, Rule

Right = tuple[str, str, str, str]
"""(namespace, group, resource, verb); no namespace for cluster-scoped resources, and for all of them."""

LIMIT: Final = 300.0
ELSEWHERE: Final = "apps"
VERBS: Final = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")


@pytest.fixture(scope="module")
def plane(kube: pathlib.Path) -> Iterator[ControlPlane]:
    """A hub and the cluster of its sites in one: their namespaces and accounts differ."""
    assert kube.exists()
    with ControlPlane(Options(controllers=True)) as plane, Client(plane.kubeconfig) as client:
        for each in optional_kinds.crds():
            assert client.apply(each).ok
            client.wait_for_condition(each, "Established")
        assert client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ELSEWHERE}}).ok
        yield plane


@pytest.fixture(scope="module")
def admin(plane: ControlPlane) -> Iterator[Client]:
    with Client(plane.kubeconfig) as client:
        yield client


@pytest.fixture
def site(plane: ControlPlane) -> Callable[..., Result]:
    def run(verb: str, name: str, *more: str) -> Result:
        both = ["--kubeconfig", str(plane.kubeconfig), "--site-kubeconfig", str(plane.kubeconfig)]
        result = CliRunner().invoke(main, ["site", verb, name, *both, *more])
        assert isinstance(result.exception, SystemExit | None), result.exception
        return result

    return run


Site = Callable[..., Result]


def stored(admin: Client, name: str) -> Access:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": SYSTEM_NAMESPACE}}
    return kubeconfig.parse(base64.b64decode(admin.get(secret).body["data"]["kubeconfig"]))


def within(shown: Access, work: Callable[[Api], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(LIMIT), shown.api() as api:
            await work(api)

    asyncio.run(whole())


def resources(admin: Client) -> list[tuple[str, str, bool]]:
    """(group, resource, is_namespaced) of all that the API server has, subresources too."""
    groups = [
        "v1",
        *(each["preferredVersion"]["groupVersion"] for each in admin.request("GET", "/apis").body["groups"]),
    ]
    paths = {each: f"/apis/{each}" if "/" in each else f"/api/{each}" for each in groups}
    return [
        (version.rpartition("/")[0], each["name"], each["namespaced"])
        for version, path in paths.items()
        for each in admin.request("GET", path).body["resources"]
    ]


def with_account(admin: Client, plane: ControlPlane, namespace: str, name: str) -> Access:
    """What the account of a pod is let in with."""
    metadata = {"name": name, "namespace": namespace}
    assert admin.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}).ok
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    made = admin.request("POST", kinds.SERVICE_ACCOUNT.path(namespace, name) + "/token", request)
    found = access.from_file(plane.kubeconfig)
    return Access(url=found.url, authority=found.authority, token=made.body["status"]["token"])


@pytest.fixture(scope="module")
def beyond(admin: Client, plane: ControlPlane) -> Callable[[Access, Iterable[str]], set[Right]]:
    """The rights that credentials have beyond those of every account."""
    nobody = with_account(admin, plane, ELSEWHERE, "nobody")
    return lambda shown, namespaces: allowed(admin, shown, namespaces) - allowed(admin, nobody, namespaces)


Beyond = Callable[[Access, Iterable[str]], set[Right]]


def allowed(admin: Client, shown: Access, namespaces: Iterable[str]) -> set[Right]:
    """All rights that credentials have, asked one by one."""
    found: set[Right] = set()
    asked = [
        (namespace if is_namespaced else "", group, resource, verb)
        for group, resource, is_namespaced in resources(admin)
        for namespace, verb in itertools.product(namespaces, VERBS)
    ]

    async def work(api: Api) -> None:
        async def ask(right: Right) -> None:
            namespace, group, resource, verb = right
            plain, _, sub = resource.partition("/")
            what = {"namespace": namespace, "group": group, "resource": plain, "subresource": sub, "verb": verb}
            review = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": {key: value for key, value in what.items() if value}},
            }
            path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
            if (await api.create(path, review))["status"]["allowed"]:
                found.add(right)

        await asyncio.gather(*map(ask, set(asked)))

    within(shown, work)
    return found


def granted(admin: Client, namespaces: Iterable[str], *rules: Rule) -> set[Right]:
    """What these rules allow in these namespaces, of that which the API server has."""
    scope = {(group, resource): is_namespaced for group, resource, is_namespaced in resources(admin)}
    return {
        (namespace if scope[rule.group, resource] else "", rule.group, resource, verb)
        for rule in rules
        if not rule.names
        for resource in rule.resources
        if (rule.group, resource) in scope
        for namespace, verb in itertools.product(namespaces, rule.verbs)
    }


def until_equal(observe: Callable[[], set[Right]], wanted: set[Right]) -> None:
    """The API server takes a moment until it knows of all that was bound."""
    until(lambda: sorted(observe() ^ wanted), [], limit=LIMIT)


def test_a_hub_that_is_let_in_may_do_what_it_needs_and_nothing_else(site: Site, admin: Client, beyond: Beyond) -> None:
    first = site("join", "fra1")
    assert first.exit_code == 0, first.output
    assert "made      ClusterRole isochrone-hub, in the site's cluster" in first.output
    assert "made      Secret isochrone-system/isochrone-site-fra1, in the hub" in first.output
    assert "kubeconfigSecretRef:\n      name: isochrone-site-fra1\n      key: kubeconfig\n" in first.output

    shown = stored(admin, "isochrone-site-fra1")
    assert shown.token is not None
    assert shown.token not in first.output
    everywhere = (SYSTEM_NAMESPACE, ELSEWHERE)
    wanted = granted(admin, everywhere, *rights.MEMBER) | granted(admin, (SYSTEM_NAMESPACE,), *rights.MEMBER_SYSTEM)
    until_equal(lambda: beyond(shown, everywhere), wanted)


def test_joining_again_changes_nothing(site: Site, admin: Client) -> None:
    assert site("join", "fra1").exit_code == 0
    before = stored(admin, "isochrone-site-fra1")
    again = site("join", "fra1")
    assert again.exit_code == 0
    assert {line[:9] for line in again.output.split("\n\n")[0].splitlines()} == {"as before"}
    assert stored(admin, "isochrone-site-fra1") == before


def test_a_token_that_is_deleted_is_replaced_by_joining_again(site: Site, admin: Client) -> None:
    assert site("join", "fra1").exit_code == 0
    before = stored(admin, "isochrone-site-fra1")
    token = {"name": "isochrone-token-fra1", "namespace": SYSTEM_NAMESPACE}
    assert admin.delete({"apiVersion": "v1", "kind": "Secret", "metadata": token}).ok
    again = site("join", "fra1")
    assert again.exit_code == 0, again.output
    assert "changed   Secret isochrone-system/isochrone-site-fra1, in the hub" in again.output
    assert stored(admin, "isochrone-site-fra1").token != before.token


def test_with_them_sites_are_delivered_and_emptied(site: Site, admin: Client) -> None:
    assert site("join", "fra1").exit_code == 0
    wanted = list(parcels(examples.example("quickstart-multicluster"), "local"))

    async def work(api: Api) -> None:
        member = Member(api, "isochrone", clock=time.time)
        reports = await member.deliver(wanted)
        assert {name: report.faults for name, report in reports.items()} == {"ber1": (), "fra1": ()}
        assert all(report.delivered is not None and report.children for report in reports.values())
        emptied = [type(each)(site=each.site, installation="isochrone", revision=each.revision) for each in wanted]
        reports = await member.deliver(emptied)
        assert {name: report.faults for name, report in reports.items()} == {"ber1": (), "fra1": ()}

    within(stored(admin, "isochrone-site-fra1"), work)


SECRETS_FOR_ALL: Final = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]


@pytest.mark.parametrize(
    ("kind", "namespace", "content"),
    [
        pytest.param(kinds.ROLE, ELSEWHERE, {"rules": SECRETS_FOR_ALL}, id="a-role-beyond-its-own"),
        pytest.param(kinds.CLUSTER_ROLE, None, {"rules": []}, id="a-cluster-role"),
        pytest.param(kinds.SECRET, ELSEWHERE, {}, id="a-secret-elsewhere"),
        pytest.param(kinds.CONFIG_MAP, ELSEWHERE, {}, id="a-config-elsewhere"),
        pytest.param(
            kinds.ROLE_BINDING,
            ELSEWHERE,
            {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"}},
            id="administrator",
        ),
    ],
)
def test_what_a_hub_can_not_make_there(
    site: Site, admin: Client, kind: kinds.Kind, namespace: str | None, content: dict[str, Any]
) -> None:
    assert site("join", "fra1").exit_code == 0
    metadata = {"name": "more"} | ({"namespace": namespace} if namespace else {})
    item = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **content}

    async def work(api: Api) -> None:
        with pytest.raises(errors.Forbidden):
            await api.create(kind.path(namespace), item)

    within(stored(admin, "isochrone-site-fra1"), work)


def config_map(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "isochrone-site-iad1"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_a_site_that_pulls_sees_its_own_namespace_and_reports_there(
    site: Site, admin: Client, plane: ControlPlane, beyond: Beyond
) -> None:
    assert site("join", "nrt1", "--pull").exit_code == 0
    joined = site("join", "iad1", "--pull")
    assert joined.exit_code == 0, joined.output
    assert "spec:\n  cluster:\n    type: Remote\n  delivery: Pull\n" in joined.output

    shown = stored(admin, "isochrone-hub-iad1")
    namespaces = ("isochrone-site-iad1", "isochrone-site-nrt1", SYSTEM_NAMESPACE, ELSEWHERE)
    wanted = granted(admin, ("isochrone-site-iad1",), *rights.SITE) | granted(
        admin, (SYSTEM_NAMESPACE,), *rights.SITE_IN_SYSTEM
    )
    until_equal(lambda: beyond(shown, namespaces), wanted)

    at_hub = access.from_file(plane.kubeconfig)
    revision = Revision(epoch=1, sequence=1, digest="0" * 64)
    parcel = Parcel(site="iad1", installation="isochrone", revision=revision, objects=(config_map("any"),))
    said = SiteReport(site="iad1", at=1)

    async def put(api: Api) -> None:
        await mailbox.put(api, parcel, ())

    async def heard(api: Api) -> None:
        assert await mailbox.report(api, "iad1") == said
        assert (await contact.look(api, "iad1")).sign == "2026-11-26T12:00:01.000000Z"

    async def work(api: Api) -> None:
        head = await mailbox.head(api, "iad1")
        assert head is not None
        assert (await mailbox.take(api, "iad1", head)).parcel.objects == parcel.objects
        for second in (0, 1):
            await contact.show(api, "iad1", f"2026-11-26T12:00:0{second}.000000Z")
            await mailbox.tell(api, "isochrone", said)
        for name in (mailbox.PARCEL, head.pieces[0], mailbox.CERTIFICATE):
            with pytest.raises(errors.Forbidden):
                await api.apply(config_map(name, a="1"))
        with pytest.raises(errors.Forbidden):
            await api.delete(kinds.CONFIG_MAP.path("isochrone-site-iad1", mailbox.REPORT))

    within(at_hub, put)
    within(shown, work)
    within(at_hub, heard)


def test_an_operator_may_do_what_it_needs_and_nothing_else(
    site: Site, admin: Client, plane: ControlPlane, beyond: Beyond
) -> None:
    assert site("join", "iad1", "--pull").exit_code == 0
    account = Account(name=OPERATOR, namespace=SYSTEM_NAMESPACE, labels={})
    everywhere = (*rights.HUB, *rights.MEMBER)
    system = (*rights.HUB_SYSTEM, *rights.MEMBER_SYSTEM)
    for item in (account.manifest, *account.everywhere(everywhere), *account.inside(SYSTEM_NAMESPACE, system)):
        assert admin.apply(item).ok
    shown = with_account(admin, plane, SYSTEM_NAMESPACE, OPERATOR)

    namespaces = ("isochrone-site-iad1", SYSTEM_NAMESPACE, ELSEWHERE)
    wanted = granted(admin, namespaces, *everywhere) | granted(admin, (SYSTEM_NAMESPACE,), *system)
    until_equal(
        lambda: beyond(shown, namespaces), wanted | granted(admin, ("isochrone-site-iad1",), *rights.HUB_IN_SITE)
    )


def exists(admin: Client, kind: kinds.Kind, name: str, namespace: str | None = None) -> bool:
    return admin.request("GET", kind.path(namespace, name)).ok


def test_a_site_that_leaves_is_let_in_no_more(site: Site, admin: Client) -> None:
    assert site("join", "ber1").exit_code == 0
    assert site("join", "cdg1").exit_code == 0
    shown = stored(admin, "isochrone-site-ber1")
    left = site("leave", "ber1")
    assert left.exit_code == 0, left.output
    assert "removed   Secret isochrone-system/isochrone-token-ber1, in the site's cluster" in left.output
    assert "removed   Secret isochrone-system/isochrone-site-ber1, in the hub" in left.output
    assert exists(admin, kinds.CLUSTER_ROLE, "isochrone-hub")

    async def work(api: Api) -> None:
        # The API server remembers for some seconds whom it let in.
        while True:
            try:
                await api.list("/api/v1/pods")
            except errors.Unauthorized:
                return
            await asyncio.sleep(0.2)

    within(shown, work)
    assert {line[:9] for line in site("leave", "ber1").output.splitlines()} == {"not there"}


def test_the_last_site_takes_the_account_along(site: Site, admin: Client) -> None:
    for name in ("cdg1", "fra1"):
        assert site("join", name).exit_code == 0
    for name in ("ber1", "cdg1"):
        assert site("leave", name).exit_code == 0
    assert exists(admin, kinds.SERVICE_ACCOUNT, "isochrone-hub", SYSTEM_NAMESPACE)
    assert site("leave", "fra1").exit_code == 0
    for kind, namespace in {
        kinds.SERVICE_ACCOUNT: SYSTEM_NAMESPACE,
        kinds.ROLE: SYSTEM_NAMESPACE,
        kinds.ROLE_BINDING: SYSTEM_NAMESPACE,
        kinds.CLUSTER_ROLE: None,
        kinds.CLUSTER_ROLE_BINDING: None,
    }.items():
        assert not exists(admin, kind, "isochrone-hub", namespace)
    assert exists(admin, kinds.NAMESPACE, SYSTEM_NAMESPACE)


def test_what_somebody_else_has_made_is_left_alone(site: Site, admin: Client) -> None:
    metadata = {"name": "isochrone-site-muc1", "namespace": SYSTEM_NAMESPACE}
    assert site("join", "fra1").exit_code == 0
    assert admin.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"a": "eA=="}}).ok
    for verb in ("join", "leave"):
        result = site(verb, "muc1")
        assert result.exit_code == 2
        assert (
            "Secret isochrone-system/isochrone-site-muc1 in the hub was not made by `isochrone site join`"
            in result.output
        )
    assert admin.request("GET", kinds.SECRET.path(SYSTEM_NAMESPACE, "isochrone-site-muc1")).body["data"] == {
        "a": "eA=="
    }


def test_a_site_that_is_declared_does_not_leave(site: Site, admin: Client) -> None:
    crd = yaml.safe_load((pathlib.Path(__file__).parents[2] / "crds" / "isochrone.dev_edgenodes.yaml").read_text())
    assert admin.apply(crd).ok
    admin.wait_for_condition(crd, "Established")
    spec = {"place": {"iata": "HAM"}}
    edge = {"apiVersion": "isochrone.dev/v1alpha1", "kind": "EdgeNode", "metadata": {"name": "ham1"}, "spec": spec}
    assert site("join", "ham1").exit_code == 0
    with admin.existing(edge):
        refused = site("leave", "ham1")
        assert refused.exit_code == 2
        assert "delete it first (kubectl delete edgenode ham1), or use --force" in refused.output
        assert exists(admin, kinds.SECRET, "isochrone-site-ham1", SYSTEM_NAMESPACE)
        assert site("leave", "ham1", "--force").exit_code == 0


def test_another_address_is_for_who_is_let_in(site: Site, admin: Client) -> None:
    assert site("join", "vie1", "--server", "https://k8s.example.com:6443").exit_code == 0
    shown = stored(admin, "isochrone-site-vie1")
    assert shown.url == "https://k8s.example.com:6443"
    refused = site("join", "vie1", "--server", "http://k8s.example.com")
    assert refused.exit_code == 2
    assert "server must be a URL with https" in refused.output
