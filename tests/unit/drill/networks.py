"""A network to drill: the example of several clusters, changed as a test needs it."""

import pathlib
import shutil
from typing import Final

from isochrone import validate
from isochrone.cli.inputs import read
from isochrone.cli.verify import objects_of
from isochrone.drill import running, traffic
from isochrone.drill.running import Scene
from isochrone.model import Snapshot
from isochrone.verify import declared as declaring

EXAMPLE: Final = pathlib.Path(__file__).parents[3] / "examples" / "quickstart-multicluster"
NOW: Final = 1_800_000_000
EUROPE: Final = "        include:\n          - EEA\n          - CH\n"
GERMANY: Final = "        include:\n          - DE\n"
"""Where the policy of the example says where data is processed."""


def copy(folder: pathlib.Path) -> pathlib.Path:
    return pathlib.Path(shutil.copytree(EXAMPLE, folder / "network"))


def change(network: pathlib.Path, name: str, old: str, new: str) -> None:
    """In one file, at the last place where it stands."""
    text = (network / name).read_text()
    at = text.rindex(old)
    (network / name).write_text(text[:at] + new + text[at + len(old) :])


def snapshot_of(network: pathlib.Path = EXAMPLE) -> Snapshot:
    return validate.examine(read([str(network)], []).manifests).snapshot


def scene_of(network: pathlib.Path = EXAMPLE) -> Scene:
    snapshot = snapshot_of(network)
    objects = list(objects_of(snapshot))
    declared = declaring.read(objects)
    followed = traffic.of(declared, snapshot)
    return Scene(snapshot=snapshot, declared=declared, digest=running.digest_of(objects), traffic=followed, now=NOW)
