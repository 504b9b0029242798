"""From what was rendered for a site, and the number that it got, to what its cluster is given."""

import dataclasses
from collections.abc import Iterable

from isochrone.controller.keys import Keys
from isochrone.kube.hub import Declared
from isochrone.model import Parcel, PeerIdentity, SecretCopy
from isochrone.render import bundle as bundles
from isochrone.render.bundle import Bundle
from isochrone.render.config.peers import identity_of
from isochrone.render.gateway_settings import PeerIssuer
from isochrone.render.manifest import Json
from isochrone.render.secrets import EVIDENCE, PEER, PROVIDERS
from isochrone.rollout.releases import Issued
from isochrone_gateway.config import Release


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """What goes into all parcels of one pass."""

    installation: str
    declared: Declared
    keys: Keys
    issuer: PeerIssuer | None = None
    """Who vouches for gateways, where we don't."""

    def parcel(self, bundle: Bundle, issued: Issued, known: Parcel | None) -> Parcel:
        """Of a bundle as it was issued; `known` is the site's last parcel."""
        is_known = known is not None and known.revision == issued.revision
        return Parcel(
            site=bundle.site,
            installation=self.installation,
            revision=issued.revision,
            objects=known.objects if known is not None and is_known else self._objects(bundle, issued),
            peer=self._peer(bundle),
            authorities=self._authorities,
            keeps_authorities=self.keys.keeps_authorities,
            evidence_key=_named(bundle, EVIDENCE),
            secrets=() if bundle.cluster == "local" else tuple(self._copies(bundle)),
        )

    def vouched(self, known: Parcel) -> Parcel:
        """A parcel of before, with the authorities as they are now: whatever waits, certificates don't."""
        return dataclasses.replace(known, authorities=self._authorities, keeps_authorities=self.keys.keeps_authorities)

    def paused(self, bundle: Bundle, issued: Issued) -> Parcel:
        """For a site that somebody has stopped."""
        return Parcel(
            site=bundle.site,
            installation=self.installation,
            revision=issued.revision,
            peer=self._peer(bundle),
            authorities=self._authorities,
            keeps_authorities=self.keys.keeps_authorities,
            is_paused=True,
        )

    @property
    def _authorities(self) -> str:
        return self.keys.authority.authorities if self.keys.authority is not None else ""

    def _peer(self, bundle: Bundle) -> PeerIdentity | None:
        found = _named(bundle, PEER)
        return self._identity(bundle.site, found) if found else None

    def _identity(self, site: str, secret: str) -> PeerIdentity:
        issuer = "" if self.issuer is None else f"{self.issuer.kind} {self.issuer.name}"
        return PeerIdentity(secret=secret, identity=identity_of(site, self.installation), issuer=issuer)

    def _objects(self, bundle: Bundle, issued: Issued) -> tuple[Json, ...]:
        """The bundle's, and the index, which is signed once for each revision."""
        if bundle.config is None:
            return bundle.objects
        release = Release(
            installation=self.installation, epoch=issued.epoch, sequence=issued.sequence, issued_at=issued.time
        )
        return (*bundle.objects, bundles.index_object(bundle, release, signers=(self.keys.index.signer,)))

    def _copies(self, bundle: Bundle) -> Iterable[SecretCopy]:
        """The keys of providers that this site may call, and no others."""
        for needed in bundle.secrets:
            secret = self.declared.secrets.get(needed.name) if needed.folder.startswith(f"{PROVIDERS}/") else None
            data = (secret or {}).get("data") or {}
            chosen = {key: data[key] for key in needed.keys if key in data}
            if chosen:
                yield SecretCopy(name=needed.name, data=chosen)


def _named(bundle: Bundle, folder: str) -> str:
    """The Secret that a gateway has in this folder; empty if it has none."""
    return next((each.name for each in bundle.secrets if each.folder == folder), "")
