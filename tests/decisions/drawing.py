"""One request out of a seed: who asks where for what, with which headers; what fails meanwhile; how old configs are."""

import dataclasses
from collections.abc import Callable
from typing import Final

from tests.decisions.network import Site, Where
from tests.decisions.world import World
from tests.oracle.requests import Asked
from tests.worlds.dice import Dice

from isochrone_gateway.config.routes import Route, RouteEndpoint
from isochrone_gateway.config.site import Age as Limits

CODES: Final = ("DE", "FR", "US", "US-CA", "US-TX", "DE-BY", "GB", "JP", "BR", "RE", "CH", "GP")
FORGED: Final = ("", "XX", "EU", "de", "World", "*", "DE,FR", "Atlantis", "US-ZZ", "-")
CLASSES: Final = ("health", "payments", "other")
_PATHS: Final = {
    RouteEndpoint.CHAT_COMPLETIONS: "chat/completions",
    RouteEndpoint.COMPLETIONS: "completions",
    RouteEndpoint.EMBEDDINGS: "embeddings",
}
AGES: Final = ("Fresh", "Fresh", "Fresh", "Stale", "Expired")
_FAULTS: Final = ("503", "503", "connect", "timeout", "429")
HOP: Final = (
    ("x-isochrone-hop", "1"),
    ("x-isochrone-hop-origin", "-"),
    ("x-isochrone-hop-tenant", "-"),
    ("x-isochrone-hop-bound", "yes"),
    ("x-isochrone-hop-data-classes", "-"),
)
"""What a client may send to a data port, where it means nothing."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drawn:
    """One request, and the state of the world that it meets."""

    site: Site
    asked: Asked
    route: Route
    raw: bytes
    body: bytes
    ages: dict[str, str]
    down: frozenset[Where]
    """Pools of engines, as ("engine", SITE, POOL), and sites, as ("site", NAME), that are known to be away."""
    fate: Callable[[str, Where], str]
    is_doubled: bool
    """Whether a header that means something comes twice."""
    is_forged: bool
    """Whether headers say what this caller can't."""


def draw(world: World, dice: Dice) -> Drawn:
    site = dice.choice(list(world.network.sites.values()))
    tenant = _tenant(world, site, dice)
    route = _route(site, tenant, dice)
    lines = [] if tenant is None else [("authorization", f"Bearer {world.keys[tenant]}")]
    origin = dice.choice(FORGED if dice.chance(25) else CODES) if dice.chance(35) else None
    classes = frozenset(dice.some(CLASSES, 1, 2)) if dice.chance(35) else frozenset()
    lines += [] if origin is None else [("x-isochrone-origin", origin)]
    lines += [("x-isochrone-data-classes", ", ".join(sorted(classes)))] if classes else []
    hop = dice.some(HOP, 1, 5) if dice.chance(10) else []
    doubled = _doubled(dice, origin) if dice.chance(4) else []
    namespace, _, name = route.id.partition("/")
    asked = Asked((namespace, name), tenant, _meant(origin), classes)
    path = _PATHS[min(route.endpoints, key=lambda each: each.value)]
    body = b'{"model":"%b","messages":[]}' % route.name.encode()
    return Drawn(
        site=site,
        asked=asked,
        route=route,
        raw=_head(path, [*lines, *hop, *doubled], len(body)),
        body=body,
        ages={name: dice.choice(AGES) for name in world.network.sites},
        down=_down(world, dice),
        fate=_fate(dice),
        is_doubled=bool(doubled),
        is_forged=bool(hop) or origin in FORGED,
    )


def _meant(origin: str | None) -> str | None:
    """Gateways don't carry all of ISO 3166-2: a part that none has counts as its country (record 2, section 6)."""
    return "US" if origin == "US-ZZ" else origin


def _tenant(world: World, site: Site, dice: Dice) -> tuple[str, str] | None:
    """One that is known here; nobody where nobody need say who it is."""
    ids = sorted(each.id for each in site.config.tenants.tenants)
    if not ids or (site.config.site.anonymous_access and dice.chance(40)):
        return None
    namespace, _, name = dice.choice(ids).partition("/")
    return (namespace, name) if (namespace, name) in world.keys else None


def _route(site: Site, tenant: tuple[str, str] | None, dice: Dice) -> Route:
    """Mostly one that the tenant may use."""
    id_ = "" if tenant is None else "/".join(tenant)
    known = [each.routes for each in site.config.tenants.tenants if each.id == id_]
    mine = [each for each in site.config.routes if not known or known[0] is None or each.id in known[0]]
    return dice.choice(mine if mine and dice.chance(95) else site.config.routes)


def _doubled(dice: Dice, origin: str | None) -> list[tuple[str, str]]:
    """A second copy; the first is of the same kind."""
    header = dice.choice(["x-isochrone-origin", "X-Isochrone-Origin", "x-isochrone-data-classes"])
    values = [origin or "DE", dice.choice(CODES)]
    return [(header, value) for value in values]


def _head(path: str, lines: list[tuple[str, str]], length: int) -> bytes:
    given = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"POST /v1/{path} HTTP/1.1\r\nhost: here.test\r\ncontent-length: {length}\r\n{given}\r\n".encode("latin-1")


def _down(world: World, dice: Dice) -> frozenset[Where]:
    found: set[Where] = set()
    if dice.chance(50):
        return frozenset()
    for name, site in world.network.sites.items():
        if dice.chance(25):
            found.add(("site", name))
        found |= {("engine", name, pool) for pool in sorted(site.pools) if dice.chance(30)}
    return frozenset(found)


def _fate(dice: Dice) -> Callable[[str, Where], str]:
    """What becomes of each attempt. Some worlds are well, in some all fails."""
    failing = dice.choice([0, 0, 30, 60, 100])
    return lambda _site, _where: dice.choice(_FAULTS) if dice.chance(failing) else "ok"


def seconds(age: str, limits: Limits) -> float:
    """So old that it counts as this."""
    bounds = {"Fresh": 0, "Stale": limits.max_age_ms + 1_000, "Expired": limits.hard_max_age_ms + 1_000}
    return bounds[age] / 1_000
