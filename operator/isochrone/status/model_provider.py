"""ModelProvider: whether it is known where its endpoints process, whether its keys are there, and who uses it."""

from collections.abc import Iterator

from isochrone.api import ModelProvider
from isochrone.api.conditions import ConditionType, Reason
from isochrone.api.edge_node import Delivery
from isochrone.api.model_provider import ModelProviderStatus
from isochrone.law import references
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.model.words import count, listed
from isochrone.status.areas import unknown
from isochrone.status.facts import Facts
from isochrone.status.said import State, conditions, fails, holds, leaving, ready

_MOST_PLACES = 256


def status(facts: Facts, provider: ModelProvider) -> ModelProviderStatus:
    name = provider.metadata.name
    routes = facts.users.get(name, [])
    sites = sum(name in facts.calls(site) for site in facts.running_sites)
    is_leaving = provider.metadata.deletion_timestamp is not None
    processes = sorted({each for endpoint in provider.spec.endpoints for each in endpoint.processes_in})
    return ModelProviderStatus(
        observed_generation=provider.metadata.generation,
        conditions=conditions(
            provider,
            [] if is_leaving else [_accepted(provider), *_resolved(facts, provider)],
            leaving("requests that go to it are finished") if is_leaving else _summary(provider, len(routes)),
            now=facts.now,
        ),
        processes_in=processes[:_MOST_PLACES],
        edge_nodes=sites,
        routes=len(routes),
    )


def _accepted(provider: ModelProvider) -> State:
    kind = ConditionType.ACCEPTED
    for index, endpoint in enumerate(provider.spec.endpoints):
        for field, areas in (("processesIn", endpoint.processes_in), ("storesIn", endpoint.stores_in or [])):
            problem = unknown(areas)
            if problem is not None:
                reason, message = problem
                message = f"spec.endpoints[{index}].{field}: {message}; until then no policy that binds allows it"
                return fails(kind, reason, message)
    names = listed(endpoint.name for endpoint in provider.spec.endpoints)
    return holds(kind, Reason.ACCEPTED, f"it is known where its endpoints process: {names}")


def _resolved(facts: Facts, provider: ModelProvider) -> Iterator[State]:
    """Said only by whom the Secrets were seen, and where sites have them from here."""
    kind, secrets = ConditionType.RESOLVED_REFS, facts.delivery.secrets
    if secrets is None or not _is_copied(facts, provider.metadata.name):
        return
    for field, ref in references.secrets_of(provider):
        found = secrets.get(ref.name)
        where = f"Secret {SYSTEM_NAMESPACE}/{ref.name}"
        if found is None:
            message = f'{field}: there is no {where}; create it, with the key "{ref.key}"'
            yield fails(kind, Reason.REF_NOT_FOUND, message)
            return
        if ref.key not in found:
            message = f'{field}: {where} has nothing under the key "{ref.key}"; add it, or name another'
            yield fails(kind, Reason.REF_NOT_FOUND, message)
            return
    yield holds(kind, Reason.RESOLVED, "every Secret that it names is there")


def _is_copied(facts: Facts, name: str) -> bool:
    """Whether a site that asks it, or any as long as none does, isn't left to a GitOps tool, which brings Secrets."""
    asking = [site for site in facts.running_sites if name in facts.calls(site)]
    return any(facts.edges[site].spec.delivery is not Delivery.GIT_OPS for site in asking or facts.running_sites)


def _summary(provider: ModelProvider, routes: int) -> State:
    if provider.spec.allowed_namespaces is None:
        return ready("no namespace may use it: name some in spec.allowedNamespaces")
    return ready(f"{count(routes, 'route')} may send to it" if routes else "no route names it")
