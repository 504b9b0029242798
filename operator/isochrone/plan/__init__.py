"""Decides where each route's engines run and who answers where: pure functions of a snapshot and a moment.

    plan(snapshot, now=...)             where engines are to run, what changes, and what is missing
    replan(before, snapshot, now=...)   the same, working out again only what a change can touch
    routing(snapshot, plan, now=...)    who answers, as a table for one site at a time
    explain(snapshot, plan, route, ...) why here, and why not there
    reached(snapshot, plan, ...)        who is served from where
    summary(snapshot, plan, ...)        what each route takes and costs, and how near it is
    public_names(routes)                which names each route has

In order: `world` resolves, `lawful` asks the law, `demand` and `view` say how near is near, `filters` what is possible,
`round` gives out devices, `settle` repeats it until nothing changes, `changes` tells the difference. Everything is
whole numbers. `docs/decisions/0014-planner.md` says why it is so.

What must not be here: I/O, clocks, Kubernetes manifests, and words for people.
"""

from isochrone.model.declared import public_names
from isochrone.plan.changes import counts
from isochrone.plan.explain import AtEndpoint, AtSite, Explanation, Ruling, explain
from isochrone.plan.planner import Planned, plan, replan
from isochrone.plan.reached import Reached, reached
from isochrone.plan.routing import Routings, routing
from isochrone.plan.summary import Served, summary

__all__ = [
    "AtEndpoint",
    "AtSite",
    "Explanation",
    "Planned",
    "Reached",
    "Routings",
    "Ruling",
    "Served",
    "counts",
    "explain",
    "plan",
    "public_names",
    "reached",
    "replan",
    "routing",
    "summary",
]
