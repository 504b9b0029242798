"""Whatever route the API takes, its engines' objects are well formed, and its pods as restricted as ours."""

import os
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from tests.corpus import offline
from tests.unit.render import sample
from tests.unit.render.sample import Case, Json, case

from isochrone.admission import admit
from isochrone.model import Capability, SiteObservation

SOAK: Final = os.environ.get("ISOCHRONE_SOAK") == "1"
EXAMPLES: Final = 3000

MOUNTED = st.sampled_from(["isochrone-weights", "isochrone-home", "isochrone-shm", "data", "more"])
PATHS = st.sampled_from(["/models", "/models/", "/models/a", "/", "/tmp", "/dev/shm", "/home/engine", "/data"])
USERS = st.sampled_from([1, 1000, 65534])


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    found: st.SearchStrategy[Json] = st.fixed_dictionaries({}, optional=fields)
    return found


CONTEXTS = maybe(
    runAsUser=USERS,
    runAsGroup=USERS,
    readOnlyRootFilesystem=st.just(True),
    capabilities=maybe(drop=st.lists(st.sampled_from(["ALL", "KILL", "NET_RAW"]), max_size=2)),
)
PROBES = st.one_of(
    maybe(periodSeconds=st.integers(1, 9)),
    st.just({"exec": {"command": ["true"]}}),
    st.just({"httpGet": {"port": "http", "path": "/"}}),
)
SAID: Final[st.SearchStrategy[Json]] = st.fixed_dictionaries(
    {},
    optional={
        "env": st.lists(
            st.sampled_from(
                [{"name": "HOME", "value": "/"}, {"name": "USER"}, {"name": "HF_HUB_OFFLINE", "value": "0"}]
            ),
            max_size=2,
            unique_by=lambda each: each["name"],
        ),
        "volumeMounts": st.lists(
            st.fixed_dictionaries({"name": MOUNTED, "mountPath": PATHS}, optional={"readOnly": st.booleans()}),
            max_size=3,
            unique_by=lambda each: each["mountPath"],
        ),
        "ports": st.lists(st.sampled_from([{"name": "http", "containerPort": 1}, {"containerPort": 8000}]), max_size=2),
        "securityContext": CONTEXTS,
        "readinessProbe": PROBES,
        "livenessProbe": PROBES,
    },
)
INITIAL: Final = SAID.map(lambda said: {key: value for key, value in said.items() if "Probe" not in key})
SOURCES: Final[st.SearchStrategy[Json]] = st.sampled_from([{"emptyDir": {}}, {"image": {"reference": "a"}}])
SIDECAR: Final = {"image": "sidecar:1", "command": ["sh"]}
STRANGE: Final = "isochrone-weights"
"""A name that the API refuses for what an overlay adds."""


@st.composite
def named(draw: st.DrawFn, names: tuple[str, ...], said: st.SearchStrategy[Json]) -> list[Json]:
    """Up to three items, each with a name of its own."""
    chosen = draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
    return [{**({} if name == "engine" else draw(st.just(SIDECAR))), **draw(said), "name": name} for name in chosen]


@st.composite
def volumes(draw: st.DrawFn) -> list[Json]:
    chosen = draw(st.lists(st.sampled_from(["data", "more", STRANGE]), max_size=2, unique=True))
    return [{**draw(SOURCES), "name": name} for name in chosen]


OVERLAYS = st.fixed_dictionaries(
    {
        "metadata": maybe(
            labels=st.dictionaries(st.sampled_from(["team", "isochrone.dev/edge-node"]), st.just("x"), max_size=2),
            annotations=st.dictionaries(st.sampled_from(["owner", "a.b/c"]), st.just("x"), max_size=1),
        ),
        "spec": maybe(
            containers=named(("engine", "logs", "side", STRANGE), SAID),
            initContainers=named(("warm", "first", STRANGE), INITIAL),
            volumes=volumes(),
            securityContext=maybe(runAsUser=USERS, fsGroup=USERS),
            nodeSelector=st.dictionaries(st.sampled_from(["site", "disk"]), st.just("elsewhere"), max_size=2),
            tolerations=st.lists(st.sampled_from([{"key": "a", "operator": "Exists"}]), max_size=1),
            terminationGracePeriodSeconds=st.sampled_from([1, 20, 600]),
        ),
    }
)
CUSTOM: Final = {"type": "Custom", "image": "own:1", "port": 8000}
ENGINES: Final[st.SearchStrategy[Json]] = st.sampled_from(
    [{"type": "VLLM"}, {"type": "SGLang"}, {"type": "LlamaCpp"}, CUSTOM]
)
WEIGHTS = st.sampled_from([sample.FILE, sample.HF, sample.S3, sample.OCI, sample.CLAIM])
DEVICES = st.sampled_from([None, sample.NVIDIA, sample.AMD, sample.CLASS])
SITES = st.sampled_from([{}, {"nodeSelector": {"site": "fra1"}}, {"images": {"registryPrefix": "mirror.example"}}])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    seen = SiteObservation(
        capabilities=draw(st.frozensets(st.sampled_from(Capability))),
        kubernetes=draw(st.sampled_from([(1, 34), (1, 35)])),
    )
    device = draw(DEVICES)
    resources = {"devices": draw(st.integers(1, 8))} if device else {}
    overlay = draw(OVERLAYS)
    return case(
        draw(ENGINES), draw(WEIGHTS), device, resources=resources, overlay=overlay, site=draw(SITES), observation=seen
    )


def is_taken(rendered: Case) -> bool:
    route = rendered.route.model_dump(mode="json", by_alias=True, exclude_none=True)
    return not admit(offline.schemas()["ModelRoute"], route)


@pytest.mark.soak
@settings(
    max_examples=EXAMPLES if SOAK else EXAMPLES // 10,
    derandomize=not SOAK,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(rendered=cases())
def test_objects_of_every_route(rendered: Case) -> None:
    taken = is_taken(rendered)
    event("taken" if taken else "refused")
    assert list(weaknesses(rendered)) == [], "an object may be older than the rule that would refuse it"
    assume(taken)
    for item in rendered.objects():
        assert list(faults(item)) == []
        assert well_named(item), item["metadata"]["name"]
        labels = item["metadata"]["labels"]
        assert labels["isochrone.dev/installation"] == "isochrone"
        assert item["kind"] == "Namespace" or labels["isochrone.dev/edge-node"] == "fra1"
    assert rendered.objects() == rendered.objects()


NAME: Final = re.compile("[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


def well_named(item: Json) -> bool:
    return NAME.fullmatch(item["metadata"]["name"]) is not None


def faults(value: Any, path: str = "") -> Iterator[str]:
    """Nulls, keys that aren't text, and what is no JSON."""
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                yield f"{path}: {key!r}"
            yield from faults(member, f"{path}.{key}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from faults(member, f"{path}[{index}]")
    elif not isinstance(value, str | int | bool):
        yield f"{path}: {value!r}"


def weaknesses(rendered: Case) -> Iterator[str]:
    """What a pod may have by the restricted standard and doesn't, and what this project promises beyond it."""
    template = rendered.one("Deployment")["spec"]["template"]
    pod = template["spec"]
    yield from (f"{key} is there" for key in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if key in pod)
    yield from (f"{each}" for each in pod["volumes"] if "hostPath" in each)
    context = pod["securityContext"]
    if context["runAsNonRoot"] is not True or context["runAsUser"] == 0:
        yield "root"
    if context["seccompProfile"] != {"type": "RuntimeDefault"}:
        yield "seccomp"
    if pod["automountServiceAccountToken"] is not False or pod["enableServiceLinks"] is not False:
        yield "tokens"
    if pod.get("nodeSelector", {}).get("site", "elsewhere") == "elsewhere" and rendered.site.spec.node_selector:
        yield "node"
    if template["metadata"]["labels"]["isochrone.dev/edge-node"] != "fra1":
        yield "labels"
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        yield from (f"{container['name']}: {each}" for each in weaknesses_of(container))


def weaknesses_of(container: Json) -> Iterator[str]:
    context = container["securityContext"]
    if context["allowPrivilegeEscalation"] is not False or context.get("privileged") or context.get("runAsUser") == 0:
        yield "privileges"
    if "ALL" not in context["capabilities"]["drop"] or "add" in context["capabilities"]:
        yield "capabilities"
    for mount in container.get("volumeMounts", []):
        is_fetcher = container["name"] == "isochrone-weights"
        if mount["name"] == "isochrone-weights" and not (mount.get("readOnly") or is_fetcher):
            yield "writes to the weights"
        hides = mount["mountPath"].rstrip("/") in {"", "/models"} or mount["mountPath"].startswith("/models/")
        if container["name"] == "engine" and hides and mount["name"] != "isochrone-weights":
            yield "other weights"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "host port"
