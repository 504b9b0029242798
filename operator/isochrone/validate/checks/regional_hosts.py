"""What providers say of where they process, against what is declared of their endpoints."""

from collections.abc import Iterator
from typing import Final

from isochrone.api import ModelProvider
from isochrone.api.evidence_level import Evidence
from isochrone.api.model_provider import Endpoint
from isochrone.geo import blocs, providers
from isochrone.geo.providers import Reach, Said
from isochrone.model.words import listed
from isochrone.validate.finding import Finding, Rule
from isochrone.validate.item import Item, meant
from isochrone.validate.world import World

_OR_EVIDENCE: Final = "or, if a contract binds the provider to what is declared, give it as evidence"


def contradicted(world: World) -> Iterator[Finding]:
    """Endpoints of which a region is declared that they are not asked for."""
    for provider in world.providers:
        for index, endpoint in enumerate(provider.resource.spec.endpoints):
            declared, problems = blocs.resolve(endpoint.processes_in)
            if problems or "World" in endpoint.processes_in:
                continue
            countries = frozenset(code[:2] for code in declared)
            for said in _said(provider.resource, endpoint):
                yield from _judged(provider, index, said, countries=countries)


def models_of_endpoints(world: World) -> Iterator[Finding]:
    """Names of an endpoint's own, for models that the provider doesn't have."""
    for provider in world.providers:
        known = [model.name for model in provider.resource.spec.models]
        for i, endpoint in enumerate(provider.resource.spec.endpoints):
            for j, model in enumerate(endpoint.models or ()):
                if model.name not in known:
                    yield provider.error(
                        Rule.REF_NOT_FOUND,
                        f"spec.endpoints[{i}].models[{j}].name",
                        f'there is no model "{model.name}" in spec.models',
                        way_out=meant(model.name, known) or f"its models are {listed(known)}",
                    )


def _said(provider: ModelProvider, endpoint: Endpoint) -> Iterator[Said]:
    own = {model.name: model.upstream_name for model in endpoint.models or ()}
    models = [own.get(model.name) or model.upstream_name or model.name for model in provider.spec.models]
    body = {member.name: member.value for member in endpoint.request_body or ()}
    return providers.said(endpoint.url, body=body, models=models)


def _judged(provider: Item[ModelProvider], index: int, said: Said, *, countries: frozenset[str]) -> Iterator[Finding]:
    endpoint = provider.resource.spec.endpoints[index]
    field, places = f"spec.endpoints[{index}].processesIn", ", ".join(endpoint.processes_in)
    is_named = not isinstance(said.where, Reach)
    more = sorted(said.countries - countries)
    if is_named and said.countries.isdisjoint(countries):
        way_out = f"{said.provider.pin}; or declare the places where it processes"
        yield provider.warning(Rule.REGION_CONTRADICTED, field, f"{places}, but {said}", way_out=way_out)
    elif endpoint.evidence is not Evidence.DECLARED:
        return
    elif not is_named:
        way_out = f"{said.provider.pin}; or declare World; {_OR_EVIDENCE}"
        yield provider.warning(Rule.REGION_NOT_PINNED, field, f"{places}, but {said}", way_out=way_out)
    elif more:
        text = f"{places}, but {said}, so also in {', '.join(more)}"
        yield provider.warning(Rule.REGION_NOT_PINNED, field, text, way_out=f"declare these, too; {_OR_EVIDENCE}")
