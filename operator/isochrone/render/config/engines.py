"""Engine pools: the engines of each route that run at a site, or are to run there."""

from typing import Final

from isochrone.api import EdgeNode, ModelRoute
from isochrone.api.serving import Engine, EngineType
from isochrone.model.declared import key_of
from isochrone.render.names import engine_name
from isochrone_gateway.config.engines import EngineKind, EnginePool, ServiceEndpoints

PORT_NAME: Final = "http"
"""Of the engine's Service."""
_METRICS: Final = "/metrics"
_HEALTH: Final = "/health"


def pool_of(route: ModelRoute, engine: Engine, site: EdgeNode) -> EnginePool:
    """The pods behind the engines' Service. vLLM alone takes a salt that keeps tenants' prompts apart in its cache."""
    key = key_of(route)
    return EnginePool(
        id=str(key),
        kind=EngineKind(engine.type.value),
        discovery=ServiceEndpoints(namespace=key.namespace, service=engine_name(key.name, site), port_name=PORT_NAME),
        health_path=engine.health_path or _HEALTH,
        metrics_path=engine.metrics_path if engine.type is EngineType.CUSTOM else _METRICS,
        cache_salt=engine.type is EngineType.VLLM,
    )
