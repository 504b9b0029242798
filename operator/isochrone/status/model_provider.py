"""ModelProvider: whether it is known where its endpoints process, and who uses it."""

from isochrone.api import ModelProvider
from isochrone.api.conditions import ConditionType, Reason
from isochrone.api.model_provider import ModelProviderStatus
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
            [] if is_leaving else [_accepted(provider)],
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


def _summary(provider: ModelProvider, routes: int) -> State:
    if provider.spec.allowed_namespaces is None:
        return ready("no namespace may use it: name some in spec.allowedNamespaces")
    return ready(f"{count(routes, 'route')} may send to it" if routes else "no route names it")
