"""Whether the requests of one worker are written as evidence, where, and what happens to those that can't be."""

from isochrone_gateway.ledger.evidence.writer import Writer


class Keeping:
    """What the request path asks. `writer` is None while no evidence is kept."""

    __slots__ = ("refuses", "writer")

    def __init__(self, writer: Writer | None = None, *, refuses: bool = False) -> None:
        self.writer = writer
        self.refuses = refuses
        """Whether what a policy binds is refused while it can't be written."""

    def writes(self, *, is_logged: bool) -> Writer | None:
        """Who writes a line; None where no evidence is kept, or where the law lets no line be, which is counted."""
        writer = self.writer
        if writer is None or is_logged:
            return writer
        writer.withhold()
        return None

    @property
    def is_blocked(self) -> bool:
        """Whether what a policy binds must be refused now."""
        writer = self.writer
        return self.refuses and writer is not None and not writer.is_writable
