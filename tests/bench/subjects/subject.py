"""What all subjects have in common: how one is installed, how it is launched, and what is measured of it."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CONFIGS = Path(__file__).parents[1] / "configs"
MODEL = "chat"
"""What clients ask for."""
UPSTREAM_MODEL = "upstream-model"
UPSTREAM_ADDRESSES = 4
"""The upstream's, from 127.0.0.1 on: to a gateway it may be as many engines."""


class Load(enum.StrEnum):
    """What is measured."""

    UNARY = "unary"
    OPEN = "open"
    STREAMS = "streams"
    TLS = "tls"


ALL = frozenset(Load)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a subject is given."""

    load: Load
    folder: Path
    """Its own, and empty."""
    installed: Path
    """What its `install` gave."""
    upstream: int
    """The port of the upstream, on 127.0.0.1 and the next few addresses."""
    port: int
    """Where to listen."""
    admin: int
    """One port more, for those that need it."""
    certificate: Path
    key: Path


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How to start it, and how to ask it. No command: it is there already."""

    command: tuple[str, ...]
    port: int
    api_key: str = "sk-bench"
    headers: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One gateway in one configuration."""

    name: str
    about: str
    loads: frozenset[Load]
    version: Callable[[], str]
    install: Callable[[], Path]
    launch: Callable[[Setup], Launch]
    is_slow: bool = False
    """It takes long to start and answers little, so it is measured less often."""
    patience: float = 60.0
    """Seconds that it may take to start."""


def filled(template: str, folder: Path, **values: object) -> Path:
    """Write a template of `configs/` with its @NAMES@ replaced, and give where."""
    text = (CONFIGS / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name.upper()}@", str(value))
    path = folder / template
    path.write_text(text)
    return path
