"""Evidence of gateways that are real pods: volumes for it, and what an auditor does with it."""

import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner, Result
from tests.cluster.machines.installation import SYSTEM, Installation

from isochrone.cli import main
from isochrone_fetch.oci import extract_plain

Json = dict[str, Any]

CLASS = "kept"
"""The volumes' StorageClass."""
_ARCHIVE = """
import glob, os, sys, tarfile
os.chdir("/var/lib/isochrone-evidence/sites")
archive = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
for path in sorted(glob.glob("*/*/*"), reverse=True):  # checkpoints before chains
    archive.add(path, f"evidence/{path}")
archive.close()
"""


class Verdict(NamedTuple):
    """The auditor's."""

    status: int
    anchored: int
    """How many gateways are."""
    tampered: list[str]
    findings: list[str]
    """All of them, harmless ones too."""


def provide(net: Installation, names: Iterable[str]) -> None:
    """A volume for each of these, on the hub's node: what storage is elsewhere."""
    node = net.hub.nodes[0].name
    chosen = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    for name in sorted(names):
        folder = _volumes(net) / name
        folder.mkdir(parents=True)
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": CLASS,
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [chosen]}]}},
        }
        volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
        answer = net.hub.api.apply(volume)
        assert answer.ok, answer.message


def kept(net: Installation) -> dict[str, Path]:
    """All files of chains and checkpoints that are on the volumes: their paths from the folder of all evidence on."""
    sites = [each / "sites" for each in _volumes(net).iterdir()]
    return {str(path.relative_to(folder)): path for folder in sites for path in folder.rglob("*.jsonl")}


def anchored(net: Installation, site: str) -> set[str]:
    """The gateways of which the hub keeps anchors."""
    path = f"/api/v1/namespaces/{SYSTEM}/configmaps/isochrone-anchors"
    data: Json = net.hub.api.request("GET", path).body.get("data", {})
    return {json.loads(each)["instance"] for each in data.get(f"{site}.jsonl", "").splitlines()}


def copied(net: Installation, pod: str, folder: Path) -> None:
    """Out of a pod, as the reference says."""
    found = net.kubectl(net.hub, "exec", "--namespace", SYSTEM, pod, "--", "python3", "-c", _ARCHIVE)
    assert found.returncode == 0, found.stderr
    with tarfile.open(fileobj=io.BytesIO(found.stdout.encode())) as archive:
        extract_plain(archive, folder)


def fetch_anchors(net: Installation, folder: Path) -> None:
    """What the hub keeps, into a folder of the auditor."""
    kubeconfig = str(net.hub.plane.kubeconfig)
    fetched = CliRunner().invoke(main, ["audit", "anchors", "--kubeconfig", kubeconfig, "-o", str(folder)])
    assert fetched.exit_code == 0, fetched.output


def verdict(evidence: Path, hub: Path) -> Verdict:
    """On evidence, by what was fetched from the hub."""
    found = _audited("verify", evidence, hub, "--json")
    said = json.loads(found.stdout)
    told = [(each["tampering"], f"{each['rule']} {each['file']}: {each['message']}") for each in said["findings"]]
    tampered = [each for is_tampering, each in told if is_tampering]
    return Verdict(found.exit_code, said["anchoredInstances"], tampered, [each for _, each in told])


def rows(evidence: Path, hub: Path) -> list[Json]:
    """All tries of all requests that it tells of."""
    found = _audited("export", evidence, hub, "--format", "jsonl")
    assert found.exit_code == 0, found.output
    return [json.loads(line) for line in found.stdout.splitlines()]


def _audited(command: str, evidence: Path, hub: Path, *words: str) -> Result:
    known = ["--trusted-keys", str(hub / "keys"), "--anchors", str(hub / "anchors.jsonl")]
    return CliRunner().invoke(main, ["audit", command, str(evidence), *known, *words])


def _volumes(net: Installation) -> Path:
    return net.folder / "volumes"
