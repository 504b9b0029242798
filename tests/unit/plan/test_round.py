"""One round on worlds made of figures: who keeps what, who gets what is left, and who goes for whom."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest
from tests.unit.plan.wanted import option, view, want

from isochrone.api.model_route import Strategy
from isochrone.model import Because, RouteKey
from isochrone.plan.held import Held
from isochrone.plan.round import Round, Terms
from isochrone.plan.view import View
from isochrone.plan.wants import Want

KEPT, LOST, DRAINING, FAILING = Because.KEPT, Because.SITE_LOST, Because.SITE_DRAINING, Because.FAILING
MIN_SITES, OBJECTIVE, BETTER = Because.MIN_SITES, Because.OBJECTIVE, Because.BETTER
NEAR: Final = view([[1000], [2000], [3000], [4000]], [10])
"""Site 0 is the nearest to all, site 3 the furthest."""
APART: Final = view([[1000, 9000], [9000, 1000], [9000, 9000], [2000, 9000]], [10, 6])
"""Sites 0 and 3 are near to most, site 1 to the others, site 2 to nobody."""
Free = Mapping[tuple[str, int], tuple[int, ...]]


def wants(name: str = "chat", at: Sequence[int] = (0, 1, 2, 3), seen: View = NEAR, **fields: Any) -> Want:
    """One site, the nearest, unless said. All cost the same."""
    given: dict[str, Any] = {"strategy": Strategy.NEAREST, "min_sites": 1, "max_sites": None, **fields}
    options = given.pop("options", [option(site) for site in at])
    return want(seen, options, name=name, **{"limit": None, "may_miss": 0, "priority": 0, **given})


def held(site: int, because: Because = KEPT, name: str = "chat", *, replicas: int = 1, **fields: Any) -> Held:
    given = {"pool": "gpu", "is_running": True, "is_ready": True, **fields}
    return Held(route=RouteKey("shop", name), site=site, replicas=replicas, because=because, **given)


def ran(
    routes: Sequence[Want],
    runs: Sequence[Held] = (),
    free: Free | None = None,
    *,
    barred: Mapping[str, set[int]] | None = None,
    gain: int = 0,
    moves: int = 9,
) -> Round:
    """A device at each site, unless said."""
    room = {("gpu", site): (1,) for site in range(4)} if free is None else free
    terms = Terms(
        free=lambda pool, site: room.get((pool, site), ()),
        place_of=lambda site: site,
        gain_percent=gain,
        barred={RouteKey("shop", name): frozenset(sites) for name, sites in (barred or {}).items()},
        moves=moves,
    )
    return Round(routes, runs, terms).run()


def seats(done: Round) -> dict[str, list[str]]:
    """Of each route: `site: reason`, with pools and numbers of replicas other than usual."""
    return {
        key.name: [
            f"{site}: {seat.because.value}"
            + (f" x{seat.replicas}" if seat.replicas != 1 else "")
            + (f" in {seat.pool}" if seat.pool != "gpu" else "")
            for site, seat in sorted(at.items())
        ]
        for key, at in done.seats.items()
    }


def left(done: Round) -> list[str]:
    return [
        f"{each.held.route.name} {each.held.site}{'' if each.to is None else f'>{each.to}'}: {each.because.value}"
        for each in done.left
    ]


def sized(*nodes: int) -> Free:
    return {("gpu", site): nodes for site in range(4)}


GOLD: Final[Mapping[str, Any]] = {"priority": 1}

CASES = [
    # What stays
    pytest.param([wants()], [held(3)], {"moves": 0}, {"chat": ["3: Kept"]}, [], id="what runs stays"),
    pytest.param(
        [wants(replicas=2)], [held(0)], {"free": sized(2)}, {"chat": ["0: Kept x2"]}, [], id="and grows if it may"
    ),
    pytest.param(
        [wants(replicas=3)],
        [held(0)],
        {"free": sized(2), "moves": 0},
        {"chat": ["0: Kept x2"]},
        [],
        id="as far as it goes",
    ),
    pytest.param(
        [wants("a", (0,), replicas=2), wants("b", (0, 1))],
        [held(0, name="a")],
        {"free": sized(2), "moves": 0},
        {"a": ["0: Kept x2"], "b": ["1: MinSites"]},
        [],
        id="what grows takes the room",
    ),
    pytest.param(
        [wants(replicas=1)], [held(0, replicas=2)], {"free": sized(2)}, {"chat": ["0: Kept"]}, [], id="or shrinks"
    ),
    pytest.param(
        [wants(replicas=2, at=(0,), closed=[0])],
        [held(0, LOST)],
        {"free": sized(2)},
        {"chat": ["0: SiteLost"]},
        [],
        id="what is lost doesn't grow",
    ),
    pytest.param(
        [wants(at=(0,))], [held(0)], {"free": {}}, {"chat": []}, ["chat 0: NoLongerFits"], id="there are no devices"
    ),
    pytest.param(
        [wants(at=(0,), devices=2)],
        [held(0)],
        {"free": sized(1, 1)},
        {"chat": []},
        ["chat 0: NoLongerFits"],
        id="no node has two",
    ),
    pytest.param(
        [wants(at=(0,))],
        [held(0, replicas=0)],
        {"barred": {"chat": {0}}},
        {"chat": []},
        ["chat 0: NoLongerFits"],
        id="none of it waits for others alone",
    ),
    pytest.param(
        [wants("gold", (0,), **GOLD), wants(at=(0,))],
        [held(0)],
        {},
        {"gold": ["0: MinSites"], "chat": []},
        ["chat 0: OutbidByPriority"],
        id="a higher priority has the device",
    ),
    pytest.param(
        [wants("gold", (0,), **GOLD), wants(at=(0,))],
        [held(0, FAILING)],
        {},
        {"gold": ["0: MinSites"], "chat": []},
        ["chat 0: Failing"],
        id="what fails goes as failing, if a higher priority has the device",
    ),
    pytest.param(
        [wants("gold", (0,), **GOLD), wants(at=(0,))],
        [held(0, DRAINING)],
        {},
        {"gold": ["0: MinSites"], "chat": []},
        ["chat 0: SiteDraining"],
        id="and so does what is to be drained",
    ),
    pytest.param(
        [wants("a", (0,)), wants("b", (0,))],
        [held(0, name="a"), held(0, name="b")],
        {},
        {"a": ["0: Kept"], "b": []},
        ["b 0: NoLongerFits"],
        id="one of the same priority has it",
    ),
    pytest.param(
        [wants("gold", (0,), **GOLD), wants("a", (0,), options=[option(0, pool="other")]), wants("b", (0,))],
        [held(0, name="a", pool="other"), held(0, name="b")],
        {"free": {("gpu", 0): (1,), ("other", 0): (1,)}},
        {"gold": ["0: MinSites"], "a": ["0: Kept in other"], "b": []},
        ["b 0: OutbidByPriority"],
        id="who has devices of another pool doesn't matter",
    ),
    pytest.param(
        [wants("gold", (0,), **GOLD), wants("a", (0,), devices=3, replicas=2), wants("b", (0,), devices=2)],
        [held(0, name="a", replicas=2), held(0, name="b")],
        {"free": {("gpu", 0): (4, 4, 1)}},
        {"gold": ["0: MinSites"], "a": ["0: Kept x2"], "b": []},
        ["b 0: NoLongerFits"],
        id="without the higher priority it would not fit either",
    ),
    # What is too many
    pytest.param(
        [wants()], [held(0), held(1)], {}, {"chat": ["0: Kept"]}, ["chat 1: TooManySites"], id="the further one ends"
    ),
    pytest.param(
        [
            wants(
                strategy=Strategy.CHEAPEST,
                seen=view([[1000], [3000], [2000]], [10]),
                options=[option(0, 9), option(1, 5), option(2, 5)],
            )
        ],
        [held(0), held(1), held(2)],
        {"moves": 0},
        {"chat": ["2: Kept"]},
        ["chat 0: TooManySites", "chat 1: TooManySites"],
        id="the dearest ends, then the further one",
    ),
    pytest.param(
        [wants(strategy=Strategy.CHEAPEST)],
        [held(0, is_ready=False), held(1)],
        {"moves": 0},
        {"chat": ["1: Kept"]},
        ["chat 0: TooManySites"],
        id="of equals that which isn't ready ends",
    ),
    pytest.param(
        [wants(seen=view([[1000], [1000], [1000], [1000]], [10]))],
        [held(0), held(1), held(2)],
        {},
        {"chat": ["0: Kept"]},
        ["chat 2: TooManySites", "chat 1: TooManySites"],
        id="of equals the last ends",
    ),
    pytest.param(
        [wants(max_sites=1, seen=APART, limit=1000, may_miss=6)],
        [held(0), held(1)],
        {},
        {"chat": ["0: Kept"]},
        ["chat 1: TooManySites"],
        id="more than there may be end though they are needed",
    ),
    pytest.param(
        [wants(max_sites=2, seen=APART, limit=1000, may_miss=6)],
        [held(0), held(1)],
        {"moves": 0},
        {"chat": ["0: Kept", "1: Kept"]},
        [],
        id="as many as there may be, and needed amply",
    ),
    pytest.param(
        [wants(seen=APART, limit=1000, may_miss=12)],
        [held(0), held(1)],
        {},
        {"chat": ["0: Kept"]},
        ["chat 1: TooManySites"],
        id="not needed even amply",
    ),
    pytest.param(
        [wants(options=[option(0), option(1)]), wants("b", (1,))],
        [held(0), held(1)],
        {},
        {"chat": ["0: Kept"], "b": ["1: MinSites"]},
        ["chat 1: TooManySites"],
        id="what ends makes room in the same round",
    ),
    pytest.param(
        [wants(options=[option(0), option(1)], devices=3), wants("b", (1,), devices=2, replicas=2)],
        [held(0), held(1)],
        {"free": sized(4)},
        {"chat": ["0: Kept"], "b": ["1: MinSites x2"]},
        ["chat 1: TooManySites"],
        id="as much as it had",
    ),
    pytest.param(
        [wants()],
        [held(0), held(1, LOST)],
        {},
        {"chat": ["0: Kept", "1: SiteLost"]},
        [],
        id="what is lost doesn't count",
    ),
    # What is added
    pytest.param([wants(min_sites=2)], [], {}, {"chat": ["0: MinSites", "1: MinSites"]}, [], id="two sites"),
    pytest.param(
        [wants(seen=APART, limit=1000, may_miss=0)],
        [],
        {},
        {"chat": ["0: MinSites", "1: LatencyObjective"]},
        [],
        id="as many as the objective needs",
    ),
    pytest.param(
        [wants(seen=APART, limit=1000, may_miss=0, max_sites=1)],
        [],
        {},
        {"chat": ["0: MinSites"]},
        [],
        id="no more than there may be",
    ),
    pytest.param(
        [wants("a"), wants("b")], [], {}, {"a": ["0: MinSites"], "b": ["1: MinSites"]}, [], id="what is taken is taken"
    ),
    pytest.param(
        [wants("a", devices=2, replicas=3), wants("b", devices=3)],
        [],
        {"free": {("gpu", 0): (4, 4), ("gpu", 1): (3,)}},
        {"a": ["0: MinSites x3"], "b": ["1: MinSites"]},
        [],
        id="by its size",
    ),
    pytest.param(
        [wants("gold", **GOLD), wants()],
        [held(0)],
        {},
        {"gold": ["1: MinSites"], "chat": ["0: Kept"]},
        [],
        id="nobody goes as long as there is room elsewhere",
    ),
    pytest.param(
        [wants("gold", replicas=2, **GOLD), wants(replicas=2)],
        [held(0, replicas=2), held(1, replicas=2)],
        {"free": {("gpu", 0): (1,), ("gpu", 1): (2,)}},
        {"gold": ["1: MinSites x2"], "chat": ["0: Kept"]},
        ["chat 1: OutbidByPriority"],
        id="where all replicas fit in the place of others, rather than a nearer site for one",
    ),
    pytest.param(
        [wants("gold", devices=2, replicas=2, **GOLD), wants("b", devices=2)],
        [held(0, name="b"), held(1, name="b")],
        {"free": {("gpu", 0): (3,), ("gpu", 1): (2, 2)}, "moves": 0},
        {"gold": ["1: MinSites x2"], "b": ["0: Kept"]},
        ["b 1: OutbidByPriority"],
        id="by the size of each",
    ),
    pytest.param(
        [wants(replicas=3)],
        [],
        {"free": {("gpu", 2): (1,)}},
        {"chat": ["2: MinSites"]},
        [],
        id="one replica rather than none",
    ),
    pytest.param(
        [wants(replicas=2, devices=0, options=[option(1, pool=None)])],
        [],
        {"free": {}},
        {"chat": ["1: MinSites x2 in None"]},
        [],
        id="without devices there is room everywhere",
    ),
    pytest.param([wants()], [], {"barred": {"chat": {0, 1}}}, {"chat": ["2: MinSites"]}, [], id="not where it failed"),
    pytest.param([wants()], [], {"barred": {"other": {0}}}, {"chat": ["0: MinSites"]}, [], id="where another failed"),
    # What something speaks against
    pytest.param(
        [wants(at=(0,), closed=[0])],
        [held(0, DRAINING)],
        {},
        {"chat": ["0: SiteDraining"]},
        [],
        id="nowhere else to go",
    ),
    pytest.param(
        [wants(at=(0,), closed=[0], max_sites=1)],
        [held(0, DRAINING)],
        {},
        {"chat": ["0: SiteDraining"]},
        [],
        id="nowhere else to go, and one there may be",
    ),
    pytest.param(
        [wants()],
        [held(0, DRAINING)],
        {"barred": {"chat": {0}}},
        {"chat": ["1: MinSites"]},
        ["chat 0: SiteDraining"],
        id="replaced",
    ),
    pytest.param(
        [wants(at=(0, 1))],
        [held(0, FAILING), held(1, DRAINING)],
        {"barred": {"chat": {0, 1}}},
        {"chat": ["1: SiteDraining"]},
        ["chat 0: Failing"],
        id="what is to be drained stays before what fails",
    ),
    pytest.param(
        [wants(at=(0, 1))],
        [held(1, FAILING), held(0, FAILING)],
        {"barred": {"chat": {0, 1}}},
        {"chat": ["0: Failing"]},
        ["chat 1: Failing"],
        id="of two that fail the first stays",
    ),
    pytest.param(
        [wants(seen=APART, at=(0, 1), limit=1000)],
        [held(0), held(1, DRAINING)],
        {"barred": {"chat": {1}}},
        {"chat": ["0: Kept", "1: SiteDraining"]},
        [],
        id="the objective needs it",
    ),
    pytest.param(
        [wants(seen=APART, at=(0, 1), limit=1000, max_sites=1)],
        [held(0), held(1, DRAINING)],
        {"barred": {"chat": {1}}},
        {"chat": ["0: Kept"]},
        ["chat 1: SiteDraining"],
        id="the objective needs it, but there may be no more",
    ),
    pytest.param(
        [wants(seen=APART, at=(0, 2), limit=1000)],
        [held(0), held(2, DRAINING)],
        {"barred": {"chat": {2}}},
        {"chat": ["0: Kept"]},
        ["chat 2: SiteDraining"],
        id="the objective isn't met, and it is no help",
    ),
    pytest.param(
        [wants(seen=APART, at=(0, 1), limit=1000, may_miss=6)],
        [held(0), held(1, DRAINING)],
        {"barred": {"chat": {1}}},
        {"chat": ["0: Kept"]},
        ["chat 1: SiteDraining"],
        id="the objective is met without it",
    ),
    pytest.param(
        [wants(devices=3), wants("b", (2, 3), devices=3)],
        [held(0), held(2, DRAINING)],
        {"free": sized(3), "barred": {"chat": {2}}},
        {"chat": ["0: Kept"], "b": ["2: MinSites"]},
        ["chat 2: SiteDraining"],
        id="what leaves makes room",
    ),
    # What could be had better
    pytest.param([wants()], [held(3)], {}, {"chat": ["0: ClearlyBetter"]}, ["chat 3>0: ClearlyBetter"], id="nearer"),
    pytest.param(
        [wants()],
        [held(3)],
        {"barred": {"chat": {0}}},
        {"chat": ["1: ClearlyBetter"]},
        ["chat 3>1: ClearlyBetter"],
        id="not where it failed, either",
    ),
    pytest.param(
        [wants(closed=[0, 1, 2, 3])], [held(3)], {}, {"chat": ["3: Kept"]}, [], id="nothing takes anything new"
    ),
    pytest.param(
        [wants(replicas=2)],
        [held(3)],
        {"free": {("gpu", 0): (1,), ("gpu", 1): (2,), ("gpu", 3): (1,)}},
        {"chat": ["1: ClearlyBetter x2"]},
        ["chat 3>1: ClearlyBetter"],
        id="only where there is room for all",
    ),
    pytest.param(
        [wants(devices=2, replicas=2)],
        [held(3)],
        {"free": {("gpu", 0): (3,), ("gpu", 1): (2, 2), ("gpu", 3): (2,)}},
        {"chat": ["1: ClearlyBetter x2"]},
        ["chat 3>1: ClearlyBetter"],
        id="room for all, by their size",
    ),
    pytest.param(
        [wants("a", replicas=2), wants("b", (1, 3), replicas=2)],
        [held(1, name="a", replicas=2), held(3, name="b", replicas=2)],
        {"free": sized(2)},
        {"a": ["0: ClearlyBetter x2"], "b": ["1: ClearlyBetter x2"]},
        ["a 1>0: ClearlyBetter", "b 3>1: ClearlyBetter"],
        id="who moves makes room for the next",
    ),
    pytest.param(
        [wants("a", (0, 1, 2)), wants("b", (0, 1, 3))],
        [held(2, name="a"), held(3, name="b")],
        {},
        {"a": ["0: ClearlyBetter"], "b": ["1: ClearlyBetter"]},
        ["a 2>0: ClearlyBetter", "b 3>1: ClearlyBetter"],
        id="and takes it where he goes",
    ),
    pytest.param(
        [wants("a", (0, 2), devices=2, replicas=3), wants("b", (0, 1, 3), devices=3)],
        [held(2, name="a", replicas=3), held(3, name="b")],
        {"free": sized(3, 3, 3)},
        {"a": ["0: ClearlyBetter x3"], "b": ["1: ClearlyBetter"]},
        ["a 2>0: ClearlyBetter", "b 3>1: ClearlyBetter"],
        id="as much as he needs",
    ),
    pytest.param(
        [wants("b", strategy=Strategy.CHEAPEST, options=[option(0, 9), option(1, 1)]), wants("a", (0, 3), closed=[3])],
        [held(0, name="b"), held(3, FAILING, name="a")],
        {},
        {"b": ["1: ClearlyBetter"], "a": ["3: Failing"]},
        ["b 0>1: ClearlyBetter"],
        id="what fails and stays doesn't move because it pays",
    ),
    pytest.param(
        [wants("b", strategy=Strategy.CHEAPEST, options=[option(0, 9), option(1, 1)]), wants("a", (0, 3), closed=[3])],
        [held(0, name="b"), held(3, DRAINING, name="a")],
        {},
        {"b": ["1: ClearlyBetter"], "a": ["3: SiteDraining"]},
        ["b 0>1: ClearlyBetter"],
        id="what is to be drained and stays doesn't move because it pays",
    ),
    pytest.param(
        [wants(seen=view([[1000, 9000], [9000, 1000], [9000, 2000], [2000, 9000]], [10, 6]), min_sites=2)],
        [held(2), held(3)],
        {},
        {"chat": ["0: ClearlyBetter", "1: ClearlyBetter"]},
        ["chat 3>0: ClearlyBetter", "chat 2>1: ClearlyBetter"],
        id="what brings most moves first",
    ),
    pytest.param(
        [
            wants(
                strategy=Strategy.CHEAPEST,
                seen=view([[1000, 1000], [1000, 9000]], [10, 6]),
                options=[option(0, 30), option(1, 20)],
                limit=1000,
                may_miss=6,
            )
        ],
        [],
        {"moves": 0},
        {"chat": ["1: MinSites"]},
        [],
        id="what brought most for its price gives way to what is enough for less",
    ),
    pytest.param(
        [wants(seen=view([[1000], [9000], [9000], [9000]], [10]), min_sites=2)],
        [held(3), held(2)],
        {},
        {"chat": ["0: ClearlyBetter", "3: Kept"]},
        ["chat 2>0: ClearlyBetter"],
        id="of equals the first moves",
    ),
]


@pytest.mark.parametrize(("routes", "runs", "terms", "expected", "gone"), CASES)
def test_a_round(
    routes: list[Want], runs: list[Held], terms: dict[str, Any], expected: dict[str, list[str]], gone: list[str]
) -> None:
    done = ran(routes, runs, **terms)

    assert seats(done) == expected
    assert left(done) == gone


@pytest.mark.parametrize(
    ("budget", "runs", "moved", "waiting"),
    [
        pytest.param(2, True, ["a 2>0", "b 3>1"], [], id="both may"),
        pytest.param(1, True, ["a 2>0"], ["b 3>1"], id="one may"),
        pytest.param(0, True, [], ["a 2>0", "b 3>0"], id="none may"),
        pytest.param(0, False, [], [], id="what doesn't run yet may go anywhere"),
    ],
)
def test_so_many_may_move(budget: int, *, runs: bool, moved: list[str], waiting: list[str]) -> None:
    engines = [held(2, name="a", is_running=runs), held(3, name="b", is_running=runs)]
    done = ran([wants("a", (0, 1, 2)), wants("b", (0, 1, 3))], engines, moves=budget)

    assert [f"{each.route.name} {each.site}>{there.site}" for each, there in done.moves] == moved
    assert [f"{each.route.name} {each.site}>{there.site}" for each, there in done.deferred] == waiting
    assert len(done.left) == (len(moved) if runs else 2)


def test_two_that_may_not_move_wait_both() -> None:
    done = ran([wants(min_sites=2)], [held(2), held(3)], moves=0)

    assert [(each.site, there.site) for each, there in done.deferred] == [(2, 0), (3, 0)]


def test_what_was_placed_and_does_better_elsewhere_is_there_for_the_same_reason() -> None:
    done = ran([wants()], [held(3, MIN_SITES, is_running=False)])

    assert seats(done) == {"chat": ["0: MinSites"]}
    assert done.moves == []


@pytest.mark.parametrize(
    ("cost", "gain", "moves"),
    [
        pytest.param(30_000, 25, True, id="a quarter cheaper"),
        pytest.param(30_001, 25, False, id="not quite"),
        pytest.param(39_999, 0, True, id="anything cheaper"),
        pytest.param(40_000, 0, False, id="nothing cheaper"),
    ],
)
def test_what_clearly_pays(cost: int, gain: int, *, moves: bool) -> None:
    priced = wants(strategy=Strategy.CHEAPEST, options=[option(0, 40_000), option(1, cost)])

    assert seats(ran([priced], [held(0)], gain=gain)) == {"chat": ["1: ClearlyBetter" if moves else "0: Kept"]}


def test_of_two_pools_at_a_site_that_counts_where_engines_are() -> None:
    priced = [option(0, 10, "cheap"), option(0, 90), option(1, 50)]
    free = {("gpu", 0): (1,), ("gpu", 1): (1,)}
    done = ran([wants(strategy=Strategy.CHEAPEST, options=priced)], [held(0)], free)

    assert seats(done) == {"chat": ["1: ClearlyBetter"]}


def test_how_many_an_autoscaler_makes_is_its_own_business() -> None:
    routes = [wants("a", is_autoscaled=True), wants("b", is_autoscaled=True, at=(1,)), wants("c", at=(3,))]
    done = ran([*routes, wants("d", (2, 3), is_autoscaled=True)], [held(0, name="a"), held(3, name="d")], sized(2))

    assert {key.name: [seat.is_autoscaled for seat in at.values()] for key, at in done.seats.items()} == {
        "a": [True],
        "b": [True],
        "c": [False],
        "d": [True],
    }
