"""`python -m isochrone_gateway.server.rehearsing`: what gateways with these configs would decide, without a request.

`isochrone drill` asks it. Configs are read as a gateway reads them, and what decides is what decides about requests:
the judgement of a head, a route's terms, the choice among candidates, and a peer's own judgement of the hop, whose
headers are written and read again. Left out is what has no say in where a request goes: sockets, bodies, keys, limits.

One JSON object a line, in and out:

    {"do": "load", "sites": {"fra1": "/folder/with/index.json", ...}}       -> {"loaded": 2}
    {"do": "ask", "down": ["fra1"], "asks": [{"site", "tenant", "model", "origin"}, ...]}
        -> {"answers": [{"refused": null | {"status", "code", "message", "policy"},
                         "asked": [CANDIDATE, ...], "may": [CANDIDATE, ...]}, ...]}

`asked` are those that can answer with these sites down, in the order in which they would be tried; `may` all to whom it
would be sent, in some order of failures. Both are empty for who is refused at the entry. CANDIDATE is {"kind", "site",
"provider", "endpoint", "takes"}. `tenant` and `origin` may be null: nobody's request, and no header.
"""

import pathlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from isochrone_gateway.config import Loaded, assemble, read_index
from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.routes import Candidate, EngineTarget, PeerTarget, ProviderTarget
from isochrone_gateway.ledger.demand import family_in
from isochrone_gateway.ledger.metrics import Registry
from isochrone_gateway.route.candidates import Blocked, Choice, Figures, Nobody, Picker, Why
from isochrone_gateway.route.candidates import Request as Pick
from isochrone_gateway.route.limits import Meter
from isochrone_gateway.route.mask import Age
from isochrone_gateway.server.pipeline import peer_entrance
from isochrone_gateway.server.pipeline.backends import Absent
from isochrone_gateway.server.pipeline.callers import Caller
from isochrone_gateway.server.pipeline.compile import Compiler
from isochrone_gateway.server.pipeline.decide import Terms, terms_of
from isochrone_gateway.server.pipeline.entrance import judge
from isochrone_gateway.server.pipeline.entry import Entry
from isochrone_gateway.server.pipeline.live import Roll
from isochrone_gateway.server.pipeline.nobody import error_of
from isochrone_gateway.server.pipeline.outgoing import hop_lines
from isochrone_gateway.server.pipeline.revision import Revision, Way
from isochrone_gateway.source import files
from isochrone_gateway.upstream.resolver import Resolver, system_lookup
from isochrone_gateway.wire import hop as hops
from isochrone_gateway.wire.errors import ApiError, ErrorKind

_NOW: Final = 0.0
_FRESH: Final = 0.0
_RAND: Final = 0.5
_DEADLINE_MS: Final = 60_000
_NO_KEY: Final = ApiError(kind=ErrorKind.NO_KEY)
_SUSPENDED: Final = ApiError(kind=ErrorKind.FORBIDDEN, message="This tenant is suspended, or has no key.")
_UNKNOWN: Final = ApiError(kind=ErrorKind.MODEL_NOT_FOUND)


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request that comes in at a site."""

    site: str
    tenant: str | None
    model: str
    origin: str | None
    """The header `x-isochrone-origin`."""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate."""

    kind: str
    """`engine`, `peer` or `provider`."""
    site: str = ""
    provider: str = ""
    endpoint: str = ""
    takes: bool = True
    """False: a peer whose own gateway refuses it. It has seen the request by then."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the client is told where nobody answers."""

    status: int
    code: str
    message: str
    policy: str | None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one request."""

    refused: Told | None
    asked: tuple[Named, ...] = ()
    may: tuple[Named, ...] = ()


class Known:
    """The standing of a candidate whose target is up or down; it has no load."""

    def __init__(self, *, is_up: bool) -> None:
        self.figures = Figures()
        self._blocked = None if is_up else Blocked(Why.NOT_READY)

    def blocked(self, now: float) -> Blocked | None:  # noqa: ARG002 - nothing changes while it is asked
        return self._blocked

    def last_resort_at(self, now: float) -> float | None:  # noqa: ARG002 - as above
        return None


class Nowhere:
    """Nobody probes here, so nobody has to be told."""

    def engines_changed(self) -> None:
        """Nothing follows from it."""

    def engines_ready(self) -> None:
        """Nothing follows from it."""


class Tried(NamedTuple):
    """The candidates that would be asked one after the other, and how it ends if all of them fail."""

    named: tuple[Named, ...]
    end: Nobody
    is_refused_there: bool


class Gateway:
    """One site's, as its config makes it."""

    def __init__(self, loaded: Loaded, secrets: pathlib.Path) -> None:
        compiler = Compiler(
            loaded,
            Roll({}),
            secrets=secrets,
            resolver=Resolver(system_lookup, lambda: _NOW),
            watcher=Nowhere(),
            meter=_meter,
        )
        self.site = loaded.config.site.name
        self.revision: Revision = compiler.revision()
        self._tenants = {each.tenant_id: each for each in self.revision.callers.values() if not each.is_suspended}
        self._demand = family_in(Registry())

    def ask(self, ask: Ask, gateways: Mapping[str, "Gateway"], down: frozenset[str]) -> Answer:
        """What becomes of a request that comes in here."""
        entry = Entry(self.revision)
        caller = self._caller(ask.tenant)
        if isinstance(caller, ApiError):
            return _refusal(caller)
        entry.caller = caller
        fields = {} if ask.origin is None else {b"x-isochrone-origin": ask.origin.encode("latin-1")}
        error = judge(entry, fields, _FRESH)
        if error is not None:
            return _refusal(error)
        terms = terms_of(entry, ask.model, self._demand)
        if terms is None:
            return _refusal(_UNKNOWN)
        if terms.ruling.entry is not None:
            return _refusal(terms.ruling.entry)
        may = self._tried(terms, gateways, frozenset())
        now = self._tried(terms, gateways, down)
        asked = tuple(each for each in now.named if each.takes)
        if asked:
            return Answer(refused=None, asked=asked, may=may.named)
        error = error_of(now.end, terms, self.revision.rulings, _NOW, is_refused_there=now.is_refused_there)
        return Answer(refused=_told(error), may=may.named)

    def _caller(self, tenant: str | None) -> Caller | ApiError:
        if tenant is None:
            return self.revision.anybody or _NO_KEY
        return self._tenants.get(tenant, _SUSPENDED)

    def _tried(self, terms: Terms, gateways: Mapping[str, "Gateway"], down: frozenset[str]) -> Tried:
        """Ask as a request does: the best that is left, until nobody is."""
        ways = terms.route.ways
        standings = [Known(is_up=way.peer not in down and not isinstance(way.backend, Absent)) for way in ways]
        picker = Picker(terms.route.route, standings, hops=len(self.revision.jurisdictions))
        named: list[Named] = []
        words: set[hops.Refused | None] = set()
        tried = 0
        while isinstance(found := picker.pick(Pick(terms.ruling.lawful, _NOW, _RAND, tried=tried)), Choice):
            option = found.option
            tried |= 1 << option.index
            word = _refused(gateways, ways[option.index], terms)
            words.add(word)
            named.append(_named(option.candidate, self.site, takes=word is None))
        return Tried(tuple(named), found, hops.Refused.UNLAWFUL in words)


def _refused(gateways: Mapping[str, Gateway], way: Way, terms: Terms) -> hops.Refused | None:
    """Why a peer's own gateway refuses the hop, if it does: both ends judge. Whoever is no peer isn't asked."""
    if not way.peer:
        return None
    peer = gateways.get(way.peer)
    if peer is None:
        return hops.Refused.UNKNOWN_PEER
    hop = hops.parse(_fields(hop_lines(terms.route.id, way.pool, terms.standpoint, terms.ruling)))
    if isinstance(hop, hops.BadHop):
        return hops.Refused.BAD_HOP
    own = peer_entrance.find(hop, peer.revision)
    if isinstance(own, peer_entrance.Refusal):
        return own.word
    ruling = peer_entrance.judge(hop, own, peer.revision, Age.FRESH)
    return ruling.word if isinstance(ruling, peer_entrance.Refusal) else None


def _fields(lines: bytes) -> dict[bytes, bytes]:
    """The headers of a hop as its receiver has them."""
    whole = lines + hops.attempt(deadline_ms=_DEADLINE_MS, affinity=None) + b"x-request-id: drill\r\n"
    return dict(line.split(b": ", 1) for line in whole.splitlines())


def _named(candidate: Candidate, site: str, *, takes: bool) -> Named:
    match candidate.target:
        case EngineTarget():
            return Named(kind="engine", site=site)
        case PeerTarget(site=peer):
            return Named(kind="peer", site=peer, takes=takes)
        case ProviderTarget(provider=provider, endpoint=endpoint):
            return Named(kind="provider", provider=provider, endpoint=endpoint)


def _refusal(error: ApiError) -> Answer:
    return Answer(refused=_told(error))


def _told(error: ApiError) -> Told:
    row = error.kind.value
    policy = error.extra.get("residency", {}).get("policy")
    return Told(status=error.status, code=row.code or "", message=error.message or row.message, policy=policy)


def _meter(name: str, rates: Rates) -> Meter:
    """Limits have no say in where a request goes, so nothing is counted."""
    return Meter(name, rates)


class Rehearsal:
    """Answers the lines of one input."""

    def __init__(self, secrets: pathlib.Path) -> None:
        self._secrets = secrets
        self._gateways: Mapping[str, Gateway] = {}

    def answer(self, line: bytes) -> Mapping[str, Any]:
        """What one line asks for. Raises ConfigError for a config that a gateway would refuse."""
        said = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        match msgspec.json.decode(said["do"], type=str):
            case "load":
                folders = msgspec.json.decode(said["sites"], type=dict[str, str])
                self._gateways = {site: self._gateway(pathlib.Path(at)) for site, at in folders.items()}
                return {"loaded": len(self._gateways)}
            case "ask":
                down = msgspec.json.decode(said["down"], type=frozenset[str])
                asks = msgspec.json.decode(said["asks"], type=list[Ask])
                return {"answers": [self._gateways[ask.site].ask(ask, self._gateways, down) for ask in asks]}
            case other:
                raise ValueError(f"{other!r} is not understood: load, or ask")

    def _gateway(self, folder: pathlib.Path) -> Gateway:
        with files.opened(folder) as found:
            received = read_index(found.index())
            loaded = assemble(received, found.shards([each.name for each in received.index.shards]))
        for credential in (each for provider in loaded.config.providers for each in provider.credentials):
            path = self._secrets / credential.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("a key that is taken to be there")
        return Gateway(loaded, self._secrets)


def answers(lines: Iterator[bytes]) -> Iterator[bytes]:
    """An answer for each line."""
    with tempfile.TemporaryDirectory(prefix="isochrone-drill-") as secrets:
        rehearsal = Rehearsal(pathlib.Path(secrets))
        for line in lines:
            yield msgspec.json.encode(rehearsal.answer(line)) + b"\n"


def main() -> None:
    """Answer standard input on standard output until it ends."""
    for answer in answers(iter(sys.stdin.buffer)):
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
