"""Whether the requests of one worker are written as evidence, where, and what happens to those that can't be."""

from isochrone_gateway.ledger.evidence.pen import Pen


class Keeping:
    """What the request path asks. `pen` is None while no evidence is kept."""

    __slots__ = ("pen", "refuses")

    def __init__(self, pen: Pen | None = None, *, refuses: bool = False) -> None:
        self.pen = pen
        self.refuses = refuses
        """Whether what a policy binds is refused while it can't be written."""

    def writes(self, *, is_logged: bool) -> Pen | None:
        """Who writes a line; None where no evidence is kept, or where the law lets no line be, which is counted."""
        pen = self.pen
        if pen is None or is_logged:
            return pen
        pen.withhold()
        return None

    @property
    def is_blocked(self) -> bool:
        """Whether what a policy binds must be refused now."""
        pen = self.pen
        return self.refuses and pen is not None and not pen.is_writable
