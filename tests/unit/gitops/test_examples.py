"""The examples for Argo CD: what its API server would say, and that they fit what we write."""

import fnmatch
import json
from pathlib import Path
from typing import Any, Final

import pytest
from tests.unit.status.network import changed
from tests.unit.validate import sample

from isochrone import admission, manifests
from isochrone.api import EdgeNode
from isochrone.render import clusters, gitops

Json = dict[str, Any]
ROOT: Final = Path(__file__).parents[3]
FOLDER: Final = ROOT / "examples" / "gitops"
SCHEMAS: Final = Path(__file__).parent / "argoproj.io"
FILES: Final = sorted(FOLDER.glob("*.yaml"))


def objects() -> list[Json]:
    return [dict(each.obj) for each in manifests.read([str(path) for path in FILES]).manifests]


def schemas() -> dict[str, admission.Schema]:
    read = [json.loads(path.read_text(encoding="utf-8"))["crd"] for path in sorted(SCHEMAS.glob("*.json"))]
    return {each["spec"]["names"]["kind"]: admission.Schema.from_crd(each)["v1alpha1"] for each in read}


@pytest.mark.parametrize("obj", objects(), ids=lambda obj: obj["metadata"]["name"])
def test_argo_cd_takes_it(obj: Json) -> None:
    assert [str(each) for each in admission.admit(schemas()[obj["kind"]], obj)] == []


def test_the_schemas_are_strict_enough_to_tell() -> None:
    good = objects()[0]
    source = {**good["spec"]["source"], "valuesObjects": {}}
    wrong = changed(good, spec={"source": source})
    assert [str(each) for each in admission.admit(schemas()["Application"], wrong)] != []


def test_nothing_is_deleted_with_an_application() -> None:
    """Argo CD would end engines before they are drained."""
    for each in objects():
        assert "finalizers" not in each["metadata"]
        if each["kind"] == "ApplicationSet":
            assert each["spec"]["syncPolicy"]["preserveResourcesOnDeletion"] is True
            assert "finalizers" not in each["spec"]["template"]["metadata"]


def test_nothing_waits_for_the_health_of_something_else() -> None:
    """Sites, pools, routes and policies wait for each other: with sync waves a sync would not end."""
    texts = [path.read_text(encoding="utf-8") for path in FILES]
    assert not [text for text in texts if "sync-wave" in text]


def test_folders_of_sites_that_gitops_delivers_are_found() -> None:
    applications = next(each for each in objects() if each["metadata"]["name"] == "isochrone-rendered")
    directories = applications["spec"]["generators"][0]["git"]["directories"]
    far = sample.edge("sin1", "SIN", cluster={"type": "Remote"}, delivery="GitOps")
    folder = gitops.folder_of(clusters.cluster_of(EdgeNode.model_validate(far)))
    assert folder.removeprefix("remote-") == "sin1"
    assert [each["path"] for each in directories if fnmatch.fnmatch(f"rendered/{folder}", each["path"])] == [
        "rendered/remote-*"
    ]
