"""Secrets that are referred to. They are often made elsewhere, so one that is not among the manifests is a warning."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from isochrone.api import EdgeNode
from isochrone.api.edge_node import ClusterType
from isochrone.law.atlas import bucket_of
from isochrone.law.references import secrets_of
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.model.words import listed
from isochrone.render.secrets import ACCESS_KEY, SECRET_KEY
from isochrone.validate.finding import Finding, Rule
from isochrone.validate.item import Item
from isochrone.validate.world import World


@dataclasses.dataclass(frozen=True, slots=True)
class _Ref:
    item: Item[Any]
    field: str
    namespace: str
    name: str
    keys: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The field with the Secret's name."""
        return f"{self.field}.name" if self.field.endswith("Ref") else self.field

    @property
    def where_key(self) -> str:
        return f"{self.field}.key" if self.field.endswith("Ref") else self.field


def secrets_and_keys(world: World) -> Iterator[Finding]:
    """Each reference, or one warning for all of them where no Secret is among the manifests."""
    refs = list(_refs(world))
    if refs and not world.secrets:
        names = sorted({f"{ref.namespace}/{ref.name}" for ref in refs})
        yield refs[0].item.warning(
            Rule.SECRETS_NOT_CHECKED,
            refs[0].field,
            f"no Secret is among the manifests, so these are not checked: {listed(names)}",
            way_out="make sure that they exist, with these keys, before you apply",
        )
        return
    for ref in refs:
        yield from _checked(world, ref)


def _checked(world: World, ref: _Ref) -> Iterator[Finding]:
    keys = world.secrets.get((ref.namespace, ref.name))
    if keys is None:
        yield ref.item.warning(
            Rule.REF_NOT_FOUND,
            ref.where,
            f'Secret "{ref.namespace}/{ref.name}" is not among the manifests',
            way_out="make sure that it exists before you apply",
        )
        return
    for key in ref.keys:
        if key not in keys:
            yield ref.item.error(
                Rule.REF_NOT_FOUND,
                ref.where_key,
                f'Secret "{ref.namespace}/{ref.name}" has no key "{key}"',
                way_out=f"its keys are {listed(sorted(keys))}" if keys else "it has no data",
            )


def _refs(world: World) -> Iterator[_Ref]:
    for edge in world.edge_nodes:
        kubeconfig = edge.resource.spec.cluster.kubeconfig_secret_ref
        if kubeconfig:
            yield _Ref(edge, "spec.cluster.kubeconfigSecretRef", SYSTEM_NAMESPACE, kubeconfig.name, (kubeconfig.key,))
        tls = edge.resource.spec.gateway.tls
        if tls and edge.resource.spec.cluster.type is ClusterType.LOCAL:  # of other clusters, the Secrets are not here
            yield _Ref(edge, "spec.gateway.tls.secretName", SYSTEM_NAMESPACE, tls.secret_name)
        yield from _of_bucket(edge)
    for provider in world.providers:
        for field, ref in secrets_of(provider.resource):
            yield _Ref(provider, field, SYSTEM_NAMESPACE, ref.name, (ref.key,))
    for route in world.routes:
        serving = route.resource.spec.serving
        if serving and serving.weights and serving.weights.secret_name:
            yield _Ref(route, "spec.serving.weights.secretName", route.namespace, serving.weights.secret_name)


def _of_bucket(edge: Item[EdgeNode]) -> Iterator[_Ref]:
    """They are in the site's own cluster, as the certificate is."""
    bucket = bucket_of(edge.resource)
    if bucket is None or edge.resource.spec.cluster.type is not ClusterType.LOCAL:
        return
    field = "spec.gateway.evidence.objectStorage"
    keys = (ACCESS_KEY, SECRET_KEY)
    yield _Ref(edge, f"{field}.secretName", SYSTEM_NAMESPACE, bucket.secret_name, keys)
    if ca := bucket.ca_secret_ref:
        yield _Ref(edge, f"{field}.caSecretRef", SYSTEM_NAMESPACE, ca.name, (ca.key,))
