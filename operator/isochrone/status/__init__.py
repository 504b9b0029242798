"""What became of each object, told in the statuses of custom resources: pure functions of what is known.

    of(snapshot, plan, delivery, now=...)    the status of every object
    events(before, after)                    what is worth telling between two moments
    families(statuses)                       the same as figures for Prometheus
    document(status)                         as it is written to the API server

One file per kind. `facts` looks up what several kinds ask for; `said` makes conditions of what a kind says, with
`Ready` as their sum. A status that says the same as the one that is stored is equal to it, so nothing is written where
nothing changed. `docs/reference/status.md` lists every condition and reason.

What must not be here: I/O, clocks, decisions about places, and figures that change by the minute.
"""

from isochrone.status.events import Event, Moment, events
from isochrone.status.facts import Asked
from isochrone.status.metrics import Family, families
from isochrone.status.objects import document, key_of, of, stored

__all__ = [
    "Asked",
    "Event",
    "Family",
    "Moment",
    "document",
    "events",
    "families",
    "key_of",
    "of",
    "stored",
]
