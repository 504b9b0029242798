"""What an installation says of its operator."""

import dataclasses
from typing import Any, Final, get_type_hints

import msgspec
import yaml

from isochrone.api.serving import EngineType
from isochrone.kube.election import Timing
from isochrone.kube.others import EVERY
from isochrone.model import Settings
from isochrone.render.gateway_settings import GatewaySettings
from isochrone.render.settings import ENGINE_IMAGES, Accelerator, RenderSettings
from isochrone.rollout.demand import Rules
from isochrone.rollout.errors import Watch


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often something is done, in seconds."""

    debounce: float = 0.1
    """Changes that come so close together are one."""
    most_debounce: float = 2.0
    """After so long a pass is made though changes go on."""
    resync: float = 30.0
    """Between two passes when nothing changes."""
    look: float = 15.0
    """Between two looks at a cluster where all is well."""
    busy_look: float = 2.0
    """The same while something is on its way."""
    others: float = EVERY
    """Between two looks at the GPUs that others hold in a cluster."""
    soon: float = 0.25
    """Until a site that pulls looks first at what it has just delivered; twice as long before each further look."""
    most_pause: float = 60.0
    """Between two attempts at a cluster that can't be reached. The first pause is `busy_look`, each further one
    twice as long."""
    adopt: float = 30.0
    """A hub that finds what it has not delivered waits until nothing has been declared for so long: it was made anew,
    and may not have all of its policies yet."""
    anchors: float = 300.0
    """Between two writes of the anchors of sites' evidence."""
    status: float = 5.0
    """Between two writes to the status of one object."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSettings:
    """All of it."""

    planning: Settings = dataclasses.field(default_factory=Settings)
    rendering: RenderSettings = dataclasses.field(default_factory=RenderSettings)
    gateway: GatewaySettings = dataclasses.field(default_factory=GatewaySettings)
    election: Timing = dataclasses.field(default_factory=Timing)
    pace: Pace = dataclasses.field(default_factory=Pace)
    waves: Watch = dataclasses.field(default_factory=Watch)
    demand: Rules = dataclasses.field(default_factory=Rules)
    clusters_at_once: int = 16
    """Clusters to which something is delivered beside each other."""

    @property
    def installation(self) -> str:
        return self.planning.installation


class SettingsError(Exception):
    """A file of settings that can't be used. The message says where and why."""


def read(text: str, *, installation: str | None = None) -> OperatorSettings:
    """Settings from YAML, in the shape of OperatorSettings with keys in camelCase. What is left out has its default.

    Images of engines are keyed by `ENGINE/ACCELERATOR`, such as `VLLM/NVIDIA`.
    """
    try:
        given = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise SettingsError(f"not YAML: {error}") from error
    if not isinstance(given, dict):
        raise SettingsError("the settings are a map of sections")
    settings = OperatorSettings()
    for name, value in given.items():
        field = _snake(name)
        if field not in _SECTIONS:
            raise SettingsError(f"{name} is no section; there are {', '.join(sorted(map(_camel, _SECTIONS)))}")
        settings = dataclasses.replace(settings, **{field: _section(name, getattr(settings, field), value)})
    if installation is not None:
        settings = dataclasses.replace(
            settings, planning=dataclasses.replace(settings.planning, installation=installation)
        )
    return settings


_SECTIONS: Final = frozenset(field.name for field in dataclasses.fields(OperatorSettings))


def _section(name: str, default: Any, value: Any) -> Any:
    if not dataclasses.is_dataclass(default):
        return _converted(name, value, type(default))
    if not isinstance(value, dict):
        raise SettingsError(f"{name} is a map")
    kinds = get_type_hints(type(default))
    known = {_camel(field.name): field.name for field in dataclasses.fields(default)}
    changed = {}
    for key, each in value.items():
        if key not in known:
            raise SettingsError(f"{name}.{key} is no setting; there are {', '.join(sorted(known))}")
        field = known[key]
        path = f"{name}.{key}"
        changed[field] = _images(path, each) if field == "engine_images" else _converted(path, each, kinds[field])
    return dataclasses.replace(default, **changed)  # type: ignore[type-var] # is_dataclass has told


def _images(path: str, value: Any) -> Any:
    given = _converted(path, value, dict[str, str])
    found = {}
    for key, image in given.items():
        engine, _, accelerator = key.partition("/")
        try:
            found[EngineType(engine), Accelerator(accelerator)] = image
        except ValueError as error:
            raise SettingsError(f"{path}: {key} is not ENGINE/ACCELERATOR: {error}") from error
    return {**ENGINE_IMAGES, **found}


def _converted(path: str, value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
