"""What makes a cluster a site of an installation: an account, its rights, its token, in the cluster that lets it in.

    Push   in the site's cluster: an account for the hub         its kubeconfig becomes a Secret of the hub
    Pull   in the hub: a namespace and an account for the site   its kubeconfig becomes a Secret of the site's cluster

The token is a Secret of type kubernetes.io/service-account-token. It works until it is deleted: a token with an end
would have to be renewed by the one who holds it, and a hub that was away for longer would be locked out by its own
sites. API servers also bound the life of such tokens, each as it likes. Deleting the Secret ends the access at once.

The labels are not those of what is delivered, or delivery would remove all this as nobody's. Pure.
"""

import base64
import dataclasses
import re
from typing import Final

from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels, rights
from isochrone.render.manifest import Json
from isochrone.render.rights import Account

MANAGER: Final = "isochrone-join"
"""`app.kubernetes.io/managed-by` of all that is made here."""
KUBECONFIG: Final = "kubeconfig"
"""The key of the Secrets with kubeconfigs."""
OPERATOR: Final = "isochrone-operator"
"""The account of the operator, in isochrone-system of its cluster."""
_NAME: Final = re.compile("[a-z]([-a-z0-9]{0,46}[a-z0-9])?")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """A site that comes or goes."""

    site: str
    installation: str = "isochrone"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.site):
            raise ValueError(
                f"'{self.site}' can't be the name of an EdgeNode: at most 48 of a-z, 0-9 and '-', beginning with a"
                " letter"
            )

    @property
    def site_namespace(self) -> str:
        """Where the hub leaves what a site that pulls is to have."""
        return f"isochrone-site-{self.site}"

    @property
    def hub_account(self) -> Account:
        """In a member, for the hub. The same for all sites in the cluster, and another one for each installation."""
        return Account(name=f"{self.installation}-hub", namespace=SYSTEM_NAMESPACE, labels=self._shared)

    @property
    def site_account(self) -> Account:
        """In the hub, for the operator of a site that pulls."""
        return Account(name=self.site_namespace, namespace=self.site_namespace, labels=self._own)

    def for_push(self) -> list[Json]:
        """In the site's cluster, in the order in which it is applied; the token is the last."""
        account = self.hub_account
        return [
            self._namespace(SYSTEM_NAMESPACE, self._shared),
            account.manifest,
            *account.everywhere(rights.MEMBER),
            *account.inside(SYSTEM_NAMESPACE, rights.MEMBER_SYSTEM),
            self._token(account),
        ]

    def for_pull(self) -> list[Json]:
        """In the hub, in the order in which it is applied; the token is the last."""
        account = self.site_account
        hub = Account(name=OPERATOR, namespace=SYSTEM_NAMESPACE, labels=self._own)
        return [
            self.system_namespace(),
            self._namespace(self.site_namespace, self._own),
            account.manifest,
            *account.inside(self.site_namespace, rights.SITE),
            *account.inside(SYSTEM_NAMESPACE, rights.SITE_IN_SYSTEM),
            *hub.inside(self.site_namespace, rights.HUB_IN_SITE),
            self._token(account),
        ]

    def system_namespace(self) -> Json:
        return self._namespace(SYSTEM_NAMESPACE, self._shared)

    def kubeconfig_in_hub(self, kubeconfig: bytes = b"") -> Json:
        """Push: what an EdgeNode's `kubeconfigSecretRef` names."""
        return self._secret(f"isochrone-site-{self.site}", kubeconfig)

    def kubeconfig_in_site(self, kubeconfig: bytes = b"") -> Json:
        """Pull: what `isochrone operator --site` reaches the hub by."""
        return self._secret(f"isochrone-hub-{self.site}", kubeconfig)

    def edge_node(self, *, is_pull: bool) -> Json:
        """What the EdgeNode has to say of its cluster."""
        if is_pull:
            return {"spec": {"cluster": {"type": "Remote"}, "delivery": "Pull"}}
        name = self.kubeconfig_in_hub()["metadata"]["name"]
        cluster = {"type": "Kubeconfig", "kubeconfigSecretRef": {"name": name, "key": KUBECONFIG}}
        return {"spec": {"cluster": cluster, "delivery": "Push"}}

    def leaving_hub(self) -> list[Json]:
        """What goes from the hub, in this order. A namespace takes all that is in it along."""
        rights_in_system = self.site_account.inside(SYSTEM_NAMESPACE, rights.SITE_IN_SYSTEM)
        return [self.kubeconfig_in_hub(), *reversed(rights_in_system), self._namespace(self.site_namespace, self._own)]

    def leaving_site(self) -> list[Json]:
        """What goes from the site's cluster."""
        return [self._token(self.hub_account), self.kubeconfig_in_site()]

    def leaving_last(self) -> list[Json]:
        """What goes from it with the last site of an installation: all but the namespace, in which others may be."""
        return [each for each in reversed(self.for_push()[:-1]) if each["kind"] != "Namespace"]

    def token_selector(self) -> str:
        """Of the tokens of all sites of the installation in a cluster."""
        return f"{labels.MANAGED_BY}={MANAGER},{labels.INSTALLATION}={self.installation},{_TOKEN_LABEL}=hub"

    @property
    def _shared(self) -> Json:
        return {labels.MANAGED_BY: MANAGER, labels.INSTALLATION: self.installation}

    @property
    def _own(self) -> Json:
        return {**self._shared, labels.EDGE_NODE: self.site}

    def _token(self, account: Account) -> Json:
        whose = "hub" if account == self.hub_account else "site"
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": f"isochrone-token-{self.site}",
                "namespace": account.namespace,
                "labels": {**self._own, _TOKEN_LABEL: whose},
                "annotations": {"kubernetes.io/service-account.name": account.name},
            },
            "type": "kubernetes.io/service-account-token",
        }

    def _secret(self, name: str, kubeconfig: bytes) -> Json:
        data = {"data": {KUBECONFIG: base64.b64encode(kubeconfig).decode()}} if kubeconfig else {}
        metadata = {"name": name, "namespace": SYSTEM_NAMESPACE, "labels": self._own}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", **data}

    def _namespace(self, name: str, marks: Json) -> Json:
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": marks}}


_TOKEN_LABEL: Final = "isochrone.dev/token-of"  # noqa: S105 - the name of a label
