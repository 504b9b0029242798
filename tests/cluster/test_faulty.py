"""The proxy that lets things go wrong: what each fault looks like to a client, and whether the request was done."""

import asyncio
import contextlib
import http.client
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cluster.background import Background
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options
from tests.cluster.faults import ROUGH, Asked, Fault, Rates, choose, possible
from tests.cluster.faulty import Faulty
from tests.cluster.waiting import until
from tests.cluster.watching import AsyncClient, Changed, Listed

pytestmark = pytest.mark.usefixtures("kube")

Json = dict[str, Any]

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
CUT = (OSError, http.client.HTTPException)


@pytest.fixture(scope="module")
def plane(kube: Path) -> Iterator[ControlPlane]:
    assert kube.exists()
    with ControlPlane(Options(audit=True)) as plane:
        yield plane


@pytest.fixture(scope="module")
def faulty(plane: ControlPlane) -> Iterator[Faulty]:
    with Background() as background, Faulty(background, plane, seed=1) as faulty:
        yield faulty


@pytest.fixture(scope="module")
def file(faulty: Faulty, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faulty") / "kubeconfig"
    path.write_bytes(faulty.kubeconfig("operator"))
    return path


@pytest.fixture
def through(faulty: Faulty, file: Path) -> Iterator[Client]:
    """A client by way of the proxy, in which nothing goes wrong unless the test says so."""
    with Client(file, timeout=20) as client:
        client.path(config_map("any"))  # what it has to discover, it has discovered
        yield client
    faulty.rates = Rates()


def config_map(name: str, **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def is_there(plane: ControlPlane, item: Json) -> bool:
    with Client(plane.kubeconfig) as direct:
        return direct.get(item).ok


def test_without_faults_everything_passes_as_the_account_that_asks(
    faulty: Faulty, through: Client, plane: ControlPlane
) -> None:
    before = faulty.requests.copy()
    item = config_map("passed", text="x" * 500_000)
    assert through.create(item).status == 201
    assert through.get(item).body["data"] == item["data"]
    assert through.request("GET", CONFIG_MAPS, params={"limit": "1", "labelSelector": "a in (b,c)"}).ok
    assert through.delete(item).ok
    assert through.get(item).status == 404
    asked = faulty.requests_since(before)
    assert asked["GET", f"{CONFIG_MAPS}/passed"] == 2
    assert asked["POST", CONFIG_MAPS] == 1
    assert "system:serviceaccount:kube-system:operator" in {each["user"]["username"] for each in plane.audit_events()}


def test_a_service_account_has_the_role_it_is_given(faulty: Faulty, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_bytes(faulty.kubeconfig("reader", role="system:public-info-viewer"))
    with Client(path) as reader:
        assert reader.request("GET", "/version").ok
        assert reader.request("GET", CONFIG_MAPS).status == 403


@pytest.mark.parametrize(
    ("fault", "codes", "done"),
    [
        ("conflict", {201}, True),
        ("throttled", {429}, False),
        ("failed", {500, 503}, False),
        ("lost", {504}, True),
        ("slow", {201}, True),
        ("unauthorized", {401}, False),
        ("cut", {0}, True),
        ("gone", {201}, True),
    ],
)
def test_what_a_fault_makes_of_a_create(
    faulty: Faulty, through: Client, plane: ControlPlane, fault: str, codes: set[int], done: bool
) -> None:
    item = config_map(f"created-{fault}")
    faulty.rates = Rates(**{fault: 1.0})
    code = 0
    with contextlib.suppress(*CUT):
        answer = through.create(item)
        code = answer.status
        if code >= 300:
            assert answer.body["kind"] == "Status"
            assert answer.body["code"] == code
    assert code in codes
    assert is_there(plane, item) is done


def test_an_update_conflicts(faulty: Faulty, through: Client) -> None:
    item = config_map("updated")
    assert through.create(item).ok
    faulty.rates = Rates(conflict=1.0)
    answer = through.apply(config_map("updated", a="b"))
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")


def test_a_busy_server_says_when_to_come_back(faulty: Faulty, file: Path) -> None:
    faulty.rates = Rates(throttled=1.0)

    async def ask() -> str | None:
        async with AsyncClient(file) as client:
            assert client._session is not None
            async with client._session.get(faulty.url + CONFIG_MAPS) as answer:
                return answer.headers.get("Retry-After")

    try:
        assert asyncio.run(ask()) == "1"
    finally:
        faulty.rates = Rates()


def test_a_token_is_refused_once_at_a_time(faulty: Faulty, through: Client) -> None:
    faulty.rates = Rates(unauthorized=1.0)
    assert [through.request("GET", CONFIG_MAPS).status for _ in range(4)] == [401, 200, 401, 200]


def test_pages_of_a_list_go_away(faulty: Faulty, through: Client) -> None:
    for number in range(3):
        through.apply(config_map(f"page-{number}"))
    faulty.rates = Rates(gone=1.0)
    first = through.request("GET", CONFIG_MAPS, params={"limit": "1"})
    token = first.body["metadata"]["continue"]
    second = through.request("GET", CONFIG_MAPS, params={"limit": "1", "continue": token})
    assert (first.status, second.status, second.body["reason"]) == (200, 410, "Expired")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("gone", b'"code": 410'), ("watch_ends", b""), ("cut", "broken"), ("throttled", 429)],
)
def test_what_a_fault_makes_of_a_watch(
    faulty: Faulty, through: Client, file: Path, fault: str, expected: bytes | str | int
) -> None:
    version = through.request("GET", CONFIG_MAPS).body["metadata"]["resourceVersion"]
    faulty.rates = Rates(**{fault: 1.0})
    found = asyncio.run(watched(faulty, file, version))
    if isinstance(found, bytes) and isinstance(expected, bytes):
        assert expected in found
    else:
        assert found == expected


async def watched(faulty: Faulty, file: Path, version: str) -> bytes | str | int:
    """What a watch says until it ends; how it ends, if not well."""
    params = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "30"}
    async with AsyncClient(file) as client, asyncio.timeout(60):
        assert client._session is not None
        try:
            async with client._session.get(faulty.url + CONFIG_MAPS, params=params) as answer:
                return await answer.read() if answer.status == 200 else answer.status
        except aiohttp.ClientError:
            return "broken"


def test_all_connections_can_be_cut(faulty: Faulty, through: Client, file: Path) -> None:
    version = through.request("GET", CONFIG_MAPS).body["metadata"]["resourceVersion"]
    before = faulty.requests["WATCH", CONFIG_MAPS]

    with ThreadPoolExecutor(1) as pool:
        watch = pool.submit(lambda: asyncio.run(watched(faulty, file, version)))
        until(lambda: faulty.requests["WATCH", CONFIG_MAPS] > before)
        faulty.cut_all()
        assert watch.result(60) == "broken"


def test_a_server_that_is_down_cuts(through: Client, plane: ControlPlane) -> None:
    plane.stop_api_server()
    with pytest.raises(CUT):
        through.request("GET", "/readyz")
    plane.start_api_server()
    assert until(lambda: through.request("GET", "/readyz").ok)


def test_who_follows_a_list_comes_to_know_all_however_rough_it_is(faulty: Faulty, through: Client, file: Path) -> None:
    names = {f"rough-{number}" for number in range(40)}
    seen: set[str] = set()

    def create_all() -> None:
        for name in sorted(names):
            until(lambda name=name: through_anything(through, config_map(name)))  # type: ignore[misc]

    async def follow() -> None:
        async with AsyncClient(file) as client:
            async for each in client.follow(CONFIG_MAPS):
                seen.update(_names(each))
                if names <= seen:
                    return

    async def test() -> None:
        async with asyncio.timeout(100):
            await asyncio.gather(follow(), asyncio.to_thread(create_all))

    faulty.rates = ROUGH
    asyncio.run(test())
    assert names <= seen
    assert {Fault.CUT, Fault.FAILED} <= set(faulty.faults)


def through_anything(client: Client, item: Json) -> bool:
    with contextlib.suppress(http.client.HTTPException):
        return client.apply(item).ok
    return False


def _names(each: Listed | Changed) -> set[str]:
    items = each.items if isinstance(each, Listed) else [each.item]
    return {item["metadata"]["name"] for item in items}


ASKED = st.builds(
    Asked,
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    is_watch=st.booleans(),
    is_further_page=st.booleans(),
)


@given(asked=ASKED, seed=st.integers(0, 2**32))
def test_only_what_can_befall_a_request_does(asked: Asked, seed: int) -> None:
    dice, again = random.Random(seed), random.Random(seed)
    found = [choose(ROUGH, asked, dice) for _ in range(50)]
    assert {each for each in found if each} <= possible(asked)
    assert found == [choose(ROUGH, asked, again) for _ in range(50)], "the seed decides"


def test_faults_are_as_frequent_as_their_rates_say() -> None:
    dice, patch = random.Random(1), Asked("PATCH", is_watch=False, is_further_page=False)
    counted = Counter(choose(Rates(conflict=0.2, failed=0.1, gone=0.3), patch, dice) for _ in range(10_000))
    assert counted[Fault.CONFLICT] == pytest.approx(2000, rel=0.1)
    assert counted[Fault.FAILED] == pytest.approx(1000, rel=0.1)
    assert counted[None] == pytest.approx(7000, rel=0.1)
