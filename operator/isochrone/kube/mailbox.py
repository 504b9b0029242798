"""How a parcel gets to a cluster that the hub can't reach, and its report back: through a namespace of the hub.

    isochrone-site-NAME
      ConfigMap parcel            the revision, and the pieces that the parcel is in; written last
      ConfigMap parcel-HASH       one piece, compressed; never changes
      Secret    parcel-secrets    the Secrets that belong to it
      ConfigMap report            what became of it, written by the site's operator
    ConfigMap request           what it asks a certificate for its gateway with
    ConfigMap certificate       the answer to that
      Lease     site              renewed by the site's operator as long as it is in contact

The site's operator may read and write in this namespace and nowhere else in the hub. Whether it is in contact is told
by when its Lease last changed on our own clock: clocks of others are not compared.
"""

import base64
import dataclasses
import gzip
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec

from isochrone.kube import kinds
from isochrone.kube.api import Api
from isochrone.kube.errors import ApiError, NotFound
from isochrone.model import Parcel, Revision, SecretCopy, SiteReport
from isochrone.render import labels

Json = Mapping[str, Any]
T = TypeVar("T")

PARCEL: Final = "parcel"
SECRETS: Final = "parcel-secrets"
REPORT: Final = "report"
REQUEST: Final = "request"
CERTIFICATE: Final = "certificate"
LEASE: Final = "site"
_PIECE_BYTES: Final = 700_000
"""A ConfigMap holds 1 MiB, and base64 adds a third."""
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
    paused: tuple[str, ...] = ()
    """Routes, as `NAMESPACE/NAME`, whose objects stay as they are."""


class DamagedError(ApiError):
    """What is in the namespace is not what was put there."""


def namespace_of(site: str) -> str:
    """The namespace of a site in the hub."""
    return f"isochrone-site-{site}"


async def put(api: Api, parcel: Parcel, paused: Iterable[str]) -> None:
    """Leave a parcel for its site. Raises ApiError."""
    namespace, shared = namespace_of(parcel.site), labels.shared_labels(parcel.installation)
    whole = gzip.compress(msgspec.json.encode(dataclasses.replace(parcel, secrets=())), mtime=0)
    pieces = dict(_pieces(whole))
    head = Head(
        revision=parcel.revision,
        pieces=tuple(pieces),
        sha256=hashlib.sha256(whole).hexdigest(),
        paused=tuple(sorted(paused)),
    )
    for name, piece in pieces.items():
        content = {"immutable": True, "binaryData": {_PIECE: base64.b64encode(piece).decode()}}
        await api.apply(_object(kinds.CONFIG_MAP, namespace, name, shared, **content))
    secrets = base64.b64encode(msgspec.json.encode(parcel.secrets)).decode()
    await api.apply(_object(kinds.SECRET, namespace, SECRETS, shared, type="Opaque", data={_SECRETS_KEY: secrets}))
    data = {_HEAD: msgspec.json.encode(head).decode()}
    await api.apply(_object(kinds.CONFIG_MAP, namespace, PARCEL, shared, data=data))
    await _tidy(api, namespace, keep={PARCEL, REPORT, REQUEST, CERTIFICATE, *pieces})


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


async def take(api: Api, site: str, found: Head) -> Parcel:
    """The whole parcel. Raises ApiError; DamagedError if it isn't what the head says."""
    namespace = namespace_of(site)
    pieces = [await api.get(kinds.CONFIG_MAP.path(namespace, name)) for name in found.pieces]
    whole = b"".join(base64.b64decode((each.get("binaryData") or {}).get(_PIECE, "")) for each in pieces)
    if hashlib.sha256(whole).hexdigest() != found.sha256:
        raise DamagedError(f"the parcel in {namespace} is not what the hub put there; it is read again")
    secrets = await api.get(kinds.SECRET.path(namespace, SECRETS))
    copies = msgspec.json.decode(base64.b64decode(secrets["data"][_SECRETS_KEY]), type=tuple[SecretCopy, ...])
    parcel = msgspec.json.decode(gzip.decompress(whole), type=Parcel)
    return dataclasses.replace(parcel, secrets=copies)


async def report(api: Api, site: str) -> SiteReport | None:
    """The last report of a site. Raises ApiError."""
    try:
        item = await api.get(kinds.CONFIG_MAP.path(namespace_of(site), REPORT))
    except NotFound:
        return None
    return _decoded(item, _REPORT_KEY, SiteReport)


async def tell(api: Api, installation: str, said: SiteReport) -> None:
    """Leave a report for the hub. Raises ApiError."""
    data = {_REPORT_KEY: msgspec.json.encode(said).decode()}
    shared = labels.shared_labels(installation)
    await api.apply(_object(kinds.CONFIG_MAP, namespace_of(said.site), REPORT, shared, data=data))


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


async def sign_of_life(api: Api, site: str) -> str:
    """Something that changes each time that the site's operator is in contact. Raises ApiError."""
    try:
        lease = await api.get(kinds.LEASE.path(namespace_of(site), LEASE))
    except NotFound:
        return ""
    return str((lease.get("spec") or {}).get("renewTime", ""))


async def show_life(api: Api, site: str, now: str) -> None:
    """Say to the hub that we are in contact; `now` is RFC 3339 with microseconds. Raises ApiError."""
    spec = {"holderIdentity": site, "renewTime": now}
    await api.apply(_object(kinds.LEASE, namespace_of(site), LEASE, {}, spec=spec))


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
