"""What a residency policy means: whom it binds, what it allows, and why not.

`docs/decisions/0002-residency-law.md` is the law; this package is that page as code, and
`tests/contract/residency_table.json` holds both to the same cases. Pure: no clock, no cluster, no logging. It reads the
API's models and geography, and nothing else of ours. Placement, routing and rendering ask it; they don't decide.
"""

from isochrone.api.evidence_level import Evidence
from isochrone.api.residency_policy import Mode, Scope, UnknownOrigin
from isochrone.law.evaluate import Age, Question, Verdict, evaluate
from isochrone.law.origin import UNKNOWN, Origin, OriginNotAllowed
from isochrone.law.policy import Place, Policy, origins_of, read
from isochrone.law.reasons import VerdictReason
from isochrone.law.subject import Labelled, Subject

__all__ = [
    "UNKNOWN",
    "Age",
    "Evidence",
    "Labelled",
    "Mode",
    "Origin",
    "OriginNotAllowed",
    "Place",
    "Policy",
    "Question",
    "Scope",
    "Subject",
    "UnknownOrigin",
    "Verdict",
    "VerdictReason",
    "evaluate",
    "origins_of",
    "read",
]
