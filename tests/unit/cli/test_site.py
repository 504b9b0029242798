"""`isochrone site`: what would be done, and what is refused before a cluster is asked."""

import os
import pathlib
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.unit.kube.configs import config

from isochrone.cli import main
from isochrone.render import labels
from isochrone.render.joining import Joining


def site(*words: str) -> Result:
    result = CliRunner().invoke(main, ["site", *words], env={"HOME": os.devnull, "KUBECONFIG": None})
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def documents(result: Result) -> list[tuple[str, dict[str, Any]]]:
    """(what is said of it, the object)."""
    parts = result.output.removeprefix("---\n").split("---\n")
    return [(part.splitlines()[0].removeprefix("# "), yaml.safe_load(part)) for part in parts]


def named(item: dict[str, Any]) -> str:
    return f"{item['kind']} {item['metadata']['name']}"


PUSH = [
    ("applied in the site's cluster", "Namespace isochrone-system"),
    ("applied in the site's cluster", "ServiceAccount isochrone-hub"),
    ("applied in the site's cluster", "ClusterRole isochrone-hub"),
    ("applied in the site's cluster", "ClusterRoleBinding isochrone-hub"),
    ("applied in the site's cluster", "Role isochrone-hub"),
    ("applied in the site's cluster", "RoleBinding isochrone-hub"),
    ("applied in the site's cluster", "Secret isochrone-token-fra1"),
    ("applied in the hub; its kubeconfig is made with the token above", "Namespace isochrone-system"),
    ("applied in the hub; its kubeconfig is made with the token above", "Secret isochrone-site-fra1"),
]
PULL = [
    ("applied in the hub", "Namespace isochrone-system"),
    ("applied in the hub", "Namespace isochrone-site-fra1"),
    ("applied in the hub", "ServiceAccount isochrone-site-fra1"),
    ("applied in the hub", "Role isochrone-site-fra1"),
    ("applied in the hub", "RoleBinding isochrone-site-fra1"),
    ("applied in the hub", "Role isochrone-site-fra1"),
    ("applied in the hub", "RoleBinding isochrone-site-fra1"),
    ("applied in the hub", "Role isochrone-operator"),
    ("applied in the hub", "RoleBinding isochrone-operator"),
    ("applied in the hub", "Secret isochrone-token-fra1"),
    ("applied in the site's cluster; its kubeconfig is made with the token above", "Namespace isochrone-system"),
    ("applied in the site's cluster; its kubeconfig is made with the token above", "Secret isochrone-hub-fra1"),
]
LEAVING_SITE = "removed from the site's cluster; all but the Secrets only with its last site"
LEAVE = [
    (LEAVING_SITE, "Secret isochrone-token-fra1"),
    (LEAVING_SITE, "Secret isochrone-hub-fra1"),
    (LEAVING_SITE, "RoleBinding isochrone-hub"),
    (LEAVING_SITE, "Role isochrone-hub"),
    (LEAVING_SITE, "ClusterRoleBinding isochrone-hub"),
    (LEAVING_SITE, "ClusterRole isochrone-hub"),
    (LEAVING_SITE, "ServiceAccount isochrone-hub"),
    ("removed from the hub", "Secret isochrone-site-fra1"),
    ("removed from the hub", "RoleBinding isochrone-site-fra1"),
    ("removed from the hub", "Role isochrone-site-fra1"),
    ("removed from the hub", "Namespace isochrone-site-fra1"),
]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["join", "fra1"], PUSH, id="push"),
        pytest.param(["join", "fra1", "--pull"], PULL, id="pull"),
        pytest.param(["leave", "fra1"], LEAVE, id="leave"),
    ],
)
def test_a_dry_run_says_what_would_be_done_where(words: list[str], said: list[tuple[str, str]]) -> None:
    result = site(*words, "--dry-run")
    assert result.exit_code == 0
    assert [(title, named(item)) for title, item in documents(result)] == said


def test_delivery_does_not_take_it_for_its_own() -> None:
    joining = Joining(site="fra1")
    for item in (*joining.for_push(), *joining.for_pull(), joining.kubeconfig_in_hub(), joining.kubeconfig_in_site()):
        assert (
            item["metadata"]["labels"][labels.MANAGED_BY]
            == "isochrone-join"
            != labels.shared_labels("x")[labels.MANAGED_BY]
        )


def test_each_installation_has_its_own_account() -> None:
    shown = [named(item) for _, item in documents(site("join", "fra1", "--installation", "other", "--dry-run"))]
    assert shown[1:3] == ["ServiceAccount other-hub", "ClusterRole other-hub"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["join", "Fra1", "--dry-run"], "'Fra1' can't be the name of an EdgeNode", id="capitals"),
        pytest.param(["leave", "a" * 49, "--dry-run"], "at most 48 of a-z", id="too-long"),
        pytest.param(["join", "fra1"], "give --kubeconfig for the hub, and --site-kubeconfig", id="no-clusters"),
        pytest.param(
            ["join", "fra1", "--kubeconfig", "x"], "and --site-kubeconfig for the site's cluster", id="no-site"
        ),
        pytest.param(["leave", "fra1"], "give --kubeconfig for the hub", id="no-hub"),
    ],
)
def test_what_is_refused(words: list[str], said: str) -> None:
    result = site(*words)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    ("server", "said"),
    [
        pytest.param("https://127.0.0.1:1", "https://127.0.0.1:1 can't be reached", id="nobody"),
        pytest.param(None, "there is no such file", id="no-file"),
    ],
)
def test_a_cluster_that_is_not_there(tmp_path: pathlib.Path, server: str | None, said: str) -> None:
    path = tmp_path / "own"
    if server:
        path.write_bytes(config(cluster={"server": server}))
    result = site("join", "fra1", "--kubeconfig", str(path), "--site-kubeconfig", str(path))
    assert result.exit_code == 2
    assert said in result.output
