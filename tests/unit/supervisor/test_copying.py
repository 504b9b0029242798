"""The thread that copies evidence to a bucket: stores that fail, are slow, hold something else; and what is told."""

import pathlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from tests.contract.config_versions import minimal
from tests.unit.ledger.evidence.test_copies import boot, line, write
from tests.unit.ledger.evidence.test_writer import wait_for

from isochrone_gateway.config import Config
from isochrone_gateway.config.law import Law, Mode, Policy, Table, encode_row
from isochrone_gateway.config.places import Place, Places
from isochrone_gateway.config.report import MAX_MESSAGE
from isochrone_gateway.config.site import EvidenceKeeping, LogLevel, ObjectStorage
from isochrone_gateway.ledger.evidence.bucket import Answer, Bucket, BucketError
from isochrone_gateway.ledger.evidence.copies import Seen
from isochrone_gateway.route.copies import place_of_copies, why_not
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
        self.same: bool | None = None
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
        return self.same


class World:
    """A copier that tries again at once."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = write(folder / "fra1" / "gw-0", FILES)
        self.store = Store()
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.copier = self.new()

    def new(self) -> Copier:
        def say(_: LogLevel, what: str, /, **detail: Any) -> None:
            self.said.append((what, detail))

        return Copier(self.folder, say=say, wall=lambda: 100.0, chance=lambda: 0.5, first=0.01)

    def use(self, *, place: str = "DE", problem: str = "", name: str = "https://store/bucket") -> None:
        asked = Asked(store=self.store, name=name, place=place, close_after=300, problem=problem)
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
    assert (told.age, told.problem) == (100, "store answers with 503")
    assert (shown["bucket"], shown["place"], shown["uncopiedSeconds"]) == ("https://store/bucket", "DE", 100.0)


@pytest.mark.parametrize(
    ("says", "same", "is_copied"),
    [
        pytest.param([Answer.THERE], None, False, id="there, and never sent"),
        pytest.param([Answer.THERE], True, True, id="there, and the same"),
        pytest.param([failed(), Answer.THERE], None, True, id="there, after an answer was lost"),
        pytest.param([failed(), Answer.THERE], False, False, id="there after that, and another"),
        pytest.param([failed(may_be_there=False), Answer.THERE], None, False, id="there, after it surely wasn't sent"),
    ],
)
def test_an_object_that_is_there_counts_if_it_is_ours(
    world: World, says: list[Answer | BucketError], same: bool | None, *, is_copied: bool
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
    world.use()
    world.until(lambda: world.copier.copied == 2)


def test_another_bucket_gets_everything_too(world: World) -> None:
    world.use()
    world.until(lambda: world.copier.copied == 2)
    world.use(name="https://store/other")
    world.until(lambda: world.copier.copied == 4)


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


def config(*, bucket: int = 1, allowed: int = 0b11, otherwise: int = -1, mode: Mode = Mode.ENFORCE) -> Config:
    """The site is in DE; places 1 to 3 are in DE, in FR, and not known. Data of DE may be logged at `allowed`."""
    made = minimal()
    places = (
        Place(codes=frozenset({"DE-HE"}), country="DE"),
        Place(codes=frozenset({"DE-BE"}), country="DE"),
        Place(codes=frozenset({"FR-IDF"}), country="FR"),
        Place(codes=frozenset()),
    )
    storage = ObjectStorage(
        endpoint="https://s3.example.com",
        bucket="evidence",
        place=bucket,
        access_key="objects/a",
        secret_key="objects/s",
    )
    policy = Policy(name="stay", generation=1, digest="0" * 64, scopes={"Inference": 1, "Logs": 0}, mode=mode)
    law = Law(
        policies=(policy,),
        tables=(Table(rows={"DE": 0}, otherwise=otherwise, unknown="Deny"), Table(otherwise=1)),
        rows=(encode_row(allowed), encode_row(0b1111)),
    )
    site = replace(made.site, place=0, evidence=EvidenceKeeping(objects=storage))
    return replace(made, site=site, places=replace(Places(), places=places), law=law)


WHY = [
    pytest.param(config(), Age.FRESH, "DE-BE", "", id="allowed at both"),
    pytest.param(config(allowed=0b01), Age.FRESH, "", "stay: Logs is allowed at this site", id="not at the bucket's"),
    pytest.param(config(allowed=0b10), Age.FRESH, "DE-BE", "", id="not at the site's: nothing is written"),
    pytest.param(config(allowed=0b01, mode=Mode.AUDIT), Age.FRESH, "DE-BE", "", id="only audited"),
    pytest.param(config(allowed=0b11, otherwise=1), Age.FRESH, "DE-BE", "", id="of others, too"),
    pytest.param(config(allowed=0b01, bucket=2, otherwise=1), Age.FRESH, "", "stay", id="of some origin, not"),
    pytest.param(config(allowed=0b111, bucket=2), Age.FRESH, "FR-IDF", "", id="abroad"),
    pytest.param(config(allowed=0b111, bucket=2), Age.STALE, "FR-IDF", "nothing may leave the country", id="stale"),
    pytest.param(config(), Age.STALE, "DE-BE", "", id="stale, at home"),
    pytest.param(config(), Age.EXPIRED, "DE-BE", "nothing may leave this site", id="expired"),
    pytest.param(config(allowed=0b1111, bucket=3), Age.FRESH, "", "the bucket's place isn't known", id="not known"),
]


@pytest.mark.parametrize(("made", "age", "place", "problem"), WHY)
def test_where_copies_may_go(made: Config, age: Age, place: str, problem: str) -> None:
    assert place_of_copies(made) == place
    assert problem in why_not(made, age)
    assert bool(problem) == bool(why_not(made, age))
    asked = asked_of(made, age, pathlib.Path("/secrets"))
    assert asked is not None
    assert (asked.place, asked.problem) == (place, why_not(made, age))
    assert asked.place or asked.problem, "without a place, nothing is sent"


def test_a_config_without_a_bucket_asks_for_nothing() -> None:
    made = config()
    for evidence in (None, EvidenceKeeping()):
        without = replace(made, site=replace(made.site, evidence=evidence))
        assert (asked_of(without, Age.FRESH, None), place_of_copies(without), why_not(without, Age.FRESH)) == (
            None,
            "",
            "",
        )


def test_keys_are_files_of_the_secrets() -> None:
    asked = asked_of(config(), Age.FRESH, pathlib.Path("/secrets"))
    assert asked is not None
    assert isinstance(asked.store, Bucket)
    assert asked.store.access_key == pathlib.Path("/secrets/objects/a")
    assert asked.name == "https://s3.example.com/evidence"
    without = asked_of(config(), Age.FRESH, None)
    assert without is not None
    assert "without --secrets" in without.problem
