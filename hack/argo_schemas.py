"""Write the part of Argo CD's CRDs that our examples are held to: `python hack/argo_schemas.py`, with a newer VERSION.

Not a step of `make generate`: it fetches Argo CD's Go module (58 MB). Left out are descriptions, statuses, and those
generators of ApplicationSets that we don't use, which hold copies of all else. Less can only refuse more.
"""

import copy
import io
import json
import pathlib
import urllib.request
import zipfile
from typing import Any, Final

import yaml

VERSION: Final = "v3.6.1"
MODULE: Final = "github.com/argoproj/argo-cd/v3"
FOLDER: Final = pathlib.Path("tests/unit/gitops/argoproj.io")
GENERATORS: Final = ("clusters", "git", "list")

Json = dict[str, Any]


def reduced(definition: Json) -> Json:
    """A CRD with what we need of it."""
    found: Json = _undescribed(copy.deepcopy(definition))
    root = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    for name in ("status", "operation"):
        root.pop(name, None)
    if found["spec"]["names"]["kind"] == "ApplicationSet":
        generators = root["spec"]["properties"]["generators"]["items"]["properties"]
        for name in sorted(generators):
            if name not in GENERATORS:
                del generators[name]
            else:
                generators[name]["properties"].pop("template")
    return found


def _undescribed(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _undescribed(each) for key, each in node.items() if key != "description" or isinstance(each, dict)}
    return [_undescribed(each) for each in node] if isinstance(node, list) else node


def main() -> None:
    address = f"https://proxy.golang.org/{MODULE}/@v/{VERSION}.zip"
    with urllib.request.urlopen(address) as answer:
        module = zipfile.ZipFile(io.BytesIO(answer.read()))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("application", "applicationset"):
        text = module.read(f"{MODULE}@{VERSION}/manifests/crds/{name}-crd.yaml")
        found = {"source": f"{MODULE}@{VERSION}, Apache-2.0", "crd": reduced(yaml.safe_load(text))}
        (FOLDER / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
