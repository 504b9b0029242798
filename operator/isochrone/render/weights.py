"""The engine's weights in its pod: fetched and verified, mounted from an OCI image, or on a volume.

Credentials are references to keys of a Secret in the route's namespace, and only the container that fetches has them.
The engine can't write to its weights, whichever way they came.
"""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from isochrone.api.serving import Weights
from isochrone.model import Capability
from isochrone.model.amounts import number
from isochrone.render import sources
from isochrone.render.manifest import Json, filled
from isochrone.render.quantities import GIB, mebibytes
from isochrone.render.sources import FOLDER, Source, Way
from isochrone.render.subject import Subject

VOLUME: Final = "isochrone-weights"
FETCHER: Final = "isochrone-weights"
"""The init container's name."""

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "https": ("TOKEN", "USERNAME", "PASSWORD"),
    "hf": ("HF_TOKEN",),
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"),
    "oci": ("DOCKER_CONFIG_JSON",),
}
"""Which keys of the Secret are read. Each may be missing."""

_DOCKER_CONFIG: Final = ".dockerconfigjson"
_SPARE: Final = Fraction(1, 20)
_IMAGE_VOLUMES_SINCE: Final = (1, 35)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """What weights add to a pod."""

    volume: Json
    init_containers: tuple[Json, ...] = ()
    disk: str | None = None
    """What they need of the node's disk, for the scheduler."""
    pull_secret: str | None = None


def loading(subject: Subject) -> Loading | None:
    """How the weights get into the pod; None for engines that bring their own."""
    weights = subject.serving.weights
    if weights is None:
        return None
    source = sources.read(weights)
    match way(subject, source):
        case Way.CLAIM:
            return _claimed(subject, weights, source)
        case Way.IMAGE:
            image = {"reference": source.place, "pullPolicy": "IfNotPresent"}
            return Loading(volume={"name": VOLUME, "image": image}, pull_secret=weights.secret_name)
        case Way.FETCH:
            return _fetched(subject, weights, source)


def way(subject: Subject, source: Source) -> Way:
    """Where the cluster mounts no images yet, they are fetched: layer by layer, each by its digest."""
    seen = subject.observation
    mounts = Capability.IMAGE_VOLUME in seen.capabilities or seen.kubernetes >= _IMAGE_VOLUMES_SINCE
    return Way.FETCH if source.way is Way.IMAGE and not mounts else source.way


def mount() -> Json:
    """The weights in any container but the one that fetches them."""
    return {"name": VOLUME, "mountPath": FOLDER, "readOnly": True}


def _claimed(subject: Subject, weights: Weights, source: Source) -> Loading:
    volume = {"name": VOLUME, "persistentVolumeClaim": {"claimName": source.place, "readOnly": True}}
    if weights.digest is None:
        return Loading(volume=volume)
    args = [f"--digest={weights.digest}", f"file://{FOLDER}/{source.path}".rstrip("/")]
    return Loading(volume=volume, init_containers=(_container(subject, args, mount()),))


def _fetched(subject: Subject, weights: Weights, source: Source) -> Loading:
    settings = subject.settings
    args = [f"--to={FOLDER}"]
    if weights.digest:
        args.append(f"--digest={weights.digest}")
    if source.scheme == "hf":
        args.append(f"--hf-endpoint={settings.hf_endpoint}")
    if source.scheme == "s3" and settings.s3_endpoint:
        args.append(f"--s3-endpoint={settings.s3_endpoint}")
    args.append(f"oci://{subject.image(source.place)}" if source.scheme == "oci" else weights.uri)
    env = [_from_secret(weights.secret_name, key) for key in _KEYS[source.scheme]] if weights.secret_name else []
    limit = _room(weights.size, copies=2 if source.scheme == "oci" else 1)
    return Loading(
        volume={"name": VOLUME, "emptyDir": filled(sizeLimit=limit)},
        init_containers=(_container(subject, args, {"name": VOLUME, "mountPath": FOLDER}, env),),
        disk=limit,
    )


def _room(size: str | None, *, copies: int) -> str | None:
    """Some more than the size as declared, which is often a round number: past the limit the pod is evicted.

    The layers of an image take it twice, packed and unpacked.
    """
    if size is None:
        return None
    amount = number(size) * copies
    return mebibytes(amount + max(amount * _SPARE, Fraction(GIB)))


def _from_secret(secret: str, key: str) -> Json:
    stored = _DOCKER_CONFIG if key == "DOCKER_CONFIG_JSON" else key
    return {"name": key, "valueFrom": {"secretKeyRef": {"name": secret, "key": stored, "optional": True}}}


def _container(subject: Subject, args: list[str], volume_mount: Json, env: list[Json] | None = None) -> Json:
    return filled(
        name=FETCHER,
        image=subject.settings.fetch_image,
        imagePullPolicy="IfNotPresent",
        command=["isochrone-fetch"],
        args=args,
        env=env,
        resources={"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}},
        volumeMounts=[volume_mount],
        terminationMessagePolicy="FallbackToLogsOnError",
        securityContext={"readOnlyRootFilesystem": True},
    )
