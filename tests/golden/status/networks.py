"""Networks as `isochrone status` finds them in a cluster: the multi-cluster example, well and in trouble."""

import dataclasses
from typing import Any, Final

from tests.worlds.build import seen
from tests.worlds.examples import example
from tests.worlds.reports import EARLIER, LATEST, report, written

from isochrone import status
from isochrone.api.conditions import Reason
from isochrone.model import Delivery, Fault, GatewayPod, Plan, SiteObservation, Snapshot
from isochrone.plan import plan, routing

NOW: Final = 1_800_000_000
_EXAMPLE: Final = "quickstart-multicluster"


def applied() -> Snapshot:
    """No operator has looked at it yet."""
    return example(_EXAMPLE)


def well() -> Snapshot:
    """All that was planned runs."""
    network = example(_EXAMPLE)
    planned = plan(network, now=NOW)
    running = seen(network, running=planned.as_running())
    return _told(running, planned, _delivery(running))


def trouble() -> Snapshot:
    """One site is lost, one gateway refuses its config, engines fail, one reference leads nowhere, one site is new.

    Others hold some of the GPUs at the site whose gateway refuses its config.
    """
    network = _with_dead_end(example(_EXAMPLE))
    planned = plan(network, now=NOW)
    there = [dataclasses.replace(each, ready=max(0, each.ready - 1)) for each in planned.as_running()]
    there[0] = dataclasses.replace(there[0], ready=0, is_failing=True)
    gone = SiteObservation(unreachable_since=NOW - 900)
    running = seen(network, running=tuple(there), sites={"ber1": gone})
    refusing = GatewayPod(
        pod="isochrone-gateway-6d5f-x2v",
        at=NOW,
        running=EARLIER,
        refused=LATEST,
        refused_because="route demo/qwen: cache.ttl is above 720h",
    )
    crowded = SiteObservation(taken={"europe-l4": (1, 1)})
    timeout = Fault(reason=Reason.UNREACHABLE, subject="https://10.3.0.1:6443", message="no answer within 5 s")
    return _told(
        running,
        planned,
        _delivery(
            running,
            ber1={"observation": gone, "faults": (timeout,), "delivered": EARLIER, "gateway_pods": ()},
            cdg1={"gateway_pods": (refusing,), "gateway_ready": 1, "observation": crowded},
            iad1=None,
        ),
    )


def _with_dead_end(network: Snapshot) -> Snapshot:
    return dataclasses.replace(network, providers=())


def _delivery(network: Snapshot, **sites: dict[str, Any] | None) -> Delivery:
    names = [each.metadata.name for each in network.edge_nodes]
    told = {name: sites.get(name, {}) for name in names}
    reports = {name: report(name, now=NOW, **fields) for name, fields in told.items() if fields is not None}
    return Delivery(reports=reports, wanted=dict.fromkeys(names, LATEST))


def _told(network: Snapshot, planned: Plan, delivery: Delivery) -> Snapshot:
    tables = routing(network, planned, now=NOW)
    routings = [tables.at(each.metadata.name) for each in network.edge_nodes]
    return written(network, status.of(network, planned, delivery, now=NOW, asked=status.Asked.of(routings)))
