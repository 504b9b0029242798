"""One worker's chain of evidence: begun with the first config that asks for it, and ended with the worker."""

import pathlib
import secrets
import time

from isochrone_gateway.config import ConfigError, Loaded
from isochrone_gateway.config.errors import Problem
from isochrone_gateway.config.site import OnFailure
from isochrone_gateway.ledger.evidence.keeping import Keeping
from isochrone_gateway.ledger.evidence.lines import Config, Policy
from isochrone_gateway.ledger.evidence.writer import Whose, Writer, boot_name
from isochrone_gateway.ledger.metrics import Registry
from isochrone_gateway.route.copies import place_of_copies
from isochrone_gateway.server.supervisor.messages import Witnessed

_POLICIES_OF_A_LINE = 200


class Writing:
    """What a worker does for evidence; `keeping` is what its request path sees of it."""

    def __init__(self, number: int, folder: pathlib.Path | None, instance: str, registry: Registry) -> None:
        self.keeping = Keeping()
        self._number = number
        self._folder = folder
        self._instance = instance
        self._writer: Writer | None = None
        self._written = registry.counter("isochrone_evidence_lines_total", "Lines of evidence that were written.")
        self._lost = registry.counter("isochrone_evidence_lost_total", "Records of evidence that were not written.")
        self._failed = registry.counter("isochrone_evidence_failures_total", "Writes of evidence that failed.")

    def prepare(self, loaded: Loaded) -> None:
        """Begin the chain if this config asks for one, and there is none; on a thread. Raises ConfigError."""
        site = loaded.config.site
        if site.evidence is None or self._writer is not None:
            return
        if self._folder is None:
            raise ConfigError(Problem(source="site.evidence", text="this gateway was started without --evidence"))
        place = loaded.config.places.places[site.place]
        whose = Whose(
            site=site.name,
            instance=self._instance,
            writer=f"w{self._number}",
            place=",".join(sorted(place.codes)),
            revision=_revision(loaded),
            copied_to=place_of_copies(loaded.config),
        )
        boot = boot_name(time.time(), secrets.token_bytes(4))
        chains = self._folder / site.name / self._instance / "chains"
        writer = Writer(chains, whose, boot, wall=time.time)
        writer.start()
        self._writer = writer

    def use(self, loaded: Loaded) -> None:
        """Requests are answered by this config from now on."""
        evidence = loaded.config.site.evidence
        keeping, writer = self.keeping, self._writer
        if evidence is None or writer is None:
            keeping.pen = None
            return
        keeping.pen, keeping.refuses = writer.pen, evidence.on_failure is OnFailure.REFUSE
        writer.closes_after = None if evidence.objects is None else float(evidence.objects.close_after_s)
        writer.pen.turn(configs(loaded, time.time()))

    def stop(self) -> None:
        """Write what is left; on a thread."""
        if self._writer is not None:
            self._writer.stop("Drained")

    def told(self) -> Witnessed | None:
        """How far the chain is, for the supervisor."""
        writer = self._writer
        if writer is None:
            return None
        self._written.child().set(writer.head.lines)
        self._lost.child().set(writer.pen.lost)
        self._failed.child().set(writer.failures)
        synced, pen = writer.synced, writer.pen
        return Witnessed(writer.name, synced.lines, synced.digest, why=pen.why, lost=pen.lost, closed=writer.closed)


def configs(loaded: Loaded, now: float) -> list[Config]:
    """The lines that tell of a config: its policies may be too many for one."""
    policies = sorted(loaded.config.law.policies, key=lambda each: each.name)
    pieces = [policies[at : at + _POLICIES_OF_A_LINE] for at in range(0, len(policies), _POLICIES_OF_A_LINE)] or [[]]
    place = place_of_copies(loaded.config)
    return [
        Config(
            at=round(now, 6),
            revision=_revision(loaded),
            digest=loaded.index.revision.digest,
            policies={each.name: Policy(each.generation, each.digest, each.mode.value) for each in piece},
            copied_to=place,
        )
        for piece in pieces
    ]


def _revision(loaded: Loaded) -> str:
    revision = loaded.index.revision
    return f"{revision.epoch}/{revision.sequence}"
