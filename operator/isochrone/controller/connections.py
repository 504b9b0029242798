"""From an EdgeNode to whoever delivers to its cluster, and to what its credentials depend on."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from isochrone.api import EdgeNode
from isochrone.api.edge_node import ClusterType, Delivery
from isochrone.controller import reaching
from isochrone.controller.couriers import Connect, Deliverer
from isochrone.controller.pulled import Pulled
from isochrone.kube import profiles
from isochrone.kube.access import Access
from isochrone.kube.api import Api, Limits
from isochrone.kube.hub import Declared
from isochrone.kube.member import Member
from isochrone.kube.others import EVERY
from isochrone.kube.peering import Ask
from isochrone.model import NO_POOLS, Parcel, Pools, SiteReport

Clock = Callable[[], float]


class Connected:
    """A cluster that the hub delivers to itself."""

    def __init__(
        self,
        api: Api,
        installation: str,
        *,
        clock: Clock,
        vouch: Ask,
        is_ours: bool,
        others_every: float = EVERY,
    ) -> None:
        self._api = api
        self._member = Member(api, installation, clock=clock, ask=vouch, others_every=others_every)
        self._is_ours = is_ours

    async def deliver(
        self,
        parcels: Sequence[Parcel],
        *,
        paused: frozenset[str],
        looks: Sequence[str] = (),
        pools: Pools = NO_POOLS,
    ) -> Mapping[str, SiteReport]:
        return await self._member.deliver(parcels, paused=paused, looks=looks, pools=pools)

    async def close(self) -> None:
        if self._is_ours:
            await self._api.close()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What all deliverers work with."""

    clock: Clock
    check: Callable[[], None]
    """Called before each write; raises if this replica leads no more."""
    vouch: Ask
    is_telling: Callable[[Parcel], bool]
    """Whether a site hears of a parcel in another way."""
    limits: Limits | None = None
    others_every: float = EVERY
    """Seconds between two looks at what others hold."""


class Connections:
    """Makes them, for one pass after the other."""

    def __init__(self, hub: Api, installation: str, means: Means) -> None:
        self._hub = hub
        self._installation = installation
        self._means = means

    def of(self, edge: EdgeNode, declared: Declared) -> tuple[str, Connect]:
        """What the credentials depend on, and how to connect with them."""
        if edge.spec.delivery is Delivery.PULL:
            return "", self._pulled(edge.metadata.name)
        if edge.spec.cluster.type is ClusterType.LOCAL:
            return "", self._local
        return reaching.version_of(edge, declared.secrets, declared.profiles), self._away(edge, declared)

    async def _local(self) -> Deliverer:
        return self._pushed(self._hub, is_ours=False)

    def _away(self, edge: EdgeNode, declared: Declared) -> Connect:
        async def connect() -> Deliverer:
            inventory = declared.profiles
            if edge.spec.cluster.cluster_profile_ref is not None and not inventory:
                inventory = await profiles.all_of(self._hub)  # says why there are none
            return self._connected(reaching.access_of(edge, declared.secrets, inventory))

        return connect

    def _connected(self, access: Access) -> Deliverer:
        means = self._means
        api = access.api(limits=means.limits, check=means.check)
        return self._pushed(api, is_ours=True)

    def _pushed(self, api: Api, *, is_ours: bool) -> Connected:
        means = self._means
        return Connected(
            api,
            self._installation,
            clock=means.clock,
            vouch=means.vouch,
            is_ours=is_ours,
            others_every=means.others_every,
        )

    def _pulled(self, site: str) -> Connect:
        async def connect() -> Deliverer:
            means = self._means
            return Pulled(self._hub, site, clock=means.clock, vouch=means.vouch, is_telling=means.is_telling)

        return connect
