"""How a parcel gets to a cluster that the hub can't reach, and its report back: through a namespace of the hub.

    isochrone-site-NAME
      ConfigMap parcel            the revision, the law, and the pieces that all else is in; written last
      ConfigMap parcel-HASH       one piece, compressed; never changes
      Secret    parcel-secrets    the Secrets that belong to it
      ConfigMap report            what became of it, written by the site's operator
      ConfigMap request           what it asks a certificate for its gateway with
      ConfigMap certificate       the answer to that
      Lease     site              renewed by the site's operator as long as it is in contact (`contact.py`)

What a change of the law changes is in the head itself: so that is one write for a site, and one event to hear of it.

The site's operator may read and write in this namespace and nowhere else in the hub. Whether it is in contact is told
by when its Lease last changed on our own clock: clocks of others are not compared.
"""

import base64
import contextlib
import dataclasses
import gzip
import hashlib
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from isochrone.kube import kinds
from isochrone.kube.api import Api
from isochrone.kube.errors import ApiError, NotFound
from isochrone.model import Parcel, PoolAt, Revision, SecretCopy, SiteReport
from isochrone.render import labels, rights
from isochrone.render.bundle import ordered
from isochrone.render.gateway.config_maps import is_index, is_law

Json = Mapping[str, Any]
T = TypeVar("T")

PARCEL: Final = rights.PARCEL
SECRETS: Final = rights.SECRETS
REPORT: Final = rights.REPORT
REQUEST: Final = rights.REQUEST
CERTIFICATE: Final = "certificate"
_PIECE_BYTES: Final = 700_000
"""A ConfigMap holds 1 MiB, and base64 adds a third."""
_LEVEL: Final = 3
"""Of compression: most of it are pieces of configs, which are compressed already."""
_HEAD: Final = "parcel.json"
_PIECE: Final = "piece"
_SECRETS_KEY: Final = "secrets.json"
_REPORT_KEY: Final = "report.json"
_CSR: Final = "csr.pem"
_CERTIFICATE: Final = "certificate.pem"


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a parcel is made of."""

    revision: Revision
    pieces: tuple[str, ...]
    """Names of ConfigMaps, in order."""
    sha256: str
    """Of all pieces together."""
    moving: bytes
    """The parcel without what is in the pieces, compressed."""
    secrets: str
    """The version of the Secret that belongs to it."""
    paused: tuple[str, ...] = ()
    """Routes, as `NAMESPACE/NAME`, whose objects stay as they are."""
    pools: tuple[PoolAt, ...] = ()
    """The site's, of which others may hold devices."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Left:
    """What was left for a site last. It need not be left again."""

    resting: Sequence[Json]
    pieces: tuple[str, ...]
    sha256: str
    secrets: tuple[SecretCopy, ...]
    version: str
    """Of the Secret."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taken:
    """A parcel that was taken, with what need not be taken again."""

    head: Head
    resting: Sequence[Json]
    parcel: Parcel


class DamagedError(ApiError):
    """What is in the namespace is not what was put there."""


def namespace_of(site: str) -> str:
    """The namespace of a site in the hub."""
    return f"isochrone-site-{site}"


async def put(
    api: Api,
    parcel: Parcel,
    paused: Iterable[str],
    before: Left | None = None,
    *,
    pools: tuple[PoolAt, ...] = (),
) -> Left:
    """Leave a parcel for its site; of what was left `before` only what is new. Raises ApiError."""
    namespace, shared = namespace_of(parcel.site), labels.shared_labels(parcel.installation)
    moving = [each for each in parcel.objects if _is_moving(each)]
    resting = [each for each in parcel.objects if not _is_moving(each)]
    left = await _rest(api, parcel, resting, before)
    head = Head(
        revision=parcel.revision,
        pieces=left.pieces,
        sha256=left.sha256,
        moving=_packed(dataclasses.replace(parcel, objects=tuple(moving), secrets=())),
        secrets=left.version,
        paused=tuple(sorted(paused)),
        pools=pools,
    )
    data = {_HEAD: msgspec.json.encode(head).decode()}
    item = _object(kinds.CONFIG_MAP, namespace, PARCEL, shared, data=data)
    await write(api, item, {"data": data}, is_there=before is not None)
    if before is None or before.pieces != left.pieces:
        await _tidy(api, namespace, keep={PARCEL, REPORT, REQUEST, CERTIFICATE, *left.pieces})
    return left


async def _rest(api: Api, parcel: Parcel, resting: Sequence[Json], before: Left | None) -> Left:
    """What is there before the head is."""
    namespace, shared = namespace_of(parcel.site), labels.shared_labels(parcel.installation)
    if before is not None and before.resting == resting:
        pieces, sha256 = before.pieces, before.sha256
    else:
        whole = _packed(resting)
        named, sha256 = dict(_pieces(whole)), hashlib.sha256(whole).hexdigest()
        pieces = tuple(named)
        for name, piece in named.items():
            content = {"immutable": True, "binaryData": {_PIECE: base64.b64encode(piece).decode()}}
            await api.apply(_object(kinds.CONFIG_MAP, namespace, name, shared, **content))
    if before is not None and before.secrets == parcel.secrets:
        version = before.version
    else:
        data = {_SECRETS_KEY: base64.b64encode(msgspec.json.encode(parcel.secrets)).decode()}
        made = await api.apply(_object(kinds.SECRET, namespace, SECRETS, shared, type="Opaque", data=data))
        version = made["metadata"]["resourceVersion"]
    return Left(resting=resting, pieces=pieces, sha256=sha256, secrets=parcel.secrets, version=version)


def _is_moving(item: Json) -> bool:
    """Whether it is in the head: what a change of the law changes."""
    return is_index(item) or is_law(item)


def _packed(content: object) -> bytes:
    return gzip.compress(msgspec.json.encode(content), _LEVEL, mtime=0)


async def _tidy(api: Api, namespace: str, keep: set[str]) -> None:
    """Remove pieces of parcels before this one."""
    listed = await api.list(kinds.CONFIG_MAP.path(namespace), label_selector=labels.INSTALLATION)
    for name in {each["metadata"]["name"] for each in listed.items} - keep:
        await api.delete(kinds.CONFIG_MAP.path(namespace, name))


async def head(api: Api, site: str) -> Head | None:
    """What is there for a site; None if nothing is yet. Raises ApiError."""
    try:
        item = await api.get(kinds.CONFIG_MAP.path(namespace_of(site), PARCEL))
    except NotFound:
        return None
    return _decoded(item, _HEAD, Head)


async def heads(api: Api, site: str) -> AsyncIterator[Head]:
    """What is there for a site, now and whenever it changes, until the API server ends the watch. Raises ApiError."""
    path, only = kinds.CONFIG_MAP.path(namespace_of(site)), f"metadata.name={PARCEL}"
    listed = await api.list(path, field_selector=only)
    for item in listed.items:
        yield _decoded(item, _HEAD, Head)
    async with contextlib.aclosing(api.watch(path, listed.resource_version, field_selector=only)) as events:
        async for event in events:
            if event.type in {"ADDED", "MODIFIED"}:
                yield _decoded(event.item, _HEAD, Head)


async def take(api: Api, site: str, found: Head, before: Taken | None = None) -> Taken:
    """The whole parcel; what was taken `before` is not asked for again. Raises ApiError.

    Raises DamagedError if it isn't what the head says.
    """
    namespace = namespace_of(site)
    is_same = before is not None and before.head.sha256 == found.sha256
    resting = before.resting if before is not None and is_same else await _resting(api, namespace, found)
    has_same = before is not None and before.head.secrets == found.secrets
    secrets = before.parcel.secrets if before is not None and has_same else await _secrets(api, namespace)
    try:
        parcel = msgspec.json.decode(gzip.decompress(found.moving), type=Parcel)
    except (OSError, EOFError, zlib.error, msgspec.DecodeError) as error:
        raise DamagedError(f"ConfigMap {namespace}/{PARCEL} can't be read: {error}") from error
    objects = tuple(ordered([*resting, *parcel.objects]))
    return Taken(head=found, resting=resting, parcel=dataclasses.replace(parcel, objects=objects, secrets=secrets))


async def _resting(api: Api, namespace: str, found: Head) -> Sequence[Json]:
    pieces = [await api.get(kinds.CONFIG_MAP.path(namespace, name)) for name in found.pieces]
    whole = b"".join(base64.b64decode((each.get("binaryData") or {}).get(_PIECE, "")) for each in pieces)
    if hashlib.sha256(whole).hexdigest() != found.sha256:
        raise DamagedError(f"the parcel in {namespace} is not what the hub put there; it is read again")
    return msgspec.json.decode(gzip.decompress(whole), type=tuple[Json, ...])


async def _secrets(api: Api, namespace: str) -> tuple[SecretCopy, ...]:
    item = await api.get(kinds.SECRET.path(namespace, SECRETS))
    return msgspec.json.decode(base64.b64decode(item["data"][_SECRETS_KEY]), type=tuple[SecretCopy, ...])


async def report(api: Api, site: str) -> SiteReport | None:
    """The last report of a site. Raises ApiError."""
    try:
        item = await api.get(kinds.CONFIG_MAP.path(namespace_of(site), REPORT))
    except NotFound:
        return None
    return _decoded(item, _REPORT_KEY, SiteReport)


async def tell(api: Api, installation: str, said: SiteReport, *, is_there: bool = False) -> None:
    """Leave a report for the hub; `is_there` if there is one of ours already. Raises ApiError."""
    data = {_REPORT_KEY: msgspec.json.encode(said).decode()}
    shared = labels.shared_labels(installation)
    item = _object(kinds.CONFIG_MAP, namespace_of(said.site), REPORT, shared, data=data)
    await write(api, item, {"data": data}, is_there=is_there)


async def ask(api: Api, site: str, csr: str) -> str | None:
    """Ask for a certificate, and take the answer if it is there. Raises ApiError."""
    answer = await _data(api, site, CERTIFICATE)
    if answer.get(_CSR) == csr:
        return answer.get(_CERTIFICATE)
    if (await _data(api, site, REQUEST)).get(_CSR) != csr:
        await api.apply(_object(kinds.CONFIG_MAP, namespace_of(site), REQUEST, {}, data={_CSR: csr}))
    return None


async def asked(api: Api, site: str) -> str | None:
    """The request of a site that has no answer yet. Raises ApiError."""
    csr = (await _data(api, site, REQUEST)).get(_CSR)
    return csr if csr and (await _data(api, site, CERTIFICATE)).get(_CSR) != csr else None


async def answer(api: Api, site: str, csr: str, certificate: str) -> None:
    """Raises ApiError."""
    data = {_CSR: csr, _CERTIFICATE: certificate}
    await api.apply(_object(kinds.CONFIG_MAP, namespace_of(site), CERTIFICATE, {}, data=data))


async def _data(api: Api, site: str, name: str) -> Mapping[str, str]:
    try:
        item = await api.get(kinds.CONFIG_MAP.path(namespace_of(site), name))
    except NotFound:
        return {}
    return item.get("data") or {}


async def write(api: Api, item: Json, patch: Json, *, is_there: bool) -> None:
    """The object, or if it `is_there` only what is new in it.

    Server-side apply costs the API server half as much again, and these are written to all sites at once.
    """
    if is_there:
        with contextlib.suppress(NotFound):
            await api.merge(kinds.path_of(item), patch)
            return
    await api.apply(item)


def _object(kind: kinds.Kind, namespace: str, name: str, marks: Mapping[str, str], **content: Any) -> Json:
    metadata = {"name": name, "namespace": namespace, "labels": dict(marks)}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **content}


def _pieces(whole: bytes) -> Iterator[tuple[str, bytes]]:
    for at in range(0, len(whole), _PIECE_BYTES):
        piece = whole[at : at + _PIECE_BYTES]
        yield f"parcel-{hashlib.sha256(piece).hexdigest()[:16]}", piece


def _decoded(item: Json, key: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode((item.get("data") or {}).get(key, ""), type=kind)
    except msgspec.DecodeError as error:
        metadata = item["metadata"]
        raise DamagedError(f"ConfigMap {metadata['namespace']}/{metadata['name']} can't be read: {error}") from error
