"""The corpus of manifests against a real API server: its verdicts as recorded, and as computed offline."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.cluster.client import Client
from tests.corpus import cases, offline, server
from tests.corpus.cases import Case, Object

from isochrone import api as models


@pytest.fixture(scope="module")
def product(api: Client) -> Iterator[Client]:
    with server.installed(api):
        yield api


@pytest.mark.parametrize("case", cases.load(), ids=lambda case: case.id)
def test_the_verdict_is_as_recorded_and_as_computed(product: Client, case: Case) -> None:
    told = server.refusals(server.answer(product, case))
    assert tuple(each for each in told if each != cases.BLOCKED) == case.expected, (
        "the API server says something else than the file: see `python -m tests.corpus.record`"
    )
    assert offline.refusals(case) == told


@pytest.mark.parametrize("case", [case for case in cases.load() if case.accepted], ids=lambda case: case.id)
def test_the_models_fill_in_the_servers_defaults(product: Client, case: Case) -> None:
    kind = next(kind for kind in models.KINDS if kind.__name__ == case.kind)
    served = server.answer(product, case).body
    bare = {"metadata": {"name": served["metadata"]["name"]}, "spec": _without_nulls(case.new["spec"])}

    assert _written(kind.model_validate(bare)) == served["spec"]
    assert _written(kind.model_validate(served)) == served["spec"]


def _written(resource: models.Resource) -> Object:
    spec: Object = resource.model_dump(mode="json", by_alias=True, exclude_none=True)["spec"]
    return spec


def _without_nulls(value: Any) -> Any:
    """The server drops them, and so does whoever hands an object to the models."""
    if isinstance(value, dict):
        return {key: _without_nulls(child) for key, child in value.items() if child is not None}
    return value
