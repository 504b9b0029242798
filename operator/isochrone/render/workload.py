"""The Deployment of a route's engines at a site."""

from typing import Final

from isochrone.render import labels, timing
from isochrone.render.devices import Devices
from isochrone.render.manifest import Json, filled, fingerprint
from isochrone.render.pod import pod_template
from isochrone.render.subject import Subject

CONFIG_HASH: Final = "isochrone.dev/config-hash"
"""Of all that a pod is made from: equal hashes are equal engines, whatever the API server filled in."""


def deployment(subject: Subject, devices: Devices) -> Json:
    template = pod_template(subject, devices)
    digest = fingerprint([template, *(each["spec"] for each in devices.templates)])
    annotations = {**template["metadata"].get("annotations", {}), CONFIG_HASH: digest}
    template = {"metadata": {**template["metadata"], "annotations": annotations}, "spec": template["spec"]}
    spec = filled(
        replicas=_replicas(subject),
        revisionHistoryLimit=3,
        progressDeadlineSeconds=timing.progress(subject.serving),
        strategy={"type": "RollingUpdate", "rollingUpdate": _rolling(subject)},
        selector={"matchLabels": subject.selector},
        template=template,
    )
    # What the devices are of is not in the pods: engines that stay where they are don't restart for a renamed pool.
    told = filled(**{CONFIG_HASH: digest, labels.GPU_POOL: subject.placement.pool})
    return subject.manifest("apps/v1", "Deployment", annotations=told, spec=spec)


def _replicas(subject: Subject) -> int | None:
    """None: whoever scales them owns the field, and server-side apply gives it up."""
    return None if subject.serving.replicas_managed_by == "Autoscaler" else subject.placement.replicas


def _rolling(subject: Subject) -> Json:
    """GPUs are planned to the last one, so a new pod waits for an old one's. CPUs are not scarce."""
    return {"maxSurge": 0, "maxUnavailable": 1} if subject.devices else {"maxSurge": 1, "maxUnavailable": 0}
