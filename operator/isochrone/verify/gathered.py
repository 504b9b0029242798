"""The objects of all clusters: each site's config out of its index and shards, and what runs beside its gateway.

A shard that many sites have is verified and decoded once. A config that a gateway would refuse becomes a finding, and
its site counts as one without a config.
"""

import base64
import binascii
import dataclasses
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from isochrone.verify import applied, kinds, shapes, workloads
from isochrone.verify.finding import Finding, Rule
from isochrone.verify.kinds import CILIUM, POLICIES
from isochrone.verify.misplaced import in_words
from isochrone.verify.workloads import namespace_of
from isochrone_gateway.config import Config, ConfigError, Index, Kind, Problem, Verify, find_problems, read_index
from isochrone_gateway.config.errors import from_decoding
from isochrone_gateway.config.index import ShardEntry
from isochrone_gateway.config.joining import DOCUMENTS, NamedShard, join
from isochrone_gateway.config.storage import unstore

Json = Mapping[str, Any]

EDGE_NODE: Final = "isochrone.dev/edge-node"
SERVICE: Final = "Service"
SLICE: Final = "EndpointSlice"
_INDEX: Final = "index.json"
_SHARD: Final = "shard"
_SHARED: Final = (Kind.PLACES, Kind.LAW, Kind.TENANTS)
"""Sections that are mostly the same at all sites, and take longest to check."""


class Found(NamedTuple):
    """An object of a cluster, and the file or the address that it was read from."""

    item: Json
    where: str
    only_opens: bool = False
    """A policy of what may be the same cluster, for what may be these pods, or that is going: it closes nothing."""
    is_live: bool = False
    """Read from an API server, which took it. What is in a folder is still to be applied."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteConfig:
    """What a site's gateway is to run."""

    site: str
    cluster: str
    where: str
    namespace: str
    """Where the config is, shards and all: a gateway elsewhere can't read it."""
    index_name: str
    """The ConfigMap that a gateway must be told to run."""
    config: Config
    index: Index
    signed_by: tuple[str, ...]
    sections: Mapping[str, frozenset[str]]
    """Kind -> what its shards hold, by digest: sections that are equal here are equal."""
    shard_names: Mapping[str, str]
    """Kind -> the name of a shard of it, to say where something stands."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gathered:
    """All that was read."""

    configs: Mapping[str, SiteConfig]
    objects: Mapping[str, tuple[Found, ...]]
    """Site -> the objects of its config's cluster that carry its label, and the network policies there that may select
    its pods, whatever label they carry themselves."""
    nearby: Mapping[str, tuple[Found, ...]]
    """Site -> the network policies of all other clusters that may select its pods, were it the same cluster."""
    found: Mapping[str, tuple[Found, ...]]
    """Cluster -> its Services, EndpointSlices and routes of the Gateway API, whosever they are."""
    strays: tuple[tuple[str, Found], ...]
    """Objects with a site's label in a cluster that has no sound config of the site."""
    findings: tuple[Finding, ...]


def gather(clusters: Mapping[str, Iterable[Found]], *, installation: str, verify: Verify | None = None) -> Gathered:
    """Read all clusters. With `verify`, a trusted key must have signed each index. Raises shapes.MalformedError."""
    reader = _Reader(installation, verify)
    given = {cluster: tuple(reader.known(found)) for cluster, found in clusters.items()}
    for cluster, found in given.items():
        reader.read(cluster, found)
    labelled = _labelled(given)
    policies = {cluster: _Policies(found) for cluster, found in given.items()}
    objects: dict[str, tuple[Found, ...]] = {}
    nearby: dict[str, tuple[Found, ...]] = {}
    for name, site in reader.configs.items():
        theirs = labelled.get((site.cluster, name), [])
        asked = dict.fromkeys((name, *map(_site_of_pods, theirs), None))
        objects[name] = (*theirs, *policies[site.cluster].asking(asked))
        others = (
            each for cluster, there in policies.items() if cluster != site.cluster for each in there.asking(asked)
        )
        nearby[name] = tuple(each._replace(only_opens=True) for each in others)
    placed = {(site.cluster, name) for name, site in reader.configs.items()}
    return Gathered(
        configs=reader.configs,
        objects=objects,
        nearby=nearby,
        found={cluster: tuple(_by_kind(there, {SERVICE, SLICE, kinds.HTTP_ROUTE})) for cluster, there in given.items()},
        strays=tuple((key[1], each) for key, found in labelled.items() if key not in placed for each in found),
        findings=tuple(reader.findings),
    )


def _by_kind(objects: Iterable[Found], wanted: Container[str]) -> Iterator[Found]:
    return (each for each in objects if each.item["kind"] in wanted)


def _labelled(clusters: Mapping[str, Iterable[Found]]) -> dict[tuple[str, str], list[Found]]:
    """(cluster, site) -> what carries the site's label there, or makes pods that do; but policies."""
    labelled: dict[tuple[str, str], list[Found]] = {}
    for cluster, found in clusters.items():
        for each in found:
            if each.item["kind"] not in POLICIES:
                for site in workloads.said(each.item, EDGE_NODE):
                    labelled.setdefault((cluster, site), []).append(each)
    return labelled


class _Policies:
    """A cluster's network policies, by the site whose pods they ask for. What they are labelled with says nothing."""

    def __init__(self, objects: Iterable[Found]) -> None:
        self._by_site: dict[str | None, list[Found]] = {}
        for each in objects:
            if each.item["kind"] in POLICIES:
                self._by_site.setdefault(_asked(each.item), []).append(each)

    def asking(self, sites: Iterable[str | None]) -> Iterator[Found]:
        """Those that ask for pods of these sites; None: for pods of any, or of none."""
        for site in sites:
            yield from self._by_site.get(site, ())


def is_of_config(item: Json) -> bool:
    """Whether it is a config's index, or a shard of one."""
    return item["kind"] == "ConfigMap" and (_INDEX in _of(item, "data") or _SHARD in _of(item, "binaryData"))


def selector_of(policy: Json) -> Json:
    """What a policy's pods must be like: Cilium has another name for it, and the other's is nothing to it."""
    spec = policy["spec"]
    selector: Json = spec.get("endpointSelector" if policy["kind"] == CILIUM else "podSelector") or {}
    return selector


def _asked(policy: Json) -> str | None:
    site: str | None = (selector_of(policy).get("matchLabels") or {}).get(EDGE_NODE)
    return site


def _site_of(found: Found) -> str:
    site: str = (found.item["metadata"].get("labels") or {}).get(EDGE_NODE, "")
    return site


def _is_going(found: Found) -> bool:
    """Whether it was deleted already, and waits for whoever has to clear up first."""
    return found.item["metadata"].get("deletionTimestamp") is not None


def _site_of_pods(found: Found) -> str | None:
    """What a workload's pods are labelled with is what policies select them by."""
    return workloads.pod_labels(found.item).get(EDGE_NODE)


class _Reader:
    def __init__(self, installation: str, verify: Verify | None) -> None:
        self.configs: dict[str, SiteConfig] = {}
        self.findings: list[Finding] = []
        self._installation = installation
        self._verify = verify
        self._decoded: dict[tuple[str, ShardEntry], NamedShard] = {}
        self._checked: dict[tuple[object, ...], tuple[Problem, ...]] = {}

    def known(self, objects: Iterable[Found]) -> Iterator[Found]:
        """Objects that can be read, or needn't be; others are told."""
        for each in objects:
            shapes.check(each.item, each.where)
            if not kinds.is_known(each.item):
                text = (
                    "may let pods talk to others, start some, or lead requests, and is of a kind that isn't read here"
                )
                self._not_read(each, text)
                continue
            if kinds.is_read(each.item) and not each.is_live:
                for text in applied.problems(each.item):
                    self._not_read(each, text)
            only_opens = _is_going(each)
            yield from (each._replace(item=item, only_opens=only_opens) for item in kinds.each_spec(each.item))

    def _not_read(self, found: Found, text: str) -> None:
        version = found.item.get("apiVersion")
        named = f"{found.item['kind']} {found.item['metadata']['name']}{f' ({version})' if version else ''}"
        self.findings.append(Finding(rule=Rule.NOT_READ, site="", where=found.where, message=f"{named} {text}"))

    def read(self, cluster: str, objects: Iterable[Found]) -> None:
        maps = [each for each in objects if each.item["kind"] == "ConfigMap"]
        shards: dict[str, dict[str, Json]] = {}
        for each in maps:
            if _SHARD in _of(each.item, "binaryData"):
                shards.setdefault(namespace_of(each.item), {})[each.item["metadata"]["name"]] = each.item
        for each in maps:
            if _INDEX in _of(each.item, "data"):
                self._read_site(cluster, each, shards)

    def _read_site(self, cluster: str, found: Found, shards: Mapping[str, Mapping[str, Json]]) -> None:
        labelled = _site_of(found)
        try:
            made = self._config(cluster, found, shards)
        except ConfigError as error:
            self._complain(labelled, found.where, error)
            return
        if made.site in self.configs:
            other = self.configs[made.site].where
            problem = Problem(source=found.where, text=f"is a second config of the site, beside that of {other}")
            self._complain(made.site, found.where, ConfigError(problem))
            return
        self.configs[made.site] = made

    def _complain(self, site: str, where: str, error: ConfigError) -> None:
        for problem in error.problems[:8]:
            is_unsigned = problem.path == "$.signatures"
            rule = Rule.NOT_SIGNED if is_unsigned else Rule.BROKEN_CONFIG
            path = (f"site {site}", f"{problem.kind} section of its config", problem.key) if problem.key else ()
            self.findings.append(Finding(rule=rule, site=site, where=where, message=str(problem), path=path))

    def _config(self, cluster: str, found: Found, everywhere: Mapping[str, Mapping[str, Json]]) -> SiteConfig:
        received = read_index(str(found.item["data"][_INDEX]).encode(), verify=self._verify)
        index = received.index
        if index.installation != self._installation:
            text = f"is of the installation {index.installation!r}, not of {self._installation!r}"
            raise ConfigError(Problem(source="index", path="$.installation", text=text))
        # Gateways read all of it in one namespace.
        shards = everywhere.get(namespace_of(found.item), {})
        if missing := [entry.name for entry in index.shards if entry.name not in shards]:
            raise ConfigError(*(_missing(name, namespace_of(found.item), everywhere) for name in missing))
        if received.ignored:
            # What is not read is not proved.
            raise ConfigError(Problem(source="index", text=f"says more than can be verified: {received.ignored[0]}"))
        decoded = [self._shard(entry, shards[entry.name]) for entry in index.shards]
        config = join(decoded)
        sections = {
            kind.value: frozenset(each.document_sha256 for each in index.shards if each.kind == kind) for kind in Kind
        }
        if problems := [*_other_site(index, config), *self._problems(config, sections)]:
            raise ConfigError(*problems)
        return SiteConfig(
            site=index.site,
            cluster=cluster,
            where=found.where,
            namespace=namespace_of(found.item),
            index_name=found.item["metadata"]["name"],
            config=config,
            index=index,
            signed_by=received.signed_by,
            sections=sections,
            shard_names={each.kind: each.name for each in index.shards},
        )

    def _shard(self, entry: ShardEntry, item: Json) -> NamedShard:
        stored = str(item["binaryData"][_SHARD])
        key = (stored, entry)
        if key not in self._decoded:
            try:
                blob = base64.b64decode("".join(stored.split()), validate=True)
            except binascii.Error as error:
                raise ConfigError(Problem(source=entry.name, text=f"is not base64 ({error})")) from error
            self._decoded[key] = _decoded(entry, unstore(entry, blob))
        return self._decoded[key]

    def _problems(self, config: Config, sections: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
        own = [kind for kind in Kind if kind not in _SHARED]
        yield from (in_words(each, config) for each in find_problems(config, own))
        ids = tuple(route.id for route in config.routes)
        key = (ids, *(sections[kind] for kind in _SHARED))
        if key not in self._checked:
            self._checked[key] = find_problems(config, _SHARED)
        yield from self._checked[key]


def _decoded(entry: ShardEntry, document: bytes) -> NamedShard:
    kind = Kind(entry.kind)
    try:
        return NamedShard(name=entry.name, kind=kind, document=msgspec.json.decode(document, type=DOCUMENTS[kind]))
    except msgspec.DecodeError as error:
        raise from_decoding(error, source=entry.name) from error


def _missing(shard: str, namespace: str, everywhere: Mapping[str, Mapping[str, Json]]) -> Problem:
    elsewhere = sorted(other for other, there in everywhere.items() if shard in there)
    if not elsewhere:
        return Problem(source=shard, text="is missing, so the config is incomplete")
    text = f"is in the namespace {elsewhere[0]}, but the index in {namespace}: no gateway can read both"
    return Problem(source=shard, text=text)


def _other_site(index: Index, config: Config) -> Iterator[Problem]:
    if config.site.name != index.site:
        text = f"is {config.site.name!r}, but the index is for {index.site!r}"
        yield Problem(source="site", path="$.site.name", text=text)


def _of(item: Json, field: str) -> Json:
    return item.get(field) or {}
