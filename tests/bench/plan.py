"""What a run measures, and how long: rounds in which every subject has its turn, so that noise hits all alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.bench.measuring import Amount
from tests.bench.subjects.subject import Load, Subject

CONNECTIONS = 32
RATE = 10_000
PACED_CONNECTIONS = 64
"""Carry the rate while an answer takes up to 6 ms; what comes later waits in the driver, which counts that."""
STREAMS = 500
CHUNKS = 100
GAP_MS = 20

_OPTIONS = {
    Load.UNARY: ("--connections", str(CONNECTIONS)),
    Load.TLS: ("--connections", str(CONNECTIONS)),
    Load.OPEN: ("--connections", str(PACED_CONNECTIONS), "--rate", str(RATE)),
    Load.STREAMS: ("--streams", str(STREAMS), "--chunks", str(CHUNKS), "--gap", f"{GAP_MS}ms"),
}
# All streams have begun once the first of them ends.
_WARM_UP = {Load.UNARY: 1.0, Load.TLS: 1.0, Load.OPEN: 2.0, Load.STREAMS: CHUNKS * GAP_MS / 1000 + 0.5}
_SLOW_WARM_UP = 4.0


@dataclass(frozen=True, kw_only=True)
class Scope:
    """How much of each: seconds of a sample and rounds of each load, rounds of slow subjects, requests for memory."""

    seconds: dict[Load, float]
    rounds: dict[Load, int]
    slow_rounds: dict[Load, int]
    requests: int


def scope(*, seconds: float, repeat: int) -> Scope:
    """A full run. Streams need longer for as many samples; of these and of TLS fewer rounds do."""
    fewer = max(1, round(repeat * 0.6))
    return Scope(
        seconds={Load.UNARY: seconds, Load.TLS: seconds, Load.OPEN: seconds, Load.STREAMS: seconds * 1.5},
        rounds={Load.UNARY: repeat, Load.TLS: fewer, Load.OPEN: repeat, Load.STREAMS: fewer},
        slow_rounds={Load.UNARY: fewer, Load.TLS: 1, Load.OPEN: 1, Load.STREAMS: 1},
        requests=1_000_000,
    )


QUICK = Scope(
    seconds={Load.UNARY: 1.5, Load.TLS: 1.5, Load.OPEN: 1.5, Load.STREAMS: 2.0},
    rounds={Load.UNARY: 2, Load.TLS: 1, Load.OPEN: 2, Load.STREAMS: 1},
    slow_rounds={Load.UNARY: 1, Load.TLS: 1, Load.OPEN: 1, Load.STREAMS: 1},
    requests=20_000,
)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One sample to take."""

    load: Load
    subject: Subject
    amount: Amount


def turns(subjects: Sequence[Subject], found: Scope) -> Iterator[Turn]:
    """All samples of a run, in order."""
    for load in Load:
        for number in range(found.rounds[load]):
            for subject in subjects:
                if load in subject.loads and not (subject.is_slow and number >= found.slow_rounds[load]):
                    yield Turn(load=load, subject=subject, amount=_amount(load, subject, found))


def _amount(load: Load, subject: Subject, found: Scope) -> Amount:
    warm_up = max(_WARM_UP[load], _SLOW_WARM_UP if subject.is_slow else 0)
    return Amount(seconds=found.seconds[load], warm_up=warm_up, options=_OPTIONS[load])
