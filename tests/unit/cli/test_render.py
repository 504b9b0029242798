"""`isochrone render`: what is written, what stays, what is removed, and what is refused."""

import pathlib
import shutil
from typing import Any, Final

import pytest
import yaml
from click.testing import CliRunner, Result

from isochrone.cli import main, output
from isochrone_gateway.config import read_index
from isochrone_gateway.config.index import Revision

EXAMPLE: Final = pathlib.Path(__file__).parents[3] / "examples" / "quickstart-multicluster"
CLUSTERS: Final = {"kubeconfig-cdg1-kubeconfig", "local", "remote-iad1"}


@pytest.fixture
def network(tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of the example, to change."""
    return pathlib.Path(shutil.copytree(EXAMPLE, tmp_path / "network"))


def render(network: pathlib.Path, out: pathlib.Path, *more: str) -> Result:
    result = CliRunner().invoke(main, ["render", "-f", str(network), "-o", str(out), *more])
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def revision(out: pathlib.Path, cluster: str = "remote-iad1", site: str = "iad1") -> Revision:
    (path,) = (out / cluster / site / "isochrone-system").glob("configmap-*-config.yaml")
    stored: dict[str, Any] = yaml.safe_load(path.read_text())
    return read_index(stored["data"]["index.json"].encode()).index.revision


def files(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def change(network: pathlib.Path, file: str, old: str, new: str) -> None:
    text = (network / file).read_text()
    assert old in text
    (network / file).write_text(text.replace(old, new))


def test_each_cluster_has_a_folder(network: pathlib.Path, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    result = render(network, out)

    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == CLUSTERS
    for folder in out.iterdir():
        listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
        assert sorted(listed) == sorted(set(files(folder)) - {"kustomization.yaml", "README.md"})
    kinds = {yaml.safe_load(path.read_text())["kind"] for path in out.rglob("*.yaml")}
    assert "Deployment" in kinds
    assert "Secret" not in kinds
    assert revision(out).sequence == 1


def test_the_same_network_changes_no_file(network: pathlib.Path, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    render(network, out)
    before = files(out)

    assert "no files written" in render(network, out).output
    assert files(out) == before


def test_a_change_raises_the_revision_where_it_matters(network: pathlib.Path, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    render(network, out)
    before = revision(out)
    change(network, "models.yaml", "- chat\n", "- talk\n")
    render(network, out)

    assert revision(out).sequence == 2
    assert revision(out).digest != before.digest
    assert revision(out).epoch == before.epoch


def test_what_is_no_longer_needed_is_removed_and_nothing_else(network: pathlib.Path, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    render(network, out)
    notes = out / "local" / "fra1" / "notes.txt"
    notes.write_text("of somebody else")
    assert list(out.rglob("deployment-bge-*"))
    text = (network / "models.yaml").read_text()
    (network / "models.yaml").write_text(text[: text.rindex("---")])
    render(network, out)

    assert list(out.rglob("*bge*")) == []
    assert notes.read_text() == "of somebody else"
    assert list(out.rglob("deployment-qwen-*"))


def test_an_epoch_starts_anew(network: pathlib.Path, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    render(network, out)
    assert render(network, out, "--epoch", "7").exit_code == 0
    assert (revision(out).epoch, revision(out).sequence) == (7, 1)
    render(network, out)
    assert (revision(out).epoch, revision(out).sequence) == (7, 1)

    refused = render(network, out, "--epoch", "6")
    assert refused.exit_code == 2
    assert "--epoch 6 is below the last one, 7" in refused.stderr


def test_a_folder_of_somebody_else_is_left_alone(network: pathlib.Path, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    theirs = out / "local" / "important.yaml"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("a: b")

    refused = render(network, out)
    assert refused.exit_code == 2
    assert "is not empty, and not of isochrone render" in refused.stderr
    assert files(out / "local") == {"important.yaml": b"a: b"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("resources: [../../etc/passwd]", "is not of isochrone render", id="leads-outside"),
        pytest.param("resources: [/etc/passwd]", "is not of isochrone render", id="absolute"),
        pytest.param("resources: nothing", "is not of isochrone render", id="no-list"),
        pytest.param("- a", "holds no object", id="no-object"),
        pytest.param("a: [", "can't be read", id="malformed"),
    ],
)
def test_a_kustomization_that_is_not_ours(tmp_path: pathlib.Path, text: str, said: str) -> None:
    (tmp_path / "kustomization.yaml").write_text(text)
    with pytest.raises(output.OutputError, match=said):
        output.write(tmp_path, {})


def test_a_revision_that_can_not_be_read_is_not_begun_anew(network: pathlib.Path, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    render(network, out)
    (index,) = (out / "remote-iad1" / "iad1" / "isochrone-system").glob("configmap-*-config.yaml")
    index.write_text(index.read_text().replace('"sequence":1', '"sequence":9'))

    refused = render(network, out)
    assert refused.exit_code == 2
    assert "holds no revision that can be read" in refused.stderr


def test_a_folder_that_can_not_be_written(network: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "local").write_text("a file in its place")
    refused = render(network, tmp_path / "out")
    assert refused.exit_code == 2
    assert "local" in refused.stderr
