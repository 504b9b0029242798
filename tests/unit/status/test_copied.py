"""What is said of copies of a site's evidence."""

import dataclasses
from typing import Any

import pytest
from tests.unit.plan.small import AMS, CDG, IAD, NOW, POOLS, chat, network, planned, running
from tests.unit.plan.small import site as declared
from tests.unit.render.test_copies import BUCKET
from tests.unit.status.network import conditions, delivered, edge, said, told
from tests.unit.validate.sample import policy
from tests.worlds.build import seen
from tests.worlds.reports import LATEST, report

from isochrone.api.edge_node_status import EdgeNodeStatus
from isochrone.model import Anchoring, EvidenceTold, GatewayPod

KNOWN = Anchoring(instances={"fra": frozenset({"gw-0", "gw-1"})})


def pods(*copying: str | None) -> tuple[GatewayPod, ...]:
    return tuple(
        GatewayPod(pod=f"gw-{number}", at=NOW, running=LATEST, evidence=EvidenceTold(at=NOW, copying=each))
        for number, each in enumerate(copying)
    )


def status(heard: tuple[GatewayPod, ...], *objects: Any, **bucket: Any) -> EdgeNodeStatus:
    site = declared("fra", "FRA", gateway={"evidence": {"objectStorage": {**BUCKET, **bucket}}})
    world = seen(network(site, AMS, CDG, IAD, *POOLS, chat(), *objects), running=(running("fra"),))
    delivery = dataclasses.replace(delivered(fra=report("fra", now=NOW, gateway_pods=heard)), anchoring=KNOWN)
    found = told(world, delivery, plan=planned(world))[edge()]
    assert isinstance(found, EdgeNodeStatus)
    return found


@pytest.mark.parametrize(
    ("heard", "bucket", "expected"),
    [
        pytest.param(pods("", ""), {}, "True Copied: closed files go to acme-evidence in DE-HE", id="well"),
        pytest.param(
            pods("", "s3 answers with 403"), {}, "False EvidenceNotCopied: gw-1: s3 answers with 403", id="a key"
        ),
        pytest.param(
            pods("", None), {}, "Unknown Progressing: not every gateway pod has told of copies yet", id="one is old"
        ),
        pytest.param((), {}, "Unknown Progressing: not every gateway pod has told of copies yet", id="nobody speaks"),
        pytest.param(
            pods("", ""),
            {"jurisdiction": "QQ"},
            "False UnknownPlace: spec.gateway.evidence.objectStorage.jurisdiction: QQ is no ISO 3166 code;"
            " nothing is copied until it is corrected",
            id="nobody knows where",
        ),
    ],
)
def test_what_is_said(heard: tuple[GatewayPod, ...], bucket: dict[str, Any], expected: str) -> None:
    assert said(status(heard, **bucket), "EvidenceCopied") == expected


def test_a_policy_that_forbids_it_is_named_with_the_way_out() -> None:
    found = status(pods(None, None), policy("eu-only", "EU"), jurisdiction="US-VA")
    assert said(found, "EvidenceCopied") == (
        "False CopiesForbidden: eu-only lets logs be at this site, but not in US-VA, where the bucket is: nothing is"
        " copied; take a bucket where it may be, or allow Logs there"
    )
    assert said(found).startswith("False CopiesForbidden")
    assert "amazonaws" not in said(found, "EgressEnforced")


def test_copies_on_their_way_keep_nothing_from_being_ready() -> None:
    assert said(status(pods(None, None))).startswith("True Ready")


def test_the_store_is_among_those_that_it_may_call() -> None:
    assert "s3.eu-central-1.amazonaws.com" in said(status(pods("", "")), "EgressEnforced")


def test_without_a_bucket_nothing_is_said_of_it() -> None:
    site = declared("fra", "FRA", gateway={"evidence": {}})
    world = seen(network(site, AMS, CDG, IAD, *POOLS, chat()), running=(running("fra"),))
    assert "EvidenceCopied" not in conditions(told(world, delivered(), plan=planned(world))[edge()])
