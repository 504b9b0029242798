"""How the difference between what runs and what is to run is told: who takes whose place, and why."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest
from tests.unit.plan.small import CHAT, NOW, chat, europe, running
from tests.unit.plan.wanted import option, view, want

from isochrone.model import Because, Change, ChangeKind, Placement, RouteKey, Running
from isochrone.plan import planner
from isochrone.plan.changes import AT_ONCE, Going, counts, going_of, of_route, staying
from isochrone.plan.held import Ended, Held
from isochrone.plan.planner import prepare
from isochrone.plan.round import Left, Seat

RUNS: Final = Because.KEPT


def seat(because: Because, *, pool: str | None = "gpu", replicas: int = 1, is_autoscaled: bool = False) -> Seat:
    return Seat(pool, replicas, None, because, is_autoscaled)


def held(because: Because = RUNS, **fields: Any) -> Held:
    given = {"pool": "gpu", "replicas": 1, "is_ready": True, **fields}
    return Held(route=CHAT, site=0, is_running=True, because=because, **given)


def goes(site: str, because: Because, to: str | None = None, pool: str | None = "gpu") -> Going:
    return Going(site, pool, because, to)


def told(
    seats: Mapping[str, Seat], there: Mapping[str, Held], going: Sequence[Going]
) -> tuple[list[Placement], list[str]]:
    placements, changes = of_route(CHAT, seats, there, going, added=Because.MIN_SITES)
    return placements, sorted(map(_word, changes))


def _word(change: Change) -> str:
    from_site = f"{change.from_site}>" if change.from_site else ""
    pool = "" if change.pool == "gpu" else f" in {change.pool}"
    return f"{change.kind.value} {from_site}{change.site}{pool} {change.because.value}"


BETTER, FAILING, TOO_MANY = Because.BETTER, Because.FAILING, Because.TOO_MANY_SITES
LAW, LOST, DRAINING = Because.LAW_CHANGED, Because.SITE_LOST, Because.SITE_DRAINING
MIN_SITES, OBJECTIVE = Because.MIN_SITES, Because.OBJECTIVE

CASES = [
    pytest.param(
        {"c": seat(BETTER), "d": seat(BETTER)},
        {},
        [goes("a", BETTER, "d"), goes("b", BETTER, "c")],
        ["Move a>d ClearlyBetter", "Move b>c ClearlyBetter"],
        id="each goes where it was to go",
    ),
    pytest.param(
        {"c": seat(BETTER), "d": seat(MIN_SITES)},
        {},
        [goes("a", FAILING), goes("b", BETTER, "elsewhere")],
        ["Move a>d Failing", "Move b>c ClearlyBetter"],
        id="what moved on is where something better is",
    ),
    pytest.param(
        {"c": seat(OBJECTIVE), "d": seat(MIN_SITES)},
        {},
        [goes("a", BETTER, "elsewhere"), goes("b", FAILING)],
        ["Move a>d MinSites", "Move b>c Failing"],
        id="what fails is replaced before what was to move and came to nothing",
    ),
    pytest.param(
        {"c": seat(OBJECTIVE), "d": seat(MIN_SITES)},
        {},
        [goes("a", TOO_MANY), goes("b", FAILING)],
        ["Move a>d MinSites", "Move b>c Failing"],
        id="what fails is replaced before what isn't needed",
    ),
    pytest.param(
        {"a": seat(RUNS), "b": seat(BETTER), "c": seat(BETTER)},
        {"a": held()},
        [goes("d", BETTER, "b")],
        ["Move d>b ClearlyBetter", "Start c MinSites"],
        id="where nothing moves to is one site more",
    ),
    pytest.param(
        {"b": seat(RUNS)},
        {"b": held()},
        [goes("a", BETTER, "elsewhere")],
        ["Stop a TooManySites"],
        id="what was to move and came to nothing is not needed",
    ),
    pytest.param(
        {"b": seat(RUNS)},
        {"b": held(is_ready=False)},
        [goes("a", BETTER, "elsewhere")],
        ["Move a>b TooManySites"],
        id="nor while others are starting",
    ),
    pytest.param(
        {"c": seat(RUNS), "b": seat(RUNS)},
        {"b": held(is_ready=False), "c": held(is_ready=False)},
        [goes("a", DRAINING), goes("d", FAILING)],
        ["Move a>b SiteDraining", "Move d>c Failing"],
        id="those that are starting stand for one each",
    ),
    pytest.param(
        {"b": seat(RUNS), "c": seat(MIN_SITES)},
        {"b": held(is_ready=False)},
        [goes("a", DRAINING)],
        ["Move a>c SiteDraining"],
        id="those that are new stand for others first",
    ),
    pytest.param(
        {"b": seat(RUNS)},
        {"b": held(is_ready=False)},
        [goes("a", LAW)],
        ["Stop a NoLongerLawful"],
        id="the law doesn't wait for those that are starting",
    ),
    pytest.param(
        {"a": seat(MIN_SITES, pool="new"), "b": seat(MIN_SITES)},
        {"a": held()},
        [goes("b", FAILING, pool="old"), goes("a", Because.POOL_GONE)],
        ["Move a>a in new PoolGone", "Move b>b Failing"],
        id="another pool at the same site takes the place of that there",
    ),
    pytest.param(
        {"d": seat(OBJECTIVE), "c": seat(MIN_SITES)},
        {},
        [goes("a", LAW), goes("b", Because.OUTBID)],
        ["Start a>c NoLongerLawful", "Start b>d OutbidByPriority", "Stop a NoLongerLawful", "Stop b OutbidByPriority"],
        id="what doesn't wait stops, and starts elsewhere",
    ),
    pytest.param(
        {"a": seat(MIN_SITES, pool="new")},
        {"a": held()},
        [goes("a", Because.OUTBID)],
        ["Start a>a in new OutbidByPriority", "Stop a OutbidByPriority"],
        id="or in another pool of the same site",
    ),
    pytest.param(
        {"b": seat(LOST), "a": seat(LOST), "c": seat(MIN_SITES), "d": seat(OBJECTIVE), "e": seat(OBJECTIVE)},
        {"a": held(LOST), "b": held(LOST)},
        [],
        ["Start a>c SiteLost", "Start b>d SiteLost", "Start e LatencyObjective"],
        id="those that are lost are replaced, each once",
    ),
    pytest.param(
        {"a": seat(LOST), "b": seat(MIN_SITES), "c": seat(MIN_SITES)},
        {"a": held(LOST)},
        [goes("d", LAW)],
        ["Start a>c SiteLost", "Start d>b NoLongerLawful", "Stop d NoLongerLawful"],
        id="those that go come before those that are lost",
    ),
    pytest.param(
        {"b": seat(MIN_SITES)},
        {},
        [goes("a", TOO_MANY), goes("c", TOO_MANY)],
        ["Move a>b MinSites", "Stop c TooManySites"],
        id="there is one place for two",
    ),
    pytest.param(
        {"a": seat(RUNS, replicas=2), "b": seat(RUNS, replicas=2, is_autoscaled=True), "c": seat(RUNS, pool="small")},
        {"a": held(), "b": held(), "c": held(pool="small")},
        [],
        ["Resize a Resized"],
        id="how many, unless an autoscaler says so",
    ),
]


@pytest.mark.parametrize(("seats", "there", "going", "expected"), CASES)
def test_changes_are_told(
    seats: dict[str, Seat], there: dict[str, Held], going: list[Going], expected: list[str]
) -> None:
    assert told(seats, there, going)[1] == expected


@pytest.mark.parametrize("because", [pytest.param(each, id=each) for each in sorted(AT_ONCE)])
def test_what_does_not_wait_is_no_move(because: Because) -> None:
    seats = {"b": seat(MIN_SITES)}

    assert told(seats, {}, [goes("a", because)])[1] == [f"Start a>b {because.value}", f"Stop a {because.value}"]


@pytest.mark.parametrize(
    ("kind", "because", "expected"),
    [
        pytest.param(ChangeKind.MOVE, BETTER, True, id="a move that nothing forced"),
        pytest.param(ChangeKind.MOVE, FAILING, False, id="a forced one"),
        pytest.param(ChangeKind.STOP, BETTER, False, id="no move"),
    ],
)
def test_which_changes_count_as_moves(kind: ChangeKind, because: Because, expected: bool) -> None:
    assert counts(Change(route=CHAT, kind=kind, site="a", pool=None, because=because)) is expected


def test_what_goes_is_told_by_site_and_pool() -> None:
    runs = [running("fra"), running("ams"), running("fra", pool=None), running("fra", "other")]
    there = held(pool="gpu-cdg")
    world = prepare(europe(chat()), now=NOW).world
    found = going_of(world, [Ended(each, FAILING) for each in runs], [Left(there, BETTER, 1), Left(there, LOST)])

    assert found == {
        CHAT: [
            Going("ams", "gpu-ams", FAILING),
            Going("ams", "gpu-cdg", BETTER, "cdg"),
            Going("ams", "gpu-cdg", LOST),
            Going("fra", None, FAILING),
            Going("fra", "gpu-fra", FAILING),
        ],
        RouteKey("shop", "other"): [Going("fra", "gpu-fra", FAILING)],
    }


@pytest.mark.parametrize(
    ("seated", "before", "because"),
    [
        pytest.param(seat(MIN_SITES), None, MIN_SITES, id="new"),
        pytest.param(seat(BETTER), None, OBJECTIVE, id="a move there came to nothing, and it is there all the same"),
        pytest.param(seat(MIN_SITES), held(pool="other"), MIN_SITES, id="new in this pool"),
        pytest.param(seat(MIN_SITES), held(), RUNS, id="it runs"),
        pytest.param(seat(MIN_SITES, replicas=2), held(), Because.RESIZED, id="with fewer replicas"),
        pytest.param(seat(MIN_SITES, replicas=2, is_autoscaled=True), held(), RUNS, id="as an autoscaler has it"),
        pytest.param(seat(LOST), held(LOST), LOST, id="lost"),
        pytest.param(seat(DRAINING), held(DRAINING), DRAINING, id="draining"),
        pytest.param(seat(FAILING, replicas=2), held(FAILING), FAILING, id="failing"),
    ],
)
def test_why_engines_are_there(seated: Seat, before: Held | None, because: Because) -> None:
    there = {"a": before} if before is not None else {}
    placements, _ = of_route(CHAT, {"a": seated}, there, [], added=OBJECTIVE)

    assert placements == [Placement(route=CHAT, site="a", pool=seated.pool, replicas=seated.replicas, because=because)]


# What goes on until others serve

STAYING = [
    pytest.param(ChangeKind.MOVE, DRAINING, 2, "b", True, id="it moves"),
    pytest.param(ChangeKind.MOVE, DRAINING, 0, "b", False, id="it does not serve"),
    pytest.param(ChangeKind.MOVE, LAW, 2, "b", False, id="the law sends it away"),
    pytest.param(ChangeKind.STOP, DRAINING, 2, "b", True, id="it stops, and others are starting"),
    pytest.param(ChangeKind.STOP, LAW, 2, "b", False, id="the law stops it"),
    pytest.param(ChangeKind.START, DRAINING, 2, "b", False, id="it starts"),
    pytest.param(ChangeKind.MOVE, DRAINING, 2, "ams", False, id="the route has others there"),
]


@pytest.mark.parametrize(("kind", "because", "ready", "placed", "stays"), STAYING)
def test_what_stays_until_others_serve(
    kind: ChangeKind, because: Because, ready: int, placed: str, *, stays: bool
) -> None:
    moves = kind is ChangeKind.MOVE
    site, origin = ("b", "ams") if moves else ("ams", None)
    change = Change(route=CHAT, kind=kind, site=site, pool=None, because=because, from_site=origin)
    there = [running("ams", replicas=3, ready=ready), running("ams", "other")]
    kept = Placement(route=CHAT, site=placed, pool="gpu", replicas=1, because=RUNS)
    expected = Placement(route=CHAT, site="ams", pool="gpu-ams", replicas=3, because=because)

    assert staying([kept], [change], there, set()) == ([expected] if stays else [])


@pytest.mark.parametrize(
    ("others", "because", "is_known", "stays"),
    [
        pytest.param([running("b", ready=1)], RUNS, True, False, id="others serve"),
        pytest.param([running("b", ready=0)], FAILING, True, True, id="others fail"),
        pytest.param([], RUNS, True, True, id="others have not begun"),
        pytest.param([running("b", "other", ready=1)], RUNS, True, True, id="only another route's serve"),
        pytest.param([running("b", ready=1)], RUNS, False, True, id="not all gateways know of others"),
        pytest.param([running("b", ready=1)], LOST, True, True, id="others are at a lost site"),
        pytest.param([running("b", pool="old", ready=1)], RUNS, True, True, id="others serve from another pool"),
    ],
)
def test_what_nothing_replaces_stays_while_nobody_else_serves(
    others: Sequence[Running], because: Because, *, is_known: bool, stays: bool
) -> None:
    change = Change(route=CHAT, kind=ChangeKind.STOP, site="ams", pool=None, because=TOO_MANY)
    kept = Placement(route=CHAT, site="b", pool="gpu-b", replicas=1, because=because)
    there = [running("ams", ready=1), *others]
    unknown = set() if is_known else {(CHAT, "b")}

    assert bool(staying([kept], [change], there, unknown)) == stays


def test_the_last_engines_of_a_route_just_stop() -> None:
    change = Change(route=CHAT, kind=ChangeKind.STOP, site="ams", pool=None, because=DRAINING)

    assert staying([], [change], [running("ams", ready=1)], set()) == []


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param({}, "Stop a SiteDraining", id="known everywhere"),
        pytest.param({"is_ready": False}, "Move a>b SiteDraining", id="not ready"),
        pytest.param({"is_known": False}, "Move a>b SiteDraining", id="not known everywhere"),
    ],
)
def test_a_move_lasts_until_all_know_who_came(flags: dict[str, Any], expected: str) -> None:
    assert told({"b": seat(RUNS)}, {"b": held(**flags)}, [goes("a", DRAINING)])[1] == [expected]


@pytest.mark.parametrize(("min_sites", "expected"), [(1, OBJECTIVE), (2, MIN_SITES), (3, MIN_SITES)])
def test_a_site_more_than_the_least_is_there_for_the_objective(min_sites: int, expected: Because) -> None:
    asked = want(view([[1000], [2000]], [1]), [option(0), option(1)], min_sites=min_sites)
    assert planner.why_more(asked, [seat(MIN_SITES), seat(MIN_SITES)]) is expected
    assert planner.why_more(None, [seat(MIN_SITES)]) is MIN_SITES
