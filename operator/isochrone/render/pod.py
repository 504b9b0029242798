"""The pod of an engine: one container that serves, one before it that brings the weights, and the route's overlay."""

from typing import Final

from isochrone.render import overlay, pod_parts, security, timing, volumes, weights
from isochrone.render.devices import Devices
from isochrone.render.manifest import Json, filled
from isochrone.render.pools import node_selector
from isochrone.render.settings import ENGINE_IMAGES, Accelerator
from isochrone.render.subject import CONTAINER, PORT_NAME, Subject
from isochrone.render.weights import Loading

_ENV: Final = {
    "HOME": volumes.HOME,
    # The user has no entry in /etc/passwd, where some libraries look for a name for their caches.
    "USER": "engine",
    "LOGNAME": "engine",
}

_ORDER: Final = (
    "serviceAccountName",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "nodeSelector",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "runtimeClassName",
    "imagePullSecrets",
    "securityContext",
    "terminationGracePeriodSeconds",
    "resourceClaims",
    "initContainers",
    "containers",
    "volumes",
)
"""How people read a pod's spec. Other keys follow."""


def pod_template(subject: Subject, devices: Devices) -> Json:
    """The template of the pods, as it is applied."""
    loading = weights.loading(subject)
    base = {"metadata": {"labels": subject.pod_labels}, "spec": _spec(subject, devices, loading)}
    merged = overlay.laid_over(base, subject.serving.pod_template)
    spec = security.sealed(merged["spec"], service_account=subject.name)
    return {"metadata": merged["metadata"], "spec": _in_order(_from_mirror(subject, spec))}


def _spec(subject: Subject, devices: Devices, loading: Loading | None) -> Json:
    found = [*([loading.volume] if loading else []), *volumes.volumes(subject)]
    return filled(
        nodeSelector=node_selector(subject.pool, subject.site),
        tolerations=_tolerations(subject),
        topologySpreadConstraints=[pod_parts.spread(subject.selector, "kubernetes.io/hostname")],
        imagePullSecrets=[{"name": name} for name in _pull_secrets(subject, loading)],
        terminationGracePeriodSeconds=timing.grace(subject),
        resourceClaims=list(devices.pod_claims),
        initContainers=list(loading.init_containers) if loading else None,
        containers=[_engine(subject, devices, loading)],
        volumes=found,
    )


def _engine(subject: Subject, devices: Devices, loading: Loading | None) -> Json:
    engine, program = subject.serving.engine, subject.program
    mounts = [*([weights.mount()] if loading else []), *volumes.mounts(subject)]
    return filled(
        name=CONTAINER,
        image=engine.image or _default_image(subject),
        imagePullPolicy="IfNotPresent",
        command=list(program.command),
        args=[*program.args, *(engine.args or ())],
        env=_env(subject),
        ports=[{"name": PORT_NAME, "containerPort": program.port}],
        resources=_resources(subject, devices, loading),
        volumeMounts=mounts,
        **timing.probes(program, subject.serving),
        lifecycle=timing.pre_stop(subject),
        terminationMessagePolicy="FallbackToLogsOnError",
        securityContext={"readOnlyRootFilesystem": True} if _bears_read_only_root(subject) else None,
    )


def _default_image(subject: Subject) -> str:
    images, engine = subject.settings.engine_images, subject.serving.engine.type
    for key in ((engine, subject.accelerator), (engine, Accelerator.NVIDIA)):
        if key in images:
            return images[key]
    return ENGINE_IMAGES[engine, Accelerator.NVIDIA]


def _env(subject: Subject) -> list[Json]:
    """Ours, then the route's, which wins: it may name another home, say."""
    found = {**_ENV, **subject.program.env, **{each.name: each.value for each in subject.serving.engine.env or ()}}
    return [{"name": name, "value": value} for name, value in found.items()]


def _resources(subject: Subject, devices: Devices, loading: Loading | None) -> Json:
    """CPUs are not limited: an engine that is throttled between two tokens helps nobody."""
    wanted = subject.serving.resources
    memory = str(wanted.memory) if wanted.memory is not None else None
    cpu = str(wanted.cpu) if wanted.cpu is not None else None
    disk = {"ephemeral-storage": loading.disk} if loading and loading.disk else {}
    return filled(
        requests=filled(cpu=cpu, memory=memory, **disk, **devices.resources),
        limits=filled(memory=memory, **devices.resources),
        claims=list(devices.claims),
    )


def _bears_read_only_root(subject: Subject) -> bool:
    """Device plug-ins and CDI hooks write into the root of a container with GPUs: links to libraries, ld.so's cache."""
    return subject.program.bears_read_only_root and subject.devices == 0


def _tolerations(subject: Subject) -> list[Json]:
    given = (subject.pool.spec.tolerations if subject.pool else None) or []
    return [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in given]


def _pull_secrets(subject: Subject, loading: Loading | None) -> list[str]:
    of_site = pod_parts.pull_secrets(subject.site)
    own = loading.pull_secret if loading else None
    return [*of_site, *([own] if own and own not in of_site else [])]


def _in_order(spec: Json) -> Json:
    return {key: spec[key] for key in (*_ORDER, *spec) if key in spec}


def _from_mirror(subject: Subject, spec: Json) -> Json:
    """The site's mirror stands before every image: those of sidecars and volumes too."""
    found = dict(spec)
    for kind in ("initContainers", "containers"):
        if kind in spec:
            found[kind] = [
                {**each, "image": subject.image(each["image"])} if "image" in each else each for each in spec[kind]
            ]
    found["volumes"] = [_volume_from_mirror(subject, each) for each in spec["volumes"]]
    return found


def _volume_from_mirror(subject: Subject, volume: Json) -> Json:
    if "image" not in volume:
        return volume
    return {**volume, "image": {**volume["image"], "reference": subject.image(volume["image"]["reference"])}}
