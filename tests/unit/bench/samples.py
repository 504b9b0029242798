"""Samples as a run could have taken them."""

from typing import Any

from tests.bench.results import Results
from tests.bench.samples import Sample
from tests.bench.subjects import direct, envoy, isochrone, nginx
from tests.bench.subjects.subject import Load

SUBJECTS = (direct.SUBJECT, nginx.SUBJECT, envoy.JSON, isochrone.FULL, isochrone.WITHOUT_EVIDENCE)


def sample(*, requests: int = 40_000, gateway_cpu: float = 4.0, other_core: float = 0.5, **load: Any) -> Sample:
    """Four seconds of load, in which the gateway used all of its core."""
    found = {"seconds": 4.0, "requests": requests, "chunks": 0, "errors": 0, **load}
    return Sample(
        load=found,
        gateway_cpu=gateway_cpu,
        upstream_cpu=1.0,
        gateway_core_busy=gateway_cpu / 4.0,
        other_core_busy=other_core,
    )


def p99(what: str, micros: float) -> dict[str, Any]:
    """What the driver says of a time."""
    return {what: {"count": 1, "p50": 1.0, "p90": 1.0, "p99": micros, "p99_9": micros, "max": micros}}


def results(load: Load, **samples: list[Sample]) -> Results:
    """Rounds of one load; underscores stand for hyphens in names."""
    found = Results(SUBJECTS)
    for subject in SUBJECTS:
        for each in samples.get(subject.name.replace("-", "_"), ()):
            found.add(load, subject, each)
    return found
