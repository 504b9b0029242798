"""A seed -> an installation as it is declared, as it was a while ago, and the gateways that run on one or the other."""

import copy
import dataclasses
import datetime as dt
import hashlib
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tests.decisions.network import Network
from tests.oracle.requests import Requests
from tests.worlds.build import snapshot
from tests.worlds.declared import Size, objects, policy
from tests.worlds.dice import Dice

from isochrone import plan as planning
from isochrone.model import Snapshot
from isochrone.render import bundle as bundles
from isochrone.render.gateway import config_maps
from isochrone_gateway.config import Loaded, Release, assemble, read_index

Json = dict[str, Any]
RELEASE: Final = Release(
    installation="isochrone", epoch=1, sequence=1, issued_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
)
_SIZE: Final = Size(sites=7, routes=5, policies=4, tenants=5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class World:
    """Gateways, and by whose law each may be judged: that of the declarations that it was configured from."""

    network: Network
    law: Mapping[str, Requests]
    older: frozenset[str]
    """The sites that run an older config."""
    keys: Mapping[tuple[str, str], str]
    """A key of each tenant."""


def world(seed: int, secrets: pathlib.Path, edit: Callable[[Loaded], Loaded] = lambda loaded: loaded) -> World:
    """The installation of this seed; `edit` changes the configs behind the operator's back. Keys go to `secrets`."""
    dice = Dice(f"decisions {seed}")
    now = [_meeting(dice, each) for each in objects(dice, _SIZE)]
    before = [_earlier(dice, each) for each in copy.deepcopy(now)]
    settings: Json = {"unbound": "Deny" if dice.chance(20) else "Allow", "candidates": dice.choice([1, 2, 8, 8])}
    views = [_View.of(snapshot(declared, **settings)) for declared in (now, before)]
    names = sorted(set(views[0].configs) & set(views[1].configs))
    chosen = {name: views[dice.chance(30)] for name in names}
    _write_secrets(secrets, (view.configs[name] for name, view in chosen.items()))
    return World(
        network=Network({name: edit(view.configs[name]) for name, view in chosen.items()}, secrets),
        law={name: view.law for name, view in chosen.items()},
        older=frozenset(name for name, view in chosen.items() if view is views[1]),
        keys={_key(each): _secret(each["metadata"]["name"]) for each in now if each["kind"] == "InferenceTenant"},
    )


@dataclasses.dataclass(frozen=True)
class _View:
    configs: Mapping[str, Loaded]
    law: Requests

    @classmethod
    def of(cls, declared: Snapshot) -> "_View":
        return cls(_configs(declared), Requests(declared))


def _configs(declared: Snapshot) -> dict[str, Loaded]:
    """As gateways read them: planned, rendered, packed, issued."""
    planned = planning.replan(None, declared, now=0)
    routings = planning.routing(declared, planned.plan, now=0, prepared=planned.prepared)
    found = {}
    for bundle in bundles.render(declared, planned.plan, routings.at):
        if bundle.config is not None:
            index = bundles.index_object(bundle, RELEASE)["data"][config_maps.INDEX].encode()
            found[bundle.site] = assemble(read_index(index), bundle.config.blobs)
    return found


def _meeting(dice: Dice, each: Json) -> Json:
    """More of what is rare elsewhere: places that nobody knows, headers that are trusted, keys that can be shown."""
    spec, kind = each.get("spec", {}), each["kind"]
    if kind == "EdgeNode":
        spec["place"] |= {"iata": "QQQ"} if dice.chance(10) and "iata" in spec["place"] else {}
        spec["gateway"] |= {"advertise": {"host": f"{each['metadata']['name']}.edge.example.com"}}
        spec |= dice.field(25, "staleness", {"maxAge": "1h", "hardMaxAge": "2h"})
    elif kind == "ModelProvider":
        spec["dialect"] = "OpenAI"
        spec["allowedNamespaces"] = {"selector": {}}
        for endpoint in spec["endpoints"]:
            endpoint.update({"processesIn": ["Atlantis"]} if dice.chance(12) else {})
    elif kind == "InferenceTenant":
        spec["keys"] = [
            {"name": "key", "sha256": hashlib.sha256(_secret(each["metadata"]["name"]).encode()).hexdigest()}
        ]
        spec |= dice.field(40, "dataClassHeader", "Trust")
        if "origins" in spec:
            spec["origins"] = [*spec["origins"], *(["Atlantis"] if dice.chance(8) else [])]
            spec |= dice.field(40, "originHeader", "Trust")
    elif kind in {"ModelRoute", "GPUPool"}:
        spec["allowedNamespaces"] = {"selector": {}}
    elif kind == "DataResidencyPolicy":
        spec |= {"unknownOrigin": "Ignore"} if dice.chance(50) else {}
    return each


def _earlier(dice: Dice, each: Json) -> Json:
    """What it may have been before: another policy of the name, other classes, other labels."""
    spec, kind = each.get("spec", {}), each["kind"]
    if kind == "DataResidencyPolicy" and dice.chance(50):
        number = int(each["metadata"]["name"].rpartition("-")[2])
        return policy(dice, number)
    if kind in {"ModelRoute", "InferenceTenant"} and dice.chance(30):
        spec.pop("dataClasses", None)
        spec |= dice.field(50, "dataClasses", [dice.choice(["health", "payments"])])
        each["metadata"].pop("tier", None)
    if kind == "InferenceTenant" and "origins" in spec and dice.chance(30):
        spec["origins"] = dice.some(["DE", "FR", "US", "US-CA", "EU", "RE"], 1, 3)
    return each


def _write_secrets(folder: pathlib.Path, configs: Iterable[Loaded]) -> None:
    """The keys of all providers, as they are mounted."""
    for loaded in configs:
        for provider in loaded.config.providers:
            for credential in provider.credentials:
                path = folder / credential.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("sk-provider")


def _secret(name: str) -> str:
    return f"sk-{name}-0123456789abcdef0123456789abcdef"


def _key(each: Json) -> tuple[str, str]:
    return each["metadata"]["namespace"], each["metadata"]["name"]
