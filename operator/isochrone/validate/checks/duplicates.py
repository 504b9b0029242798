"""One object, declared twice: `kubectl apply` would let the last one win, by the order of files."""

from collections.abc import Iterator

from isochrone.manifests import Manifest
from isochrone.validate.finding import Finding, Key, Rule
from isochrone.validate.item import finding_at, key_of
from isochrone.validate.kinds import is_ours
from isochrone.validate.world import World


def same_object_twice(world: World) -> Iterator[Finding]:
    """The same kind, namespace and name again."""
    first: dict[Key, Manifest] = {}
    for manifest in world.manifests:
        if not is_ours(manifest) or not manifest.name:
            continue
        earlier = first.setdefault(key_of(manifest), manifest)
        if earlier is not manifest:
            yield finding_at(
                manifest,
                Rule.DUPLICATE_OBJECT,
                field="metadata.name",
                message=f"declared already at {earlier.source}",
                way_out="remove one of them, or give it another name",
            )
