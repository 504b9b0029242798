"""Objects that are given twice and differ: whichever is applied last is there, and nobody can see which that is.

Folders of sites that are some of a cluster's nodes may be of one cluster, and a folder without a config may be of any.
What a cluster itself lists is there as it is, under each name once.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.verify import workloads
from isochrone.verify.declared import Declared
from isochrone.verify.finding import Finding, Rule
from isochrone.verify.gathered import SERVICE, SLICE, Found, SiteConfig, is_of_config
from isochrone.verify.kinds import POLICIES
from isochrone.verify.workloads import Identity, identity, key_of

Json = Mapping[str, Any]

_READ: Final = frozenset({SERVICE, SLICE, *POLICIES, *workloads.KINDS})


def findings(
    declared: Declared, configs: Mapping[str, SiteConfig], clusters: Mapping[str, Iterable[Found]]
) -> Iterator[Finding]:
    """Of all objects as they were given, by the cluster, or the folder, that they are of."""
    alike = _alike(declared, configs.values(), clusters)
    anywhere: dict[Identity, Found] = {}
    for cluster, objects in clusters.items():
        here: dict[Identity, Found] = {}
        for each in objects:
            # What a cluster lists has no apiVersion: we asked for it.
            if each.item.get("apiVersion") and _is_read(each.item):
                first = here.setdefault(identity(each.item), each)
                if first is each and cluster in alike and not _is_entry(declared, each.item):
                    first = anywhere.setdefault(identity(each.item), each)
                if first.item != each.item:
                    yield _twice(first, each)


def _alike(declared: Declared, configs: Iterable[SiteConfig], clusters: Iterable[str]) -> frozenset[str]:
    """Clusters that may be one: those of which a site is some of the nodes, and beside them those without a config."""
    sites = list(configs)
    shared = {each.cluster for each in sites if each.site in declared.sites and declared.sites[each.site].nodes}
    unknown = set(clusters).difference(each.cluster for each in sites)
    return frozenset(shared | unknown) if shared else frozenset()


def _is_read(item: Json) -> bool:
    """Whether anything rests on it."""
    return item["kind"] in _READ or is_of_config(item)


def _is_entry(declared: Declared, item: Json) -> bool:
    """A route's Service leads to another gateway in each folder."""
    return item["kind"] == SERVICE and "/".join(key_of(item)) in declared.routes


def _twice(first: Found, again: Found) -> Finding:
    kind, namespace, name = identity(again.item)
    text = f"{kind} {namespace}/{name} isn't what it is in {first.where}: the last one applied is there; keep one"
    return Finding(rule=Rule.GIVEN_TWICE, site="", where=again.where, message=text)
