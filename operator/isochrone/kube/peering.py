"""The certificate that a site's gateway shows to other sites: made here, vouched for by the hub, renewed in time.

The key is made in the process that delivers to the cluster, and goes nowhere but into the cluster's Secret. A Secret of
that name that isn't ours, of cert-manager say, is left alone and used as it is.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from isochrone.api.conditions import Reason
from isochrone.certificates import CertificateError, Credentials, Request, due, installed, new_request
from isochrone.kube.api import Api
from isochrone.kube.applying import fault_of
from isochrone.kube.errors import ApiError, NotFound
from isochrone.kube.kinds import SECRET
from isochrone.model import Fault, Parcel, Peering
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels
from isochrone.render.manifest import manifest
from isochrone.rollout.actions import Identity

Json = Mapping[str, Any]
Ask = Callable[[str, str], Awaitable[str | None]]
"""(site, certificate request) -> the certificate; None as long as the hub has not answered. Raises CertificateError."""

_OURS: Final = "Secret"


async def nobody(site: str, csr: str) -> str | None:
    """Where there is no hub to ask: requests are never answered."""
    del site, csr
    return None


def secret_of(parcel: Parcel) -> Identity | None:
    """The Secret of the site's gateway, where it talks to others."""
    return ("v1", _OURS, SYSTEM_NAMESPACE, parcel.peer.secret) if parcel.peer is not None else None


class Certificates:
    """Of the gateways in one cluster."""

    def __init__(self, api: Api, ask: Ask, *, clock: Callable[[], float]) -> None:
        self._api = api
        self._ask = ask
        self._clock = clock
        self._asked: dict[str, Request] = {}
        """Site -> the request that is not answered yet."""

    async def ensure(self, parcel: Parcel, children: Mapping[Identity, Json]) -> tuple[Peering | None, Fault | None]:
        """What the site's gateway has now, and what could not be done about it."""
        key = secret_of(parcel)
        if key is None or parcel.peer is None:
            return None, None
        subject = f"Secret {SYSTEM_NAMESPACE}/{parcel.peer.secret}"
        try:
            there = children.get(key) or await self._of_others(parcel.peer.secret)
            held = Credentials.of((there or {}).get("data") or {})
            if there is not None and key not in children:
                return held.peering, None
            fresh = await self._renewed(parcel, held)
            if fresh is not None and fresh != held:
                await self._api.apply(_secret(parcel, fresh))
        except ApiError as error:
            return None, fault_of(error, subject)
        except CertificateError as error:
            self._asked.pop(parcel.site, None)
            return None, Fault(reason=Reason.DELIVERY_FAILED, subject=subject, message=str(error))
        return (fresh or held).peering, None

    async def _of_others(self, name: str) -> Json | None:
        try:
            return await self._api.get(SECRET.path(SYSTEM_NAMESPACE, name))
        except NotFound:
            return None

    async def _renewed(self, parcel: Parcel, held: Credentials) -> Credentials | None:
        """What the Secret is to hold; None as long as the hub has not answered."""
        peer, now = parcel.peer, int(self._clock())
        if peer is None or not parcel.authorities:
            return None
        if due(held, identity=peer.identity, authorities=parcel.authorities, now=now) is None:
            return Credentials(authorities=parcel.authorities, certificate=held.certificate, key=held.key)
        request = self._asked.setdefault(parcel.site, new_request(peer.identity))
        certificate = await self._ask(parcel.site, request.csr)
        if certificate is None:
            return None
        found = installed(request, certificate, parcel.authorities, identity=peer.identity, now=now)
        del self._asked[parcel.site]
        return found


def _secret(parcel: Parcel, held: Credentials) -> Json:
    name = parcel.peer.secret if parcel.peer is not None else ""
    marks = {**labels.shared_labels(parcel.installation), labels.EDGE_NODE: parcel.site}
    return manifest(
        "v1", "Secret", name, namespace=SYSTEM_NAMESPACE, labels=marks, type="kubernetes.io/tls", data=held.data
    )
