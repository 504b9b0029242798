"""No gateway at all: what the driver and the upstream can do by themselves."""

from pathlib import Path

from tests.bench.subjects.subject import Launch, Load, Setup, Subject


def _launch(setup: Setup) -> Launch:
    return Launch(command=(), port=setup.upstream)


SUBJECT = Subject(
    name="direct",
    about="no gateway",
    loads=frozenset({Load.UNARY, Load.OPEN, Load.STREAMS}),
    version=lambda: "",
    install=Path,
    launch=_launch,
)
