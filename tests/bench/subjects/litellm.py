"""LiteLLM's proxy (Python): one worker, no database, no log."""

from pathlib import Path

from tests.bench import installing
from tests.bench.subjects.subject import Launch, Load, Setup, Subject, filled

_VERSION = "1.108.7"
"""The newest whose `proxy` extra can be installed from PyPI: later ones need a package that isn't there."""
_MASTER_KEY = "sk-bench-master-0123456789abcdef"


def _install() -> Path:
    install = installing.python_packages(f"litellm[proxy]=={_VERSION}")
    return installing.installed("litellm", _VERSION, install) / "venv" / "bin"


def _launch(setup: Setup) -> Launch:
    config = filled("litellm.yaml", setup.folder, upstream=setup.upstream, key=_MASTER_KEY)
    where = ("--host", "127.0.0.1", "--port", str(setup.port), "--num_workers", "1")
    return Launch(
        command=(str(setup.installed / "litellm"), "--config", str(config), *where, "--telemetry", "False"),
        port=setup.port,
        api_key=_MASTER_KEY,
        # Else it looks for prices on the internet first.
        environment={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"},
    )


SUBJECT = Subject(
    name="litellm",
    about="AI gateway; one worker, no database",
    loads=frozenset({Load.UNARY, Load.OPEN}),
    version=lambda: _VERSION,
    install=_install,
    launch=_launch,
    is_slow=True,
    patience=180,
)
