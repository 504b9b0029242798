"""How long starting and ending take: probes that don't restart what is only slow, and ends that break nothing off.

A restart loads the weights again. So every limit here is several times what is usual.
"""

import math
from typing import Final

from isochrone.api.pod_overlay import PodTemplate
from isochrone.api.serving import Serving
from isochrone.model.amounts import number
from isochrone.render.manifest import Json
from isochrone.render.programs import Program
from isochrone.render.quantities import GIB
from isochrone.render.subject import PORT_NAME, Subject

LEAVE: Final = 15
"""Seconds in which all gateways learn that a pod ends, before its engine does."""
DRAIN: Final = 60
"""Seconds for answers under way, unless the overlay gives a pod more time to end."""
SPARE: Final = 15
"""Seconds to stop the processes."""

_STARTUP_PERIOD: Final = 10
_STARTUP_LEAST: Final = 20 * 60
_STARTUP_UNKNOWN: Final = 60 * 60
_SECONDS_PER_GIB: Final = 20
"""At 50 MB/s, as slow network disks and links are."""
_SCHEDULE_AND_PULL: Final = 30 * 60


def drain(serving: Serving) -> int:
    """Seconds for answers under way: what the overlay's grace leaves, if it has one."""
    grace = _overlay_grace(serving.pod_template)
    return DRAIN if grace is None else max(1, grace - LEAVE - SPARE)


def _overlay_grace(template: PodTemplate | None) -> int | None:
    spec = template.spec if template else None
    return spec.termination_grace_period_seconds if spec else None


def grace(subject: Subject) -> int:
    """Seconds until a pod that ends is killed."""
    given = _overlay_grace(subject.serving.pod_template)
    return LEAVE + subject.drain + SPARE if given is None else given


def pre_stop(subject: Subject) -> Json:
    """The pause before SIGTERM. An engine that would break its answers off gets it when they have had their time."""
    wait = LEAVE if subject.program.drains else LEAVE + subject.drain
    return {"preStop": {"sleep": {"seconds": max(1, min(wait, grace(subject) - 1))}}}


def startup(serving: Serving) -> int:
    """Seconds from the engine's start until it must be able to serve: reading the weights, compiling, warming up."""
    transfer = _transfer(serving)
    return _STARTUP_UNKNOWN if transfer is None else _STARTUP_LEAST + transfer


def progress(serving: Serving) -> int:
    """Seconds in which a roll-out must come forward: pulling the image and fetching come before the start."""
    transfer = _transfer(serving)
    return _SCHEDULE_AND_PULL + (_STARTUP_UNKNOWN if transfer is None else transfer) + startup(serving)


def _transfer(serving: Serving) -> int | None:
    """Seconds to read the weights once; None where nobody says how large they are."""
    size = serving.weights.size if serving.weights else None
    return math.ceil(number(size) / GIB * _SECONDS_PER_GIB) if size else None


def probes(program: Program, serving: Serving) -> Json:
    """The engine's three probes."""
    return {
        "startupProbe": {
            "httpGet": _get(program.health_path),
            "periodSeconds": _STARTUP_PERIOD,
            "timeoutSeconds": 5,
            "failureThreshold": math.ceil(startup(serving) / _STARTUP_PERIOD),
        },
        "readinessProbe": {
            "httpGet": _get(program.readiness_path or program.health_path),
            "periodSeconds": 5,
            "timeoutSeconds": program.readiness_timeout,
            "failureThreshold": 3,
        },
        "livenessProbe": {
            **_liveness(program.liveness_path),
            "periodSeconds": 15,
            "timeoutSeconds": 15,
            "failureThreshold": 8,
        },
    }


def _liveness(path: str | None) -> Json:
    return {"httpGet": _get(path)} if path else {"tcpSocket": {"port": PORT_NAME}}


def _get(path: str) -> Json:
    return {"path": path, "port": PORT_NAME}
