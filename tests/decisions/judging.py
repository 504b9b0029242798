"""What became of a request, beside what the law says of it: neither laxer nor stricter, by the oracle."""

import collections
import functools
from collections.abc import Iterator

from tests.decisions.drawing import Drawn, draw, seconds
from tests.decisions.network import Answer, Sent, Where, where_of
from tests.decisions.world import World
from tests.oracle import residency
from tests.oracle.requests import Asked, Target
from tests.worlds.dice import Dice

from isochrone_gateway.config.routes import Candidate, RetryOn

OK = 200
NO_ANSWER = {"unlawful", "elsewhere"}
"""Answers of peers that are no failed attempts."""
_ON = {
    "connect": RetryOn.CONNECT_FAILURE,
    "timeout": RetryOn.TIMEOUT,
    "429": RetryOn.RATE_LIMITED,
    "503": RetryOn.SERVER_ERROR,
}


class Verdicts:
    """Asks the gateways of one world, one request after the other, and counts what became of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.counted: collections.Counter[str] = collections.Counter()

    def decide(self, dice: Dice) -> None:
        """One request. Raises AssertionError where it isn't as the law says."""
        drawn = draw(self.world, dice)
        network = self.world.network
        network.random, network.fate = dice.random, drawn.fate
        network.sent.clear()
        network.loop.now += 60
        for site in network.sites.values():
            site.age = seconds(drawn.ages[site.name], site.config.site.age)
            site.begin_anew(drawn.down, network.loop.now)
        answer = network.ask(drawn.site, drawn.raw, drawn.body)
        _Judged(self.world, drawn, answer, list(network.sent), self.counted).judge()
        self._at_peer_port(drawn, dice)

    def _at_peer_port(self, drawn: Drawn, dice: Dice) -> None:
        """A stranger's hop goes nowhere, whatever it says."""
        if not dice.chance(3):
            return
        network = self.world.network
        site = dice.choice(list(network.sites.values()))
        network.sent.clear()
        connection = network.hop(site, drawn.raw if not drawn.is_doubled else _PLAIN, drawn.body, {})
        while network.loop.step():
            pass
        assert connection.is_over
        assert (connection.status, network.sent) == (403, [])
        self.counted["stranger at the peer port"] += 1


_PLAIN = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n"


class _Judged:
    """One request that is over."""

    def __init__(
        self, world: World, drawn: Drawn, answer: Answer, sent: list[Sent], counted: collections.Counter[str]
    ) -> None:
        self._world = world
        self._drawn = drawn
        self._answer = answer
        self._sent = sent
        self._counted = counted
        self._law = world.law[drawn.site.name]
        self._age = drawn.ages[drawn.site.name]
        self._mine = [each for each in sent if not each.hosted]

    def judge(self) -> None:
        self._count()
        for each in self._sent:
            self._judge_sent(each)
        if not self._refused_at_the_door():
            self._judge_answer()

    # Not laxer.

    def _judge_sent(self, sent: Sent) -> None:
        site, asked = self._drawn.site.name, self._drawn.asked
        if sent.hosted:
            assert sent.where[0] == "engine", "what comes in at a peer port never leaves the site"
            assert self._may_host(sent.site), f"{sent.site} hosted what its law forbids"
            return
        assert sent.site == site
        assert self._law.may_enter(site, asked, self._age), "sent on, though it may not be here"
        assert self._may_answer(sent.where), f"sent to {sent.where}, where it may not be"
        if sent.where[0] == "peer" and sent.answer in {"unlawful", "ok"} and sent.where[1] in self._world.law:
            lawful = self._may_host(sent.where[1])
            assert lawful or sent.answer == "unlawful", f"{sent.where} answered what its law forbids"
            assert not lawful or sent.answer == "ok", f"{sent.where} refused what its law allows"

    def _may_answer(self, where: Where) -> bool:
        return self._law.may_answer(self._drawn.site.name, self._drawn.asked, _target(where), self._age)

    def _may_host(self, peer: str) -> bool:
        law = self._world.law[peer]
        asked, site = self._drawn.asked, self._drawn.site.name
        return law.may_host(peer, self._law.hop(site, asked), self._drawn.ages[peer])

    # Not stricter.

    def _refused_at_the_door(self) -> bool:
        """What the head alone decides."""
        drawn, answer, asked = self._drawn, self._answer, self._drawn.asked
        if drawn.is_doubled:
            assert (answer.status, answer.code) == (400, "repeated_header")
            return True
        if asked.tenant is None and not drawn.site.config.site.anonymous_access:
            assert (answer.status, answer.code) == (401, "missing_api_key")
            return True
        is_refused = answer.code == "origin_not_allowed"
        assert is_refused == (self._law.origin(asked) is None), "the header for the origin"
        if is_refused:
            assert not answer.was_read
            return True
        usable = [each for each in self._usable() if self._law.may_enter(drawn.site.name, each, self._age)]
        if answer.code == "residency_denied" and not answer.was_read:
            assert not usable or not self._usable_ids(), f"refused at its head, though {usable[:1]} may come in"
            self._counted["refused at ingress"] += 1
            return True
        assert usable or not self._usable_ids(), "its body was read, though no route lets it in"
        return False

    def _usable_ids(self) -> list[str]:
        config, tenant = self._drawn.site.config, self._drawn.asked.tenant
        ids = [route.id for route in config.routes]
        if tenant is None:
            return ids
        routes = next(each.routes for each in config.tenants.tenants if each.id == "/".join(tenant))
        return [each for each in ids if routes is None or each in routes]

    def _usable(self) -> Iterator[Asked]:
        asked = self._drawn.asked
        for each in self._usable_ids():
            namespace, _, name = each.partition("/")
            yield Asked((namespace, name), asked.tenant, asked.origin, asked.classes)

    def _judge_answer(self) -> None:
        drawn, answer = self._drawn, self._answer
        if drawn.route.id not in self._usable_ids():
            assert answer.code == "model_not_found"
            self._counted["no right to the route"] += 1
            return
        if not self._law.may_enter(drawn.site.name, drawn.asked, self._age):
            assert answer.code == "residency_denied", "it may not be here"
            self._counted["refused by its own route's ingress"] += 1
            return
        candidates = [(where_of(each), each) for tier in drawn.route.tiers for each in tier.candidates]
        lawful = [(where, each) for where, each in candidates if self._may_answer(where)]
        if not lawful:
            assert answer.code == ("residency_denied" if candidates else "no_capacity"), "nobody may answer it"
            self._counted["no lawful candidate"] += 1
            return
        self._judge_failure([(where, each) for where, each in lawful if each.weight])

    def _judge_failure(self, lawful: list[tuple[Where, Candidate]]) -> None:
        """Somebody may answer: then somebody does, but for what fails and for the route's own rules."""
        answer, tried = self._answer, {each.where for each in self._mine}
        if answer.status == OK:
            self._counted["answered"] += 1
            return
        refused = {each.where for each in self._mine if each.answer == "unlawful"}
        if answer.code == "residency_denied":
            assert {where for where, _ in lawful} <= refused, "denied, though somebody lawful is left"
            self._counted["refused by all peers"] += 1
            return
        healthy = {where for where, _ in lawful if self._is_well(where)}
        assert healthy <= tried or self._gave_up(), f"{answer}: {healthy - tried} was not asked"
        self._counted["failed for want of somebody well"] += 1

    def _gave_up(self) -> bool:
        """Whether the route's rules for retries end it."""
        retry = self._drawn.route.retry
        heard = [each for each in self._mine if each.answer not in NO_ANSWER]
        if not heard:
            return False
        on = _ON.get(heard[-1].answer, RetryOn.SERVER_ERROR)
        return on not in retry.on or len(heard) >= retry.attempts or not retry.budget_percent

    def _is_well(self, where: Where) -> bool:
        site = self._drawn.site
        view = next(each for each in site.revision.routes if each.id == self._drawn.route.id)
        if any(id(way) in site.absent and site.wheres[id(way)] == where for way in view.ways):
            return False
        match where:
            case ("engine", pool):
                return ("engine", site.name, pool) not in self._drawn.down
            case ("peer", name, _):
                return ("site", name) not in self._drawn.down
            case _:  # What one endpoint of a provider says of a key holds for all of them.
                limited = {each.where[:2] for each in self._mine if each.answer == "429"}
                return where[:2] not in limited

    # What was met.

    def _count(self) -> None:
        drawn, mine, count = self._drawn, self._mine, self._counted
        law, asked = self._law, drawn.asked
        heard = [each for each in mine if each.answer not in NO_ANSWER]
        met = {
            "decisions": True,
            "answered by a provider": any(each.where[0] == "provider" for each in mine),
            "retried": len(heard) > 1,
            "fell back": len({each.where for each in mine}) > 1,
            "hopped": any(each.hosted for each in self._sent),
            "refused by a peer": any(each.answer == "unlawful" for each in mine),
            "hop between configs of two times": any(
                each.where[0] == "peer"
                and (each.where[1] in self._world.older) != (drawn.site.name in self._world.older)
                for each in mine
            ),
            "on an older config": drawn.site.name in self._world.older,
            "stale": self._age == "Stale",
            "expired": self._age == "Expired",
            "at a place nobody knows": not _is_known(tuple(law.sites[drawn.site.name]["codes"])),
            "a candidate's place is unknown": self._has_unknown_candidate(),
            "forged": drawn.is_forged,
            "doubled": drawn.is_doubled,
            "origin not allowed": law.origin(asked) is None,
            "unknown origin": law.origin(asked) == (),
            "nobody's": asked.tenant is None,
            "something down": bool(drawn.down),
        }
        for what, is_met in met.items():
            count[what] += is_met

    def _has_unknown_candidate(self) -> bool:
        site = self._drawn.site.name
        targets = (_target(where_of(each)) for tier in self._drawn.route.tiers for each in tier.candidates)
        return any(not _is_known(tuple(self._law.place(site, each)["codes"])) for each in targets)


@functools.cache
def _is_known(codes: tuple[str, ...]) -> bool:
    return bool(codes) and all(map(residency.is_known, codes))


def _target(where: Where) -> Target:
    """As the oracle names it."""
    if where[0] == "engine":
        return ("engine",)
    return where[:2] if where[0] == "peer" else where


def dice_of(seed: int, number: int) -> Dice:
    """What one decision of a world is drawn with: each can be made again without the others."""
    return Dice(f"{seed} {number}")
