"""The models read every object that the API server takes, and write it back as it was."""

import pytest
from pydantic import ValidationError
from tests.corpus import cases, rules
from tests.corpus.cases import Case, Object

from isochrone.api import KINDS, EdgeNode, Resource

ACCEPTED = [case for case in cases.load() if case.accepted]
MODELS = {kind.__name__: kind for kind in KINDS}


def parsed(obj: Object) -> Resource:
    return MODELS[obj["kind"]].model_validate({**obj, "metadata": {"name": "generated", **obj["metadata"]}})


def written(resource: Resource) -> Object:
    spec: Object = resource.model_dump(mode="json", by_alias=True, exclude_none=True)["spec"]
    return spec


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.id)
def test_an_accepted_object_goes_through_unchanged(case: Case) -> None:
    stored = rules.stored(case)
    assert written(parsed(stored)) == stored["spec"]


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.id)
def test_an_object_read_twice_is_equal(case: Case) -> None:
    first, second = parsed(rules.stored(case)), parsed(rules.stored(case))
    assert first == second
    assert parsed({**rules.stored(case), "spec": written(first)}) == first


@pytest.mark.parametrize(
    ("metadata", "key"),
    [
        pytest.param({"name": "fra1"}, "fra1", id="cluster-scoped"),
        pytest.param({"name": "chat", "namespace": "shop"}, "shop/chat", id="namespaced"),
    ],
)
def test_the_key_names_an_object(metadata: Object, key: str) -> None:
    assert EdgeNode.model_validate({"metadata": metadata, "spec": {"place": {"iata": "FRA"}}}).key == key


def test_what_the_server_adds_to_metadata_is_passed_over() -> None:
    metadata = {"name": "fra1", "uid": "u", "generation": 3, "managedFields": [], "finalizers": ["a/b"]}
    read = EdgeNode.model_validate({"metadata": metadata, "spec": {"place": {"iata": "FRA"}}})
    assert (read.metadata.uid, read.metadata.generation) == ("u", 3)


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError, match="regoin"):
        EdgeNode.model_validate({"metadata": {"name": "fra1"}, "spec": {"place": {"iata": "FRA"}, "regoin": "eu"}})


def test_a_parsed_object_is_immutable() -> None:
    read = EdgeNode.model_validate({"metadata": {"name": "fra1"}, "spec": {"place": {"iata": "FRA"}}})
    with pytest.raises(ValidationError, match="frozen"):
        read.spec.place.iata = "AMS"
