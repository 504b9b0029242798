"""Runs the built kubectl against a cluster, apart from whatever kubectl its user has set up."""

import os
import subprocess
from pathlib import Path

from tests.cluster import tools
from tests.cluster.reaper import current_run

_LIMIT = 120.0


def kubectl(kubeconfig: Path, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """The completed process, whatever its status; HOME (and so its cache) is the test run's own."""
    return subprocess.run(
        [tools.built().parent / "kubectl", *arguments],
        env={
            "HOME": str(current_run().folder),
            "PATH": os.environ.get("PATH", os.defpath),
            "KUBECONFIG": str(kubeconfig),
        },
        input=stdin or "",
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        check=False,
    )
