"""The verdict of `isochrone.admission` on a case, in the words of the corpus."""

import functools

from tests.corpus.cases import Case, Refusal, definitions, version

from isochrone.admission import Finding, Kind, Schema, admit


@functools.cache
def schemas() -> dict[str, Schema]:
    """The schemas of the product, by kind."""
    return {kind: Schema.from_crd(crd)[version(crd)["name"]] for kind, crd in definitions().items()}


def refusals(case: Case) -> tuple[Refusal, ...]:
    return tuple(sorted(map(_refusal, admit(schemas()[case.kind], case.new, case.old))))


def _refusal(finding: Finding) -> Refusal:
    """A server's 400 names no field, except in its text where it is about unknown ones."""
    return Refusal("<nil>" if finding.kind is Kind.BAD_REQUEST else finding.path, finding.message)
