"""Services: whoever is behind one gets what is sent to its name, requests and the keys that clients show.

Clients and peers find a gateway by its Services, and gateways find engines by theirs. Sites that are some of a
cluster's nodes may share it with sites whose folders are others: for those the Services of all folders count.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.verify import chosen, slices, workloads
from isochrone.verify.declared import Site
from isochrone.verify.engines import COMPONENT, GATEWAY, is_engine, route_of
from isochrone.verify.finding import Finding, Rule
from isochrone.verify.gathered import EDGE_NODE, SERVICE, SLICE, Found, SiteConfig
from isochrone.verify.pods import is_gateway
from isochrone.verify.workloads import SYSTEM, Key, key_of, namespace_of

Json = Mapping[str, Any]

_GATEWAY: Final = "isochrone-gateway"
_LONGEST: Final = 63
"""Characters of a Service's name."""
_DIGITS: Final = 8


class Names:
    """Services and EndpointSlices, of one cluster or of several: by name, and Services by whose pods they ask for."""

    def __init__(self, objects: Iterable[Found]) -> None:
        self._services: dict[Key, list[Found]] = {}
        self._slices: dict[Key, list[Found]] = {}
        self._asking: dict[tuple[str, str | None], list[Found]] = {}
        for each in objects:
            home = namespace_of(each.item)
            if each.item["kind"] == SERVICE:
                self._services.setdefault(key_of(each.item), []).append(each)
                self._asking.setdefault((home, _selector(each).get(EDGE_NODE)), []).append(each)
            elif each.item["kind"] == SLICE:
                self._slices.setdefault((home, slices.service_of(each)), []).append(each)

    def services(self, key: Key) -> Iterable[Found]:
        """Those of this name: one, or as many as there are folders."""
        return self._services.get(key, ())

    def slices(self, key: Key) -> Iterable[Found]:
        """Those of the Service of this name."""
        return self._slices.get(key, ())

    def selecting(self, maker: Found) -> Iterator[Found]:
        """Services behind which the pods that it makes may be."""
        for site in dict.fromkeys((workloads.pod_labels(maker.item).get(EDGE_NODE), None)):
            for each in self._asking.get((namespace_of(maker.item), site), ()):
                if _selects(each, maker):
                    yield each


def findings(
    declared: Site, site: SiteConfig, objects: Iterable[Found], names: Names, *, elsewhere: Iterable[Found] = ()
) -> Iterator[Finding]:
    """Of the Services by which a site's gateway and its engines are found.

    `objects` are the site's own; `elsewhere` is what carries its label in other folders, where those may be of the same
    cluster, and `names` are then those of all folders.
    """
    own = list(objects)
    carrying = [*own, *elsewhere]
    gateways = list(_of_gateway(declared, carrying, names))
    for each in gateways:
        why = not_its_pods(each.item.get("spec") or {}, {EDGE_NODE: site.site, COMPONENT: GATEWAY})
        if why is not None:
            yield _wrong(site, each, f"the gateway is found by the Service {'/'.join(key_of(each.item))}, which {why}")
    yield from _of_engines(site, own, carrying, names)
    found_by = dict.fromkeys((*rendered(declared), *(key_of(each.item) for each in gateways)), "the gateway is found")
    found_by |= {key: f"engines of {pool} are found" for key, pool in slices.pools(site).items()}
    for key, who in found_by.items():
        for each, addresses in slices.strange(names.slices(key)):
            yield _wrong(site, each, f"{addresses} are behind the Service {'/'.join(key)}, by which {who}")


def _wrong(site: SiteConfig, found: Found, text: str) -> Finding:
    return Finding(rule=Rule.WRONG_ADDRESS, site=site.site, where=found.where, message=text)


def _of_gateway(declared: Site, carrying: list[Found], names: Names) -> Iterable[Found]:
    """Those that have the gateway's label, the name of one that is rendered, or its pods: each of them once."""
    found = [each for each in carrying if each.item["kind"] == SERVICE and GATEWAY in _component(each)]
    for key in rendered(declared):
        found += names.services(key)
    for each in carrying:
        if is_gateway(each):
            found += names.selecting(each)
    return {id(each.item): each for each in found}.values()


def _component(found: Found) -> frozenset[str]:
    return workloads.said(found.item, COMPONENT)


def rendered(site: Site) -> tuple[Key, Key]:
    """Services of its gateway: for all, and for peers alone. Where others may be in its cluster they have its name."""
    name = _cut(f"{_GATEWAY}-{site.name}") if site.nodes or site.is_beside_hub else _GATEWAY
    return (SYSTEM, name), (SYSTEM, _cut(f"{name}-peer"))


def _cut(name: str) -> str:
    """A longer one ends in a hash of all of it."""
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]
    return f"{name[: _LONGEST - _DIGITS - 1].rstrip('-')}-{digest}"


def _of_engines(site: SiteConfig, own: list[Found], carrying: list[Found], names: Names) -> Iterator[Finding]:
    """Whoever is behind an engines' Service gets their requests, whatever else its labels are."""
    known = {id(each.item) for each in own}
    makers = [each for each in carrying if each.item["kind"] in workloads.KINDS]
    for key, pool in slices.pools(site).items():
        for service in names.services(key):
            why = not_its_pods(service.item.get("spec") or {}, {EDGE_NODE: site.site})
            if why is not None and id(service.item) not in known:  # Its own are told of beside the config.
                yield _wrong(site, service, f"engines of {pool} are found by the Service {'/'.join(key)}, which {why}")
            for each in makers:
                is_one = is_engine(each) and route_of(each) == pool
                if not is_one and _is_behind(service, each):
                    text = f"pods are behind the Service {'/'.join(key)}, but aren't engines of {pool}"
                    yield _wrong(site, each, text)


def _is_behind(service: Found, maker: Found) -> bool:
    is_there = namespace_of(service.item) == namespace_of(maker.item)
    return is_there and _selects(service, maker)


def _selects(service: Found, maker: Found) -> bool:
    """Or may, by labels that pods get later. A Service without a selector has no pods."""
    wanted = _selector(service)
    return bool(wanted) and chosen.chooses({"matchLabels": wanted}, maker.item, is_ciliums=False) is not False


def _selector(service: Found) -> Mapping[str, str]:
    return (service.item.get("spec") or {}).get("selector") or {}


def not_its_pods(spec: Json, wanted: Mapping[str, str]) -> str | None:
    """Why a Service leads to others than pods with these labels, one of which is the site's; None if it doesn't."""
    selector = spec.get("selector")
    if spec.get("type") == "ExternalName":
        return f"leads to {spec.get('externalName') or 'a name that it does not say'}, out of the cluster"
    if not selector:
        return "selects no pods: whoever writes its EndpointSlices says where it leads"
    if any(selector.get(name) != value for name, value in wanted.items()):
        shown = ",".join(f"{name}={selector[name]}" for name in sorted(selector))
        whose = f"pods of the gateway of {wanted[EDGE_NODE]}" if COMPONENT in wanted else f"pods of {wanted[EDGE_NODE]}"
        return f"selects {shown}, not {whose} alone"
    if spec.get("externalIPs"):
        return f"takes what is sent to {', '.join(spec['externalIPs'])}, which nothing declared names"
    return None
