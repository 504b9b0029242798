"""The keys of an installation, which the hub keeps: that of its peers' authority, and that which signs configs.

They are in Secrets of isochrone-system, made once, and written before anybody is told of what is new in them.
"""

import base64
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final

from isochrone.certificates import CertificateError, IndexKey, State, decide, new_authority, new_index_key, sign, stored
from isochrone.kube.api import Api
from isochrone.kube.errors import ApiError
from isochrone.kube.hub import Declared, secret_value
from isochrone.kube.kinds import SECRET
from isochrone.model import Peering
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels
from isochrone.render.config.peers import identity_of

Json = Mapping[str, Any]

INDEX_KEY: Final = "isochrone-index-key"
ROTATE: Final = "isochrone.dev/rotate"
"""On the Secret of the authority: replace it now, whatever its age."""
_LOOKING_FOR: Final = 600.0
"""Seconds after which sites that nobody could look at hold up nothing more."""
_PRIVATE: Final = "private.pem"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """As they are now."""

    index: IndexKey
    authority: State | None
    """None as long as no gateway talks to another."""
    keeps_authorities: bool = False
    """Whether sites go on trusting others that they trust."""


class Keeper:
    """Makes them, and replaces the authority in time."""

    def __init__(self, api: Api, installation: str, *, wall: Callable[[], float]) -> None:
        self._api = api
        self._installation = installation
        self._wall = wall
        self._authority: State | None = None
        self._peers: Mapping[str, Peering | None] = {}
        self._has_looked = False
        self._began = wall()

    async def keep(self, declared: Declared, peers: Mapping[str, Peering | None], *, has_looked: bool = True) -> Keys:
        """All keys, for sites whose gateways talk to each other. Raises ApiError, also if one is damaged.

        Before all sites have been looked at nothing is decided or signed: we may have been restored from a backup.
        """
        self._peers = peers
        self._has_looked = self._has_looked or has_looked or self._wall() - self._began >= _LOOKING_FOR
        try:
            index = await self._index(declared)
            self._authority = await self._rotated(declared, peers) if peers else None
        except CertificateError as error:
            raise ApiError(str(error)) from error
        is_returning = self._authority is not None and self._authority.returning is not None
        return Keys(index=index, authority=self._authority, keeps_authorities=is_returning or not self._has_looked)

    async def vouch(self, site: str, csr: str) -> str | None:
        """The certificate for a request that came from this site. Raises CertificateError."""
        if self._authority is None or not self._has_looked or not self._authority.signs_for(self._peers.get(site)):
            return None
        identity = identity_of(site, self._installation)
        return sign(csr, identity=identity, authority=self._authority.signer, now=int(self._wall()))

    async def _index(self, declared: Declared) -> IndexKey:
        secret = declared.secrets.get(INDEX_KEY)
        if secret is None:
            key = new_index_key()
            await self._create(INDEX_KEY, {_PRIVATE: base64.b64encode(key.private.encode()).decode()})
            return key
        value = secret_value(secret, _PRIVATE)
        if value is None:
            raise CertificateError(
                f"Secret {SYSTEM_NAMESPACE}/{INDEX_KEY} has no {_PRIVATE}: restore it, or delete it to have another"
            )
        return IndexKey(private=value.decode("ascii", errors="replace"))

    async def _rotated(self, declared: Declared, peers: Mapping[str, Peering | None]) -> State:
        now, secret = int(self._wall()), declared.secrets.get(stored.SECRET)
        if secret is None:
            state = State(signer=new_authority(self._installation, now), since=now)
            await self._create(stored.SECRET, stored.data_of(state))
            return state
        state = stored.state_of(secret.get("data") or {})
        if not self._has_looked:
            return state
        is_asked = ROTATE in (secret["metadata"].get("annotations") or {})
        decided = decide(
            state, peers, now=now, fresh=lambda: new_authority(self._installation, now), is_asked=is_asked
        ).state
        if decided != state:
            await self._replace(secret, stored.data_of(decided))
        return decided

    async def _create(self, name: str, data: Mapping[str, str]) -> None:
        metadata = {
            "name": name,
            "namespace": SYSTEM_NAMESPACE,
            "labels": labels.shared_labels(self._installation) | {labels.COMPONENT: "keys"},
        }
        item = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": dict(data)}
        await self._api.create(SECRET.path(SYSTEM_NAMESPACE), item)

    async def _replace(self, secret: Json, data: Mapping[str, str]) -> None:
        """If nobody has written it since. What was asked for by an annotation has begun then."""
        kept = {key: value for key, value in (secret["metadata"].get("annotations") or {}).items() if key != ROTATE}
        metadata = {**secret["metadata"], "annotations": kept}
        item = {**secret, "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": dict(data)}
        await self._api.replace(SECRET.path(SYSTEM_NAMESPACE, secret["metadata"]["name"]), item)
