"""Write `crds/*.yaml` from the models of the API."""

import pathlib

from isochrone.api import GROUP, KINDS, crd


def generate(root: pathlib.Path) -> None:
    """Write one file per kind, named as kubebuilder names them: group, then plural."""
    target = root / "crds"
    target.mkdir(exist_ok=True)
    for kind in KINDS:
        (target / f"{GROUP}_{kind.info.plural}.yaml").write_text(crd.manifest(kind), encoding="utf-8")
