"""The cluster that all tests in this folder share, and ways to leave it as it was found."""

import contextlib
import functools
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster import choice, tools
from tests.cluster.choice import Choice, Cluster
from tests.cluster.client import Client, Object
from tests.cluster.controlplane import ControlPlane, Options
from tests.cluster.kubectl import kubectl as run_kubectl
from tests.cluster.machines import needs

_HERE = Path(__file__).parent


@functools.cache
def _chosen() -> Choice:
    return choice.choose(os.environ)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.cluster)
    if needs.impossible():
        left_out = [item for item in items if item.get_closest_marker("pods")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_report_collectionfinish(items: list[pytest.Item]) -> list[str]:
    """Below pytest's header, which a run of all tests writes before it reads this file."""
    if not any(item.path.is_relative_to(_HERE) for item in items):
        return []
    why = needs.impossible()
    pods = f"NOT TESTED HERE: {why}" if why else "in clusters of our own, with containerd"
    return [f"cluster: {_chosen().reason}", f"real pods: {pods}"]


@pytest.fixture(scope="session")
def kube(request: pytest.FixtureRequest) -> Path:
    """The built control plane; a first build takes minutes, so what it reports is shown at once."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        return tools.built()


@pytest.fixture(scope="session")
def machines(request: pytest.FixtureRequest, kube: Path) -> Path:
    """The built control plane, and all else that real nodes take; what is installed now is shown."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        try:
            needs.install()
        except needs.MissingError as missing:
            sys.stderr.write(f"\nreal pods: NOT TESTED HERE: {missing}\n")
            pytest.skip(f"real pods are NOT TESTED HERE: {missing}")
    return kube


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The cluster to test on, started when a test first asks for it."""
    if _chosen().source == "built":
        request.getfixturevalue("kube")
    with choice.opened(_chosen(), os.environ) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def api(control_plane: Cluster) -> Iterator[Client]:
    """A client of that cluster, with the administrator's rights."""
    with Client(control_plane.kubeconfig) as client:
        yield client


@pytest.fixture(scope="session")
def kubectl(control_plane: Cluster, kube: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`kubectl("get", "pods", stdin=None)` on that cluster."""
    assert kube.exists()
    return functools.partial(run_kubectl, control_plane.kubeconfig)


@pytest.fixture
def namespace(api: Client) -> Iterator[str]:
    """A new namespace, deleted afterwards with all that is in it."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    with api.existing({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}):
        yield name


@pytest.fixture
def temporary(api: Client) -> Iterator[Callable[[Object], dict[str, Any]]]:
    """Creates an object (a CRD, say), returns it as stored, and deletes it afterwards."""
    with contextlib.ExitStack() as stack:
        yield lambda item: stack.enter_context(api.existing(item))


@pytest.fixture
def own_plane(kube: Path) -> Iterator[ControlPlane]:
    """A control plane whose API server may be stopped."""
    assert kube.exists()
    with ControlPlane(Options()) as plane:
        yield plane
