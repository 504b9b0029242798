"""Evidence of a site's gateway: the volumes of its pods, the key, and what its config asks for."""

import os
import pathlib
from typing import Any

import pytest
from tests.unit.render.test_gateway_objects import NAME, RELEASE, bundled, of_kind, site
from tests.unit.validate.sample import edge

from isochrone.render.bundle import Bundle, index_object
from isochrone.render.gitops import written
from isochrone_gateway.config import assemble, read_index
from isochrone_gateway.config.site import EvidenceKeeping, OnFailure

Json = dict[str, Any]
GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "render" / "evidence"


def pod(bundle: Bundle, kind: str) -> Json:
    found: Json = of_kind(bundle, kind)["spec"]["template"]["spec"]
    return found


def keeping(**evidence: Any) -> Bundle:
    return site(gateway={"evidence": evidence})


def kinds(bundle: Bundle) -> set[str]:
    return {each["kind"] for each in bundle.objects}


CASES = {
    "claims": {"retentionDays": 400, "storage": {"size": "50Gi", "storageClassName": "fast"}},
    "defaults": {},
    "empty-dir": {"onFailure": "Count", "storage": {"type": "EmptyDir", "size": "1Gi"}},
}


@pytest.mark.parametrize("name", CASES)
def test_the_workload(name: str) -> None:
    bundle = site(gateway={"evidence": CASES[name], "autoscaling": {"maxReplicas": 9}})
    shown = [
        each for each in bundle.objects if each["kind"] in {"Deployment", "StatefulSet", "HorizontalPodAutoscaler"}
    ]
    text = "---\n".join(map(written, shown))
    file = GOLDEN / f"{name}.yaml"
    if os.environ.get("ISOCHRONE_GOLDEN") == "record":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        pytest.param({}, EvidenceKeeping(), id="as it is if nothing is said"),
        pytest.param(
            {"onFailure": "Count", "retentionDays": 2},
            EvidenceKeeping(on_failure=OnFailure.COUNT, retention_s=172_800),
            id="all of it",
        ),
    ],
)
def test_the_config_asks_for_it(evidence: Json, expected: EvidenceKeeping) -> None:
    assert config(keeping(**evidence)) == expected
    assert config(site()) is None


def config(bundle: Bundle) -> EvidenceKeeping | None:
    assert bundle.config is not None
    index = read_index(index_object(bundle, RELEASE)["data"]["index.json"].encode())
    return assemble(index, bundle.config.blobs).config.site.evidence


def test_without_it_nothing_is_different() -> None:
    assert "StatefulSet" not in kinds(site())
    assert not any("evidence" in str(each) for each in site().objects if each["kind"] != "ConfigMap")


def test_each_pod_has_a_volume_of_its_own_that_is_kept_whatever_becomes_of_it() -> None:
    spec = of_kind(keeping(), "StatefulSet")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert "Deployment" not in kinds(keeping())
    assert not any(each["name"] == "evidence" for each in pod(keeping(), "StatefulSet")["volumes"])


@pytest.mark.parametrize(
    ("storage", "kind"),
    [pytest.param({}, "StatefulSet", id="claims"), pytest.param({"type": "EmptyDir"}, "Deployment", id="empty dir")],
)
def test_the_gateway_writes_where_its_user_may_and_the_key_lies_elsewhere(storage: Json, kind: str) -> None:
    bundle = keeping(storage=storage)
    (container,) = pod(bundle, kind)["containers"]
    mounts = {each["name"]: each for each in container["volumeMounts"]}
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert "readOnly" not in mounts["evidence"]
    assert pod(bundle, kind)["securityContext"]["fsGroup"] == 1000
    flags = dict(each.split("=", 1) for each in container["args"])
    assert flags["--evidence"].startswith(f"{mounts['evidence']['mountPath']}/")
    assert flags["--evidence-key"] == f"{mounts['secrets']['mountPath']}/evidence/private.pem"


def test_pods_wait_for_the_key() -> None:
    (needed,) = (each for each in keeping().secrets if each.folder == "evidence")
    assert (needed.name, needed.keys, needed.is_optional) == (f"{NAME}-evidence", ("private.pem",), False)


def test_pods_of_a_stateful_set_are_spread_by_their_own_label() -> None:
    spread = pod(keeping(), "StatefulSet")["topologySpreadConstraints"]
    assert {key for each in spread for key in each["matchLabelKeys"]} == {"controller-revision-hash"}


def test_sites_that_share_a_cluster_have_claims_of_their_own() -> None:
    made = bundled(edge(gateway={"evidence": {}}), edge("ber", "BER", gateway={"evidence": {}}))
    found = {each["metadata"]["name"] for bundle in made for each in bundle.objects if each["kind"] == "StatefulSet"}
    assert found == {"isochrone-gateway-fra", "isochrone-gateway-ber"}
