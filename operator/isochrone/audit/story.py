"""All that is known of one request, at all gateways that had it, and what is not."""

import dataclasses
import enum
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from isochrone.audit.rows import utc
from isochrone.audit.sources import Source
from isochrone.audit.visits import Reading, Try, Visit, visits

_PEER: Final = "peer:"
ANSWERED: Final = frozenset({"Answered", "Partial"})
_AS_WRITTEN: Final = re.compile(r"[A-Za-z0-9._:~-]+")
"""Ids that JSON has in one way only."""


class Gap(enum.StrEnum):
    """What is not known."""

    NO_OUTCOME = "NoOutcome"
    """It was sent, and how that ended isn't told."""
    NO_INTENT = "NoIntent"
    """How it ended is told, and where it was sent isn't."""
    NO_PEER = "NoPeer"
    """It was sent to a peer of whom there is no evidence among the folders."""
    NOT_AT_PEER = "NotAtPeer"
    """It was sent to a peer whose evidence has no line of it."""
    NO_ENTRY = "NoEntry"
    """It came from a peer, and no evidence of where it came in is here."""
    NO_VERSIONS = "NoVersions"
    """The line that says which versions of policies were in force isn't here."""
    NO_PLACE = "NoPlace"
    """Where the gateway stands isn't told by any line that is here, or not by all alike."""


@dataclasses.dataclass(frozen=True, slots=True)
class Unknown:
    """Something that isn't known, and why that may be."""

    gap: Gap
    site: str
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class Ran:
    """Where it was answered."""

    witness: str
    """The site whose evidence says it."""
    site: str
    """The site whose gateway asked the engine or provider: another one only for a peer whose evidence isn't here."""
    candidate: str
    place: str
    level: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One id. `visits` in order of time; `hops` are pairs of places in it: a guest, and who sent it with which try."""

    visits: tuple[Visit, ...]
    hops: tuple[tuple[int, int, int], ...]
    """(guest, sender, try's number), places in `visits`."""
    ran: Ran | None
    unknown: tuple[Unknown, ...]


def tell(sources: Sequence[Source], name: str) -> tuple[Story | None, Reading]:
    """The story of an id; None if no line has it. Raises OSError."""
    reading, wants = Reading(), _wants(name)
    found = [each for source in sources for each in visits(source, reading, wants=wants) if each.id == name]
    if not found:
        return None, reading
    # At one instant, who sends comes before who is sent to.
    ordered = tuple(sorted(found, key=lambda each: (each.began, each.is_hosted, each.source.site)))
    joined = _joined(ordered)
    hops = tuple((guest, sender, tried.number) for guest, (sender, tried) in joined.items())
    gaps = _Gaps(ordered, joined, sources, reading)
    return Story(visits=ordered, hops=hops, ran=_ran(ordered, joined), unknown=tuple(gaps.every())), reading


def _wants(name: str) -> Callable[[bytes], bool]:
    if not _AS_WRITTEN.fullmatch(name):
        return lambda _: True
    sought = name.encode()
    return lambda data: sought in data or b'"Config"' in data or b'"Lost"' in data or b'"End"' in data


_Joined = dict[int, tuple[int, Try]]


def _joined(found: Sequence[Visit]) -> _Joined:
    """For each guest the sender's place and try: of those that went to its site, the one nearest in time."""
    open_ = [
        (place, tried)
        for place, visit in enumerate(found)
        for tried in visit.tries
        if tried.intent is not None and tried.intent.candidate.startswith(_PEER)
    ]
    joined: _Joined = {}
    for place, visit in enumerate(found):
        if visit.first is not None and not visit.is_hosted:
            continue
        near = [each for each in open_ if peer_of(each[1]) == visit.source.site and each[0] != place]
        if near:
            joined[place] = nearest = min(near, key=lambda each: abs(_sent_at(each[1]) - visit.began))
            open_.remove(nearest)
    return joined


def peer_of(tried: Try) -> str:
    """The site of the peer that it was sent to; empty if it wasn't to a peer."""
    candidate = tried.intent.candidate if tried.intent is not None else ""
    return candidate.removeprefix(_PEER) if candidate.startswith(_PEER) else ""


def _sent_at(tried: Try) -> float:
    return tried.intent.at if tried.intent is not None else 0.0


def _ran(found: Sequence[Visit], joined: _Joined) -> Ran | None:
    """Where the last one that came in was answered; of a hop, what the peer's own evidence says."""
    entries = [place for place, each in enumerate(found) if place not in joined and each.outcome in ANSWERED]
    if not entries:
        return None
    visit = found[entries[-1]]
    tried = visit.tries[-1] if visit.tries else None
    if tried is None or tried.intent is None:
        return None
    if peer := peer_of(tried):
        guests = [place for place, (sender, each) in joined.items() if sender == entries[-1] and each is tried]
        there = found[guests[0]].tries[-1:] if guests else []
        if not there or there[0].intent is None:
            return Ran(visit.source.site, peer, tried.intent.candidate, tried.place, tried.intent.level)
        return Ran(peer, peer, there[0].intent.candidate, there[0].place, there[0].intent.level)
    return Ran(visit.source.site, visit.source.site, tried.intent.candidate, tried.place, tried.intent.level)


class _Gaps:
    """What is not known, of each visit in turn."""

    def __init__(self, found: Sequence[Visit], joined: _Joined, sources: Iterable[Source], reading: Reading) -> None:
        self.found, self.joined, self.reading = found, joined, reading
        self.sites = {each.site for each in sources}

    def every(self) -> Iterator[Unknown]:
        for place, visit in enumerate(self.found):
            yield from self._of_place(place, visit)
            yield from self._of_tries(visit)
            yield from self._of_peers(place, visit)

    def _of_place(self, place: int, visit: Visit) -> Iterator[Unknown]:
        site, source = visit.source.site, visit.source
        if visit.is_hosted and place not in self.joined:
            yield Unknown(Gap.NO_ENTRY, site, "it came from a peer, and no evidence of where it came in is here")
        if not source.place:
            said = f"where {site}/{source.instance} stands: no Boot that is signed says it, or they differ"
            yield Unknown(Gap.NO_PLACE, site, said)
        if _lacks_versions(visit):
            yield Unknown(Gap.NO_VERSIONS, site, "which versions of its policies were in force: no Config says it")

    def _of_tries(self, visit: Visit) -> Iterator[Unknown]:
        site = visit.source.site
        for each in visit.tries:
            if each.intent is None:
                why = self._lost([visit.source], visit)
                yield Unknown(Gap.NO_INTENT, site, f"where try {each.number} was sent: no Intent is here{_in(why)}")
        for index, each in enumerate(visit.tries):
            if each.failed is None and (visit.end is None or index < len(visit.tries) - 1):
                said = f"how try {each.number} ended: no Outcome is here"
                yield Unknown(Gap.NO_OUTCOME, site, said + self._of_end(visit))
        if visit.end is None and visit.tries and visit.tries[-1].failed is not None:
            said = "what the client was told: no Outcome of the request is here"
            yield Unknown(Gap.NO_OUTCOME, site, said + self._of_end(visit))

    def _of_peers(self, place: int, visit: Visit) -> Iterator[Unknown]:
        for each in visit.tries:
            peer = peer_of(each)
            if not peer or any(sender == place and tried is each for sender, tried in self.joined.values()):
                continue
            if peer not in self.sites:
                said = f"what {peer} did with try {each.number}: no evidence of that site is among the folders"
                yield Unknown(Gap.NO_PEER, peer, said)
            else:
                there = [source for source, _ in self.reading.lost if source.site == peer]
                said = f"what {peer} did with try {each.number}: its evidence has no line of it; it never came there"
                yield Unknown(
                    Gap.NOT_AT_PEER, peer, f"{said}, or none could or may be written{_in(self._lost(there, visit))}"
                )

    def _of_end(self, visit: Visit) -> str:
        """Why an end may not be told."""
        is_open = visit.source not in self.reading.ended
        why = ["its worker ended without saying so, or runs still"] if is_open else []
        return _in([*why, *self._lost([visit.source], visit)])

    def _lost(self, where: Sequence[Source], visit: Visit) -> list[str]:
        """What those chains say was not written, if that can have been of this request."""
        return [
            f"{lost.count} records were not written from {utc(lost.since)} to {utc(lost.at)}: {lost.why}"
            for source, lost in self.reading.lost
            if source in where and lost.at >= visit.began
        ]


def _in(why: Sequence[str]) -> str:
    return f" ({'; '.join(why)})" if why else ""


def _lacks_versions(visit: Visit) -> bool:
    if not visit.tries:
        return visit.end is not None and bool(visit.end.policies) and visit.versions is None
    return any(each.intent is not None and each.intent.policies and each.versions is None for each in visit.tries)
