"""What is kept of a connection's head holds for as long as it is true, and no longer."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace
from tests.unit.pipeline.harness import KEY, Gateway, backends, of_engines, only_in, run, serving, sha256, tenant, until
from tests.unit.pipeline.talk import Talk, post, talking

from isochrone_gateway.config import Config
from isochrone_gateway.config.site import Age
from isochrone_gateway.config.tenants import Key, Tenants
from isochrone_gateway.ledger import exposition
from isochrone_gateway.upstream import scripts

BODY = b'{"model":"chat"}'
GOOD = scripts.answer(b'{"usage":{"prompt_tokens":3,"completion_tokens":2}}')


async def status(talk: Talk, body: bytes = BODY, *, tags: str = "") -> int:
    talk.send(post(body, headers={"x-isochrone-tags": tags}) if tags else post(body))
    return (await talk.answer()).status


Change = Callable[[Gateway, Config], Awaitable[None]]


async def take_the_key_away(gateway: Gateway, made: Config) -> None:
    gateway.use(replace(made, tenants=Tenants(keys={sha256("sk-other"): Key(tenant="lab/team")}, tenants=(tenant(),))))


async def let_the_key_expire(gateway: Gateway, _: Config) -> None:
    gateway.plane.services.wall = lambda: dt.datetime(2200, 1, 1, tzinfo=dt.UTC).timestamp()


async def let_the_config_age(gateway: Gateway, _: Config) -> None:
    gateway.plane.services.age = lambda: 1_000.0
    await asyncio.sleep(0.2)  # It is asked ten times a second.


async def forbid_it(gateway: Gateway, made: Config) -> None:
    gateway.use(replace(made, law=only_in(1)))


@pytest.mark.parametrize(
    ("change", "after"),
    [
        pytest.param(take_the_key_away, 401, id="the key is taken away"),
        pytest.param(let_the_key_expire, 401, id="the key expires"),
        pytest.param(let_the_config_age, 403, id="the config becomes too old"),
        pytest.param(forbid_it, 403, id="the law changes"),
    ],
)
def test_a_kept_head_means_what_it_means_now(change: Change, after: int) -> None:
    async def scenario() -> None:
        key = Key(tenant="lab/team", name="main", expires=dt.datetime(2150, 1, 1, tzinfo=dt.UTC))
        tenants = Tenants(keys={sha256(KEY): key}, tenants=(tenant(origins=frozenset({"DE"})),))
        site = {"age": Age(max_age_ms=60_000, hard_max_age_ms=120_000)}
        async with backends(GOOD) as [found]:
            made = of_engines([found], tenants=tenants, site=site, law=only_in(0))
            async with serving(made) as gateway, talking(gateway) as talk:
                before = [await status(talk) for _ in range(4)]
                await change(gateway, made)
                then = [await status(talk) for _ in range(2)]
        assert before == [200] * 4
        assert then == [after] * 2
        assert len(found.asked) == 4

    run(scenario())


def test_one_connection_may_ask_for_several_models() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found], serving(of_engines([found])) as gateway, talking(gateway) as talk:
            models = ["chat", "none", "chat", "chat", "gone", "chat"]
            told = [await status(talk, b'{"model":"%b"}' % model.encode()) for model in models]
            await until(lambda: len(gateway._records) == len(models))
            records = gateway.records()
        assert told == [200 if model == "chat" else 404 for model in models]
        assert [record.model for record in records] == ["chat" if model == "chat" else "" for model in models]

    run(scenario())


def test_tags_are_told_and_counted_and_stay_here() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found], serving(of_engines([found])) as gateway, talking(gateway) as talk:
            told = [await status(talk, tags="team=search, feature=sum") for _ in range(4)]
            told.append(await status(talk, tags="Team=search"))
            told.append(await status(talk))
            await until(lambda: len(gateway._records) == 6)
            records = gateway.records()
            page = exposition.render(gateway.context.registry.snapshot()).decode()
        assert told == [200, 200, 200, 200, 400, 200]
        assert [dict(record.tags) for record in records] == [{"team": "search", "feature": "sum"}] * 4 + [{}] * 2
        assert 'isochrone_tag_tokens_total{tag="team",value="search",gen_ai_token_type="input"} 12' in page
        assert all(name != b"x-isochrone-tags" for request in found.asked for name, _ in request.headers)

    run(scenario())
