"""What a gateway's supervisor says of its evidence to the hub."""

import asyncio
import math
import pathlib

from msgspec.structs import replace
from tests.contract.config_versions import minimal

from isochrone_gateway.config import Config
from isochrone_gateway.config.report import MAX_MESSAGE
from isochrone_gateway.config.site import EvidenceKeeping, ObjectStorage, OnFailure
from isochrone_gateway.server.supervisor.messages import Witnessed
from isochrone_gateway.server.supervisor.witness import Surroundings, Witness

AT = 1_800_000_000.25
STORAGE = ObjectStorage(
    endpoint="https://s3.example.com", bucket="evidence", place=0, access_key="objects/a", secret_key="objects/s"
)


def config(on_failure: OnFailure = OnFailure.REFUSE) -> Config:
    made = minimal()
    return replace(made, site=replace(made.site, evidence=EvidenceKeeping(on_failure=on_failure)))


class World:
    def __init__(self, folder: pathlib.Path, *, key: str = "key.pem") -> None:
        self.said: list[Witnessed] = []
        self.witness = Witness(
            folder / "evidence",
            folder / key,
            "gateway-0",
            Surroundings(say=lambda *_, **__: None, said=lambda: self.said, wall=lambda: AT),
        )

    def checkpoint(self, *said: Witnessed) -> None:
        self.said = list(said)
        asyncio.run(self.witness.checkpoint())


def test_it_tells_how_far_it_goes_by_its_last_checkpoint(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    assert world.witness.told() is None
    assert world.witness.why_not(config()) == ()
    begun = world.witness.told()
    assert begun is not None
    assert (begun.anchor, begun.problem) == (None, "")
    world.checkpoint(Witnessed("w0-x", 3, bytes(32)))
    told, shown = world.witness.told(), world.witness.describe()
    assert told is not None
    assert told.anchor is not None
    assert shown is not None
    said = {"site": minimal().site.name, "instance": "gateway-0", "at": AT, "n": 0, "digest": told.anchor.digest}
    assert shown["anchor"] == said
    assert (told.anchor.n, told.anchor.at, told.problem) == (0, AT, "")
    world.checkpoint(Witnessed("w0-x", 4, bytes(32)))
    after = world.witness.told()
    assert after is not None
    assert after.anchor is not None
    assert after.anchor.n == 1
    world.witness.close()


def test_it_tells_of_a_worker_that_cannot_write_until_it_can(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    assert world.witness.why_not(config()) == ()
    for why, problem in (("DiskFull", "w0-x: DiskFull"), ("", "")):
        world.checkpoint(Witnessed("w0-x", 3, bytes(32), why=why))
        told = world.witness.told()
        assert told is not None
        assert told.problem == problem
    world.witness.close()


def test_what_is_wrong_with_the_key_fits_into_a_report(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / ("x" * 200) / ("y" * 200)
    world = World(tmp_path, key=str(folder.relative_to(tmp_path) / "none.pem"))
    assert world.witness.why_not(config(OnFailure.COUNT)) == ()
    told = world.witness.told()
    assert told is not None
    assert told.anchor is None
    assert "No such file" in told.problem or told.problem.endswith("...")
    assert len(told.problem) <= MAX_MESSAGE


def test_what_is_too_old_stays_until_it_is_copied_or_there_is_no_room(tmp_path: pathlib.Path) -> None:
    world, made = World(tmp_path), config()
    keeping = EvidenceKeeping(retention_s=1, objects=STORAGE)
    assert world.witness.why_not(replace(made, site=replace(made.site, evidence=keeping))) == ()
    old = tmp_path / "evidence" / made.site.name / "gateway-0" / "chains" / "w0-old" / "000000.jsonl"
    old.parent.mkdir(parents=True)
    old.write_text('{"n":0,"at":1.0,"kind":"Boot","hash":"' + "0" * 64 + '"}\n')
    world.checkpoint(Witnessed("w0-x", 3, bytes(32)))
    assert old.exists()
    world.witness._looked = -math.inf
    world.checkpoint(Witnessed("w0-x", 4, bytes(32), why="DiskFull"))
    assert not old.exists()
    world.witness.close()
