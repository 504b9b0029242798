"""From an EdgeNode to whoever delivers to its cluster, and to what its credentials depend on.

What can't be right stays a refusal until it is changed: a Secret that is missing, a kubeconfig that asks for more than
we allow. It becomes a condition of the EdgeNode, like everything else that goes wrong with its cluster.
"""

from collections.abc import Callable, Mapping, Sequence

from isochrone.api import EdgeNode
from isochrone.api.edge_node import ClusterType, Delivery
from isochrone.controller.couriers import Connect, Deliverer
from isochrone.controller.pulled import Pulled
from isochrone.kube import kubeconfig as kubeconfigs
from isochrone.kube.api import Api, Limits
from isochrone.kube.errors import ApiError, Unauthorized
from isochrone.kube.hub import Declared, secret_value
from isochrone.kube.member import Member
from isochrone.kube.peering import Ask
from isochrone.model import Parcel, SiteReport
from isochrone.model.declared import SYSTEM_NAMESPACE

Clock = Callable[[], float]


class Connected:
    """A cluster that the hub delivers to itself."""

    def __init__(self, api: Api, installation: str, *, clock: Clock, vouch: Ask, is_ours: bool) -> None:
        self._api = api
        self._member = Member(api, installation, clock=clock, ask=vouch)
        self._is_ours = is_ours

    async def deliver(
        self, parcels: Sequence[Parcel], *, paused: frozenset[str], looks: Sequence[str] = ()
    ) -> Mapping[str, SiteReport]:
        return await self._member.deliver(parcels, paused=paused, looks=looks)

    async def close(self) -> None:
        if self._is_ours:
            await self._api.close()


class Connections:
    """Makes them, for one pass after the other."""

    def __init__(
        self,
        hub: Api,
        installation: str,
        *,
        clock: Clock,
        check: Callable[[], None],
        vouch: Ask,
        limits: Limits | None = None,
    ) -> None:
        self._hub = hub
        self._installation = installation
        self._clock = clock
        self._check = check
        self._vouch = vouch
        self._limits = limits

    def of(self, edge: EdgeNode, declared: Declared) -> tuple[str, Connect]:
        """What the credentials depend on, and how to connect with them."""
        kind = edge.spec.cluster.type
        if edge.spec.delivery is Delivery.PULL:
            return "", self._pulled(edge.metadata.name)
        if kind is ClusterType.LOCAL:
            return "", self._local
        if kind is ClusterType.KUBECONFIG:
            return self._by_kubeconfig(edge, declared)
        return "", self._not_yet(edge, f"cluster.type {kind}")

    async def _local(self) -> Deliverer:
        return Connected(self._hub, self._installation, clock=self._clock, vouch=self._vouch, is_ours=False)

    def _by_kubeconfig(self, edge: EdgeNode, declared: Declared) -> tuple[str, Connect]:
        ref = edge.spec.cluster.kubeconfig_secret_ref
        if ref is None:
            raise ValueError(f"EdgeNode {edge.metadata.name} has cluster.type Kubeconfig and no kubeconfigSecretRef")
        secret = declared.secrets.get(ref.name)
        kubeconfig = secret_value(secret, ref.key) if secret is not None else None
        version = secret["metadata"]["resourceVersion"] if secret is not None else ""

        async def connect() -> Deliverer:
            if secret is None:
                raise Unauthorized(
                    f"there is no Secret {SYSTEM_NAMESPACE}/{ref.name} with the kubeconfig of this site: create it,"
                    f" or run `isochrone site join {edge.metadata.name}`"
                )
            if kubeconfig is None:
                raise Unauthorized(f"Secret {SYSTEM_NAMESPACE}/{ref.name} has no key {ref.key} with a kubeconfig")
            api = kubeconfigs.parse(kubeconfig).api(limits=self._limits, check=self._check)
            return Connected(api, self._installation, clock=self._clock, vouch=self._vouch, is_ours=True)

        return version, connect

    def _pulled(self, site: str) -> Connect:
        async def connect() -> Deliverer:
            return Pulled(self._hub, site, clock=self._clock, vouch=self._vouch)

        return connect

    def _not_yet(self, edge: EdgeNode, what: str) -> Connect:
        async def connect() -> Deliverer:
            raise ApiError(f"EdgeNode {edge.metadata.name}: {what} is not known to this operator")

        return connect
