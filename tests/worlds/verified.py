"""Installations whose rendered configs can be changed behind the operator's back, for the verifier.

world = rendered(objects)                         planned and rendered, nothing running
world.verify()                                    as it is
world.verify(configs=edit, sites=("fra1",))       with the configs of these sites changed, and packed anew
world.verify(objects=edit)                        with the objects of all clusters changed
"""

import copy
import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from tests.worlds.build import snapshot as snapshot_of

from isochrone import plan as planning
from isochrone import verify
from isochrone.model import Snapshot
from isochrone.render import bundle as bundles
from isochrone.render.bundle import Bundle
from isochrone.render.gateway import config_maps
from isochrone.render.gateway_settings import GatewaySettings
from isochrone_gateway.config import Config, Release, Signer, Verify, assemble, issue, pack, read_index

Json = dict[str, Any]
RELEASE = Release(installation="isochrone", epoch=1, sequence=1, issued_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """What is declared, and what was rendered of it."""

    snapshot: Snapshot
    declared: verify.declared.Declared
    bundles: tuple[Bundle, ...]
    configs: Mapping[str, Config]

    def clusters(self) -> dict[str, list[verify.Found]]:
        """All objects as they are, by cluster."""
        found: dict[str, list[verify.Found]] = {}
        for each in self.bundles:
            found.setdefault(each.cluster, []).extend(map(_found, self._objects(each, None, ())))
        return found

    def verify(
        self,
        configs: Callable[[Json], object] = lambda _: None,
        *,
        sites: Iterable[str] | None = None,
        objects: Callable[[list[Json]], object] = lambda _: None,
        signers: Iterable[Signer] = (),
        trusted: Verify | None = None,
    ) -> verify.Report:
        chosen = set(self.configs if sites is None else sites)
        clusters: dict[str, list[verify.Found]] = {}
        for bundle in self.bundles:
            made = copy.deepcopy([*self._objects(bundle, configs if bundle.site in chosen else None, signers)])
            objects(made)
            clusters.setdefault(bundle.cluster, []).extend(map(_found, made))
        return verify.verify(self.declared, clusters, trusted=trusted)

    def _objects(
        self, bundle: Bundle, edit: Callable[[Json], object] | None, signers: Iterable[Signer]
    ) -> Iterator[Json]:
        yield from bundle.objects
        if bundle.config is None:
            return
        packed = bundle.config
        if edit is not None:
            packed = pack(edited(self.configs[bundle.site], edit))
            yield from config_maps.shards(packed, "isochrone")
        index = issue(packed, site=bundle.site, release=RELEASE, signers=signers)
        yield config_maps.index_map(index, f"{bundle.gateway}-config", bundle.labels)


def _found(item: Json) -> verify.Found:
    return verify.Found(item, f"{item['kind']} {item['metadata']['name']}")


def edited(config: Config, edit: Callable[[Json], object]) -> Config:
    """The config with its JSON changed. Nobody checks it."""
    plain: Json = msgspec.json.decode(msgspec.json.encode(config))
    edit(plain)
    return msgspec.convert(plain, Config)


def rendered(objects: Iterable[Mapping[str, Any]], **settings: Any) -> World:
    return of_snapshot(snapshot_of(objects, **settings))


def of_snapshot(snapshot: Snapshot, gateway: GatewaySettings | None = None) -> World:
    planned = planning.replan(None, snapshot, now=0)
    routings = planning.routing(snapshot, planned.plan, now=0, prepared=planned.prepared)
    made = tuple(bundles.render(snapshot, planned.plan, routings.at, gateway=gateway))
    return World(
        snapshot=snapshot,
        declared=declared_of(snapshot),
        bundles=made,
        configs={each.site: _config(each) for each in made if each.config is not None},
    )


def declared_of(snapshot: Snapshot) -> verify.declared.Declared:
    settings = snapshot.settings
    return verify.declared.read(objects_of(snapshot), installation=settings.installation, unbound=settings.unbound)


def objects_of(snapshot: Snapshot) -> Iterator[Json]:
    """As the command hands them to the verifier."""
    kinds = (snapshot.edge_nodes, snapshot.routes, snapshot.policies, snapshot.providers, snapshot.tenants)
    for each in (resource for kind in kinds for resource in kind):
        yield {**each.model_dump(mode="json", by_alias=True, exclude_none=True), "kind": type(each).__name__}
    for name, labels in snapshot.namespaces.items():
        yield {"kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}


def _config(bundle: Bundle) -> Config:
    if bundle.config is None:
        raise AssertionError(f"{bundle.site} runs no gateway")
    index = bundles.index_object(bundle, RELEASE)["data"][config_maps.INDEX].encode()
    return assemble(read_index(index), bundle.config.blobs).config
