"""Helm and promtool, built where they aren't cached. Where they can't be, these tests fail and say what to do."""

import contextlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from tests.cluster import tools
from tests.cluster.reaper import current_run
from tests.cluster.tools import Tool

Run = Callable[..., subprocess.CompletedProcess[str]]

_LIMIT: Final = 300.0


def _program(request: pytest.FixtureRequest, tool: Tool) -> Run:
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        binary = tools.built(tool)

    def run(*arguments: str | Path, kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [binary, *map(str, arguments)],
            env={
                "HOME": str(current_run().folder),
                "PATH": os.environ.get("PATH", os.defpath),
                "KUBECONFIG": str(kubeconfig or os.devnull),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def helm(request: pytest.FixtureRequest) -> Run:
    """`helm("template", ...)`: the completed process, whatever its status. A user's own Helm is not looked at."""
    return _program(request, tools.HELM)


@pytest.fixture(scope="session")
def promtool(request: pytest.FixtureRequest) -> Run:
    return _program(request, tools.PROMTOOL)
