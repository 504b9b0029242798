"""What is declared is the very same as long as nobody declares something else, whatever is said of it."""

import asyncio
from typing import Any

from tests.bench_operator import world
from tests.unit.kube.shelf import Shelf

from isochrone.api import DataResidencyPolicy
from isochrone.kube.hub import KINDS, Hub

PATH = KINDS[DataResidencyPolicy].path(None, "br-stays")


def store(shelf: Shelf, version: int, *, is_tight: bool = False, **more: Any) -> None:
    item = world.policy(is_tight=is_tight)
    metadata = {**item["metadata"], "uid": "1", "resourceVersion": str(version), "generation": 1}
    shelf.items[PATH] = {**item, "metadata": metadata, **more}


def looked(hub: Hub) -> tuple[DataResidencyPolicy, DataResidencyPolicy]:
    """The policy as it is, and without what is said of it."""
    declared = asyncio.run(hub.declared())
    (plain,) = declared.plain[DataResidencyPolicy]
    (found,) = declared.of(DataResidencyPolicy)
    assert isinstance(plain, DataResidencyPolicy)
    return found, plain


def test_a_status_that_was_written_is_seen_and_changes_nothing_that_is_planned_for() -> None:
    shelf = Shelf()
    hub = Hub(shelf)
    store(shelf, 1)
    _, before = looked(hub)

    store(shelf, 2, status={"conditions": []})
    found, after = looked(hub)

    assert found.status is not None
    assert found.metadata.resource_version == "2"
    assert after is before
    assert after.status is None


def test_what_is_declared_anew_is_something_else() -> None:
    shelf = Shelf()
    hub = Hub(shelf)
    store(shelf, 1)
    _, before = looked(hub)

    store(shelf, 2, is_tight=True)
    _, after = looked(hub)

    assert after != before
