"""The operator's processes with the rights that their accounts have, and no more: what is missing is refused.

Each process is a user of its own with a certificate, so that the audit log tells replicas apart. Bound to it are the
roles of the account that it has in earnest.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from tests.cluster.fleet import SYSTEM, Fleet, Site

from isochrone.render import rights
from isochrone.render.joining import OPERATOR, Joining
from isochrone.render.rights import Account, Rule

Json = Mapping[str, Any]

HUB: Final = ("hub-a", "hub-b")
PUSH: Final = "push"
PULL: Final = "pull-iad1"
SITE_OPERATOR: Final = "site-operator"


def way_in(site: Site, user: str) -> bytes:
    """A kubeconfig with no rights but those that are bound to the user's name."""
    return site.kubeconfig_for(user, groups=())


def token(site: Site, user: str) -> str:
    """Of the service account whose rights the user has, for a way in that certificates don't pass."""
    push, pull = Joining(site="cdg1").hub_account, Joining(site="iad1").site_account
    namespace, name = {PUSH: (push.namespace, push.name), PULL: (pull.namespace, pull.name)}.get(
        user, (SYSTEM, OPERATOR)
    )
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 24 * 3600}}
    answer = site.api.request("POST", path, body)
    assert answer.ok, answer.message
    return str(answer.body["status"]["token"])


def let_in(fleet: Fleet, *, is_local: bool = True) -> None:
    """All of them, as the operator is installed and as `isochrone site join` does it.

    The hub's has the rights of a member too where it has sites of its own (`is_local`).
    """
    push, pull = Joining(site="cdg1"), Joining(site="iad1")
    hub = of_hub(is_local=is_local)
    _give(fleet.hub, (*hub, *pull.for_pull()), {OPERATOR: HUB, pull.site_account.name: (PULL,)})
    _give(fleet["cdg1"], push.for_push(), {push.hub_account.name: (PUSH,)})
    _give(fleet["iad1"], (pull.system_namespace(), *of_site()), {OPERATOR: (SITE_OPERATOR,)})


def of_hub(*, is_local: bool = True) -> list[Json]:
    """The account of a hub's operator, with its rights, as the chart makes it."""
    local, system = (rights.MEMBER, rights.MEMBER_SYSTEM) if is_local else ((), ())
    return _installed((*rights.HUB, *local), (*rights.HUB_SYSTEM, *system))


def of_site() -> list[Json]:
    """The same of the operator in a cluster that pulls."""
    return _installed(rights.MEMBER, (*rights.LEADING, *rights.MEMBER_SYSTEM))


def _installed(everywhere: Iterable[Rule], system: Iterable[Rule]) -> list[Json]:
    """The operator's own account in a cluster, with rights in all namespaces and in isochrone-system."""
    account = Account(name=OPERATOR, namespace=SYSTEM, labels={})
    return [account.manifest, *account.everywhere(everywhere), *account.inside(SYSTEM, system)]


def _give(site: Site, items: Iterable[Json], users: Mapping[str, Sequence[str]]) -> None:
    """What is bound to an account is bound to its users too."""
    for each in items:
        item = {**each, "subjects": [*_with(each["subjects"], users)]} if "subjects" in each else each
        answer = site.api.apply(item)
        assert answer.ok, answer.message


def _with(subjects: Sequence[Json], users: Mapping[str, Sequence[str]]) -> Iterator[Json]:
    for each in subjects:
        yield each
        for user in users[each["name"]]:
            yield {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
