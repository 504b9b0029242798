"""Bundles of the examples, as they are. `ISOCHRONE_GOLDEN=record` writes them anew.

Of engines only the names are here: what they look like has goldens of its own. Shards are shown as what is in them, as
their names follow from how they are compressed.
"""

import os
import pathlib
import zlib

import msgspec
import pytest
import yaml
from tests.worlds.examples import NAMES, example

from isochrone.plan import plan, routing
from isochrone.render.bundle import Bundle, identity, render
from isochrone.render.gitops import written

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "render" / "bundles"
_GZIP = 31


def bundles(name: str) -> list[Bundle]:
    world = example(name)
    planned = plan(world, now=0)
    return list(render(world, planned, routing(world, planned, now=0).at))


def shown(bundle: Bundle) -> str:
    """The gateway's objects whole, then the documents of its config, then the names of all else."""
    of_gateway = [each for each in bundle.objects if bundle.gateway in each["metadata"]["name"]]
    others = [each for each in bundle.objects if each not in of_gateway and each["kind"] != "ConfigMap"]
    listed = ["/".join(part for part in identity(each)[1:] if part) for each in others]
    return "---\n".join([*map(written, of_gateway), *documents(bundle), yaml.safe_dump({"others": listed})])


def documents(bundle: Bundle) -> list[str]:
    assert bundle.config is not None
    texts = []
    for entry in sorted(bundle.config.entries, key=lambda entry: (entry.kind, entry.document_sha256)):
        text = zlib.decompress(bundle.config.blobs[entry.name], wbits=_GZIP)
        document = msgspec.json.decode(text)
        if entry.kind == "Places":  # All of geography is in there, the same everywhere.
            document["places"] = {"places": document["places"]["places"]}
        if entry.kind == "Law":
            document["tables"] = f"{len(document['tables'])} tables"
        texts.append(yaml.safe_dump(document, sort_keys=False, width=120, allow_unicode=True))
    return texts


CASES = [pytest.param(name, number, id=f"{name} {number}") for name in NAMES for number in range(4)]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_bundles(name: str, number: int) -> None:
    bundle = bundles(name)[number]
    file = GOLDEN / name / f"{bundle.site}.yaml"
    text = shown(bundle)
    if os.environ.get("ISOCHRONE_GOLDEN") == "record":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_every_golden_file_has_a_site() -> None:
    found = {(file.parent.name, file.stem) for file in GOLDEN.rglob("*.yaml")}
    assert found == {(name, bundle.site) for name in NAMES for bundle in bundles(name)}
