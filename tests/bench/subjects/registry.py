"""All subjects, in the order in which they are measured and shown."""

from collections.abc import Sequence

from tests.bench.subjects import direct, envoy, isochrone, litellm, nginx, portkey, sglang
from tests.bench.subjects.subject import Subject

SUBJECTS: tuple[Subject, ...] = (
    direct.SUBJECT,
    nginx.SUBJECT,
    envoy.PLAIN,
    envoy.JSON,
    sglang.SUBJECT,
    portkey.SUBJECT,
    litellm.SUBJECT,
    isochrone.FULL,
    isochrone.WITHOUT_EVIDENCE,
    isochrone.PLAIN,
    isochrone.INTERPRETED,
)


class UnknownSubjectError(Exception):
    """There is no subject of this name; the message lists those that there are."""


def chosen(names: Sequence[str]) -> tuple[Subject, ...]:
    """Those with these names, in our order; no names: all."""
    known = [subject.name for subject in SUBJECTS]
    if unknown := [name for name in names if name not in known]:
        raise UnknownSubjectError(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
    return tuple(subject for subject in SUBJECTS if not names or subject.name in names)
