"""The networks of `examples/`."""

import pathlib
from typing import Any, Final

from tests.worlds.build import snapshot

from isochrone import manifests
from isochrone.model import Observed, Snapshot

FOLDER: Final = pathlib.Path(__file__).parents[2] / "examples"
NAMES: Final = ("quickstart", "quickstart-multicluster")


def example(name: str, *, observed: Observed | None = None, **settings: Any) -> Snapshot:
    read = manifests.read([str(FOLDER / name)])
    return snapshot((each.obj for each in read.manifests), observed or Observed(), **settings)
