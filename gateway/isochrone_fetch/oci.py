"""Files of an OCI image or artifact, for clusters that can't mount one.

Spec: https://github.com/opencontainers/distribution-spec. The digest in the reference is that of the manifest, which
has those of the layers: each is verified before it is unpacked. Layers with a title are files (ORAS), others archives.
"""

import base64
import functools
import json
import pathlib
import re
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256 as _sha256
from typing import Any, Final
from urllib.parse import quote

from isochrone_fetch import download, http, manifest
from isochrone_fetch.errors import FetchError
from isochrone_fetch.http import Request
from isochrone_fetch.patience import Sleep, patiently

_REFERENCE: Final = re.compile(r"([^/@]+)/([^@:]+)(?::[^@]+)?@sha256:([0-9a-f]{64})")
_MEDIA: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_TITLE: Final = "org.opencontainers.image.title"
_LARGEST: Final = 4 * 1024 * 1024
_HUB: Final = {"docker.io": "registry-1.docker.io"}


@dataclass(frozen=True)
class Image:
    """A repository in a registry, and the digest of a manifest in it."""

    scheme: str
    registry: str
    repository: str
    sha256: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def blob(self, sha256: str) -> Request:
        return Request(f"{self._url}/blobs/sha256:{sha256}", self.headers)

    def manifest(self, sha256: str) -> Request:
        return Request(f"{self._url}/manifests/sha256:{sha256}", {**self.headers, "Accept": ", ".join(_MEDIA)})

    @property
    def _url(self) -> str:
        host = _HUB.get(self.registry, self.registry)
        return f"{self.scheme}://{host}/v2/{self.repository}"


def image(rest: str, environment: Mapping[str, str], *, sleep: Sleep, scheme: str = "https") -> Image:
    """`registry/name@sha256:...`, with what the registry wants of who reads it."""
    match = _REFERENCE.fullmatch(rest)
    if match is None:
        raise FetchError(f"oci://{rest} is no image by digest: it is oci://registry/name@sha256:...")
    registry, repository, sha256 = match.groups()
    anonymous = Image(scheme, registry, repository, sha256)
    basic = _basic(registry, environment.get("DOCKER_CONFIG_JSON"))
    headers = patiently(lambda: _authorised(anonymous, basic), registry, sleep=sleep)
    return Image(scheme, registry, repository, sha256, headers)


def fetch(source: Image, to: pathlib.Path, *, sleep: Sleep) -> None:
    """All layers, in order."""
    for layer in patiently(lambda: _layers(source, source.sha256), source.registry, sleep=sleep):
        digest = str(layer["digest"]).removeprefix("sha256:")
        title = layer.get("annotations", {}).get(_TITLE)
        place = to / manifest.inside(title) if title else to / ".layers" / digest
        download.file(functools.partial(source.blob, digest), place, digest, sleep=sleep)
        if not title:
            _unpack(place, to)
            place.unlink()


def _layers(source: Image, sha256: str) -> list[dict[str, Any]]:
    content = http.read(source.manifest(sha256), at_most=_LARGEST)
    if _sha256(content).hexdigest() != sha256:
        raise FetchError(f"{source.registry} sent another manifest than sha256:{sha256}")
    document = json.loads(content)
    if "manifests" in document:
        # Weights are the same on every platform.
        return _layers(source, str(document["manifests"][0]["digest"]).removeprefix("sha256:"))
    layers: list[dict[str, Any]] = document["layers"]
    return layers


def _unpack(archive: pathlib.Path, to: pathlib.Path) -> None:
    try:
        with tarfile.open(archive, "r:*") as tar:
            if hasattr(tarfile, "data_filter"):
                tar.extractall(to, filter="data")
            else:
                extract_plain(tar, to)
    except tarfile.TarError as error:
        raise FetchError(f"a layer can't be unpacked, only tar and tar.gz can: {error}") from error


def extract_plain(tar: tarfile.TarFile, to: pathlib.Path) -> None:
    """Files and folders, for Python before 3.11.4 (Debian 12 has 3.11.2), whose tarfile looks at no path.

    Raises TarError at the first link or device: what one leads to would have to be looked at, too.
    """
    for member in tar:
        name = pathlib.PurePosixPath(member.name).as_posix()  # As `./name` is written nearly as often as `name`.
        if name == ".":
            continue
        try:
            place = to / manifest.inside(name)
        except FetchError as error:
            raise tarfile.TarError(str(error)) from error
        content = tar.extractfile(member) if member.isreg() else None
        if content is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            with content, place.open("wb") as file:
                shutil.copyfileobj(content, file)
        elif member.isdir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            raise tarfile.TarError(f"{name} is no file; Python 3.11.4 or newer is needed for it")


def _basic(registry: str, config: str | None) -> dict[str, str]:
    if not config:
        return {}
    entry = json.loads(config).get("auths", {}).get(registry)
    if not entry:
        return {}
    pair = entry.get("auth") or base64.b64encode(f"{entry['username']}:{entry['password']}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _authorised(source: Image, basic: Mapping[str, str]) -> Mapping[str, str]:
    """The headers that the registry wants: none, the name and password themselves, or a token for them."""
    try:
        with http.get(source.manifest(source.sha256)):
            return {}
    except http.RefusedError as error:
        if error.status != http.UNAUTHORIZED:
            raise
        challenge = error.challenge
    if not challenge.lower().startswith("bearer "):
        return basic
    parts = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    scope = quote(parts.get("scope", f"repository:{source.repository}:pull"), safe=":/,")
    url = f"{parts['realm']}?service={quote(parts.get('service', ''))}&scope={scope}"
    document = json.loads(http.read(Request(url, basic), at_most=_LARGEST))
    return {"Authorization": f"Bearer {document.get('token') or document['access_token']}"}
