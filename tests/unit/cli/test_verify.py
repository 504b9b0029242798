"""`isochrone verify`: what is proved, what is refused, and in which words."""

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import yaml
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isochrone.cli import main

EXAMPLES: Final = pathlib.Path(__file__).parents[3] / "examples"
EXAMPLE: Final = EXAMPLES / "quickstart-multicluster"
FETCHING: Final = EXAMPLES / "quickstart"
"""Its engines fetch their weights from `hf://`."""
NOTHING_OF_ONES_OWN: Final = {"HOME": os.devnull, "KUBECONFIG": None}


def verify(*args: object) -> Result:
    result = CliRunner().invoke(main, ["verify", *map(str, args)], env=NOTHING_OF_ONES_OWN)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    out = tmp_path_factory.mktemp("rendered") / "out"
    done = CliRunner().invoke(main, ["render", "-f", str(EXAMPLE), "-o", str(out)])
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture
def configs(rendered: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """What was rendered, to change."""
    return pathlib.Path(shutil.copytree(rendered, tmp_path / "out"))


@pytest.mark.parametrize("example", ["quickstart", "quickstart-multicluster", "residency"])
def test_what_would_be_rendered_now(example: str) -> None:
    result = verify("-f", EXAMPLES / example)
    assert result.exit_code == 0, result.output
    assert "PROVED: no request can get to where a policy forbids it" in result.output


def test_what_was_rendered(configs: pathlib.Path) -> None:
    result = verify("-f", EXAMPLE, "--configs", configs)
    assert result.exit_code == 0, result.output
    assert "1,040 combinations of site, route, caller and origin: 4 sites, 2 routes, 1 tenant" in result.output
    assert "egress: any address, by port at 4 sites" in result.output


def test_the_folder_of_one_cluster_lacks_the_others(configs: pathlib.Path) -> None:
    result = verify("-f", EXAMPLE, "--configs", configs / "local")
    assert result.exit_code == 1
    assert "error: [MissingConfig] iad1: there is no config of this site" in result.output
    assert "NOT PROVED: 2 errors" in result.output


def test_a_path_is_shown(configs: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """The manifests forbid what the configs still allow."""
    network = pathlib.Path(shutil.copytree(EXAMPLE, tmp_path / "network"))
    text = (network / "residency.yaml").read_text()
    at = text.rindex("      places:\n        include:\n          - EEA\n          - CH\n")
    (network / "residency.yaml").write_text(text[:at] + text[at:].replace("- EEA\n          - CH\n", "- DE\n", 1))
    result = verify("-f", network, "--configs", configs)

    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert any(
        line.strip().startswith("site fra1 -> route demo/")
        and "-> peer cdg1 ->" in line
        and "FR-IDF (Declared)" in line
        for line in lines
    ), result.output
    assert any("policy eu-data-stays forbids it (PlaceNotAllowed)" in line for line in lines)
    assert any(str(configs / "local" / "fra1") in line for line in lines), "which file says so"


def test_a_changed_file_is_found(configs: pathlib.Path) -> None:
    path = next((configs / "remote-iad1").rglob("networkpolicy-isochrone-gateway.yaml"))
    policy: dict[str, Any] = yaml.safe_load(path.read_text())
    policy["spec"]["egress"].append({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]})
    path.write_text(yaml.safe_dump(policy))
    result = verify("-f", EXAMPLE, "--configs", configs)
    assert result.exit_code == 1
    assert "error: [EgressOpen] iad1: a rule lets the gateway talk to any address at any port" in result.output
    assert str(path) in result.output


def test_json(configs: pathlib.Path) -> None:
    path = next((configs / "local").rglob("configmap-law-*.yaml"))
    path.write_text(path.read_text().replace("H4sI", "H4sJ", 1))
    result = verify("-f", EXAMPLE, "--configs", configs, "--json")
    assert result.exit_code == 1
    said = json.loads(result.output[result.output.index("{") :])
    assert (said["version"], said["holds"]) == (1, False)
    assert {each["rule"] for each in said["findings"]} == {"BrokenConfig"}
    assert {each["name"] for each in said["sites"]} == {"cdg1", "iad1"}
    assert said["sites"][0]["egress"] == "ByPort"
    assert said["summary"]["errors"] == len(said["findings"]) == 2


def test_who_must_have_signed(configs: pathlib.Path, tmp_path: pathlib.Path) -> None:
    public = Ed25519PrivateKey.generate().public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "hub.pem").write_bytes(public.public_bytes(serialization.Encoding.PEM, form))
    result = verify("-f", EXAMPLE, "--configs", configs, "--trusted-keys", tmp_path)
    assert result.exit_code == 1
    assert result.output.count("error: [NotSigned]") == 4


def test_what_is_meant_by_default() -> None:
    result = verify("-f", EXAMPLE, "--unbound", "Deny")
    assert result.exit_code == 0, result.output


def test_a_kustomization_that_changes_more(configs: pathlib.Path) -> None:
    with (configs / "local" / "kustomization.yaml").open("a") as file:
        file.write("patches:\n  - path: mine.yaml\n")
    result = verify("-f", EXAMPLE, "--configs", configs)
    assert result.exit_code == 2
    assert "changes what its files say, by patches" in result.output


def apply(folder: pathlib.Path, *items: Any, name: str = "mine.yaml") -> None:
    """Have these applied together with what was rendered."""
    (folder / name).write_text(yaml.safe_dump_all(items))
    listed(folder, name)


def listed(folder: pathlib.Path, *names: Any) -> None:
    path = folder / "kustomization.yaml"
    kustomization = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**kustomization, "resources": [*kustomization["resources"], *names]}))


def wide(kind: str = "NetworkPolicy", version: str = "networking.k8s.io/v1", **spec: Any) -> dict[str, Any]:
    spec = spec or {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}
    metadata = {"name": "wide", "namespace": "isochrone-system", "labels": {"isochrone.dev/edge-node": "nowhere"}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def listing(*items: Any, kind: str = "List") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "items": list(items)}


EVERYBODY = "error: [EgressOpen] fra1: a rule lets the gateway talk to anybody"


@pytest.mark.parametrize(
    ("item", "says"),
    [
        pytest.param(wide(), EVERYBODY, id="whatever its label"),
        pytest.param(listing(wide()), EVERYBODY, id="in a list"),
        pytest.param(listing(listing(wide(), kind="NetworkPolicyList")), EVERYBODY, id="in a list of a list"),
        pytest.param(
            wide("CiliumClusterwideNetworkPolicy", "cilium.io/v2"),
            "error: [NotRead] CiliumClusterwideNetworkPolicy wide (cilium.io/v2) may let pods talk to others",
            id="of a kind that isn't read",
        ),
        pytest.param(
            listing(wide(version="projectcalico.org/v3")),
            "error: [NotRead] NetworkPolicy wide (projectcalico.org/v3) may let pods talk to others",
            id="of a kind by the same name",
        ),
    ],
)
def test_whatever_is_applied_together_counts(configs: pathlib.Path, item: Any, says: str) -> None:
    apply(configs / "local", item)
    result = verify("-f", EXAMPLE, "--configs", configs)
    assert result.exit_code == 1, result.output
    assert says in result.output
    assert str(configs / "local" / "mine.yaml") in result.output


def test_what_harms_nobody_is_left_unread(configs: pathlib.Path) -> None:
    home = {"name": "mine", "namespace": "isochrone-system"}
    plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": home, "data": {"a": "b"}}
    apply(configs / "local", listing(plain, wide("PodMonitor", "monitoring.coreos.com/v1"), kind="MixedList"))
    result = verify("-f", EXAMPLE, "--configs", configs)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("item", "says"),
    [
        pytest.param(wide(egress=["x"]), "mine.yaml: spec.egress[0] must be a map, not text", id="a rule"),
        pytest.param(
            listing({}, wide(egress=["x"])), "mine.yaml, items[0] holds no object, or more than one", id="an empty item"
        ),
        pytest.param(
            listing(wide(), wide(egress=["x"])),
            "mine.yaml, items[1]: spec.egress[0] must be a map, not text",
            id="a rule of an item",
        ),
        pytest.param(listing("x"), "mine.yaml, items[0] holds no object", id="an item"),
        pytest.param({"apiVersion": "v1", "kind": "List"}, "has items, but is no list of objects", id="no items"),
        pytest.param({**wide(), "items": [wide()]}, "has items, but is no list of objects", id="items of no list"),
        pytest.param({"kind": "ConfigMap", "metadata": {"name": "x"}}, "mine.yaml holds no object", id="no version"),
        pytest.param(["x"], "mine.yaml holds no object", id="no object"),
    ],
)
def test_objects_that_nobody_would_take(configs: pathlib.Path, item: Any, says: str) -> None:
    apply(configs / "local", item)
    result = verify("-f", EXAMPLE, "--configs", configs)
    assert result.exit_code == 2, result.output
    assert says in result.output


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "https://github.com/acme/edge//policies?ref=v1",
            "is elsewhere, and isn't read: write what it holds to a file",
        ),
        ("github.com/acme/edge//policies?ref=v1", "is elsewhere, and isn't read"),
        ("git@github.com:acme/edge.git", "is elsewhere, and isn't read"),
        ("fra1", "fra1 is a folder, and isn't read: list its files instead"),
        ("gone.yaml", "gone.yaml can't be read"),
        (5, "resources must be a list of files"),
    ],
    ids=["a URL", "a repository", "a repository by ssh", "a folder", "no file", "a number"],
)
def test_resources_that_are_not_read(configs: pathlib.Path, name: Any, says: str) -> None:
    listed(configs / "local", name)
    result = verify("-f", EXAMPLE, "--configs", configs)
    assert result.exit_code == 2, result.output
    assert says in result.output
    assert str(configs / "local") in result.output


@pytest.mark.parametrize("text", ["resources: 5\n", "resources: {a: b}\n", "resources: x.yaml\n"])
def test_resources_that_are_no_list(configs: pathlib.Path, text: str) -> None:
    (configs / "local" / "kustomization.yaml").write_text(text)
    result = verify("-f", EXAMPLE, "--configs", configs)
    assert result.exit_code == 2, result.output
    assert "kustomization.yaml: resources must be a list of files" in result.output


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["-f", EXAMPLE, "--configs", EXAMPLE], "no folder in it has a kustomization.yaml"),
        (["-f", EXAMPLE, "--trusted-keys", EXAMPLE], "has no file KEY-ID.pem"),
        ([], "say what to read: manifests with -f"),
        (["-f", EXAMPLE, "--hf-endpoint", "models.example.com"], "--hf-endpoint is a URL such as https://models"),
        (["-f", EXAMPLE, "--s3-endpoint", ""], "--s3-endpoint is a URL such as https://models"),
        (["-f", EXAMPLE, "--configs", EXAMPLE, "--cluster", EXAMPLE / "sites.yaml"], "not both"),
    ],
    ids=["nothing rendered", "no keys", "nothing declared", "no URL", "an empty URL", "two sources"],
)
def test_what_cannot_be_read(args: list[object], says: str) -> None:
    result = verify(*args)
    assert result.exit_code == 2
    assert says in result.output


@pytest.mark.parametrize(
    ("said", "is_proved"),
    [
        pytest.param(["--hf-endpoint", "http://mirror.example.com:8080"], True, id="the mirror's"),
        pytest.param(["--hf-endpoint", "http://mirror.example.com:8081"], False, id="another port"),
        pytest.param([], False, id="none"),
    ],
)
def test_engines_may_fetch_from_the_mirror_that_is_said(
    tmp_path: pathlib.Path, said: list[str], *, is_proved: bool
) -> None:
    """Where all that was rendered lets engines talk to one port of any address."""
    assert CliRunner().invoke(main, ["render", "-f", str(FETCHING), "-o", str(tmp_path / "out")]).exit_code == 0
    changed = 0
    for path in tmp_path.rglob("networkpolicy-*.yaml"):
        policy = yaml.safe_load(path.read_text())
        for rule in policy["spec"].get("egress") or ():
            is_wide = any(each.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" for each in rule.get("to") or ())
            if policy["metadata"]["labels"]["app.kubernetes.io/component"] == "engine" and is_wide:
                rule["ports"] = [{"port": 8080, "protocol": "TCP"}]
                changed += 1
        path.write_text(yaml.safe_dump(policy))
    assert changed
    result = verify("-f", FETCHING, "--configs", tmp_path / "out", *said)
    assert result.exit_code == (0 if is_proved else 1), result.output
    assert ("their weights need port" in result.output) is not is_proved


def test_what_would_be_rendered_fetches_from_the_mirror_that_is_said() -> None:
    assert verify("-f", FETCHING, "--hf-endpoint", "http://mirror.example.com:8080").exit_code == 0


@pytest.mark.parametrize("args", [["-f", EXAMPLE, "--cluster"], ["--kubeconfig"]], ids=["a cluster", "the hub's"])
def test_a_file_that_is_no_kubeconfig(tmp_path: pathlib.Path, args: list[object]) -> None:
    path = tmp_path / "passwd"
    path.write_text("root:x:0:0:root:/root:/bin/bash\n")
    result = verify(*args, path)
    assert result.exit_code == 2
    assert f"kubeconfig {path} is YAML, but no kubeconfig" in result.output


class Listing:
    """A cluster that lists what was rendered for it, as API servers do: they write metadata of their own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder

    async def list(self, path: str, *, label_selector: str | None = None) -> tuple[dict[str, Any], ...]:
        resource = path.rpartition("/")[2]
        if label_selector is not None and "managed-by!=" in label_selector:
            return ()
        names = yaml.safe_load((self._folder / "kustomization.yaml").read_text())["resources"]
        items = [yaml.safe_load((self._folder / name).read_text()) for name in names]
        chosen = [each for each in items if resource in {f"{each['kind'].lower()}s", f"{each['kind'].lower()[:-1]}ies"}]
        for each in chosen:
            each["metadata"] |= {"uid": "1", "finalizers": ["a"], "ownerReferences": [{"name": "x"}]}
            each["metadata"]["annotations"] = {"argocd.argoproj.io/hook": "Sync"}
            del each["kind"], each["apiVersion"]
        return tuple(chosen)


def test_what_is_in_clusters(configs: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kubeconfig stands for the cluster of the folder of its name."""

    @contextlib.asynccontextmanager
    async def connected(kubeconfig: pathlib.Path, context: str | None) -> AsyncIterator[Listing]:
        assert context is None
        yield Listing(kubeconfig.with_suffix(""))

    monkeypatch.setattr("isochrone.kube.reader.connected", connected)
    folders = sorted(each for each in configs.iterdir() if each.is_dir())
    for each in folders:
        each.with_suffix(".yaml").write_text("")
    members = [arg for each in folders for arg in ("--cluster", each.with_suffix(".yaml"))]
    result = verify("-f", EXAMPLE, *members)
    assert result.exit_code == 0, result.output
    assert "4 sites" in result.output
