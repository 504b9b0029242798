"""Whether a site keeps the evidence that is declared, and copies of it go only to where all of it may be.

Without evidence nobody can show afterwards where data was, so a config that keeps less of it than declared is wrong.
What is written at a site is what the law's tables let be logged there; that they are what the policies say is shown
elsewhere. So each policy that lets data of some origin be logged at the site has to let it be where the bucket is.
"""

import math
from collections.abc import Iterator

from isochrone.verify.book import Book
from isochrone.verify.declared import Declared
from isochrone.verify.evidence import Bucket, Evidence
from isochrone.verify.finding import Rule, Severity
from isochrone.verify.gathered import SiteConfig
from isochrone.verify.likeness import place_at
from isochrone.verify.tables import Said, origin_text
from isochrone_gateway.config.site import EvidenceKeeping, ObjectStorage, OnFailure


def of_site(book: Book, declared: Declared, site: SiteConfig) -> Iterator[Said]:
    """What is kept and for how long, and the bucket: whether it is the one that was declared, and lawful."""
    evidence, ought = site.config.site.evidence, declared.sites[site.site].evidence
    if evidence is None:
        if ought is not None:
            yield Said(Rule.WRONG_SETTING, "no evidence is kept of where requests are processed, which was declared")
        return
    if ought is None:
        text = "evidence is kept of where requests are processed, which was not declared"
        yield Said(Rule.WRONG_SETTING, text, severity=Severity.WARNING)
    else:
        yield from _of_keeping(evidence, ought)
    yield from _of_bucket(book, site, evidence.objects, declared.sites[site.site].bucket)


def _of_keeping(found: EvidenceKeeping, ought: Evidence) -> Iterator[Said]:
    if found.on_failure != ought.on_failure:
        severity = Severity.WARNING if found.on_failure is OnFailure.REFUSE else Severity.ERROR
        text = f"while evidence can't be written, onFailure is {found.on_failure}; declared is {ought.on_failure}"
        yield Said(Rule.WRONG_SETTING, text, severity=severity)
    if found.retention_s != ought.retention_s:
        kept, wanted = (math.inf if each is None else each for each in (found.retention_s, ought.retention_s))
        severity = Severity.ERROR if kept < wanted else Severity.WARNING
        text = f"evidence is kept {_for_long(found.retention_s)}, but {_for_long(ought.retention_s)} as declared"
        yield Said(Rule.WRONG_SETTING, text, severity=severity)


def _for_long(seconds: int | None) -> str:
    return "for ever" if seconds is None else f"for {seconds:,} s"


def _of_bucket(book: Book, site: SiteConfig, found: ObjectStorage | None, ought: Bucket | None) -> Iterator[Said]:
    if found is None:
        if ought is not None and _may_have_copies(book, site, ought):
            yield Said(Rule.WRONG_SETTING, f"evidence is not copied to {ought.address}, which was declared")
        return
    if ought is None:
        yield Said(Rule.NOT_DECLARED, f"evidence is copied to {_address(found)}, which was not declared")
        return
    if _address(found) != ought.address:
        text = f"evidence is copied to {_address(found)}, but {ought.address} was declared"
        yield Said(Rule.WRONG_ADDRESS, text)
    yield from _of_opening(found, ought)
    said = place_at(site.config, found.place)
    if said != ought.place:
        text = f"the bucket is in {said} (places[{found.place}]) by the config, in {ought.place} as declared"
        yield Said(Rule.WRONG_PLACE, text)
    yield from _of_law(book, site.config.site.place, found.place, ought)


def _may_have_copies(book: Book, site: SiteConfig, bucket: Bucket) -> bool:
    """One that the law forbids is left out of configs."""
    if bucket.place not in book.places:
        return True
    there = book.places.index(bucket.place)
    return not any(_of_law(book, site.config.site.place, there, bucket))


def _of_opening(found: ObjectStorage, ought: Bucket) -> Iterator[Said]:
    """The account behind a key, and who is believed to be the store, say whose bucket of that name it is."""
    authorities = None if ought.authorities is None else f"objects-ca/{ought.authorities[1]}"
    for what, here, there in (
        ("the region", found.region, ought.region),
        ("the access key", found.access_key, "objects/AWS_ACCESS_KEY_ID"),
        ("the secret key", found.secret_key, "objects/AWS_SECRET_ACCESS_KEY"),
        ("trusted authorities", found.ca_bundle, authorities),
    ):
        if here != there:
            yield Said(
                Rule.WRONG_ADDRESS,
                f"evidence is copied with {what} {here or 'of the system'}, not {there or 'of the system'}",
            )


def _address(found: ObjectStorage) -> str:
    return "/".join(part for part in (found.endpoint.rstrip("/"), found.bucket, found.prefix) if part)


def _of_law(book: Book, here: int, there: int, bucket: Bucket) -> Iterator[Said]:
    if not bucket.place.codes:
        yield Said(Rule.UNLAWFUL, "evidence is copied to a bucket of which it isn't known where it is")
    for number, policy in enumerate(book.declared.policies):
        if not policy.enforces:
            continue
        bad = [each for each in book.origins if _forbids(book.ought(number, "Logs", each), here, there)]
        if bad:
            text = (
                f"policy {policy.name} lets evidence of data from {origin_text(bad[0])} be written here, and not be"
                f" copied to where the bucket is, in {bucket.place}"
            )
            yield Said(Rule.UNLAWFUL, text, policy.name, cases=sum(len(book.members[each]) for each in bad))


def _forbids(row: int, here: int, there: int) -> bool:
    """Whether it lets data be here and not there. One that doesn't bind has every bit."""
    return bool(row >> here & 1) and not row >> there & 1
