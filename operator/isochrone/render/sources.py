"""Where weights come from: what a URI of `spec.serving.weights` means, for the pod and for its network."""

import dataclasses
import enum
import posixpath
from collections.abc import Mapping
from typing import Final

from isochrone.api.serving import EngineType, Serving, Weights

FOLDER: Final = "/models"
"""Where weights are in the containers of a pod."""

_GGUF: Final = "model.gguf"
_AWS: Final = "s3.*.amazonaws.com"

_STORES: Final[Mapping[str, tuple[str, ...]]] = {
    "huggingface.co": ("*.hf.co", "*.xethub.hf.co"),
    "docker.io": ("registry-1.docker.io", "auth.docker.io", "production.cloudflare.docker.com"),
    "ghcr.io": ("pkg-containers.githubusercontent.com",),
    "quay.io": ("cdn.quay.io", "*.cdn.quay.io"),
}
"""Where else these send on to. Of others that send on, nothing is known: an own policy has to allow it."""


class Way(enum.Enum):
    """How weights get into a pod."""

    FETCH = "fetch"
    """A program of ours downloads and verifies them before the engine starts."""
    IMAGE = "image"
    """The kubelet mounts an OCI image, by its digest."""
    CLAIM = "claim"
    """They are on a volume that exists."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A URI, read."""

    scheme: str
    way: Way
    place: str
    """What follows the scheme: a host and path, a bucket and key, a repository, an image, or the name of a claim."""
    path: str
    """The file or folder of the weights, below FOLDER."""


def read(weights: Weights) -> Source:
    """The parts of the URI."""
    scheme, _, rest = weights.uri.partition("://")
    match scheme:
        case "pvc":
            claim, _, path = rest.partition("/")
            return Source(scheme=scheme, way=Way.CLAIM, place=claim, path=path.strip("/"))
        case "oci":
            return Source(scheme=scheme, way=Way.IMAGE, place=rest, path="")
        case "hf":
            return Source(scheme=scheme, way=Way.FETCH, place=rest, path=_file_of_repository(rest))
        case _:
            return Source(scheme=scheme, way=Way.FETCH, place=rest, path=posixpath.basename(rest))


def _file_of_repository(rest: str) -> str:
    """`org/model` and `org/model@revision` are a folder; what follows them is one file."""
    parts = rest.split("/")
    is_file = len(parts) > 2 and parts[-1] != ""  # noqa: PLR2004 - org, model
    return parts[-1] if is_file else ""


def path_for_engine(serving: Serving) -> str:
    """What the engine is told to load. Weights that a Custom engine brings itself: nothing."""
    if serving.weights is None:
        return ""
    path = posixpath.join(FOLDER, read(serving.weights).path).rstrip("/")
    # llama.cpp loads a file. In a folder it is to have this name.
    takes_file = serving.engine.type is EngineType.LLAMA_CPP
    return posixpath.join(path, _GGUF) if takes_file and not path.endswith(".gguf") else path


def hosts(source: Source, *, hf_endpoint: str, s3_endpoint: str | None) -> tuple[str, ...]:
    """Domain names, `*` standing for a part of one, that a fetch talks to."""
    host = _authority(_url(source, hf_endpoint=hf_endpoint, s3_endpoint=s3_endpoint)).partition(":")[0]
    return (host, *_STORES.get(host, ()))


def port(source: Source, *, hf_endpoint: str, s3_endpoint: str | None) -> int:
    """The port that a fetch talks to."""
    url = _url(source, hf_endpoint=hf_endpoint, s3_endpoint=s3_endpoint)
    given = _authority(url).partition(":")[2]
    return int(given) if given.isdigit() else 80 if url.startswith("http://") else 443


def _authority(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2]


def _url(source: Source, *, hf_endpoint: str, s3_endpoint: str | None) -> str:
    match source.scheme:
        case "hf":
            return hf_endpoint
        case "s3":
            return s3_endpoint or f"https://{_AWS}"
        case _:
            return f"https://{source.place}"
