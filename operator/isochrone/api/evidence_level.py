"""How well it is known where something is."""

import enum


class Evidence(enum.StrEnum):
    """How well a place is known, weakest first."""

    DECLARED = "Declared"
    CONTRACTED = "Contracted"
    ATTESTED = "Attested"
