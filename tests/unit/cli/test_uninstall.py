"""`isochrone uninstall` and `isochrone support-bundle`: what is refused before a cluster is asked."""

import pathlib

import pytest
from click.testing import CliRunner, Result
from tests.unit.kube.configs import config

from isochrone.cli import main


@pytest.fixture
def kubeconfig(tmp_path: pathlib.Path) -> str:
    """Of a cluster that nobody answers for."""
    path = tmp_path / "hub"
    path.write_bytes(config(cluster={"server": "https://127.0.0.1:1"}))
    return str(path)


def run(*words: str) -> Result:
    result = CliRunner().invoke(main, words)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["uninstall", "--timeout", "soon"], "--timeout is a duration such as 90s", id="no-duration"),
        pytest.param(["uninstall", "--site-kubeconfig", "a=b"], "--site-kubeconfig goes with --all", id="without-all"),
        pytest.param(["uninstall", "--all", "--site-kubeconfig", "a"], "is SITE=FILE, not 'a'", id="no-file"),
        pytest.param(["uninstall", "--all", "--site-kubeconfig", "a=/none"], "there is no such file", id="no-way"),
        pytest.param(["uninstall"], "https://127.0.0.1:1 can't be reached", id="nobody"),
        pytest.param(["support-bundle", "--timeout", "0s"], "--timeout is a duration such as 90s", id="no-time"),
        pytest.param(["support-bundle", "--site-kubeconfig", "=b"], "is SITE=FILE, not '=b'", id="no-site"),
        pytest.param(["support-bundle"], "https://127.0.0.1:1 can't be reached", id="nobody-again"),
    ],
)
def test_what_is_refused(kubeconfig: str, tmp_path: pathlib.Path, words: list[str], said: str) -> None:
    command, *options = words
    output = ["--output", str(tmp_path / "out.tar.gz")] if command == "support-bundle" else []
    result = run(command, "--kubeconfig", kubeconfig, *options, *output)
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "out.tar.gz").exists()
