"""The CRDs under the real kubectl: applied, explained and listed as a user does, compared with what was read and liked.

`ISOCHRONE_GOLDEN=record` writes the golden files instead; read them before you commit them.
"""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.cluster.client import Client
from tests.corpus import cases

from isochrone import manifests

ROOT: Final = Path(__file__).parents[2]
GOLDEN: Final = ROOT / "tests" / "golden" / "kubectl"
RECORD: Final = os.environ.get("ISOCHRONE_GOLDEN") == "record"
AGE: Final = re.compile(r"\b([0-9]+[dhms])+$")
SHORT_NAMES: Final = "edge,gpool,mdr,drp,mprov,itn"
LIMIT: Final = 60.0

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def crds(api: Client, kubectl: Kubectl) -> Iterator[str]:
    """What `kubectl apply` and `kubectl wait` said."""
    assert {api.get(crd).status for crd in cases.definitions().values()} == {404}, "Isochrone is installed here"
    try:
        applied = kubectl("apply", "--server-side", "-f", str(cases.CRDS))
        assert applied.returncode == 0, applied.stderr
        waited = kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(cases.CRDS))
        assert waited.returncode == 0, waited.stderr
        yield applied.stdout + applied.stderr + waited.stdout + waited.stderr
    finally:
        assert kubectl("delete", "--ignore-not-found", "-f", str(cases.CRDS)).returncode == 0


@pytest.fixture(scope="module")
def network(crds: str, api: Client, kubectl: Kubectl) -> Iterator[None]:
    """One object of each kind, with its status."""
    assert crds
    file = GOLDEN / "objects.yaml"
    _until_ok(kubectl, "apply", "--server-side", "-f", str(file))
    for each in manifests.read([str(file)]).manifests:
        body = {"status": each.obj["status"]}
        path = f"{api.path(each.obj)}/status"
        answer = api.request("PATCH", path, body, content_type="application/merge-patch+json")
        assert answer.ok, answer.message
    yield
    assert kubectl("delete", "-f", str(file)).returncode == 0


def test_kubectl_applies_the_crds_and_sees_them_established(crds: str) -> None:
    assert crds == golden("apply", crds)


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["explain", "edgenode"], id="explain-edgenode"),
        pytest.param(["explain", "edgenode.spec.place"], id="explain-place"),
        pytest.param(["explain", "modelroute.spec", "--recursive"], id="explain-modelroute"),
        pytest.param(["explain", "modelroute.spec.serving"], id="explain-serving"),
        pytest.param(["explain", "gpupool.spec"], id="explain-gpupool"),
        pytest.param(["explain", "drp.spec"], id="explain-policy"),
        pytest.param(["explain", "mprov.spec.endpoints"], id="explain-endpoints"),
        pytest.param(["explain", "itn.spec"], id="explain-tenant"),
        pytest.param(["get", SHORT_NAMES], id="get"),
        pytest.param(["get", SHORT_NAMES, "-o", "wide"], id="get-wide"),
        pytest.param(["get", "isochrone"], id="get-category"),
        pytest.param(["api-resources", "--api-group=isochrone.dev"], id="api-resources"),
    ],
)
def test_kubectl_reads_well(kubectl: Kubectl, request: pytest.FixtureRequest, arguments: list[str]) -> None:
    text = normalised(_until_ok(kubectl, *arguments), has_ages=arguments[0] == "get")
    assert text == golden(request.node.callspec.id, text)


@pytest.mark.usefixtures("network")
def test_columns_have_something_to_show(kubectl: Kubectl) -> None:
    """With a status, no cell of the wide listing is empty: a blank would say that a path leads nowhere."""
    for kind in SHORT_NAMES.split(","):
        header, *rows = _until_ok(kubectl, "get", kind, "-o", "wide").splitlines()
        starts = [match.start() for match in re.finditer(r"\S+", header)]
        cells = [[row[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)] for row in rows]
        assert cells
        assert "" not in cells[0], kind


def golden(name: str, text: str) -> str:
    file = GOLDEN / f"{name}.txt"
    if RECORD:
        file.write_text(text, encoding="utf-8")
    return file.read_text(encoding="utf-8")


def normalised(text: str, *, has_ages: bool) -> str:
    """Without what changes from run to run, and without kubectl's trailing blanks."""
    lines = [line.rstrip() for line in text.splitlines()]
    return "".join(f"{AGE.sub('<age>', line) if has_ages else line}\n" for line in lines)


def _until_ok(kubectl: Kubectl, *arguments: str) -> str:
    """Discovery and the OpenAPI documents follow the CRDs after a moment."""
    deadline = time.monotonic() + LIMIT
    done: Any = kubectl(*arguments)
    while done.returncode != 0 and time.monotonic() < deadline:
        time.sleep(0.2)
        done = kubectl(*arguments)
    assert done.returncode == 0, done.stderr
    return str(done.stdout + done.stderr)
