"""The golden example is what the writer writes, the reader reads and the JSON Schema describes."""

import pathlib
from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
import pytest
from hack import config_schema
from tests.contract.config_cases import FILES, example, trust
from tests.contract.config_example import EXAMPLE, KEY_ID, blobs_of, read, render
from tests.contract.config_versions import maximal, minimal

from isochrone_gateway.config import assemble, read_index
from isochrone_gateway.config.canonical import canonical
from isochrone_gateway.config.document import ShardDocument
from isochrone_gateway.config.record import Record
from isochrone_gateway.config.tenants import Budget

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = msgspec.json.decode((ROOT / config_schema.PATH).read_bytes())


def test_the_example_is_what_the_writer_writes() -> None:
    """If this fails on purpose: `python -m tests.contract.config_example`, and review the difference."""
    written = {path.name: path.read_text() for path in EXAMPLE.glob("*.json")}
    assert written == {name: content.decode() for name, content in render(example()).items()}


def test_the_example_loads() -> None:
    index, files = read(EXAMPLE)
    received = read_index(index, verify=trust(KEY_ID))
    loaded = assemble(received, blobs_of(received.index, files))
    assert loaded.config == canonical(example())
    assert loaded.ignored == ()


def test_the_schema_is_current() -> None:
    """If this fails: `make generate`."""
    assert (ROOT / config_schema.PATH).read_text() == config_schema.render()


def test_generate_writes_the_schema(tmp_path: pathlib.Path) -> None:
    (tmp_path / config_schema.PATH).parent.mkdir(parents=True)
    config_schema.generate(tmp_path)
    assert (tmp_path / config_schema.PATH).read_text() == config_schema.render()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


DOCUMENTS = [
    pytest.param(content, id=f"{path.parent.name}/{path.name}")
    for path in sorted(FILES.rglob("*.json"))
    for content in [msgspec.json.decode(path.read_bytes())]
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_schema_agrees_with_the_reader(document: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.validate(document)
    assert not validator.is_valid({**document, "surprise": 1})


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        pytest.param("routes", ["routes", 0, "id"], "clinic/notes\n", id="newline after a name"),
        pytest.param("routes", ["routes", 0, "tiers", 0, "candidates", 0, "place"], -1, id="negative index"),
        pytest.param("routes", ["routes", 1, "cache", "ttlMs"], 1.5, id="fraction of a millisecond"),
        pytest.param("providers", ["providers", 0, "endpoints", 0, "baseUrl"], "ftp://a.example", id="not http"),
        pytest.param("providers", ["providers", 0, "credentials", 0, "file"], "../other", id="file outside"),
        pytest.param("tenants", ["tenants", 1, "budgets", 0, "amount"], 250.0, id="money as a float"),
        pytest.param("law", ["rows", 0], "0B", id="upper-case hex"),
    ],
)
def test_schema_and_reader_refuse_alike(name: str, path: list[Any], value: object) -> None:
    document = msgspec.json.decode((EXAMPLE / f"{name}.json").read_bytes())
    assert _reads(document)
    target = document
    for step in path[:-1]:
        target = target[step]
    assert path[-1] in target or isinstance(target, list)
    target[path[-1]] = value
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
    assert not _reads(document)


def _reads(document: dict[str, Any]) -> bool:
    try:
        msgspec.convert(document, ShardDocument)
    except msgspec.ValidationError:
        return False
    return True


def _records(value: object) -> Iterator[Record]:
    if isinstance(value, Record):
        yield value
        yield from (found for name in value.__struct_fields__ for found in _records(getattr(value, name)))
    elif isinstance(value, tuple):
        yield from (found for item in value for found in _records(item))


def test_the_maximal_config_sets_every_field() -> None:
    """So that the frozen copy of it proves that every field of a version stays readable."""
    kinds = {type(record) for record in _records(maximal())}
    assert kinds >= {type(record) for record in _records(minimal())} | {type(record) for record in _records(example())}
    for kind in kinds:
        records = [record for record in _records(maximal()) if type(record) is kind]
        for field in msgspec.structs.fields(kind):
            if not field.required and (kind, field.name) != (Budget, "currency"):  # there is only one so far
                default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
                assert any(getattr(record, field.name) != default for record in records), (kind, field.name)
