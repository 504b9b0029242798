"""What a run measures, and how long: rounds in which every subject has its turn, so that noise hits all alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.bench.measuring import Amount
from tests.bench.subjects.subject import Load, Subject

CONNECTIONS = 32
RATE = 10_000
STREAMS = 500
CHUNKS = 100
GAP_MS = 20

_OPTIONS = {
    Load.UNARY: ("--connections", str(CONNECTIONS)),
    Load.TLS: ("--connections", str(CONNECTIONS)),
    Load.OPEN: ("--connections", "256", "--rate", str(RATE)),
    Load.STREAMS: ("--streams", str(STREAMS), "--chunks", str(CHUNKS), "--gap", f"{GAP_MS}ms"),
}
_WARM_UP = {
    Load.UNARY: 1.0,
    Load.TLS: 1.0,
    Load.OPEN: 1.0,
    # All streams have begun once the first of them ends.
    Load.STREAMS: CHUNKS * GAP_MS / 1000 + 0.5,
}
_SECONDS = {Load.UNARY: 1.0, Load.TLS: 1.0, Load.OPEN: 1.0, Load.STREAMS: 2.0}
"""How long each measures, in units of `--seconds`."""
_REPEATS = {Load.UNARY: 1.0, Load.TLS: 0.6, Load.OPEN: 1.0, Load.STREAMS: 0.6}
"""How often, in units of `--repeat`."""
_SLOW_REPEATS = 3


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One sample to take."""

    load: Load
    subject: Subject
    amount: Amount


def turns(subjects: Sequence[Subject], *, seconds: float, repeat: int) -> Iterator[Turn]:
    """All samples of a run, in order."""
    for load in Load:
        rounds = max(1, round(repeat * _REPEATS[load]))
        amount = Amount(seconds=seconds * _SECONDS[load], warm_up=_WARM_UP[load], options=_OPTIONS[load])
        for number in range(rounds):
            for subject in subjects:
                if load in subject.loads and not (subject.is_slow and number >= _SLOW_REPEATS):
                    yield Turn(load=load, subject=subject, amount=amount)
