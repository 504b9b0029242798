"""Whether a site's evidence is copied to its bucket: whether it may be, and what its gateways say of it."""

from collections.abc import Sequence
from typing import Final

from isochrone.api import EdgeNode
from isochrone.api.conditions import ConditionType, Reason
from isochrone.api.object_storage import ObjectStorage
from isochrone.law import atlas
from isochrone.model import GatewayPod, SiteReport
from isochrone.model.words import listed
from isochrone.status import programmed
from isochrone.status.facts import Facts
from isochrone.status.said import State, fails, holds

_KIND: Final = ConditionType.EVIDENCE_COPIED


def copied(facts: Facts, edge: EdgeNode, bucket: ObjectStorage, report: SiteReport | None) -> State:
    """Of a site that has one."""
    pods = [] if report is None else programmed.speaking(report, facts.now)
    return _forbidden(facts, edge, bucket) or _failing(pods) or _going(pods, bucket)


def _forbidden(facts: Facts, edge: EdgeNode, bucket: ObjectStorage) -> State | None:
    if not atlas.of_bucket(bucket).is_known:
        message = f"spec.gateway.evidence.objectStorage.jurisdiction: {bucket.jurisdiction} is no ISO 3166 code"
        return fails(_KIND, Reason.UNKNOWN_PLACE, f"{message}; nothing is copied until it is corrected")
    policies = facts.buckets.forbidding(edge, bucket)
    if not policies:
        return None
    message = (
        f"{listed(policies)} lets logs be at this site, but not in {bucket.jurisdiction}, where the bucket is:"
        " nothing is copied; take a bucket where it may be, or allow Logs there"
    )
    return fails(_KIND, Reason.COPIES_FORBIDDEN, message)


def _failing(pods: Sequence[GatewayPod]) -> State | None:
    for pod in pods:
        if pod.evidence is not None and pod.evidence.copying:
            return fails(_KIND, Reason.EVIDENCE_NOT_COPIED, f"{pod.pod}: {pod.evidence.copying}")
    return None


def _going(pods: Sequence[GatewayPod], bucket: ObjectStorage) -> State:
    if pods and all(each.evidence is not None and each.evidence.copying is not None for each in pods):
        return holds(_KIND, Reason.COPIED, f"closed files go to {bucket.bucket} in {bucket.jurisdiction}")
    message = "not every gateway pod has told of copies yet"
    return State(type=_KIND, status="Unknown", reason=Reason.PROGRESSING, message=message, counts=False)
