"""The certificate that a site's gateway shows to other sites: made here, vouched for by the hub, renewed in time.

The key is made in the process that delivers to the cluster, and goes nowhere but into the cluster's Secret. A Secret of
that name that isn't ours, of cert-manager say, is left alone and used as it is.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from isochrone.api.conditions import Reason
from isochrone.certificates import CertificateError, Credentials, Due, Request, bundle, due, installed, new_request
from isochrone.kube.api import Api
from isochrone.kube.applying import fault_of
from isochrone.kube.errors import ApiError
from isochrone.kube.found import secret_of_system
from isochrone.model import Fault, Parcel, Peering
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels
from isochrone.render.manifest import manifest
from isochrone.rollout.actions import Identity

Json = Mapping[str, Any]
Ask = Callable[[str, str], Awaitable[str | None]]
"""(site, certificate request) -> the certificate; None as long as the hub has not answered. Raises CertificateError."""

_OURS: Final = "Secret"
_CERTIFICATE: Final = "Certificate"
_TYPE: Final = "kubernetes.io/tls"
_STILL_GOOD: Final = frozenset({Due.OLD, Due.OTHER_AUTHORITY})
"""Why another certificate is asked for while the one that is there is shown on."""


async def nobody(site: str, csr: str) -> str | None:
    """Where there is no hub to ask: requests are never answered."""
    del site, csr
    return None


def secret_of(parcel: Parcel) -> Identity | None:
    """The Secret of the site's gateway, where it talks to others."""
    return ("v1", _OURS, SYSTEM_NAMESPACE, parcel.peer.secret) if parcel.peer is not None else None


def seen(ours: Iterable[Json]) -> Peering:
    """What is known of a site by what it has of ours, before anything is done about it."""
    found = (item for item in ours if item["kind"] == _OURS and item.get("type") == _TYPE)
    return next((Credentials.of(item.get("data") or {}).peering for item in found), Peering())


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
            there = children.get(key) or await secret_of_system(self._api, parcel.peer.secret)
            held = Credentials.of((there or {}).get("data") or {})
            if parcel.peer.issuer:
                return held.peering, None if held.certificate else _unissued(parcel)
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

    async def _renewed(self, parcel: Parcel, held: Credentials) -> Credentials | None:
        """What the Secret is to hold; None if there is nothing yet that it could."""
        peer, now = parcel.peer, int(self._clock())
        if peer is None or not parcel.authorities:
            return None
        authorities = bundle(held, parcel.authorities, keeps=parcel.keeps_authorities, now=now)
        reason = due(held, identity=peer.identity, authorities=authorities, now=now)
        as_before = Credentials(authorities=authorities, certificate=held.certificate, key=held.key)
        if reason is None:
            return as_before
        request = self._asked.setdefault(parcel.site, new_request(peer.identity))
        certificate = await self._ask(parcel.site, request.csr)
        if certificate is None:
            return as_before if reason in _STILL_GOOD else None
        found = installed(request, certificate, authorities, identity=peer.identity, now=now)
        del self._asked[parcel.site]
        return found


def _unissued(parcel: Parcel) -> Fault:
    """Why somebody else's certificate isn't there, and the way out."""
    name, issuer = (parcel.peer.secret, parcel.peer.issuer) if parcel.peer is not None else ("", "")
    if any(item["kind"] == _CERTIFICATE for item in parcel.objects):
        message = f"{issuer} has not issued it yet: see `kubectl describe certificate -n {SYSTEM_NAMESPACE} {name}`"
    else:
        message = (
            f"{issuer} is to issue it, and this cluster has no cert-manager.io/v1: install cert-manager, or remove"
            " `gateway.peerIssuer` from the operator's settings"
        )
    return Fault(reason=Reason.DELIVERY_FAILED, subject=f"{_CERTIFICATE} {SYSTEM_NAMESPACE}/{name}", message=message)


def _secret(parcel: Parcel, held: Credentials) -> Json:
    name = parcel.peer.secret if parcel.peer is not None else ""
    marks = {**labels.shared_labels(parcel.installation), labels.EDGE_NODE: parcel.site}
    return manifest("v1", "Secret", name, namespace=SYSTEM_NAMESPACE, labels=marks, type=_TYPE, data=held.data)
