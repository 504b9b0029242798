"""Buckets that evidence may not be copied to, by a policy that lets it be written at the site."""

from collections.abc import Iterator

from isochrone.law import atlas
from isochrone.law.copies import forbidding
from isochrone.validate import legal
from isochrone.validate.finding import Finding, Rule
from isochrone.validate.world import World


def forbidden(world: World) -> Iterator[Finding]:
    """One finding for each policy. Unknown places are reported elsewhere."""
    policies = [each.policy for each in legal.enforced(world)]
    for edge in world.edge_nodes:
        bucket = atlas.bucket_of(edge.resource)
        here = atlas.of_site(edge.resource).place
        if bucket is None or not here.is_known or not (there := atlas.of_bucket(bucket)).is_known:
            continue
        for name in forbidding(policies, here=here, there=there):
            yield edge.error(
                Rule.COPIES_FORBIDDEN,
                "spec.gateway.evidence.objectStorage.jurisdiction",
                f"{name} lets logs be at this site, but not in {bucket.jurisdiction}, where the bucket is,"
                " so nothing is copied",
                way_out="take a bucket where the policy lets them be, or let it allow Logs there",
            )
