"""sglang-router (Rust): a router for engines, which reads the model from the JSON of a request."""

from pathlib import Path

from tests.bench import installing
from tests.bench.subjects.subject import Launch, Load, Setup, Subject

_VERSION = "0.3.2"


def _install() -> Path:
    install = installing.python_packages(f"sglang-router=={_VERSION}")
    return installing.installed("sglang-router", _VERSION, install) / "venv" / "bin"


def _launch(setup: Setup) -> Launch:
    """All is said on the command line. One worker is before it, so policies make no difference; the cheapest is set."""
    options = {
        "--worker-urls": f"http://127.0.0.1:{setup.upstream}",
        "--host": "127.0.0.1",
        "--port": str(setup.port),
        "--prometheus-host": "127.0.0.1",
        "--prometheus-port": str(setup.admin),
        "--policy": "round_robin",
        "--log-level": "error",
        "--max-concurrent-requests": "-1",
    }
    module = (str(setup.installed / "python"), "-m", "sglang_router.launch_router")
    return Launch(command=(*module, *(word for option in options.items() for word in option)), port=setup.port)


SUBJECT = Subject(
    name="sglang-router",
    about="routes to engines by the body",
    loads=frozenset({Load.UNARY, Load.OPEN, Load.STREAMS}),
    version=lambda: _VERSION,
    install=_install,
    launch=_launch,
)
