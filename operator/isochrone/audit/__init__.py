"""Evidence read again, by somebody who trusts nothing but a public key and an anchor.

    check(folder, trusted=..., anchors=...) -> Report  whether anything was edited, removed, reordered or cut off

Here live the lines of a chain and their hashes (`chain`), checkpoints and their signatures (`checkpoint`), and what
both together say of an instance (`check`). It is written from the format alone: nothing of the gateway that writes
evidence is imported. Files are streamed, so memory doesn't grow with their lines. There is no clock and no network.
"""

from isochrone.audit.check import Anchor, NotEvidence, check
from isochrone.audit.finding import Finding, Report, Rule
from isochrone.audit.keys import Key, KeyRing

__all__ = ["Anchor", "Finding", "Key", "KeyRing", "NotEvidence", "Report", "Rule", "check"]
