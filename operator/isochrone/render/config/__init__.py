"""The gateway's config of a site, out of a snapshot, a plan and the plan's routing. Pure.

Installation(snapshot, plan).config(routing) -> Config        whole, as `isochrone_gateway.config` has it
Installation(snapshot, plan).pack(config)    -> Pack          its shards; equal sections of sites are packed once
"""

from isochrone.model import Plan, Routing, Snapshot
from isochrone.render.config.installation import Calls, Installation
from isochrone.render.gateway_settings import Ports
from isochrone_gateway.config import Config

__all__ = ["Calls", "Installation", "site_config"]


def site_config(snapshot: Snapshot, plan: Plan, routing: Routing, *, ports: Ports | None = None) -> Config:
    """The config of one site. Who needs those of many makes one `Installation` for all of them."""
    return Installation(snapshot, plan).config(routing, ports=ports)
