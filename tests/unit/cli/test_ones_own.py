"""Which kubeconfig commands take: the one that is named, else what kubectl would take."""

import pathlib
from typing import Final

import pytest
from click.testing import CliRunner, Result

from isochrone.cli import main

ROOT: Final = pathlib.Path(__file__).parents[3]
EXAMPLE: Final = ROOT / "examples" / "quickstart"
COMMANDS: Final = (
    "audit anchors -o out",
    "drill",
    "explain smollm2",
    "plan",
    "render -o out",
    "site join fra1 --site-kubeconfig of-the-site",
    "site leave fra1",
    "status",
    "support-bundle",
    "uninstall --dry-run",
    "verify",
)
OF_FILES: Final = ("drill", "explain smollm2", "plan", "render -o out", "verify")
"""Those that read manifests, too."""


@pytest.fixture(autouse=True)
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Where a kubeconfig is, and two more: they say nothing, so it is told at once which of them was read."""
    (tmp_path / ".kube").mkdir()
    for name in (".kube/config", "named", "said"):
        (tmp_path / name).write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return tmp_path


def run(command: str, *more: str, said: str | None = None) -> Result:
    result = CliRunner().invoke(main, [*command.split(), *more], env={"KUBECONFIG": said})
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("more", "said", "read"),
    [
        pytest.param(["--kubeconfig", "named"], "said", "named", id="named"),
        pytest.param([], "said", "said", id="the environment's"),
        pytest.param([], "missing", "missing", id="the environment's, which isn't there"),
        pytest.param([], "missing:said", "missing:said", id="several of the environment"),
        pytest.param([], "", "{home}/.kube/config", id="an empty environment's"),
        pytest.param([], None, "{home}/.kube/config", id="at home"),
    ],
)
def test_which_is_read(command: str, more: list[str], said: str | None, read: str, home: pathlib.Path) -> None:
    result = run(command, *more, said=said)
    assert result.exit_code == 2
    assert f"kubeconfig {read.format(home=home)}: " in result.stderr


@pytest.mark.parametrize("command", OF_FILES)
def test_manifests_are_read_whatever_the_environment_says(command: str) -> None:
    assert run(command, "-f", str(EXAMPLE), said="missing").exit_code == 0


@pytest.mark.parametrize("command", OF_FILES)
@pytest.mark.parametrize(
    "more", [pytest.param([], id="neither"), pytest.param(["-f", "x", "--kubeconfig", "named"], id="both")]
)
def test_manifests_or_a_cluster_are_to_be_said(command: str, more: list[str], home: pathlib.Path) -> None:
    (home / ".kube" / "config").unlink()
    result = run(command, *more)
    assert result.exit_code == 2
    assert "say what to read: manifests with -f, or a hub's cluster with --kubeconfig" in result.stderr
