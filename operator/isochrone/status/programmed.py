"""Whether a site's gateway runs the config that was issued for it, as its pods say on their Lease."""

from typing import Final

from isochrone.api.conditions import ConditionType, Reason
from isochrone.model import GatewayPod, Held, Revision, SiteReport
from isochrone.model.words import count
from isochrone.status.said import Patience, State, fails, holds, waits

HEARD_WITHIN: Final = 120
"""Seconds. A pod that has not spoken for longer is taken to be gone."""
LATE: Final = Patience(seconds=600, reason=Reason.DELIVERY_FAILED)
"""For how long a gateway may be without enough pods that run what they should."""
_KIND: Final = ConditionType.PROGRAMMED


def programmed(
    report: SiteReport | None, wanted: Revision | None, cause: Held | None, *, reachable: State, now: int
) -> State:
    """`cause` is why others wait, if it is for what runs here."""
    if report is None or reachable.status != "True":
        return waits(_KIND, "what its gateway runs can't be seen: its cluster isn't reached", reason=reachable.reason)
    if wanted is None:
        return waits(_KIND, "nothing has been issued for it yet")
    pods = speaking(report, now)
    missing = _missing(report, pods, wanted)
    if missing is None and cause is not None:
        return fails(_KIND, cause.reason, cause.message)
    if missing is None:
        message = f"{count(len(pods), 'gateway pod')} at revision {wanted.name}"
        return holds(_KIND, Reason.PROGRAMMED, message)
    late = State(type=_KIND, status="Unknown", reason=Reason.PROGRESSING, message=missing, patience=LATE)
    return _refused(pods, wanted) or late


def speaking(report: SiteReport, now: int) -> list[GatewayPod]:
    """The pods that have spoken lately, by name."""
    return sorted(each for each in report.gateway_pods if now - each.at <= HEARD_WITHIN)


def _refused(pods: list[GatewayPod], wanted: Revision) -> State | None:
    """The first pod that does not take what it is given. What it refused before that is past."""
    refusing = [each for each in pods if each.refused is not None and each.refused.order >= wanted.order]
    stuck = next((each for each in refusing if not each.runs(wanted)), None)
    if stuck is None or stuck.refused is None:
        return None
    runs = f"goes on with {stuck.running.name}" if stuck.running is not None else "runs none"
    because = stuck.refused_because or "it does not say why; its log does"
    message = f"{stuck.pod} refuses revision {stuck.refused.name} and {runs}: {because}"
    return fails(_KIND, Reason.CONFIG_REJECTED, message)


def _missing(report: SiteReport, pods: list[GatewayPod], wanted: Revision) -> str | None:
    """What is not as it should be yet."""
    most, ready = report.gateway_replicas, report.gateway_ready
    if not most:
        return "it has no gateway pods yet"
    if ready < most:
        return f"{ready} of {count(most, 'gateway pod')} ready"
    if report.gateway_outdated:
        return f"{count(report.gateway_outdated, 'gateway pod')} to be replaced, once those in their place are ready"
    if len(pods) < ready:
        return f"{len(pods)} of {count(ready, 'gateway pod')} told which revision they run"
    there = sum(each.runs(wanted) for each in pods)
    return f"{there} of {count(len(pods), 'gateway pod')} at revision {wanted.name}" if there < len(pods) else None
