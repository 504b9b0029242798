"""How well it is known where something is."""

import enum
from typing import Final

from isochrone.api.schema import Rule


class Evidence(enum.StrEnum):
    """How well a place is known, weakest first."""

    DECLARED = "Declared"
    CONTRACTED = "Contracted"
    ATTESTED = "Attested"


SHOWN: Final = Rule(
    rule="self.evidence == 'Declared' || has(self.evidenceRef) && self.evidenceRef.trim() != ''",
    message="evidence above Declared needs evidenceRef, the document or attestation that shows it",
    field=".evidence",
)
"""Of what has both `evidence` and `evidenceRef`."""
