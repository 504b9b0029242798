"""Whether copies of a site's evidence go only to where all of it may be.

What is written at a site is what the law's tables let be logged there; that they are what the policies say is shown
elsewhere. So each policy that lets data of some origin be logged at the site has to let it be where the bucket is.
"""

from collections.abc import Iterator

from isochrone.verify.book import Book
from isochrone.verify.declared import Bucket, Declared
from isochrone.verify.finding import Rule
from isochrone.verify.gathered import SiteConfig
from isochrone.verify.likeness import place_at
from isochrone.verify.tables import Said, origin_text
from isochrone_gateway.config.site import ObjectStorage


def of_site(book: Book, declared: Declared, site: SiteConfig) -> Iterator[Said]:
    """The bucket that a config has: whether it is the one that was declared, and lawful."""
    evidence = site.config.site.evidence
    if evidence is None or evidence.objects is None:
        return
    found, ought = evidence.objects, declared.sites[site.site].bucket
    if ought is None:
        yield Said(Rule.NOT_DECLARED, f"evidence is copied to {_address(found)}, which was not declared")
        return
    if _address(found) != ought.address:
        text = f"evidence is copied to {_address(found)}, but {ought.address} was declared"
        yield Said(Rule.WRONG_ADDRESS, text)
    said = place_at(site.config, found.place)
    if said != ought.place:
        text = f"the bucket is in {said} (places[{found.place}]) by the config, in {ought.place} as declared"
        yield Said(Rule.WRONG_PLACE, text)
    yield from _of_law(book, site.config.site.place, found.place, ought)


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
