"""What an installation says of its operator."""

import dataclasses

from isochrone.kube.election import Timing
from isochrone.model import Settings
from isochrone.render.gateway_settings import GatewaySettings
from isochrone.render.settings import RenderSettings


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often something is done, in seconds."""

    debounce: float = 0.25
    """Changes that come so close together are one."""
    most_debounce: float = 2.0
    """After so long a pass is made though changes go on."""
    resync: float = 30.0
    """Between two passes when nothing changes."""
    look: float = 15.0
    """Between two looks at a cluster where all is well."""
    busy_look: float = 2.0
    """The same while something is on its way."""
    most_pause: float = 60.0
    """Between two attempts at a cluster that can't be reached. The first pause is `busy_look`, each further one
    twice as long."""
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
    clusters_at_once: int = 16
    """Clusters to which something is delivered beside each other."""

    @property
    def installation(self) -> str:
        return self.planning.installation
