"""The command line of `isochrone status`, which reads an API server over HTTP."""

import contextlib
import http.server
import json
import pathlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click
import pytest
import yaml
from click.testing import CliRunner, Result
from tests.golden.status import networks
from tests.unit.plan.small import FRA
from tests.unit.status.network import changed
from tests.worlds.build import snapshot

from isochrone.api import GROUP, KINDS, VERSION
from isochrone.cli import main, status_text
from isochrone.cli.status_text import Standing
from isochrone.model import Snapshot

Json = dict[str, Any]
FIELDS: Final = ("edge_nodes", "pools", "routes", "policies", "providers", "tenants")


class _Answers(http.server.BaseHTTPRequestHandler):
    lists: Mapping[str, list[Json]]

    def do_GET(self) -> None:
        items = self.lists.get(self.path.partition("?")[0])
        self.send_response(404 if items is None else 200)
        body = json.dumps({"items": items or [], "metadata": {}}).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Not on standard error."""


@contextlib.contextmanager
def cluster(lists: Mapping[str, list[Json]], folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """A kubeconfig for a server that has these lists, by path."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Answers", (_Answers,), {"lists": lists})) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        path = folder / "kubeconfig"
        config = {
            "clusters": [{"name": "a", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}],
            "users": [{"name": "a", "user": {"token": "x"}}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
            "current-context": "a",
        }
        path.write_text(yaml.safe_dump(config))
        try:
            yield path
        finally:
            server.shutdown()
            thread.join(timeout=30)


def lists_of(network: Snapshot) -> dict[str, list[Json]]:
    every = [each for field in FIELDS for each in getattr(network, field)]
    return {
        f"/apis/{GROUP}/{VERSION}/{kind.info.plural}": [
            each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in every if isinstance(each, kind)
        ]
        for kind in KINDS
    }


def run(*arguments: str, **environment: str) -> Result:
    result = CliRunner().invoke(main, ["status", *arguments], env=environment)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


@pytest.mark.parametrize(
    ("network", "ends"),
    [
        pytest.param(networks.well(), 0, id="well"),
        pytest.param(networks.trouble(), 1, id="trouble"),
        pytest.param(networks.applied(), 3, id="applied"),
        pytest.param(Snapshot(), 0, id="empty"),
    ],
)
def test_what_a_cluster_has_is_told(network: Snapshot, ends: int, tmp_path: pathlib.Path) -> None:
    with cluster(lists_of(network), tmp_path) as kubeconfig:
        text = run("--kubeconfig", str(kubeconfig))
        plain = run("--kubeconfig", str(kubeconfig), "--context", "a", "--json")
    assert text.stdout == f"{click.unstyle(status_text.text(network))}\n"
    assert json.loads(plain.stdout) == status_text.document(network)
    assert (text.exit_code, plain.exit_code) == (ends, ends)


def test_the_kubeconfig_is_that_of_the_environment(tmp_path: pathlib.Path) -> None:
    with cluster(lists_of(networks.well()), tmp_path) as kubeconfig:
        assert run(KUBECONFIG=str(kubeconfig)).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--kubeconfig", "missing"], "kubeconfig missing", id="no-such-file"),
        pytest.param(["--context", "b"], "b", id="no-such-context"),
    ],
)
def test_a_cluster_that_can_not_be_read(arguments: list[str], said: str, tmp_path: pathlib.Path) -> None:
    with cluster({}, tmp_path) as kubeconfig:
        result = run(*arguments, KUBECONFIG=str(kubeconfig))
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_cluster_without_the_kinds(tmp_path: pathlib.Path) -> None:
    with cluster({}, tmp_path) as kubeconfig:
        result = run("--kubeconfig", str(kubeconfig))
    assert result.exit_code == 2
    assert "install Isochrone in this cluster first" in result.stderr


def site(ready: str | None, generation: int = 1, message: str = "why") -> Snapshot:
    conditions = [
        {
            "type": "Ready",
            "status": ready,
            "reason": "Ready",
            "message": message,
            "lastTransitionTime": "2026-11-20T12:00:00Z",
            "observedGeneration": 1,
        }
    ]
    plain = changed(FRA, generation=generation)
    return snapshot([{**plain, "status": {"conditions": conditions}} if ready else plain])


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        pytest.param(site("True"), Standing.READY, id="ready"),
        pytest.param(site("False"), Standing.WRONG, id="wrong"),
        pytest.param(site("Unknown"), Standing.WORKING, id="working"),
        pytest.param(site(None), Standing.WORKING, id="not-looked-at"),
        pytest.param(site("True", generation=2), Standing.WORKING, id="changed-since"),
        pytest.param(site("False", generation=2), Standing.WORKING, id="put-right-since"),
    ],
)
def test_how_an_object_is(network: Snapshot, expected: Standing) -> None:
    assert status_text.standing(network.edge_nodes[0]) is expected


def test_what_a_status_says_does_not_steer_the_terminal() -> None:
    assert "\x1b[2J" not in status_text.text(site("False", message="a\x1b[2Jb"))
