"""What a gateway runs while the keys that it trusts come and go."""

import pathlib

import pytest
from tests.unit.source.publishing import until, write_key
from tests.unit.source.test_follower import ScriptedSource, World, following, run

from isochrone_gateway.source.judging import Trust, Why
from isochrone_gateway.source.trust import TrustedKeys


def trusting(folder: pathlib.Path) -> Trust:
    """The keys in this folder, read each time."""
    times = iter(range(0, 1_000_000, 10))
    return Trust(verify=TrustedKeys(folder, tell=lambda _: None, clock=lambda: next(times)).verify)


def problem(world: World) -> str:
    refusal = world.follower.report.refusal
    assert refusal is not None
    assert refusal.refused.reason is Why.INVALID_INDEX
    return refusal.refused.problems[0]


def test_a_gateway_without_a_key_waits_for_one(tmp_path: pathlib.Path) -> None:
    """And for nothing else: the same index is tried again."""

    async def test() -> None:
        source = ScriptedSource()
        folder = tmp_path / "trust"
        async with following(source, trusted=trusting(folder)) as world:
            source.publish(1, signer="hub")
            await world.until_refused()
            assert "is not signed by a trusted key, only by hub;" in problem(world)
            assert world.owner.applied == []
            folder.mkdir()
            write_key(folder, "hub")
            await world.until_runs(1)
            await until(lambda: world.follower.report.refusal is None)

    run(test())


@pytest.mark.parametrize(
    ("signer", "said"), [pytest.param("", "by nobody", id="unsigned"), pytest.param("new", "only by new", id="unknown")]
)
@pytest.mark.parametrize(
    ("epoch", "sequence"),
    [pytest.param(1, 2, id="next"), pytest.param(2, 1, id="new epoch"), pytest.param(1, 0, id="older")],
)
def test_a_signature_by_an_unknown_key_is_none(
    tmp_path: pathlib.Path, signer: str, said: str, epoch: int, sequence: int
) -> None:
    async def test() -> None:
        source = ScriptedSource()
        write_key(tmp_path, "hub")
        async with following(source, trusted=trusting(tmp_path)) as world:
            source.publish(1, signer="hub")
            await world.until_runs(1)
            source.publish(sequence, epoch=epoch, signer=signer)
            await world.until_refused()
            assert f"is not signed by a trusted key, {said};" in problem(world)
            assert world.owner.sequences == [1]

    run(test())


def test_a_key_is_replaced_by_another_while_the_gateway_runs(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        source = ScriptedSource()
        write_key(tmp_path, "hub")
        async with following(source, trusted=trusting(tmp_path)) as world:
            source.publish(1, signer="hub")
            await world.until_runs(1)
            source.publish(2, signer="new")
            await world.until_refused()
            write_key(tmp_path, "new")
            await world.until_runs(2)
            (tmp_path / "hub.pem").unlink()
            source.publish(3, signer="hub")
            await until(lambda: "only by hub" in problem(world) if world.follower.report.refusal else False)
            assert world.owner.sequences == [1, 2]
            source.publish(4, signer="new")
            await world.until_runs(4)

    run(test())


def test_what_runs_goes_on_without_its_key_and_is_up_to_date(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        source = ScriptedSource()
        write_key(tmp_path, "hub")
        async with following(source, trusted=trusting(tmp_path)) as world:
            source.publish(1, signer="hub")
            await world.until_runs(1)
            (tmp_path / "hub.pem").unlink()
            contacts = len(world.owner.contacts)
            source.publish(1, signer="hub")
            await until(lambda: len(world.owner.contacts) > contacts)
            assert world.follower.report.refusal is None

    run(test())
