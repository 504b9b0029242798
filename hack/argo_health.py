"""Write Argo CD's health check of each kind, and the ConfigMap that installs them, from the one script.

Argo CD wants one folder per kind (`resource_customizations/GROUP/KIND/health.lua`), and one key per kind in argocd-cm:
keys of a ConfigMap can't hold a wildcard.
"""

import pathlib
from typing import Final

import yaml

from isochrone.api import GROUP, KINDS

FOLDER: Final = pathlib.Path("examples/gitops/argo-cd")
SCRIPT: Final = FOLDER / "health.lua"
CONFIG_MAP: Final = FOLDER / "argocd-cm.yaml"
HEAD: Final = """\
# Written by `make generate` from health.lua. It adds keys to the argocd-cm that is there:
#   kubectl apply --server-side --field-manager=isochrone -n argocd -f argocd-cm.yaml
"""


class _Dumper(yaml.SafeDumper):
    """Scripts as blocks, so that they can be read."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def folder_of(kind: str) -> pathlib.Path:
    """Where Argo CD keeps what it knows of a kind."""
    return FOLDER / "resource_customizations" / GROUP / kind


def config_map(script: str) -> str:
    data = {f"resource.customizations.health.{GROUP}_{kind.__name__}": script for kind in KINDS}
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": data}
    return HEAD + yaml.dump(item, Dumper=_Dumper, sort_keys=False, width=120)


def generate(root: pathlib.Path) -> None:
    script = (root / SCRIPT).read_text(encoding="utf-8")
    for kind in KINDS:
        folder = root / folder_of(kind.__name__)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "health.lua").write_text(script, encoding="utf-8")
    (root / CONFIG_MAP).write_text(config_map(script), encoding="utf-8")
