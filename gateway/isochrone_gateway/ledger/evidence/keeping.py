"""Whether the requests of one worker are written as evidence, where, and what happens to those that can't be."""

from isochrone_gateway.ledger.evidence.writer import Writer


class Keeping:
    """What the request path asks. `writer` is None while no evidence is kept."""

    __slots__ = ("refuses", "writer")

    def __init__(self, writer: Writer | None = None, *, refuses: bool = False) -> None:
        self.writer = writer
        self.refuses = refuses
        """Whether what a policy binds is refused while it can't be written."""

    @property
    def is_blocked(self) -> bool:
        """Whether what a policy binds must be refused now."""
        writer = self.writer
        return self.refuses and writer is not None and not writer.is_writable
