"""Why a request went where it went, as one header line for callers who may ask."""

from typing import Final

from isochrone_gateway.route.candidates import Explained, Request, Why
from isochrone_gateway.server.pipeline.decide import Decision
from isochrone_gateway.server.pipeline.visit import Visit

_MOST: Final = 32


def line(decision: Decision, visit: Visit, *, chosen: str | None, refused: int, now: float) -> bytes:
    """The policies that bind, who answered, whose address it is from, and what became of each candidate.

    `refused` has a bit for each candidate that is a peer and refused by its own law.
    """
    route, ruling = decision.terms.route, decision.terms.ruling
    found = route.picker.explain(Request(ruling.lawful, now, 0.5, tried=refused))
    parts = [f"revision={visit.entry.revision.name}", f"route={route.id}"]
    parts.append(f"policies={','.join(ruling.policies) or '-'}")
    parts.append(f"audited={','.join(visit.audited) or '-'}")
    parts.append(f"answered={chosen or '-'}")
    parts.append(f"client={visit.client() or '-'}")
    parts += [_said(each, is_refused=bool(refused >> index & 1)) for index, each in enumerate(found[:_MOST])]
    return b"x-isochrone-explain: %b\r\n" % "; ".join(parts).encode("ascii", "replace")


def _said(each: Explained, *, is_refused: bool) -> str:
    if is_refused:
        return f"{each.name}[{each.tier}]={Why.UNLAWFUL_THERE}"
    score = "" if each.score != each.score else f" {each.score:.0f}"
    return f"{each.name}[{each.tier}]={each.why}{score}"
