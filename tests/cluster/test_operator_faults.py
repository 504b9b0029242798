"""Everything between the operators and their API servers goes wrong now and then, while the network changes.

A minute of it in each run, ten in `make soak`.
"""

import contextlib
import dataclasses
import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.cluster import accounts
from tests.cluster.faults import ROUGH, Fault, Rates
from tests.cluster.faulty import Faulty
from tests.cluster.fleet import SYSTEM, Fleet, Site
from tests.cluster.network import GROUP, Network, clusters, running
from tests.cluster.waiting import until

Json = dict[str, Any]

SECONDS: Final = 600.0 if os.environ.get("ISOCHRONE_SOAK") else 60.0
RATES: Final = dataclasses.replace(ROUGH, watch_ends=0.45, gone=0.3)
"""Watches are few, since they last: most of them end soon here."""
MOST: Final = 3
"""On a busy machine less is asked for in that time, and less goes wrong: so many times as long at most."""
LIMIT: Final = 600.0
WINDOW: Final = 20.0
OFTEN: Final = 2.0
"""For so many seconds calm is looked at, in which nothing but the Lease is asked for so many times a second: while
something is on its way, clusters are looked at three times a second. A busy machine asks for less, never for more."""
LEASE: Final = ("PUT", f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/isochrone-operator")


@contextlib.contextmanager
def proxied(fleet: Fleet, rates: Rates) -> Iterator[dict[str, Faulty]]:
    """A proxy before each API server."""
    with contextlib.ExitStack() as stack:
        yield {
            site.name: stack.enter_context(Faulty(fleet.background, site.plane, rates=rates, seed=seed))
            for seed, site in enumerate(fleet.sites)
        }


@pytest.mark.soak
def test_whatever_goes_wrong_at_api_servers_all_is_as_planned(kube: Path, tmp_path: Path) -> None:
    assert kube.exists()
    with clusters() as fleet, proxied(fleet, RATES) as proxies:

        def way_in(site: Site, user: str) -> bytes:
            return proxies[site.name].kubeconfig_of(accounts.token(site, user))

        with running(Network(fleet, tmp_path, way_in)) as net:
            net.settled(limit=LIMIT)
            disturbed(net, lambda: set(faults(proxies)) == set(Fault))
            assert set(faults(proxies)) == set(Fault), "each has happened"
            for proxy in proxies.values():
                proxy.rates = Rates()
            net.settled(limit=LIMIT)
            until(lambda: stirring(asked_in_calm(proxies["hub"])), [], limit=LIMIT, why=lambda: restless(net))
            assert twins(net) == []


def disturbed(net: Network, is_enough: Callable[[], bool]) -> None:
    """One change after the other, each of which is to come true before the next; some more where that isn't enough."""
    changes: Iterator[Callable[[], None]] = itertools.cycle(
        [
            lambda: net.change("ModelRoute", "bge", {"placement": {"maxSites": 1}}, "demo"),
            lambda: deleted(net, "cdg1"),
            lambda: net.change("EdgeNode", "fra1", {"state": "Draining"}),
            lambda: net.change("ModelRoute", "bge", {"placement": {"maxSites": 2}}, "demo"),
            lambda: deleted(net, "iad1"),
            lambda: net.change("EdgeNode", "fra1", {"state": "Active"}),
        ]
    )
    began = time.monotonic()
    for change in changes:
        change()
        net.converged(limit=LIMIT)
        if time.monotonic() - began > (SECONDS if is_enough() else MOST * SECONDS):
            break
    net.change("EdgeNode", "fra1", {"state": "Active"})


def deleted(net: Network, cluster: str) -> None:
    """The gateway's Service and NetworkPolicy, by somebody's hand."""
    for api_version, kind in (("v1", "Service"), ("networking.k8s.io/v1", "NetworkPolicy")):
        item = {"apiVersion": api_version, "kind": kind}
        metadata = {"name": "isochrone-gateway", "namespace": SYSTEM}
        assert net.fleet[cluster].api.delete({**item, "metadata": metadata}).ok


def faults(proxies: dict[str, Faulty]) -> Counter[Fault]:
    return sum((each.faults for each in proxies.values()), Counter())


def asked_in_calm(proxy: Faulty) -> Counter[tuple[str, str]]:
    """All that the hub is asked in that time."""
    before = proxy.requests.copy()
    time.sleep(WINDOW)
    return proxy.requests_since(before)


def stirring(asked: Counter[tuple[str, str]]) -> list[str]:
    """What is asked for so often that something must be on its way; all that is written; and that nobody leads."""
    often = sorted(
        f"{verb} {what}: {count} in {WINDOW:g} s"
        for (verb, what), count in asked.items()
        if "/leases" not in what and (verb not in {"GET", "WATCH"} or count >= WINDOW * OFTEN)
    )
    return often if asked[LEASE] else [*often, "nobody leads"]


def restless(net: Network) -> str:
    """What isn't ready, what each site tells of itself, and the logs: for whoever has to find out what is looked at."""
    sites = net.hub.api.request("GET", f"/apis/{GROUP}/edgenodes").body["items"]
    told = [f"{each['metadata']['name']}: {json.dumps(each.get('status'))}" for each in sites]
    return "\n".join([*net.unready(), *told, net.tails()])


def twins(net: Network) -> list[str]:
    """Routes of which more than one Deployment serves at one site."""
    found = Counter(
        (
            labels["isochrone.dev/edge-node"],
            labels["isochrone.dev/route-namespace"],
            labels["isochrone.dev/model-route"],
        )
        for site in net.fleet.sites
        for item in site.api.request("GET", "/apis/apps/v1/deployments").body["items"]
        if "isochrone.dev/model-route" in (labels := item["metadata"]["labels"])
    )
    return [str(key) for key, count in found.items() if count > 1]
