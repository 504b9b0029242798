"""Which of two revisions a gateway may run."""

import pytest
from msgspec.structs import replace
from tests.contract.config_cases import RELEASE, example

from isochrone_gateway.config import Accept, Received, Refuse, newer, read_index, shard
from isochrone_gateway.config.fencing import Owner, RefusalReason
from isochrone_gateway.config.index import Index
from isochrone_gateway.config.publish import encode_index

INDEX, _ = shard(example(), RELEASE)
A, B = "a" * 64, "b" * 64


def received(
    epoch: int,
    sequence: int,
    digest: str = A,
    *,
    signed: bool = False,
    installation: str = "acme",
    site: str = "fra",
) -> Received:
    revision = replace(INDEX.revision, epoch=epoch, sequence=sequence, digest=digest)
    index: Index = replace(INDEX, revision=revision, installation=installation, site=site)
    return Received(index=index, signed_by=("k1",) if signed else ())


@pytest.mark.parametrize(
    ("running", "candidate", "expected"),
    [
        pytest.param(None, received(5, 5), Accept(), id="nothing runs"),
        pytest.param(received(1, 7), received(1, 8), Accept(), id="next sequence"),
        pytest.param(received(1, 7), received(1, 99), Accept(), id="sequences may be skipped"),
        pytest.param(received(1, 7), received(1, 7), Accept(unchanged=True), id="the same"),
        pytest.param(received(1, 7), received(1, 8, signed=True), Accept(), id="from unsigned to signed"),
        pytest.param(received(1, 7), received(2, 1, signed=True), Accept(), id="a signed epoch, sequence restarts"),
        pytest.param(received(1, 7), received(1, 6), RefusalReason.OLD_SEQUENCE, id="lower sequence"),
        pytest.param(
            received(1, 7, signed=True),
            received(1, 6, signed=True),
            RefusalReason.OLD_SEQUENCE,
            id="a signature makes nothing new",
        ),
        pytest.param(received(1, 7), received(1, 7, B), RefusalReason.DIGEST_CONFLICT, id="two leaders"),
        pytest.param(received(1, 7), received(2, 8), RefusalReason.UNSIGNED_EPOCH, id="unsigned epoch"),
        pytest.param(received(2, 7), received(1, 99, signed=True), RefusalReason.OLD_EPOCH, id="old epoch"),
        pytest.param(received(1, 7, signed=True), received(1, 8), RefusalReason.UNSIGNED, id="signature lost"),
        pytest.param(received(1, 7, signed=True), received(1, 6), RefusalReason.UNSIGNED, id="and old besides"),
        pytest.param(
            received(1, 7), received(1, 8, installation="other"), RefusalReason.OTHER_INSTALLATION, id="installation"
        ),
        pytest.param(received(1, 7), received(1, 8, site="par"), RefusalReason.OTHER_SITE, id="site"),
    ],
)
def test_newer(running: Received | None, candidate: Received, expected: Accept | RefusalReason) -> None:
    decision = newer(running, candidate)
    if isinstance(decision, Refuse):
        assert decision.reason == expected
        assert decision.message
    else:
        assert decision == expected


@pytest.mark.parametrize("running", [None, received(1, 7)], ids=["nothing runs", "something runs"])
@pytest.mark.parametrize(
    ("expected", "verdict"),
    [
        pytest.param(None, None, id="nothing is known"),
        pytest.param(Owner(), None, id="nothing is said"),
        pytest.param(Owner(site="fra"), None, id="the same site"),
        pytest.param(Owner(installation="acme", site="fra"), None, id="both the same"),
        pytest.param(Owner(site="par"), RefusalReason.OTHER_SITE, id="another site"),
        pytest.param(Owner(installation="b"), RefusalReason.OTHER_INSTALLATION, id="another installation"),
        pytest.param(Owner(installation="b", site="par"), RefusalReason.OTHER_INSTALLATION, id="both differ"),
    ],
)
def test_an_index_of_another_owner_than_expected_is_refused(
    running: Received | None, expected: Owner | None, verdict: RefusalReason | None
) -> None:
    decision = newer(running, received(1, 8), expected=expected)
    assert (decision.reason if isinstance(decision, Refuse) else None) is verdict


def test_a_refused_revision_does_not_come_back() -> None:
    """Of two different revisions at most one may replace the other."""
    revisions = [
        received(epoch, sequence, digest, signed=signed)
        for epoch in (1, 2)
        for sequence in (1, 2)
        for digest in (A, B)
        for signed in (False, True)
    ]
    for one in revisions:
        for two in revisions:
            both = [newer(one, two), newer(two, one)]
            if one.index.revision != two.index.revision:
                assert both.count(Accept()) <= 1


def test_signatures_that_nobody_verified_open_no_epoch() -> None:
    unverified = read_index(encode_index(INDEX))
    signed_by_someone = Received(index=replace(received(2, 1).index, signatures=unverified.index.signatures))
    decision = newer(unverified, signed_by_someone)
    assert isinstance(decision, Refuse)
    assert decision.reason is RefusalReason.UNSIGNED_EPOCH
