"""The product's CRDs under mutation: on no broken manifest do the API server and `isochrone.admission` disagree."""

import json
import os
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cluster.client import Client, Response
from tests.cluster.test_admission_differential import assert_alike
from tests.corpus import cases, offline, server
from tests.mutations import mutations

from isochrone.admission import admit

pytestmark = pytest.mark.soak

SOAK: Final = os.environ.get("ISOCHRONE_SOAK") == "1"
CREATES: Final = 2000
UPDATES: Final = 500
STRICT_DRY_RUN: Final = {"dryRun": "All", "fieldValidation": "Strict"}

VALID: Final = {case.id: case for case in cases.load() if case.accepted and "name" in case.new["metadata"]}
IDS: Final = st.sampled_from(sorted(VALID))


def examples(number: int) -> settings:
    """All of them in a soak, with new seeds each time; otherwise always the same tenth."""
    return settings(
        max_examples=number if SOAK else number // 10,
        derandomize=not SOAK,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def product(api: Client) -> Iterator[Client]:
    with server.installed(api):
        yield api


@examples(CREATES)
@given(data=st.data())
def test_mutants_are_judged_alike(product: Client, data: st.DataObject) -> None:
    case = VALID[data.draw(IDS)]
    mutant = data.draw(mutations(case.new).filter(is_in_no_other_namespace))
    answer = send(product, "POST", server.collection(product, case.kind, case.new), mutant)
    assert_alike(answer, admit(offline.schemas()[case.kind], mutant))


@examples(UPDATES)
@given(data=st.data())
def test_changes_to_mutants_are_judged_alike(product: Client, data: st.DataObject) -> None:
    case = VALID[data.draw(IDS)]
    spec = data.draw(mutations(case.new["spec"]))
    with product.existing(case.new) as stored:
        mutant = {**case.new, "metadata": named(stored), "spec": spec}
        answer = send(product, "PUT", product.path(stored), mutant)
    assert_alike(answer, admit(offline.schemas()[case.kind], {**case.new, "spec": spec}, case.new))


def send(api: Client, method: str, path: str, obj: Any) -> Response:
    """The body as it is, lone surrogates and odd numbers included."""
    return api.request(method, path, json.dumps(obj).encode(), params=STRICT_DRY_RUN)


def named(stored: dict[str, Any]) -> dict[str, Any]:
    return {
        key: stored["metadata"][key] for key in ("name", "namespace", "resourceVersion") if key in stored["metadata"]
    }


def is_in_no_other_namespace(obj: Any) -> bool:
    """Offline there is no URL to compare the namespace with."""
    metadata = obj.get("metadata") if isinstance(obj, dict) else None
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    return isinstance(obj, dict) and namespace in (None, "")
