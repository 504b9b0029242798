"""A drill in the network of `isochrone up`: sites are killed, real requests are sent, and each site is brought back.

Where requests went is read from the answers' headers and judged as in a simulated drill. A client is where the network
was told that it is; its data is from where its tenant says. Everything has a limit, and whatever happens every site
that was killed is started again.
"""

import dataclasses
import http.client
import json
import pathlib
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from isochrone.drill import world
from isochrone.drill.areas import Drill
from isochrone.drill.rehearsing import Answer, Named
from isochrone.drill.report import Report, Row, Step
from isochrone.drill.running import Judge, Moment, Scene
from isochrone.drill.traffic import Traffic
from isochrone.drill.world import Planned
from isochrone.local import control
from isochrone.local.view import View
from isochrone.model import RouteKey

_REQUEST_LIMIT: Final = 60.0
"""Seconds for one answer: a small model on a busy machine takes some."""
_PASSING: Final = frozenset({0, 502, 503, 504})
"""What a client sees while gateways find out that a site is gone: it asks again. 0: the connection broke."""
_PAUSE: Final = 0.25
_READY: Final = "Ready"


class LiveError(Exception):
    """The network isn't there, isn't as declared, or didn't do in time what it was told to."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds."""

    loss: float = 60.0
    """From a loss until all requests are answered, or refused for good."""
    back: float = 180.0
    """Until a site is ready again."""


class Network(Protocol):
    """A network that runs."""

    def view(self) -> View: ...
    def kill(self, site: str) -> None: ...
    def start(self, site: str) -> None: ...
    def send(self, traffic: Traffic) -> Answer:
        """One request at the front door."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Monotonic seconds, and how they pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Drilling:
    """One drill of a network."""

    def __init__(self, scene: Scene, network: Network, limits: Limits = Limits(), clock: Clock = Clock()) -> None:
        self._scene = scene
        self._network = network
        self._limits = limits
        self._clock = clock
        self._judge = Judge(scene)
        self._offline = world.plan(scene.snapshot, (), None, now=scene.now)

    def run(self, drills: Sequence[Drill]) -> Report:
        """Raises LiveError; the sites that were killed are started even then."""
        self._check()
        steps = [self._step(())]
        for drill in drills:
            steps += self._drill(drill)
        return Report(
            installation=self._scene.snapshot.settings.installation,
            at=self._scene.now,
            mode="live",
            declared=self._scene.digest,
            steps=tuple(steps),
        )

    def _check(self) -> None:
        view = self._network.view()
        there = {each.name for each in view.sites}
        declared = set(world.points(self._scene.snapshot))
        if there != declared:
            raise LiveError(
                f"the network that runs has other sites: {_listed(there)}; declared are {_listed(declared)}"
            )
        for each in view.sites:
            if each.state != _READY:
                raise LiveError(f"site {each.name} is {each.state}: `isochrone sites start {each.name}`, or wait")

    def _drill(self, drill: Drill) -> list[Step]:
        steps = []
        killed: list[str] = []
        try:
            for site in drill:
                killed.append(site)
                self._network.kill(site)
                steps.append(self._step(tuple(killed)))
        finally:
            self._bring_back(killed)
        return steps

    def _bring_back(self, killed: Sequence[str]) -> None:
        """All of them, also if one of them can't be."""
        problems = []
        for site in killed:
            try:
                self._network.start(site)
            except LiveError as error:
                problems.append(f"{site}: {error}")
        if problems:
            raise LiveError(f"not every site could be brought back: {'; '.join(problems)}")
        self._until(lambda view: _are_ready(view, killed), self._limits.back, f"{_listed(killed)} to come back")

    def _step(self, down: tuple[str, ...]) -> Step:
        first = self._until(
            lambda view: _front(view) not in down, self._limits.loss, "the front door to lead elsewhere"
        )
        deadline = self._clock.now() + self._limits.loss
        answers = [(each, self._answer(each, deadline)) for each in self._scene.traffic]
        last = self._network.view()
        moment = Moment(down=down, after="failure" if down else "nothing", planned=self._as_it_runs(first, last, down))
        return Step(down=down, after=moment.after, rows=tuple(self._rows(answers, _front(last), moment)))

    def _rows(self, answers: Iterable[tuple[Traffic, Answer]], front: str | None, moment: Moment) -> Iterator[Row]:
        for traffic, answer in answers:
            yield self._judge.row(traffic, front, answer, moment)

    def _answer(self, traffic: Traffic, deadline: float) -> Answer:
        """What a client gets that asks again while it may pass."""
        while True:
            answer = self._network.send(traffic)
            if answer.status not in _PASSING or self._clock.now() >= deadline:
                return answer
            self._clock.sleep(_PAUSE)

    def _until(self, holds: Callable[[View], bool], limit: float, what: str) -> View:
        deadline = self._clock.now() + limit
        while not holds(view := self._network.view()):
            if self._clock.now() >= deadline:
                raise LiveError(f"waited {limit:.0f} s for {what}, in vain")
            self._clock.sleep(_PAUSE)
        return view

    def _as_it_runs(self, first: View, last: View, down: Sequence[str]) -> Planned:
        """Who could answer: the engines that were ready all the while, and the providers whose keys are there.

        A network may plan anew while it is asked. An engine that became ready in the meantime could not have answered
        what came before.
        """
        engines: dict[RouteKey, set[str]] = {}
        for route, site in _ready_engines(first) & _ready_engines(last):
            if site not in down:
                namespace, _, name = route.partition("/")
                engines.setdefault(RouteKey(namespace, name), set()).add(site)
        answering = {
            route: tuple(able for able in ables if able.provider not in last.missing_keys)
            for route, ables in self._offline.answering.items()
        }
        return Planned(
            configs={},
            engines={route: frozenset(sites) for route, sites in engines.items()},
            answering=answering,
            plan=self._offline.plan,
        )


def _front(view: View) -> str | None:
    return next((each.name for each in view.sites if each.is_front), None)


def _ready_engines(view: View) -> frozenset[tuple[str, str]]:
    """(route, site) of each."""
    return frozenset((each.route, each.site) for each in view.engines if each.is_ready)


def _are_ready(view: View, sites: Iterable[str]) -> bool:
    states = {each.name: each.state for each in view.sites}
    return all(states.get(site) == _READY for site in sites)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


class Running:
    """The network whose control socket this is."""

    def __init__(self, socket: pathlib.Path, key: str, *, embeds: frozenset[str]) -> None:
        """`embeds`: the routes that make embeddings, not chats."""
        self._socket = socket
        self._key = key
        self._embeds = embeds

    def view(self) -> View:
        (answer,) = self._ask({"do": "sites"})
        return msgspec.convert(answer["view"], View)

    def kill(self, site: str) -> None:
        self._ask({"do": "kill", "site": site})

    def start(self, site: str) -> None:
        self._ask({"do": "start", "site": site})

    def send(self, traffic: Traffic) -> Answer:
        front = urllib.parse.urlsplit(self.view().front)
        asked = {"input": "drill"} if traffic.route.who.id in self._embeds else _CHAT
        path = "/v1/embeddings" if traffic.route.who.id in self._embeds else "/v1/chat/completions"
        connection = http.client.HTTPConnection(front.hostname or "", front.port, timeout=_REQUEST_LIMIT)
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        if traffic.header is not None:
            headers["x-isochrone-origin"] = traffic.header
        try:
            connection.request("POST", path, json.dumps({**asked, "model": traffic.model}), headers)
            response = connection.getresponse()
            return answer_of(response.status, dict(response.headers.items()), response.read())
        except (OSError, http.client.HTTPException):
            return Answer(asked=(), may=(), status=0, code="no_answer", policy=None)
        finally:
            connection.close()

    def _ask(self, what: dict[str, str]) -> list[dict[str, Any]]:
        try:
            return list(control.ask(self._socket, what))
        except (control.NotRunning, control.Unknown) as error:
            raise LiveError(str(error)) from error


_CHAT: Final[Mapping[str, Any]] = {"messages": [{"role": "user", "content": "drill"}], "max_tokens": 1}


def answer_of(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """What an answer says of who gave it."""
    lower = {name.lower(): value for name, value in headers.items()}
    if status == http.client.OK:
        return Answer(asked=(_named(lower),), may=(), status=status, code="", policy=None)
    try:
        error = json.loads(body)["error"]
        code, policy = str(error.get("code") or ""), (error.get("residency") or {}).get("policy")
    except (ValueError, KeyError, TypeError, AttributeError):
        code, policy = "", None
    return Answer(asked=(), may=(), status=status, code=code, policy=policy)


def _named(headers: Mapping[str, str]) -> Named:
    kind, _, name = headers.get("x-isochrone-backend", "").partition(":")
    if kind == "provider":
        provider, _, endpoint = name.partition("/")
        return Named(kind=kind, provider=provider, endpoint=endpoint)
    return Named(kind=kind, site=headers.get("x-isochrone-site", ""))
