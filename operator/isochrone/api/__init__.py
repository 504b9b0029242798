"""The API group `isochrone.dev`: six kinds, declared once, as pydantic models.

Here live the models of the custom resources, the conditions and reasons of their status, and the generation of
their CRDs (`crd`). What one object can prove of itself stands beside its fields as CEL rules, which both the API
server and `isochrone validate` evaluate. Nothing here reads a clock, a file or a cluster, and no other package of
ours is imported: what needs more than one object belongs to `validate`, what a policy means to `law`.
"""

from isochrone.api.edge_node import EdgeNode
from isochrone.api.gpu_pool import GPUPool
from isochrone.api.inference_tenant import InferenceTenant
from isochrone.api.model_provider import ModelProvider
from isochrone.api.model_route import ModelRoute
from isochrone.api.residency_policy import DataResidencyPolicy
from isochrone.api.resource import GROUP, VERSION, Resource

KINDS: tuple[type[Resource], ...] = (
    EdgeNode,
    GPUPool,
    ModelRoute,
    DataResidencyPolicy,
    ModelProvider,
    InferenceTenant,
)
"""Every kind of the API group, in the order in which the docs explain them."""

__all__ = [
    "GROUP",
    "KINDS",
    "VERSION",
    "DataResidencyPolicy",
    "EdgeNode",
    "GPUPool",
    "InferenceTenant",
    "ModelProvider",
    "ModelRoute",
    "Resource",
]
