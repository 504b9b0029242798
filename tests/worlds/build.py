"""Snapshots from objects as users write them."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from isochrone.api import KINDS
from isochrone.model import Observed, Settings, Snapshot

Json = Mapping[str, Any]

_FIELDS = {
    "EdgeNode": "edge_nodes",
    "GPUPool": "pools",
    "ModelRoute": "routes",
    "DataResidencyPolicy": "policies",
    "ModelProvider": "providers",
    "InferenceTenant": "tenants",
}


def snapshot(objects: Iterable[Json], observed: Observed = Observed(), **settings: Any) -> Snapshot:  # noqa: B008 - frozen
    """What these objects declare; Namespaces among them give labels, all else is passed over."""
    kinds = {kind.__name__: kind for kind in KINDS}
    found: dict[str, list[Any]] = {field: [] for field in _FIELDS.values()}
    namespaces = {}
    for each in objects:
        if each["kind"] in kinds:
            found[_FIELDS[each["kind"]]].append(kinds[each["kind"]].model_validate(each))
        elif each["kind"] == "Namespace":
            namespaces[each["metadata"]["name"]] = each["metadata"].get("labels") or {}
    given = {field: tuple(objects) for field, objects in found.items()}
    return Snapshot(**given, namespaces=namespaces, observed=observed, settings=Settings(**settings))


def seen(before: Snapshot, **changes: Any) -> Snapshot:
    """The same with something else observed."""
    return dataclasses.replace(before, observed=dataclasses.replace(before.observed, **changes))
