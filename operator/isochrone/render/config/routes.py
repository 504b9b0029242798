"""Routes: what clients call and how they are treated, the same everywhere; and who answers, at each site."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from isochrone.api import ModelProvider, ModelRoute
from isochrone.api.route_policy import Parameters
from isochrone.model import Candidate, RouteKey, ToEngine, ToPeer, ToProvider
from isochrone.model.amounts import milliseconds
from isochrone.model.declared import key_of, model_name
from isochrone.render.config.providers import price_of, upstream_name
from isochrone_gateway.config import routes as contract

_MICROSECONDS: Final = 1000


def route_of(route: ModelRoute, names: Sequence[str]) -> contract.Route:
    """All of a route but who answers."""
    spec = route.spec
    return contract.Route(
        id=str(key_of(route)),
        name=names[0],
        aliases=frozenset(names[1:]),
        endpoints=frozenset(map(contract.RouteEndpoint, spec.endpoints)),
        data_classes=frozenset(spec.data_classes or ()),
        parameters=_parameters(spec.parameters),
        timeouts=contract.Timeouts(
            first_byte_ms=milliseconds(spec.timeouts.first_byte),
            idle_ms=milliseconds(spec.timeouts.idle),
            total_ms=milliseconds(spec.timeouts.total),
        ),
        retry=_retry(route),
        queue=contract.Queue(max_requests=spec.queue.max_requests, max_wait_ms=milliseconds(spec.queue.max_wait)),
        cache=contract.Cache(ttl_ms=milliseconds(spec.cache.ttl)) if spec.cache.mode == "Exact" else None,
    )


class Answering:
    """Makes the candidates of all sites. What several sites have alike is made once."""

    def __init__(self, routes: Mapping[RouteKey, ModelRoute], providers: Iterable[ModelProvider]) -> None:
        self._models = {key: model_name(route) for key, route in routes.items()}
        self._offers = {
            (provider.metadata.name, model.name): (upstream_name(model), price_of(model))
            for provider in providers
            for model in provider.spec.models
        }
        self._pools = {key: str(key) for key in routes}
        self._peers: dict[tuple[str, RouteKey], contract.PeerTarget] = {}

    def tiers(self, tiers: Iterable[Iterable[Candidate]]) -> tuple[contract.Tier, ...]:
        """The tiers of a route at a site, without those that would never answer: where no candidate has a weight."""
        found = (tuple(map(self._candidate, tier)) for tier in tiers)
        return tuple(contract.Tier(candidates=tier) for tier in found if any(each.weight for each in tier))

    def _candidate(self, said: Candidate) -> contract.Candidate:
        """What a gateway is told; a round trip that has begun a millisecond counts as one."""
        rtt_ms = -(-said.rtt // _MICROSECONDS)
        match said.target:
            case ToProvider(provider=name, endpoint=endpoint, model=model):
                upstream, price = self._offers[name, model]
                return contract.Candidate(
                    target=contract.ProviderTarget(provider=name, endpoint=endpoint),
                    place=said.place,
                    model=upstream,
                    weight=said.weight,
                    rtt_ms=rtt_ms,
                    price=price,
                )
            case ToPeer(site=site, route=route):
                return contract.Candidate(
                    target=self._peer(site, route),
                    place=said.place,
                    model=self._models[route],
                    weight=said.weight,
                    rtt_ms=rtt_ms,
                )
            case ToEngine(route=route):
                return contract.Candidate(
                    target=contract.EngineTarget(pool=self._pools[route]),
                    place=said.place,
                    model=self._models[route],
                    weight=said.weight,
                )

    def _peer(self, site: str, route: RouteKey) -> contract.PeerTarget:
        found = self._peers.get((site, route))
        if found is None:
            found = self._peers[site, route] = contract.PeerTarget(site=site, pool=self._pools[route])
        return found


def with_tiers(route: contract.Route, tiers: tuple[contract.Tier, ...]) -> contract.Route:
    """The route at one site."""
    return replace(route, tiers=tiers) if tiers else route


def _retry(route: ModelRoute) -> contract.Retry:
    said = route.spec.retries
    return contract.Retry(
        attempts=said.attempts,
        backoff_base_ms=milliseconds(said.backoff),
        backoff_max_ms=milliseconds(said.max_backoff),
        budget_percent=said.budget_percent,
        on=frozenset(contract.RetryOn)
        if said.on is None
        else frozenset(contract.RetryOn(each.value) for each in said.on),
    )


def _parameters(said: Parameters | None) -> contract.Parameters:
    """By the names of OpenAI's API."""
    defaults, caps = (said.defaults, said.caps) if said else (None, None)
    filled: dict[str, contract.Scalar] = {}
    if defaults is not None:
        numbers = {"temperature": defaults.temperature, "top_p": defaults.top_p}
        filled |= {name: float(text) for name, text in numbers.items() if text is not None}
        filled |= {} if defaults.max_tokens is None else {"max_tokens": defaults.max_tokens}
    most = {"max_tokens": caps.max_tokens, "n": caps.choices} if caps else {}
    return contract.Parameters(defaults=filled, caps={name: value for name, value in most.items() if value is not None})
