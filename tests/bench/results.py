"""What a run has found: the samples of each subject under each load, and why some are missing."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.bench.plan import RATE
from tests.bench.samples import Sample
from tests.bench.spread import Spread, ratios, spread
from tests.bench.subjects.subject import Load, Subject

_SUSTAINED = 0.99
"""The share of the rate asked for that counts as all of it."""

Value = Callable[[Sample], float | None]


@dataclass
class Results:
    """Filled in while the run goes on."""

    subjects: tuple[Subject, ...]
    samples: dict[tuple[Load, str], list[Sample]] = field(default_factory=dict)
    failures: dict[tuple[Load, str], str] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)
    """What else went wrong."""

    def add(self, load: Load, subject: Subject, sample: Sample) -> None:
        self.samples.setdefault((load, subject.name), []).append(sample)

    def fail(self, load: Load, subject: Subject, why: str) -> None:
        self.failures[load, subject.name] = why

    def of(self, load: Load, name: str) -> list[Sample]:
        """The samples in the order of the rounds. Who failed once has none: its others may be as wrong."""
        return [] if (load, name) in self.failures else self.samples.get((load, name), [])

    def values(self, load: Load, name: str, value: Value) -> list[float | None]:
        return [value(sample) for sample in self.of(load, name)]

    def spread(self, load: Load, name: str, value: Value) -> Spread | None:
        return spread(self.values(load, name, value))

    def ratio(self, load: Load, value: Value, ours: str, theirs: str) -> Spread | None:
        """Ours to theirs, round by round."""
        return ratios(self.values(load, ours, value), self.values(load, theirs, value))

    def is_sustained(self, name: str) -> bool:
        """Whether the rate that was asked for was answered, in every round."""
        return all(sample.rate >= RATE * _SUSTAINED for sample in self.of(Load.OPEN, name))

    def measured(self, load: Load) -> list[Subject]:
        """Those that were to be measured under this load."""
        keys = self.samples.keys() | self.failures.keys()
        return [subject for subject in self.subjects if (load, subject.name) in keys]
