"""Evidence read again, by somebody who trusts nothing but a public key and an anchor.

    check(folder, trusted=..., anchors=...) -> Report  whether anything was edited, removed, reordered or cut off
    prove(folders, ...) -> Reports; sources(folders, reports) -> the chains, each proved or not
    every(sources, reading) -> Visits                  the requests that they tell of; Wanted says which are asked for
    tell(sources, id) -> Story                         all that is known of one, and what is not

Here live the lines of a chain and their hashes (`chain`), checkpoints and their signatures (`checkpoint`), and what
both together say of an instance (`check`); what lines say of requests (`entries`), requests put together from them
(`visits`), which are asked for (`wanted`), the story of one (`story`), and rows for spreadsheets (`rows`). It is
written from the format alone: nothing of the gateway that writes evidence is imported. Files are streamed, so memory
doesn't grow with their lines. There is no clock and no network.
"""

from isochrone.audit.check import Anchor, NotEvidence, check
from isochrone.audit.finding import Finding, Report, Rule
from isochrone.audit.keys import Key, KeyRing
from isochrone.audit.sources import Proof, Source, prove, sources
from isochrone.audit.story import Story, tell
from isochrone.audit.visits import Reading, Visit, every, newest
from isochrone.audit.wanted import NoArea, Wanted, area

__all__ = [
    "Anchor",
    "Finding",
    "Key",
    "KeyRing",
    "NoArea",
    "NotEvidence",
    "Proof",
    "Reading",
    "Report",
    "Rule",
    "Source",
    "Story",
    "Visit",
    "Wanted",
    "area",
    "check",
    "every",
    "newest",
    "prove",
    "sources",
    "tell",
]
