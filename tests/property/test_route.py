"""Safety of routing under any sequence of events: what may never happen, whatever the order, load and chance."""

import math

from hypothesis import given
from hypothesis import strategies as st

from isochrone_gateway.config.law import Binds, Law, Mode, Policy, Table, encode_row
from isochrone_gateway.config.places import Place, Places
from isochrone_gateway.config.providers import KeyRotation
from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.routes import Candidate, PeerTarget, ProviderTarget, Queue, Retry, Route, Tier
from isochrone_gateway.config.site import UnboundTraffic
from isochrone_gateway.route.breaker import Breaker, Settings, State, Ticket
from isochrone_gateway.route.candidates import Blocked, Choice, Figures, Nobody, Picker, Request, Why
from isochrone_gateway.route.endpoints import Endpoint, pick
from isochrone_gateway.route.hold import Held, HoldQueue
from isochrone_gateway.route.keys import KeyRing, Rest
from isochrone_gateway.route.limits import Admission, Meter, admit
from isochrone_gateway.route.mask import Age, Lawbook, Mask, Question
from isochrone_gateway.route.origin import ELSEWHERE
from isochrone_gateway.route.retry import RetryBudget, backoff_s

RANDOM = st.floats(0, 1, exclude_max=True)
STEPS = st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0, 3.0, 20.0, 61.0])
ORIGINS = ("DE", "FR", "US", "US-CA", "JP")
PLACES = Places(
    places=(*(Place(codes=frozenset({code}), country=code[:2]) for code in ORIGINS), Place(codes=frozenset()))
)
ALL = (1 << len(PLACES.places)) - 1


# The mask


@st.composite
def policies(draw: st.DrawFn) -> Law:
    rows = draw(st.lists(st.integers(0, ALL), min_size=1, max_size=5))
    row = st.integers(-1, len(rows) - 1)
    table = st.builds(
        Table,
        rows=st.dictionaries(st.sampled_from(ORIGINS), row, max_size=4),
        otherwise=row,
        unknown=st.integers(0, len(rows) - 1) | st.sampled_from(["Deny", "Unbound"]),
    )
    tables = draw(st.lists(table, min_size=1, max_size=4))
    index = st.integers(0, len(tables) - 1)
    some = st.none() | st.frozensets(st.sampled_from(["a/r", "b/r"]), max_size=2)
    binds = st.builds(Binds, routes=some, tenants=some, namespaces=st.none() | st.just(frozenset({"b"})))
    count = draw(st.integers(0, 4))
    return Law(
        policies=tuple(
            Policy(
                name=f"policy-{number}",
                generation=1,
                digest="0" * 64,
                scopes={"Inference": draw(index)},
                binds=draw(binds),
                mode=draw(st.sampled_from(Mode)),
            )
            for number in range(count)
        ),
        tables=tuple(tables),
        rows=tuple(encode_row(row) for row in rows),
    )


QUESTIONS = st.builds(
    Question,
    route=st.sampled_from(["a/r", "b/r"]),
    tenant=st.none() | st.sampled_from(["a/r", "b/r"]),
    data_classes=st.just(frozenset()),
    origin=st.frozensets(st.sampled_from([*ORIGINS, ELSEWHERE]), max_size=3),
    scope=st.just("Inference"),
    age=st.sampled_from(Age),
)


def lawbook(law: Law, unbound: UnboundTraffic = UnboundTraffic.ALLOW) -> Lawbook:
    return Lawbook(law, PLACES, site_country="DE", unbound=unbound)


@given(policies(), QUESTIONS, st.sampled_from(UnboundTraffic))
def test_explaining_agrees_with_the_mask(law: Law, question: Question, unbound: UnboundTraffic) -> None:
    book = lawbook(law, unbound)
    mask = book.mask(question)
    for place in range(len(PLACES.places)):
        assert book.explain(question, place).allowed == mask.permits(place)


@given(policies(), QUESTIONS, st.integers(0, 3))
def test_a_policy_more_never_allows_more(law: Law, question: Question, less: int) -> None:
    fewer = Law(policies=law.policies[:less], tables=law.tables, rows=law.rows)
    with_all, with_fewer = lawbook(law).mask(question), lawbook(fewer).mask(question)
    assert with_all.allowed & ~with_fewer.allowed == 0


@given(policies(), QUESTIONS)
def test_an_older_config_never_allows_more(law: Law, question: Question) -> None:
    book = lawbook(law)
    fresh, stale, expired = (book.mask(question._replace(age=age)).allowed for age in Age)
    assert stale & ~fresh == 0
    assert expired & ~stale == 0


@given(policies(), QUESTIONS, st.sampled_from(ORIGINS))
def test_an_origin_more_never_allows_more(law: Law, question: Question, more: str) -> None:
    if question.origin:
        book = lawbook(law)
        wider = question._replace(origin=question.origin | {more})
        assert book.mask(wider).allowed & ~book.mask(question).allowed == 0


# The pick


class AnyStanding:
    """A standing as drawn."""

    def __init__(self, blocked: Blocked | None, last_resort_at: float | None, figures: Figures) -> None:
        self.figures = figures
        self._blocked = blocked
        self._last_resort_at = last_resort_at if blocked is not None and blocked.why is Why.COOLING else None

    def blocked(self, now: float) -> Blocked | None:  # noqa: ARG002 - the drawn answer holds at any time
        return self._blocked

    def last_resort_at(self, now: float) -> float | None:  # noqa: ARG002 - as above
        return self._last_resort_at


BLOCKED = st.none() | st.builds(
    Blocked,
    st.sampled_from([Why.NOT_READY, Why.COOLING, Why.KEYS_RESTING, Why.LIMITED]),
    st.none() | st.floats(0, 100),
)
STANDINGS = st.builds(
    AnyStanding,
    BLOCKED,
    st.none() | st.floats(0, 20),
    st.builds(Figures, rtt_ms=st.none() | st.floats(0, 1e4), waiting=st.floats(0, 1e3), kv_use=st.floats(0, 1)),
)
TARGETS = st.sampled_from(
    [
        *(PeerTarget(site=f"s{number}", pool="a/p") for number in range(4)),
        *(ProviderTarget(provider=name, endpoint="e") for name in "pq"),
    ]
)
CANDIDATES = st.builds(
    Candidate,
    target=TARGETS,
    place=st.integers(0, 4),
    model=st.just("m"),
    weight=st.integers(0, 3),
    rtt_ms=st.integers(0, 300),
)


@st.composite
def picks(draw: st.DrawFn) -> tuple[Picker, list[AnyStanding], Request]:
    tiers = draw(st.lists(st.lists(CANDIDATES, min_size=1, max_size=4), max_size=3))
    route = Route(id="a/r", name="r", tiers=tuple(Tier(candidates=tuple(tier)) for tier in tiers))
    standings = [draw(STANDINGS) for tier in tiers for _ in tier]
    request = Request(
        mask=Mask(draw(st.integers(0, 31)), (), ()),
        now=10.0,
        rand=draw(RANDOM),
        key=draw(st.none() | st.integers(0, 2**32)),
        tried=draw(st.integers(0, 2**12 - 1)),
    )
    return Picker(route, standings), standings, request


@given(picks())
def test_the_chosen_one_is_lawful_untried_able_and_of_the_first_tier_that_can(
    drawn: tuple[Picker, list[AnyStanding], Request],
) -> None:
    picker, standings, request = drawn
    given_ = picker.pick(request)

    def may(index: int) -> bool:
        option = picker.options[index]
        is_lawful = request.mask.permits(option.candidate.place)
        return is_lawful and not request.tried >> index & 1 and option.candidate.weight > 0

    able = [each for each in picker.options if may(each.index) and standings[each.index].blocked(10.0) is None]
    if isinstance(given_, Nobody):
        assert not able
        return
    assert may(given_.option.index)
    if given_.is_last_resort:
        assert not able
        at = standings[given_.option.index].last_resort_at(10.0)
        assert at is not None
        assert at <= 10.0
    else:
        assert given_.option in able
        assert given_.option.tier == min(option.tier for option in able)


@given(picks())
def test_explaining_names_the_same_choice_and_every_candidate_once(
    drawn: tuple[Picker, list[AnyStanding], Request],
) -> None:
    picker, _, request = drawn
    choice, found = picker.pick(request), picker.explain(request)
    assert [each.name for each in found] == [option.name for option in picker.options]
    chosen = [index for index, each in enumerate(found) if each.why is Why.CHOSEN]
    assert chosen == ([choice.option.index] if isinstance(choice, Choice) else [])
    for option, each in zip(picker.options, found, strict=True):
        assert (each.why is Why.UNLAWFUL) == (not request.mask.permits(option.candidate.place))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.none() | st.integers(0, 2**32), RANDOM)
def test_the_busiest_pod_gets_no_request_unless_it_is_hardly_busier(
    loads: list[int], key: int | None, rand: float
) -> None:
    endpoints = [Endpoint(name=f"pod-{number}", in_flight=load) for number, load in enumerate(loads)]
    found = pick(endpoints, key, rand)
    assert found is not None
    others = [each.in_flight for each in endpoints if each is not found]
    is_hardly_busier = key is not None and found.in_flight < 1.25 * sum(loads) / len(loads) + 3
    assert not others or is_hardly_busier or found.in_flight <= max(others)


# What changes with time

EVENTS = st.lists(st.tuples(st.sampled_from(["begin", "resort", "ok", "fail", "gone"]), STEPS, RANDOM), max_size=80)


@given(EVENTS, st.integers(1, 3), st.integers(1, 3))
def test_a_breaker_never_lets_more_than_its_probes_through_half_open(
    events: list[tuple[str, float, float]], probes: int, successes: int
) -> None:
    breaker = Breaker(Settings(failures_in_a_row=2, window=4, open_s=1, probes=probes, successes=successes))
    now, open_tickets, opened_at = 0.0, list[Ticket](), -math.inf
    for event, step, rand in events:
        now += step
        before = breaker.state
        if event in {"begin", "resort"}:
            is_last = event == "resort"
            could = breaker.refused_until(now) is None
            ticket = breaker.begin(now, is_last_resort=is_last)
            assert could <= (ticket is not None)
            assert ticket is None or could or is_last
            if ticket is not None:
                open_tickets.append(ticket)
                assert before is not State.OPEN or now - opened_at >= min(1.0, 0.75), "never at once"
        elif open_tickets:
            ticket = open_tickets.pop(int(rand * len(open_tickets)))
            if event == "ok":
                breaker.succeeded(ticket)
            elif event == "fail":
                breaker.failed(ticket, now, rand)
            else:
                breaker.abandoned(ticket)
        if breaker.state is State.OPEN and before is not State.OPEN:
            opened_at = now
        current = [ticket for ticket in open_tickets if ticket.is_probe and ticket.turn == breaker._turn]
        assert len(current) <= probes
        assert breaker.state is not State.HALF_OPEN or breaker._probes == len(current)


RATE_EVENTS = st.lists(
    st.tuples(st.sampled_from(["admit", "admit", "settle"]), STEPS, st.integers(0, 60), st.none() | st.integers(0, 90)),
    max_size=60,
)


@given(RATE_EVENTS, st.integers(1, 8), st.integers(1, 100), st.integers(1, 4))
def test_limits_are_never_exceeded(
    events: list[tuple[str, float, int, int | None]], requests: int, tokens: int, concurrent: int
) -> None:
    rates = Rates(requests_per_minute=requests, tokens_per_minute=tokens, concurrent_requests=concurrent)
    meters = [Meter("tenant", rates), Meter("route", Rates(requests_per_minute=requests + 1))]
    now = 0.0
    running: list[tuple[Admission, int]] = []
    used: list[tuple[float, int]] = []  # when admitted, and what it is known to have used
    for event, step, reserve, actual in events:
        now += step
        if event == "admit":
            before = _counts(meters, now)
            admission = admit(meters, now, reserve)
            if isinstance(admission, Admission):
                assert sum(amount for at, amount in used if now - at <= 60) + reserve <= tokens
                running.append((admission, len(used)))
                used.append((now, reserve))
            else:
                assert _counts(meters, now) == before, "refused by one is counted by none"
        elif running:
            admission, number = running.pop(0)
            admission.settle(now, actual)
            if actual is not None:
                used[number] = used[number][0], actual
        assert len(running) <= concurrent
        assert len([at for at, _ in used if now - at < 60]) <= requests


def _counts(meters: list[Meter], now: float) -> list[tuple[int, int, int]]:
    return [
        (
            meter.requests.free(now) if meter.requests else 0,
            meter.tokens.free(now) if meter.tokens else 0,
            meter.concurrent,
        )
        for meter in meters
    ]


@given(st.lists(st.tuples(st.booleans(), STEPS), max_size=200), st.integers(0, 100))
def test_retries_stay_within_their_budget(events: list[tuple[bool, float]], percent: int) -> None:
    budget = RetryBudget(percent, reserve=3, per_second=0.1)
    now, requests, retries = 0.0, 0, 0
    for is_request, step in events:
        now += step
        if is_request:
            requests += 1
            budget.request()
        else:
            retries += budget.take(now)
        assert retries <= (3 + requests * percent / 100 + now * 0.1 + 1e-6 if percent else 0)


@given(st.integers(1, 100), RANDOM, st.integers(0, 5_000), st.integers(0, 10_000), st.integers(0, 100))
def test_backoff_is_bounded(attempts: int, rand: float, base: int, most: int, jitter: int) -> None:
    policy = Retry(backoff_base_ms=base, backoff_max_ms=most, jitter_percent=jitter)
    assert 0 <= backoff_s(policy, attempts, rand) <= most / 1_000


@given(
    st.lists(
        st.tuples(st.sampled_from(["offer", "leave", "release", "expire"]), STEPS, st.integers(0, 3)), max_size=80
    ),
    st.integers(0, 4),
)
def test_the_queue_is_bounded_fair_and_loses_nobody(events: list[tuple[str, float, int]], size: int) -> None:
    queue: HoldQueue[int] = HoldQueue(Queue(max_requests=size, max_wait_ms=5_000))
    now, number = 0.0, 0
    waiting: dict[int, Held[int]] = {}
    for event, step, count in events:
        now += step
        if event == "offer":
            held = queue.offer(number, now, now + 10)
            assert (held is None) == (len(waiting) >= size)
            if held is not None:
                waiting[number] = held
            number += 1
        elif event == "leave" and waiting:
            item = list(waiting)[count % len(waiting)]
            queue.leave(waiting.pop(item))
        elif event == "release":
            taken = queue.release(count)
            assert taken == list(waiting)[:count]
            for item in taken:
                del waiting[item]
        elif event == "expire":
            late = queue.expire(now)
            assert late == [item for item, held in waiting.items() if held.deadline <= now]
            for item in late:
                assert now - waiting.pop(item).since >= 5
        assert len(queue) == len(waiting) <= size
        assert queue.demand(now).waiting == len(waiting)
        assert len(queue._items) <= max(2 * len(waiting), 16)


@given(
    st.lists(st.tuples(st.sampled_from([*Rest, None]), STEPS, st.none() | st.floats(0, 100)), max_size=40),
    st.integers(1, 4),
    st.sampled_from(KeyRotation),
)
def test_a_resting_credential_is_never_used(
    events: list[tuple[Rest | None, float, float | None]], count: int, rotation: KeyRotation
) -> None:
    ring, now = KeyRing(count, rotation), 0.0
    ends = [0.0] * count
    for why, step, retry_after in events:
        now += step
        index = ring.take(now)
        until = ring.resting_until(now)
        assert (index is None) == (min(ends) > now) == (until is not None)
        if index is None:
            assert until == min(ends)
            continue
        assert ends[index] <= now
        if why is None:
            ring.succeeded(index)
            continue
        ring.rest(index, why, now, retry_after)
        assert ring._until[index] >= ends[index]
        ends[index] = ring._until[index]
