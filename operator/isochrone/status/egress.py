"""Whether a site's cluster itself holds its gateway to the hosts that it may call.

Hosts of which only the name is known take a policy by domain name. Where a cluster has none, a gateway may reach their
port anywhere, and only its own allow-list holds it back. That is no fault, but evidence says it.
"""

from collections.abc import Iterator

from isochrone.api import EdgeNode
from isochrone.api.conditions import ConditionType, Reason
from isochrone.model import SiteReport, hosts
from isochrone.model.words import listed
from isochrone.status.facts import Facts
from isochrone.status.said import State, Truth


def enforced(facts: Facts, edge: EdgeNode, report: SiteReport | None) -> State:
    named = sorted(set(_by_name(facts, edge)))
    if not named:
        return _said("True", Reason.ENFORCED, "its gateway calls nobody outside of whom only a name is known")
    if report is None:
        return _said("Unknown", Reason.PROGRESSING, "what its cluster can enforce is not known yet")
    kind = report.observation.policy_by_name
    if kind is not None:
        return _said("True", Reason.ENFORCED, f"by {kind.value}: {listed(named)}")
    return _said(
        "False",
        Reason.NOT_ENFORCED,
        f"its cluster has no policies by domain name, so only the gateway itself is held to {listed(named)};"
        " with Cilium or GKE's FQDNNetworkPolicy the cluster enforces it",
    )


def _by_name(facts: Facts, edge: EdgeNode) -> Iterator[str]:
    for provider in facts.calls(edge.metadata.name):
        for endpoint in facts.providers[provider].spec.endpoints if provider in facts.providers else ():
            if (remote := hosts.of_endpoint(endpoint)).by_name:
                yield remote.host
    if (bucket := facts.buckets.lawful(edge)) is not None and (remote := hosts.of_bucket(bucket)).by_name:
        yield remote.host
    yield from (host for name, host in facts.named_peers.items() if name != edge.metadata.name)


def _said(status: Truth, reason: Reason, message: str) -> State:
    return State(type=ConditionType.EGRESS_ENFORCED, status=status, reason=reason, message=message, counts=False)
