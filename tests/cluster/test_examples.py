"""The examples, applied as their READMEs say, to a real API server: each object is accepted, and listed readably."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.cluster.client import Client
from tests.cluster.test_crds import golden, normalised
from tests.corpus import server

from isochrone import manifests, validate

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = [
    pytest.param(ROOT / "examples" / "quickstart", id="quickstart"),
    pytest.param(ROOT / "examples" / "quickstart-multicluster", id="quickstart-multicluster"),
    pytest.param(ROOT / "examples" / "residency", id="residency"),
]
KINDS: Final = "edge,gpool,mdr,drp,mprov,itn"

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module", autouse=True)
def crds(api: Client) -> Iterator[None]:
    with server.installed(api):
        yield


@pytest.mark.parametrize("folder", EXAMPLES)
def test_kubectl_applies_it_in_one_go(folder: Path, kubectl: Kubectl, request: pytest.FixtureRequest) -> None:
    try:
        applied = kubectl("apply", "--validate=strict", "-f", f"{folder}/")
        listed = kubectl("get", KINDS, "-A")
    finally:
        deleted = kubectl("delete", "--ignore-not-found", "--timeout=100s", "-f", f"{folder}/")

    assert applied.returncode == 0, applied.stderr
    assert applied.stderr == ""
    name = f"get-{request.node.callspec.id}"
    text = normalised(listed.stdout, has_ages=True)
    assert text == golden(name, text)
    assert deleted.returncode == 0, deleted.stderr


@pytest.mark.parametrize("folder", EXAMPLES)
def test_argo_cd_finds_no_difference_in_what_it_has_applied(folder: Path, kubectl: Kubectl) -> None:
    """With ServerSideApply and ServerSideDiff, whatever defaults the API server has filled in."""
    as_argo_cd = ("--server-side", "--force-conflicts", "--field-manager=argocd-controller", "-f", f"{folder}/")
    try:
        applied = kubectl("apply", *as_argo_cd)
        differences = kubectl("diff", *as_argo_cd)
    finally:
        kubectl("delete", "--ignore-not-found", "--timeout=100s", "-f", f"{folder}/")

    assert applied.returncode == 0, applied.stderr
    assert differences.returncode == 0, differences.stdout


@pytest.mark.parametrize("folder", EXAMPLES)
def test_validate_finds_no_error(folder: Path) -> None:
    reading = manifests.read([str(folder)])

    assert reading.faults == ()
    assert [f for f in validate.validate(reading.manifests) if f.severity is validate.Severity.ERROR] == []


def test_quickstart_is_what_it_says() -> None:
    """Four sites, all of them local, in three jurisdictions; two models, one policy, one provider, one tenant."""
    objects = [each.obj for each in manifests.read([str(ROOT / "examples" / "quickstart")]).manifests]
    sites = [obj for obj in objects if obj["kind"] == "EdgeNode"]

    assert {site["spec"]["cluster"]["type"] for site in sites} == {"Local"}
    assert sorted(obj["kind"] for obj in objects) == [
        "DataResidencyPolicy",
        *["EdgeNode"] * 4,
        "InferenceTenant",
        "ModelProvider",
        *["ModelRoute"] * 2,
        "Namespace",
    ]
