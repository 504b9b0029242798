"""Whether a site's evidence is written, and its last checkpoints are known to the hub, which the site can't change.

Nothing in what is said changes with each checkpoint: a status is written when something else is so.
"""

from typing import Final

from isochrone.api.conditions import ConditionType, Reason
from isochrone.model import Anchoring, GatewayPod, SiteReport
from isochrone.model.words import count, listed
from isochrone.status import programmed
from isochrone.status.said import State, fails, holds

_KIND: Final = ConditionType.EVIDENCE_ANCHORED


def anchored(site: str, report: SiteReport | None, known: Anchoring, *, now: int) -> State:
    """Of a site that is to keep evidence. That anchors are on their way keeps nothing from being ready."""
    pods = [] if report is None else [each for each in programmed.speaking(report, now) if each.evidence is not None]
    return _contradicted(site, known) or _unwritten(pods) or _unkept(site, known) or _kept(site, pods, known)


def _contradicted(site: str, known: Anchoring) -> State | None:
    back = known.back.get(site)
    if back is None:
        return None
    message = (
        f"{back}: evidence was lost, replaced or cut off. Save what ConfigMap isochrone-anchors has of {site} and the"
        f" files, find out why, then remove {site}.jsonl and {site}.back.jsonl from it"
    )
    return fails(_KIND, Reason.ANCHOR_WENT_BACK, message)


def _unwritten(pods: list[GatewayPod]) -> State | None:
    for pod in pods:
        if pod.evidence is not None and pod.evidence.problem:
            return fails(_KIND, Reason.EVIDENCE_NOT_WRITTEN, f"{pod.pod}: {pod.evidence.problem}")
    return None


def _unkept(site: str, known: Anchoring) -> State | None:
    problem = known.problem or known.untaken.get(site, "")
    return fails(_KIND, Reason.ANCHORS_NOT_KEPT, problem) if problem else None


def _kept(site: str, pods: list[GatewayPod], known: Anchoring) -> State:
    missing = sorted({each.pod for each in pods} - known.instances.get(site, frozenset()))
    if pods and not missing:
        message = f"the hub keeps anchors of {count(len(pods), 'gateway pod')}, in ConfigMap isochrone-anchors"
        return holds(_KIND, Reason.ANCHORED, message)
    what = f"no anchor of {listed(missing)} has been taken yet" if missing else "no gateway pod has told an anchor yet"
    return State(type=_KIND, status="Unknown", reason=Reason.PROGRESSING, message=what, counts=False)
