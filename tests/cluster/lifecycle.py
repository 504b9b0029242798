"""What a kubelet says of a pod at each stage of its life. Pure.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

import dataclasses
import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cluster.nodes import timestamp

Json = dict[str, Any]

_KEYS = ("type", "name", "ip")
"""What entries of a pod's lists are told apart by."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """How a pod fares. Waits are in seconds."""

    start: float = 0.0
    """To bring in the image and start the containers."""
    ready: float = 0.0
    """From then on until the readiness probe passes."""
    stop: float = 0.0
    """From SIGTERM to the end; at most the pod's grace period."""
    run: float = 0.0
    """After so long a pod that isn't to run forever has done its work."""
    waiting: str = ""
    """Why it can't start for now, such as ImagePullBackOff."""
    message: str = ""
    """More about that."""
    unready: bool = False
    """Its readiness probe fails for now."""
    restarts: int = 0


class Stage(enum.Enum):
    CREATING = "ContainerCreating"
    RUNNING = "running"
    READY = "ready"
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class Life:
    """How far a pod is."""

    stage: Stage
    since: dt.datetime
    """When that stage began."""
    accepted: dt.datetime
    """When the kubelet first saw it."""
    started: dt.datetime | None = None
    waiting: str = Stage.CREATING.value
    message: str = ""
    restarts: int = 0


def begun(now: dt.datetime) -> Life:
    return Life(stage=Stage.CREATING, since=now, accepted=now)


def advance(life: Life, pod: Json, fares: Behaviour, now: dt.datetime) -> tuple[Life, float | None]:
    """How far the pod is now, and the seconds until time alone brings it further."""
    life = dataclasses.replace(life, restarts=fares.restarts)
    at, wait = _next(life, pod, fares)
    if at is None:
        waiting = fares.waiting or Stage.CREATING.value
        return dataclasses.replace(life, waiting=waiting, message=fares.message), None
    left = wait - (now - life.since).total_seconds()
    if left > 0:
        return life, left
    return advance(dataclasses.replace(life, stage=at, since=now, started=life.started or now), pod, fares, now)


def _next(life: Life, pod: Json, fares: Behaviour) -> tuple[Stage | None, float]:
    """The next stage and how long this one takes. None where something else must happen first."""
    match life.stage:
        case Stage.CREATING:
            return (None, 0.0) if fares.waiting else (Stage.RUNNING, fares.start)
        case Stage.RUNNING if ends_by_itself(pod):
            return Stage.DONE, fares.run
        case Stage.RUNNING:
            return (None, 0.0) if fares.unready else (Stage.READY, fares.ready)
        case Stage.READY:
            return (Stage.RUNNING, 0.0) if fares.unready else (None, 0.0)
        case Stage.DONE:
            return None, 0.0


def ends_by_itself(pod: Json) -> bool:
    policy: str = pod["spec"].get("restartPolicy", "Always")
    return policy != "Always"


def pod_status(pod: Json, life: Life, *, address: str, host: str) -> Json:
    spec = pod["spec"]
    started = life.stage is not Stage.CREATING
    status: Json = {
        "phase": _phase(life.stage),
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "startTime": timestamp(life.accepted),
        "conditions": _conditions(life),
        "containerStatuses": [_container(each, life) for each in spec["containers"]],
    }
    if before := spec.get("initContainers"):
        status["initContainerStatuses"] = [_before(each, life) for each in before]
    if started:
        status |= {"podIP": address, "podIPs": [{"ip": address}]}
    return status


def differs(wanted: object, found: object) -> bool:
    """Is anything of `wanted` not so in `found`? What else is in there belongs to others."""
    if isinstance(wanted, Mapping):
        return not isinstance(found, Mapping) or any(differs(each, found.get(key)) for key, each in wanted.items())
    if isinstance(wanted, list) and wanted and all(_key(each) for each in wanted):
        named = {_key(each): each for each in found} if isinstance(found, list) else {}
        return any(differs(each, named.get(_key(each))) for each in wanted)
    return wanted != found


def _key(entry: object) -> object:
    if not isinstance(entry, Mapping):
        return None
    return next((entry[key] for key in _KEYS if key in entry), None)


def _phase(stage: Stage) -> str:
    return {Stage.CREATING: "Pending", Stage.DONE: "Succeeded"}.get(stage, "Running")


def _conditions(life: Life) -> list[Json]:
    started, ready = life.stage is not Stage.CREATING, life.stage is Stage.READY
    unready = "PodCompleted" if life.stage is Stage.DONE else "ContainersNotReady"
    return [
        _condition("PodReadyToStartContainers", "", life, holds=started),
        _condition("Initialized", "" if started else "ContainersNotInitialized", life, holds=started),
        _condition("ContainersReady", "" if ready else unready, life, holds=ready),
        _condition("Ready", "" if ready else unready, life, holds=ready),
    ]


def _condition(name: str, reason: str, life: Life, *, holds: bool) -> Json:
    return {
        "type": name,
        "status": "True" if holds else "False",
        "reason": reason or None,
        "lastTransitionTime": timestamp(life.since),
    }


def _container(container: Json, life: Life) -> Json:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": container["image"] if life.started else "",
        "ready": life.stage is Stage.READY,
        "started": life.stage in {Stage.RUNNING, Stage.READY},
        "restartCount": life.restarts,
        "state": _state(life, done=life.stage is Stage.DONE),
    }


def _before(container: Json, life: Life) -> Json:
    """An init container: done before the others start, unless it is a sidecar."""
    if container.get("restartPolicy") == "Always":
        return _container(container, life)
    started = life.stage is not Stage.CREATING
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": container["image"] if started else "",
        "ready": started,
        "restartCount": 0,
        "state": _state(life, done=started),
    }


def _state(life: Life, *, done: bool) -> Json:
    if life.started is None:
        return {"waiting": {"reason": life.waiting} | ({"message": life.message} if life.message else {})}
    at = timestamp(life.started)
    if done:
        return {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": at, "finishedAt": at}}
    return {"running": {"startedAt": at}}
