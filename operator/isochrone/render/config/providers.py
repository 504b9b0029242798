"""Providers: endpoints with their places, models with their prices, and keys by the files that hold them."""

from isochrone.api import ModelProvider
from isochrone.api.model_provider import Endpoint, ProviderModel
from isochrone.law.atlas import Atlas
from isochrone.render import secrets
from isochrone.render.config.tenants import rates_of
from isochrone_gateway.config import providers as contract
from isochrone_gateway.config.routes import Price


def provider_of(provider: ModelProvider, atlas: Atlas) -> contract.Provider:
    """One provider, with all of its endpoints: a candidate names the one that the law was asked about."""
    spec = provider.spec
    models = {upstream_name(each): each for each in reversed(spec.models)}
    return contract.Provider(
        name=provider.metadata.name,
        dialect=spec.dialect.value,
        endpoints=tuple(_endpoint(provider, each, atlas) for each in spec.endpoints),
        credentials=tuple(
            contract.Credential(name=key.name, file=secrets.provider_file(key.secret_ref)) for key in spec.keys or ()
        ),
        models=tuple(_model(name, models[name]) for name in sorted(models)),
        limits=rates_of(spec.limits),
        headers=frozenset(spec.headers or ()),
    )


def upstream_name(model: ProviderModel) -> str:
    """The name that the provider knows a model by."""
    return model.upstream_name or model.name


def price_of(model: ProviderModel) -> Price:
    said = model.price_per_million_tokens
    return Price(input=said.input, output=said.output, cached_input=said.cached_input)


def _endpoint(provider: ModelProvider, endpoint: Endpoint, atlas: Atlas) -> contract.Endpoint:
    key = (provider.metadata.name, endpoint.name)
    place, store = atlas.endpoints[key], atlas.stores[key]
    bundle = endpoint.ca_secret_ref
    return contract.Endpoint(
        name=endpoint.name,
        base_url=endpoint.url,
        place=place,
        state_place=None if store == place else store,
        plaintext=endpoint.plaintext == "Allow",
        tls=contract.ProviderTls(ca_bundle=None if bundle is None else secrets.provider_file(bundle)),
        models=_names_at(provider, endpoint),
        body={each.name: each.value for each in endpoint.request_body or ()},
        headers={each.name: each.value for each in endpoint.request_headers or ()},
    )


def _names_at(provider: ModelProvider, endpoint: Endpoint) -> dict[str, str]:
    """The names that differ at this endpoint, by the provider's own. One for a model that there isn't names nothing."""
    known = {model.name: upstream_name(model) for model in provider.spec.models}
    own = {known[each.name]: each.upstream_name for each in endpoint.models or () if each.name in known}
    return {name: here for name, here in own.items() if name != here}


def _model(name: str, model: ProviderModel) -> contract.ProviderModel:
    return contract.ProviderModel(
        name=name,
        price=price_of(model),
        context_length=model.context_length,
        max_output_tokens=model.max_output_tokens,
    )
