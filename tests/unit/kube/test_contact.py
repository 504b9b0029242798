"""A report with what the Lease says of it is the report that the site would have written."""

import asyncio
import dataclasses
from typing import Final

import pytest
from tests.unit.kube.shelf import Shelf

from isochrone.api.conditions import Reason
from isochrone.kube import contact, kinds, mailbox
from isochrone.model import Anchor, EvidenceTold, Fault, GatewayPod, Revision, SiteReport

FIRST, SECOND = (Revision(epoch=1, sequence=number, digest=str(number) * 64) for number in (1, 2))
PODS: Final = tuple(GatewayPod(pod=f"gateway-{number}", at=5, running=FIRST) for number in (0, 1))
TOLD: Final = SiteReport(site="fra1", at=10, delivered=FIRST, children=7, gateway_replicas=2, gateway_pods=PODS)


def with_pods(report: SiteReport, *running: Revision | None) -> SiteReport:
    pods = (dataclasses.replace(pod, at=9, running=each) for pod, each in zip(PODS, running, strict=True))
    return dataclasses.replace(report, gateway_pods=tuple(pods))


DELIVERED: Final = dataclasses.replace(TOLD, delivered=SECOND, at=20)


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(TOLD, id="nothing"),
        pytest.param(DELIVERED, id="delivered"),
        pytest.param(with_pods(DELIVERED, SECOND, SECOND), id="and running"),
        pytest.param(dataclasses.replace(TOLD, delivered=None), id="incomplete"),
    ],
)
def test_what_the_lease_says_is_enough(now: SiteReport) -> None:
    ack = contact.ack_of(now)
    assert ack.report == contact.name_of(TOLD)
    found = contact.acknowledged(TOLD, ack)
    assert (found.delivered, [pod.running for pod in found.gateway_pods]) == (
        now.delivered,
        [pod.running for pod in now.gateway_pods],
    )
    assert found == dataclasses.replace(now, at=TOLD.at, gateway_pods=found.gateway_pods)


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(with_pods(DELIVERED, SECOND, FIRST), id="one gateway is behind"),
        pytest.param(with_pods(TOLD, None, None), id="no gateway runs anything"),
        pytest.param(with_pods(TOLD, FIRST, None), id="one gateway runs nothing"),
        pytest.param(dataclasses.replace(TOLD, children=8), id="an object more"),
        pytest.param(
            dataclasses.replace(TOLD, faults=(Fault(reason=Reason.FORBIDDEN, subject="it", message="no"),)), id="fault"
        ),
        pytest.param(dataclasses.replace(TOLD, gateway_pods=PODS[:1]), id="a pod is gone"),
        pytest.param(
            dataclasses.replace(TOLD, gateway_pods=(dataclasses.replace(PODS[0], refused=SECOND), PODS[1])),
            id="a pod refuses",
        ),
    ],
)
def test_whatever_else_is_new_needs_a_report(now: SiteReport) -> None:
    ack = contact.ack_of(now)
    assert ack.report != contact.name_of(TOLD)
    assert contact.acknowledged(TOLD, ack) == TOLD
    assert contact.acknowledged(now, ack) == now


def test_it_is_on_the_lease() -> None:
    shelf, ack = Shelf(), contact.ack_of(TOLD, request="abc")

    async def scenario() -> None:
        assert await contact.look(shelf, "fra1") == contact.Contact(sign="", ack=None)
        await contact.show(shelf, "fra1", "1")
        assert await contact.look(shelf, "fra1") == contact.Contact(sign="1", ack=None)
        await contact.show(shelf, "fra1", "2", ack, is_there=True)
        assert await contact.look(shelf, "fra1") == contact.Contact(sign="2", ack=ack)

    asyncio.run(scenario())
    assert [verb for verb, _ in shelf.asked] == ["get", "apply", "get", "merge", "get"]


def test_what_cannot_be_read_was_not_said() -> None:
    shelf = Shelf()
    path = kinds.LEASE.path(mailbox.namespace_of("fra1"), contact.LEASE)
    shelf.items[path] = {"metadata": {"annotations": {contact.ACK: "{"}}, "spec": {"renewTime": "1"}}
    assert asyncio.run(contact.look(shelf, "fra1")) == contact.Contact(sign="1", ack=None)


def keeping(n: int, problem: str = "") -> tuple[GatewayPod, ...]:
    told = EvidenceTold(at=n, anchor=Anchor(n=n, at=float(n), digest="a" * 64), problem=problem)
    return (dataclasses.replace(PODS[0], evidence=told), PODS[1])


def test_how_far_evidence_goes_is_on_the_lease_alone() -> None:
    """What an older report says of it counts no more, or an anchor would seem to go back."""
    shelf, report = Shelf(), dataclasses.replace(TOLD, gateway_pods=keeping(4))

    async def scenario() -> contact.Contact:
        await contact.show(shelf, "fra1", "1", contact.ack_of(report), counts=contact.Counts(pods=keeping(5)))
        return await contact.look(shelf, "fra1")

    seen = asyncio.run(scenario())
    assert contact.counted(report, seen.counts).gateway_pods == keeping(5)
    assert contact.counted(report, contact.NONE).gateway_pods == PODS


@pytest.mark.parametrize(
    ("pods", "is_news"),
    [
        pytest.param(keeping(5), False, id="goes on"),
        pytest.param(keeping(5, "the disk is full"), True, id="can't be written"),
        pytest.param(PODS, True, id="is kept no more"),
    ],
)
def test_evidence_that_goes_on_is_no_news(pods: tuple[GatewayPod, ...], *, is_news: bool) -> None:
    before, after = (dataclasses.replace(TOLD, gateway_pods=each) for each in (keeping(4), pods))
    assert (contact.name_of(before) != contact.name_of(after)) is is_news
