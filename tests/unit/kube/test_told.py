"""What gateways' pods say on a Lease: read, passed over, and removed when they are long gone."""

import datetime as dt
from typing import Any

import pytest

from isochrone.kube import told
from isochrone.model import Anchor, EvidenceTold, GatewayPod, Revision, RouteDemand, RouteServed, Served
from isochrone.status.programmed import HEARD_WITHIN
from isochrone_gateway.config import report
from isochrone_gateway.config.index import Revision as Config

NOW = 1_795_000_000
DIGEST = "a" * 64


def said(pod: str, ago: int, **more: Any) -> dict[str, str]:
    at = dt.datetime.fromtimestamp(NOW - ago, tz=dt.UTC)
    return {report.annotation(pod): report.encode(report.PodReport(pod=pod, at=at, **more))}


def lease(*annotations: dict[str, str], kind: str = "Lease") -> dict[str, Any]:
    merged = {"isochrone.dev/else": "x"} | {key: value for each in annotations for key, value in each.items()}
    return {"kind": kind, "metadata": {"namespace": "isochrone-system", "name": "gw-config", "annotations": merged}}


RUNNING = Config(epoch=1, sequence=7, digest=DIGEST)


@pytest.mark.parametrize(
    ("item", "found"),
    [
        pytest.param(
            lease(said("a", 10, running=RUNNING)),
            [GatewayPod(pod="a", at=NOW - 10, running=Revision(epoch=1, sequence=7, digest=DIGEST))],
            id="runs",
        ),
        pytest.param(
            lease(said("a", 10, refused=report.refused("Invalid", "no such place", RUNNING))),
            [
                GatewayPod(
                    pod="a",
                    at=NOW - 10,
                    refused=Revision(epoch=1, sequence=7, digest=DIGEST),
                    refused_because="Invalid: no such place",
                )
            ],
            id="refuses",
        ),
        pytest.param(
            lease(
                said(
                    "a",
                    10,
                    running=RUNNING,
                    served=report.Served(
                        seconds=61,
                        answered=90,
                        failed=3,
                        worst=(report.RouteServed(route="demo/chat", answered=1, failed=3),),
                    ),
                )
            ),
            [
                GatewayPod(
                    pod="a",
                    at=NOW - 10,
                    running=Revision(epoch=1, sequence=7, digest=DIGEST),
                    served=Served(
                        seconds=61,
                        answered=90,
                        failed=3,
                        worst=(RouteServed(route="demo/chat", answered=1, failed=3),),
                    ),
                )
            ],
            id="serves",
        ),
        pytest.param(
            lease(
                said(
                    "a",
                    10,
                    evidence=report.Evidence(
                        anchor=report.Anchored(n=4, at=NOW - 12.5, digest=DIGEST), problem="the disk is full"
                    ),
                )
            ),
            [
                GatewayPod(
                    pod="a",
                    at=NOW - 10,
                    evidence=EvidenceTold(
                        at=NOW - 10, anchor=Anchor(n=4, at=NOW - 12.5, digest=DIGEST), problem="the disk is full"
                    ),
                )
            ],
            id="keeps evidence",
        ),
        pytest.param(
            lease(said("a", 10, evidence=report.Evidence(copying=report.Copying(problem="the store is away")))),
            [GatewayPod(pod="a", at=NOW - 10, evidence=EvidenceTold(at=NOW - 10, copying="the store is away"))],
            id="can't copy it",
        ),
        pytest.param(
            lease(said("a", 10, evidence=report.Evidence(copying=report.Copying()))),
            [GatewayPod(pod="a", at=NOW - 10, evidence=EvidenceTold(at=NOW - 10, copying=""))],
            id="copies it",
        ),
        pytest.param(
            lease(said("a", 10, evidence=report.Evidence())),
            [GatewayPod(pod="a", at=NOW - 10, evidence=EvidenceTold(at=NOW - 10))],
            id="begins to",
        ),
        pytest.param(lease(said("a", HEARD_WITHIN + 1)), [], id="silent"),
        pytest.param(lease({"pod.isochrone.dev/a": "{"}), [], id="damaged"),
        pytest.param(lease(said("a", 1), kind="ConfigMap"), [], id="another-kind"),
        pytest.param(
            lease(said("b", 1), said("a", 2)),
            [GatewayPod(pod="a", at=NOW - 2), GatewayPod(pod="b", at=NOW - 1)],
            id="two",
        ),
    ],
)
def test_pods(item: dict[str, Any], found: list[GatewayPod]) -> None:
    assert list(told.pods_of([item], now=NOW)) == found


COUNTED = report.Demand(seconds=86_400, routes={"demo/chat": {"DE": 90}})
KNOWN = {"demo/chat": RouteDemand(requests=90, seconds=86_400, daily={"DE": 90})}


@pytest.mark.parametrize(
    ("item", "found"),
    [
        pytest.param(lease(said("a", 10, running=RUNNING, demand=COUNTED)), KNOWN, id="counts"),
        pytest.param(lease(said("a", 10, running=RUNNING)), None, id="doesn't count"),
        pytest.param(
            lease(said("a", 1, running=RUNNING, demand=COUNTED), said("b", 1, running=RUNNING)), None, id="one"
        ),
        pytest.param(lease(said("a", 1, running=RUNNING, demand=COUNTED), said("b", 1)), KNOWN, id="one begins"),
        pytest.param(lease(said("a", HEARD_WITHIN + 1, running=RUNNING)), {}, id="silent"),
    ],
)
def test_where_requests_come_from(item: dict[str, Any], found: dict[str, RouteDemand] | None) -> None:
    assert told.demand_of([item], now=NOW) == found


def test_what_is_long_gone_is_removed() -> None:
    item = lease(said("old", told.FORGOTTEN_AFTER + 1), said("new", 1), {"pod.isochrone.dev/bad": "{"})
    ((path, patch),) = told.forgotten([item], now=NOW)
    assert path == "/apis/coordination.k8s.io/v1/namespaces/isochrone-system/leases/gw-config"
    assert set(patch["metadata"]["annotations"]) == {"pod.isochrone.dev/old", "pod.isochrone.dev/bad"}
    assert list(told.forgotten([lease(said("new", 1))], now=NOW)) == []
