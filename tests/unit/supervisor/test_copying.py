"""The thread that copies evidence to a bucket: stores that fail, are slow, hold something else; and what is told."""

import pathlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.ledger.evidence.test_copies import boot, line, write
from tests.unit.ledger.evidence.test_writer import wait_for
from tests.unit.route.test_copies import WHY, config

from isochrone_gateway.config import Config
from isochrone_gateway.config.report import MAX_MESSAGE
from isochrone_gateway.config.site import EvidenceKeeping, LogLevel
from isochrone_gateway.ledger.evidence.bucket import Answer, Bucket, BucketError
from isochrone_gateway.ledger.evidence.copies import Seen
from isochrone_gateway.route.mask import Age
from isochrone_gateway.server.supervisor.copying import Asked, Copier, asked_of

NOBODY = Seen({}, 0, 2)
FILES = {f"chains/w{number}-a/000000.jsonl": boot(float(number)) + line("End") for number in range(2)}
FIRST, SECOND = FILES


class Store:
    """Says what it is told to, then keeps what it gets."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.says: list[Answer | BucketError] = []
        self.same: bool | BucketError | None = None
        self.gate = threading.Event()
        self.gate.set()

    def put(self, path: pathlib.Path, key: str) -> Answer:
        self.gate.wait(60)
        said = self.says.pop(0) if self.says else Answer.STORED
        if isinstance(said, BucketError):
            raise said
        if said is Answer.STORED:
            self.objects[key] = path.read_bytes()
        return said

    def holds(self, _: pathlib.Path, __: str) -> bool | None:
        same, self.same = self.same, None if isinstance(self.same, BucketError) else self.same
        if isinstance(same, BucketError):
            raise same
        return same


class World:
    """A copier that tries again at once."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = write(folder / "fra1" / "gw-0", FILES)
        self.store = Store()
        self.now = 100.0
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.copier = self.new()

    def new(self) -> Copier:
        def say(_: LogLevel, what: str, /, **detail: Any) -> None:
            self.said.append((what, detail))

        return Copier(self.folder, say=say, wall=lambda: self.now, chance=lambda: 0.5, first=0.01)

    def use(self, *, place: str = "DE", problem: str = "", name: str = "https://store/bucket") -> None:
        asked = Asked(store=self.store, name=name, place=place, problem=problem)
        self.copier.use(asked, NOBODY)

    def until(self, condition: Callable[[], bool]) -> None:
        wait_for(condition)


@pytest.fixture
def world(tmp_path: pathlib.Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.store.gate.set()
    world.copier.stop()


def failed(*, may_be_there: bool = True) -> BucketError:
    return BucketError("store answers with 503", may_be_there=may_be_there)


def test_without_a_bucket_nothing_is_done_or_told(world: World) -> None:
    world.copier.use(None, NOBODY)
    assert (world.copier.told(), world.copier.describe(), world.copier.facts()) == (None, None, {})
    assert world.copier.may_go("w0-a", 0)


def test_what_fails_is_tried_again_and_told_until_it_is_there(world: World) -> None:
    world.store.says = [failed() for _ in range(4)]
    world.store.gate.clear()
    assert world.copier.told() is None
    world.use()
    assert not world.copier.may_go("w0-a", 0), "nothing goes before it is copied"
    world.store.gate.set()
    world.until(lambda: world.copier.copied == 2)
    assert world.store.objects == {f"fra1/gw-0/{key}": text.encode() for key, text in FILES.items()}
    assert world.copier.may_go("w0-a", 0)
    world.until(lambda: world.copier.age == 0.0)
    assert world.copier.facts() == {
        "isochrone_evidence_uncopied_age_seconds": 0.0,
        "isochrone_evidence_copies_total": 2.0,
        "isochrone_evidence_copy_failures_total": 4.0,
    }
    assert [what for what, _ in world.said] == ["EvidenceNotCopied", "EvidenceCopied"], "once each"
    assert world.copier.problem == ""


def test_what_waits_is_told_by_its_age(world: World) -> None:
    world.store.says = [failed()] * 1_000
    world.use()
    world.until(lambda: world.copier.failures > 2)
    told, shown = world.copier.told(), world.copier.describe()
    assert told is not None
    assert shown is not None
    assert told.problem == "", "not yet"
    world.now = 1_000.0
    late = world.copier.told()
    assert late is not None
    assert late.problem == "store answers with 503"
    assert (shown["bucket"], shown["place"], shown["uncopiedSeconds"]) == ("https://store/bucket", "DE", 100.0)


@pytest.mark.parametrize(
    ("says", "same", "is_copied"),
    [
        pytest.param([Answer.THERE], None, False, id="there, and never sent"),
        pytest.param([Answer.THERE], True, True, id="there, and the same"),
        pytest.param([failed(), Answer.THERE], None, True, id="there, after an answer was lost"),
        pytest.param([Answer.THERE], failed(), False, id="there, never sent, and it can't be asked at first"),
        pytest.param([failed(), Answer.THERE], False, False, id="there after that, and another"),
        pytest.param([failed(may_be_there=False), Answer.THERE], None, False, id="there, after it surely wasn't sent"),
    ],
)
def test_an_object_that_is_there_counts_if_it_is_ours(
    world: World, says: list[Answer | BucketError], same: bool | BucketError | None, *, is_copied: bool
) -> None:
    (world.folder / SECOND).unlink()
    world.store.says, world.store.same = [*says, *[Answer.THERE] * 1_000], same
    world.use()
    world.until(lambda: world.copier.copied + world.copier.failures >= len(says) + (not is_copied))
    assert world.copier.copied == is_copied
    assert ("is in the bucket already" in world.copier.problem) == (not is_copied)


def test_the_public_key_may_be_there(world: World) -> None:
    write(world.folder, {"public-key.pem": "key"})
    world.store.says = [Answer.STORED, Answer.STORED, Answer.THERE]
    world.use()
    world.until(lambda: world.copier.copied == 3)
    assert world.copier.failures == 0


def test_where_nothing_may_go_nothing_goes_and_nothing_is_kept_for_it(world: World) -> None:
    world.use(place="", problem="eu-only: Logs is allowed at this site, but not where the bucket is")
    world.until(lambda: world.copier._copies is not None)
    assert world.copier.may_go("w0-a", 0)
    assert "eu-only" in world.copier.problem
    world.copier.stop()
    assert world.store.objects == {}


def test_what_was_forbidden_for_a_while_goes_on(world: World) -> None:
    world.use(problem="the config is Expired: nothing may leave this site")
    world.until(lambda: world.copier.age == 100.0)
    assert not world.copier.may_go("w0-a", 0), "it is kept until then"
    world.use()
    world.until(lambda: world.copier.copied == 2)


def test_another_bucket_gets_everything_too(world: World) -> None:
    world.use()
    world.until(lambda: world.copier.copied == 2)
    world.use(name="https://store/other")
    world.until(lambda: world.copier.copied == 4)


def test_a_store_that_takes_less_than_is_written_is_told_of_in_the_end(world: World) -> None:
    world.store.gate.clear()
    world.use()
    world.until(lambda: world.copier.age == 100.0)
    world.now = 1_000.0
    told = world.copier.told()
    assert told is not None
    assert told.problem == "the store takes less than is written"


def test_the_end_waits_for_a_slow_store_no_longer_than_it_must(world: World) -> None:
    world.store.gate.clear()
    world.use()
    world.copier.stop(0.1)
    assert world.copier.copied == 0
    world.store.gate.set()
    world.until(lambda: world.copier.copied == 2)


def test_a_long_problem_fits_into_a_report(world: World) -> None:
    world.use(problem="x" * 1_000)
    told = world.copier.told()
    assert told is not None
    assert len(told.problem) <= MAX_MESSAGE


# What a config asks for


def test_a_config_without_a_bucket_asks_for_nothing() -> None:
    made = config()
    for evidence in (None, EvidenceKeeping()):
        assert asked_of(replace(made, site=replace(made.site, evidence=evidence)), Age.FRESH, None) is None


@pytest.mark.parametrize(("made", "age", "place", "problem"), WHY)
def test_without_a_place_nothing_is_sent(made: Config, age: Age, place: str, problem: str) -> None:
    asked = asked_of(made, age, pathlib.Path("/secrets"))
    assert asked is not None
    assert (asked.place, bool(asked.problem)) == (place, bool(problem))
    assert asked.place or asked.problem


def test_keys_are_files_of_the_secrets() -> None:
    asked = asked_of(config(), Age.FRESH, pathlib.Path("/secrets"))
    assert asked is not None
    assert isinstance(asked.store, Bucket)
    assert asked.store.access_key == pathlib.Path("/secrets/objects/a")
    assert asked.name == "https://s3.example.com/evidence"
    without = asked_of(config(), Age.FRESH, None)
    assert without is not None
    assert "without --secrets" in without.problem
