"""An independent proof that no reachable candidate lies outside the law: a second opinion, not a second run.

    declared.read(objects, unbound=...)          what users declare, from its JSON
    verify(declared, clusters) -> Report         what all sites are to run, compared with it

**Independent.** The meaning of policies is written here from docs/decisions/0002-residency-law.md alone. Nothing is
imported of the evaluator, the planner, the renderer, the API's models or the gateway, but the config's records
(`isochrone_gateway.config`) and the lists of places (`isochrone.geo`: codes, blocs, airports); `make lint` holds that.

**What is proved.** For every site, route, caller, data class and origin: each candidate that the gateway's own tables
let through (engines here, a peer, a provider's endpoint) is lawful at the place where it is *declared* to be, in the
scopes Ingress, Inference, Cache, Logs and State; engines stand where their weights may be. So four things are looked
at:

* the compiled tables against the policies (`tables`), and whom they bind;
* what else of a config a decision rests on, one by one: places, peers' identities, providers' addresses, tenants'
  origins, data classes, ages, what holds by default (`likeness`);
* both together: what is let through, intersected with what is forbidden (`reach`);
* what the cluster itself lets pods talk to (`egress`).

**Failures.** A gateway that is without some candidates, because they fail, are slow, over a limit or unlawful at the
peer, tries others of the same list under the same mask. The mask is made of the question alone: route, tenant, classes,
origin, age of the config. So who answers under any set of failures is one of those who may answer under none, and what
holds for all of them holds under every failure. Ageing, the one failure that changes the mask, only takes places away;
that it does is shown by comparing ages, countries, and which policies bind. `tests/unit/verify/test_failures.py` counts
the failures of small worlds out.

What can't be seen from here: docs/decisions/0021-verify.md.
"""

from isochrone.verify import declared
from isochrone.verify.finding import Egress, Finding, Report, Rule, Severity, SiteSummary
from isochrone.verify.gathered import Found
from isochrone.verify.proof import verify
from isochrone.verify.shapes import MalformedError

__all__ = [
    "Egress",
    "Finding",
    "Found",
    "MalformedError",
    "Report",
    "Rule",
    "Severity",
    "SiteSummary",
    "declared",
    "verify",
]
