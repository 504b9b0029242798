"""The operator's client on a real API server: what each verb does, and which error is which."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final

import pytest
from tests.cluster import kubeconfig
from tests.cluster.choice import Cluster

from isochrone.kube import errors, kinds
from isochrone.kube.api import Api, Limits

LIMIT: Final = 60.0


@pytest.fixture
def connect(control_plane: Cluster) -> Callable[..., Api]:
    access = kubeconfig.read(control_plane.kubeconfig)

    def connected(**changes: Any) -> Api:
        return Api(changes.pop("url", access.url), tls=access.tls(), **changes)

    return connected


def run(work: Callable[[Api], Awaitable[None]], api: Api) -> None:
    async def whole() -> None:
        async with api, asyncio.timeout(LIMIT):
            await work(api)

    asyncio.run(whole())


def config_map(namespace: str, name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": {"test": "api"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_what_is_applied_is_there_and_what_is_left_out_goes(connect: Callable[..., Api], namespace: str) -> None:
    async def work(api: Api) -> None:
        path = kinds.CONFIG_MAP.path(namespace, "one")
        await api.apply(config_map(namespace, "one", a="1", b="2"))
        await api.apply(config_map(namespace, "one", c="3"), manager="somebody-else")
        await api.apply(config_map(namespace, "one", a="4"))
        assert (await api.get(path))["data"] == {"a": "4", "c": "3"}

    run(work, connect())


def test_a_dry_run_changes_nothing(connect: Callable[..., Api], namespace: str) -> None:
    async def work(api: Api) -> None:
        await api.apply(config_map(namespace, "one", a="1"), dry_run=True)
        with pytest.raises(errors.NotFound):
            await api.get(kinds.CONFIG_MAP.path(namespace, "one"))

    run(work, connect())


def test_a_list_has_all_pages(connect: Callable[..., Api], namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isochrone.kube.api._PAGE", 2)

    async def work(api: Api) -> None:
        for number in range(5):
            await api.create(kinds.CONFIG_MAP.path(namespace), config_map(namespace, f"n{number}"))
        listed = await api.list(kinds.CONFIG_MAP.path(namespace), label_selector="test=api")
        assert [each["metadata"]["name"] for each in listed.items] == [f"n{number}" for number in range(5)]

    run(work, connect())


def test_a_recent_list_has_what_was_chosen_soon(connect: Callable[..., Api], namespace: str) -> None:
    async def work(api: Api) -> None:
        path, selectors = kinds.CONFIG_MAP.path(namespace), {"label_selector": "test=api"}
        for number in range(3):
            await api.create(path, config_map(namespace, f"n{number}"))
        for _ in range(600):
            if len((await api.recent(path, **selectors)).items) == 3:
                break
            await asyncio.sleep(0.1)
        found = await api.recent(path, **selectors, field_selector="metadata.name=n1")
        assert [each["metadata"]["name"] for each in found.items] == ["n1"]

    run(work, connect())


def test_a_watch_goes_on_from_a_list(connect: Callable[..., Api], namespace: str) -> None:
    async def work(api: Api) -> None:
        path = kinds.CONFIG_MAP.path(namespace)
        listed = await api.list(path)
        await api.create(path, config_map(namespace, "one", text="x" * 300_000))
        await api.delete(kinds.CONFIG_MAP.path(namespace, "one"))
        seen = []
        async with contextlib.aclosing(watched(api, path, listed.resource_version)) as events:
            async for kind, name in events:
                seen.append((kind, name))
                if kind == "DELETED":
                    break
        # A controller puts its own into a new namespace, some time.
        assert [each for each in seen if each[1] == "one"] == [("ADDED", "one"), ("DELETED", "one")]

    run(work, connect())


async def watched(api: Api, path: str, version: str) -> AsyncGenerator[tuple[str, str], None]:
    async for event in api.watch(path, version):
        if event.type != "BOOKMARK":
            yield event.type, event.item["metadata"]["name"]


def test_the_api_server_ends_a_watch(connect: Callable[..., Api], namespace: str) -> None:
    async def work(api: Api) -> None:
        path = kinds.CONFIG_MAP.path(namespace)
        listed = await api.list(path)
        async for _ in api.watch(path, listed.resource_version):
            pass

    run(work, connect(limits=Limits(watch=1)))


def test_a_watch_from_the_future_is_refused(connect: Callable[..., Api], namespace: str) -> None:
    async def work(api: Api) -> None:
        with pytest.raises(errors.ApiError):
            async for _ in api.watch(kinds.CONFIG_MAP.path(namespace), "not-a-version"):
                pass

    run(work, connect())


def test_only_the_same_object_is_deleted(connect: Callable[..., Api], namespace: str) -> None:
    async def work(api: Api) -> None:
        path = kinds.CONFIG_MAP.path(namespace, "one")
        made = await api.apply(config_map(namespace, "one", a="1"))
        await api.apply(config_map(namespace, "one", a="2"))
        old = made["metadata"]["resourceVersion"]
        with pytest.raises(errors.Conflict):
            await api.delete(path, uid=made["metadata"]["uid"], resource_version=old)
        with pytest.raises(errors.Conflict):
            await api.delete(path, uid=str(uuid.uuid4()))
        await api.delete(path, uid=made["metadata"]["uid"])

    run(work, connect())


def test_a_replacement_needs_the_newest_version(connect: Callable[..., Api], namespace: str) -> None:
    async def work(api: Api) -> None:
        path = kinds.CONFIG_MAP.path(namespace, "one")
        made = await api.create(kinds.CONFIG_MAP.path(namespace), config_map(namespace, "one", a="1"))
        await api.replace(path, {**made, "data": {"a": "2"}})
        with pytest.raises(errors.Conflict):
            await api.replace(path, {**made, "data": {"a": "3"}})
        with pytest.raises(errors.Conflict):
            await api.create(kinds.CONFIG_MAP.path(namespace), config_map(namespace, "one"))

    run(work, connect())


def test_an_object_that_is_invalid_is_told_apart(connect: Callable[..., Api], namespace: str) -> None:
    async def work(api: Api) -> None:
        with pytest.raises(errors.Invalid, match="a lowercase RFC 1123 subdomain"):
            await api.apply(config_map(namespace, "No_Name"))

    run(work, connect())


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        pytest.param({"url": "https://127.0.0.1:1"}, errors.Unreachable, "127.0.0.1:1 can't be reached", id="nobody"),
        pytest.param({"url": "https://nowhere.invalid"}, errors.Unreachable, "nowhere.invalid", id="no-such-name"),
    ],
)
def test_who_does_not_answer(
    connect: Callable[..., Api], changes: dict[str, str], error: type[Exception], said: str
) -> None:
    async def work(api: Api) -> None:
        with pytest.raises(error, match=said):
            await api.get("/version")

    run(work, connect(**changes))


def test_who_may_not(connect: Callable[..., Api], control_plane: Cluster) -> None:
    access = kubeconfig.read(control_plane.kubeconfig)

    async def work(_: Api) -> None:
        bare = kubeconfig.Access(url=access.url, authority=access.authority, verified=True, client=None, token=None)
        async with Api(access.url, tls=bare.tls(), token=lambda: "wrong") as api:
            with pytest.raises(errors.Unauthorized):
                await api.list("/api/v1/namespaces")
        async with Api(access.url, tls=bare.tls()) as api:
            with pytest.raises((errors.Forbidden, errors.Unauthorized)):
                await api.list("/api/v1/namespaces")

    run(work, connect())
