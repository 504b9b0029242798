"""A live drill, with a network that is played: sites come back whatever happens, and what went wrong is found."""

import dataclasses
from collections.abc import Callable

import pytest
from tests.unit.drill.networks import scene_of

from isochrone.drill import live
from isochrone.drill.live import Clock, Drilling, Limits, LiveError
from isochrone.drill.rehearsing import Answer, Named
from isochrone.drill.traffic import Traffic
from isochrone.local.view import EngineView, SiteView, View

SITES = ("fra1", "ber1", "cdg1", "iad1")
REFUSED = Answer(asked=(), may=(), status=403, code="residency_denied", policy="eu-data-stays")
BUSY = Answer(asked=(), may=(), status=503, code="no_capacity", policy=None)


def by(named: Named) -> Answer:
    return Answer(asked=(named,), may=(), status=200, code="", policy=None)


@dataclasses.dataclass
class Played:
    """Four sites; the front door leads to the first that is up."""

    answer: Callable[["Played"], Answer]
    down: list[str] = dataclasses.field(default_factory=list)
    said: list[str] = dataclasses.field(default_factory=list)
    time: float = 0.0
    sent: int = 0
    stuck: frozenset[str] = frozenset()
    """Sites that don't come back."""
    broken: str = ""
    """The command that can't be done."""
    ready_since: float = 0.0
    """When the engines of cdg1 become ready."""

    def view(self) -> View:
        front = next((site for site in SITES if site not in self.down), None)
        return View(
            front="http://127.0.0.1:1/v1",
            client="FRA",
            is_far=False,
            player="",
            sites=tuple(
                SiteView(
                    name=site,
                    place="",
                    url="",
                    state="Killed" if site in self.down else "Ready",
                    rtt_ms=1.0,
                    is_lawful=True,
                    is_front=site == front,
                )
                for site in SITES
            ),
            routes=(),
            engines=tuple(
                EngineView(route=route, site=site, is_ready=site == "fra1" or self.time >= self.ready_since)
                for route in ("demo/qwen", "demo/bge")
                for site in ("fra1", "cdg1")
            ),
            missing_keys={"openai": "OPENAI_API_KEY"},
        )

    def kill(self, site: str) -> None:
        self._say(f"kill {site}")
        self.down.append(site)

    def start(self, site: str) -> None:
        self._say(f"start {site}")
        if site in self.down and site not in self.stuck:
            self.down.remove(site)

    def _say(self, what: str) -> None:
        self.said.append(what)
        if what == self.broken:
            raise LiveError("no")

    def send(self, traffic: Traffic) -> Answer:
        assert traffic.who == "demo/shop"
        self.sent += 1
        return self.answer(self)

    def clock(self) -> Clock:
        def sleep(seconds: float) -> None:
            self.time += seconds

        return Clock(now=lambda: self.time, sleep=sleep)


def lawful(network: Played) -> Answer:
    up = [site for site in ("fra1", "cdg1") if site not in network.down]
    return by(Named(kind="peer", site=up[0])) if up else REFUSED


def drilling(network: Played) -> Drilling:
    return Drilling(scene_of(), network, Limits(loss=5.0, back=9.0), network.clock())


def test_each_site_is_killed_and_brought_back() -> None:
    network = Played(lawful)
    report = drilling(network).run([("fra1",), ("cdg1", "fra1")])
    assert report.passed
    assert report.mode == "live"
    assert network.said == ["kill fra1", "start fra1", "kill cdg1", "kill fra1", "start cdg1", "start fra1"]
    assert [step.down for step in report.steps] == [(), ("fra1",), ("cdg1",), ("cdg1", "fra1")]
    assert {row.by for row in report.steps[1].rows} == {"site cdg1"}
    assert {row.code for row in report.steps[3].rows} == {"residency_denied"}, "ber1 lets it in, and has no engines"


def test_what_passes_is_asked_again() -> None:
    network = Played(lambda played: BUSY if played.sent % 3 else lawful(played))
    assert drilling(network).run([("fra1",)]).passed


def test_what_does_not_pass_in_time_is_lost() -> None:
    network = Played(lambda played: BUSY if played.down else lawful(played))
    report = drilling(network).run([("fra1",)])
    assert not report.passed
    assert {row.lost for row in report.steps[1].rows} == {"site cdg1"}
    assert network.down == []


def test_what_nobody_could_answer_yet_is_not_lost() -> None:
    network = Played(lambda played: BUSY if played.down else lawful(played), ready_since=1.0)
    report = drilling(network).run([("fra1",)])
    assert {row.code for row in report.steps[1].rows} == {"no_capacity"}
    assert report.passed, "cdg1 became ready while it was asked"


def test_what_goes_outside_is_found() -> None:
    outside = by(Named(kind="provider", provider="openai", endpoint="us"))
    report = drilling(Played(lambda played: outside if played.down else lawful(played))).run([("fra1",)])
    assert all("openai/us" in row.outside[0] for row in report.steps[1].rows)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        pytest.param("kill fra1", "^no$", id="a site that can't be killed"),
        pytest.param("start cdg1", "not every site could be brought back: cdg1: no", id="one that can't be started"),
    ],
)
def test_the_others_are_brought_back_all_the_same(broken: str, said: str) -> None:
    network = Played(lawful, broken=broken)
    with pytest.raises(LiveError, match=said):
        drilling(network).run([("cdg1", "ber1", "fra1")])
    assert {"start cdg1", "start ber1", "start fra1"} <= set(network.said)


def test_sites_come_back_when_somebody_ends_it() -> None:
    def interrupted(played: Played) -> Answer:
        if played.down:
            raise KeyboardInterrupt
        return lawful(played)

    network = Played(interrupted)
    with pytest.raises(KeyboardInterrupt):
        drilling(network).run([("fra1",)])
    assert network.down == []


def test_a_site_that_does_not_come_back_is_said() -> None:
    network = Played(lawful, stuck=frozenset({"fra1"}))
    with pytest.raises(LiveError, match="waited 9 s for fra1 to come back, in vain"):
        drilling(network).run([("fra1",)])
    assert network.time < 60


def test_a_network_that_is_not_well_is_left_alone() -> None:
    network = Played(lawful, down=["ber1"])
    with pytest.raises(LiveError, match="site ber1 is Killed"):
        drilling(network).run([("fra1",)])
    assert network.said == []


@pytest.mark.parametrize(
    ("status", "headers", "body", "answer"),
    [
        pytest.param(200, {"X-Isochrone-Backend": "engine:a/b", "X-Isochrone-Site": "fra1"}, b"{}",
                     by(Named(kind="engine", site="fra1")), id="engines"),
        pytest.param(200, {"x-isochrone-backend": "peer:cdg1", "x-isochrone-site": "cdg1"}, b"{}",
                     by(Named(kind="peer", site="cdg1")), id="a peer"),
        pytest.param(200, {"x-isochrone-backend": "provider:p/eu", "x-isochrone-site": "fra1"}, b"{}",
                     by(Named(kind="provider", provider="p", endpoint="eu")), id="a provider"),
        pytest.param(403, {}, b'{"error": {"code": "residency_denied", "residency": {"policy": "eu-data-stays"}}}',
                     REFUSED, id="the law"),
        pytest.param(502, {}, b"<html>", Answer(asked=(), may=(), status=502, code="", policy=None), id="no JSON"),
    ],
)  # fmt: skip
def test_what_an_answer_says(status: int, headers: dict[str, str], body: bytes, answer: Answer) -> None:
    assert live.answer_of(status, headers, body) == answer
