"""What is said of a site's evidence."""

import dataclasses
from typing import Any

import pytest
from tests.unit.plan.small import AMS, CDG, IAD, NOW, POOLS, chat, network, planned, running
from tests.unit.plan.small import site as declared
from tests.unit.status.network import conditions, delivered, edge, said, told
from tests.worlds.build import seen
from tests.worlds.reports import LATEST, report

from isochrone.api.edge_node_status import EdgeNodeStatus
from isochrone.model import Anchoring, EvidenceTold, GatewayPod

KEEPING = declared("fra", "FRA", gateway={"evidence": {}})
BOTH = Anchoring(instances={"fra": frozenset({"gw-0", "gw-1"})})


def pods(*problems: str) -> tuple[GatewayPod, ...]:
    return tuple(
        GatewayPod(pod=f"gw-{number}", at=NOW, running=LATEST, evidence=EvidenceTold(at=NOW, problem=problem))
        for number, problem in enumerate(problems)
    )


def status(known: Anchoring, heard: tuple[GatewayPod, ...], site: Any = KEEPING) -> EdgeNodeStatus:
    world = seen(network(site, AMS, CDG, IAD, *POOLS, chat()), running=(running("fra"),))
    delivery = dataclasses.replace(delivered(fra=report("fra", now=NOW, gateway_pods=heard)), anchoring=known)
    found = told(world, delivery, plan=planned(world))[edge()]
    assert isinstance(found, EdgeNodeStatus)
    return found


@pytest.mark.parametrize(
    ("known", "heard", "expected"),
    [
        pytest.param(
            BOTH,
            pods("", ""),
            "True Anchored: the hub keeps anchors of 2 gateway pods, in ConfigMap isochrone-anchors",
            id="well",
        ),
        pytest.param(
            Anchoring(instances={"fra": frozenset({"gw-1"})}),
            pods("", ""),
            "Unknown Progressing: no anchor of gw-0 has been taken yet",
            id="one is new",
        ),
        pytest.param(BOTH, (), "Unknown Progressing: no gateway pod has told an anchor yet", id="nothing is heard"),
        pytest.param(BOTH, pods("", "no room"), "False EvidenceNotWritten: gw-1: no room", id="full disk"),
        pytest.param(
            Anchoring(problem="ConfigMap x: no"), pods(""), "False AnchorsNotKept: ConfigMap x: no", id="not kept"
        ),
        pytest.param(
            Anchoring(untaken={"fra": "no room for gw-0"}),
            pods(""),
            "False AnchorsNotKept: no room for gw-0",
            id="full",
        ),
        pytest.param(
            dataclasses.replace(BOTH, back={"cdg": "not here"}, untaken={"cdg": "not here"}),
            pods("", ""),
            "True Anchored: the hub keeps anchors of 2 gateway pods, in ConfigMap isochrone-anchors",
            id="something is wrong elsewhere",
        ),
    ],
)
def test_what_is_said(known: Anchoring, heard: tuple[GatewayPod, ...], expected: str) -> None:
    assert said(status(known, heard), "EvidenceAnchored") == expected


def test_what_contradicts_is_said_before_all_else_with_the_way_out() -> None:
    known = Anchoring(back={"fra": "gw-0 says 2"}, problem="and that")
    found = status(known, pods("full"))
    assert said(found, "EvidenceAnchored").startswith("False AnchorWentBack: gw-0 says 2: evidence was lost")
    assert "remove fra.jsonl and fra.back.jsonl" in said(found, "EvidenceAnchored")
    assert said(found).startswith("False AnchorWentBack")


def test_anchors_on_their_way_keep_nothing_from_being_ready() -> None:
    assert said(status(Anchoring(), pods("", ""))).startswith("True Ready")


def test_where_no_evidence_is_kept_nothing_is_said_of_it() -> None:
    found = status(Anchoring(problem="x"), pods("x"), declared("fra", "FRA"))
    assert "EvidenceAnchored" not in conditions(found)


def test_the_key_is_named() -> None:
    found = status(dataclasses.replace(BOTH, keys={"fra": "0" * 16}), pods("", ""))
    assert found.gateway is not None
    assert found.gateway.evidence_key == "0" * 16
