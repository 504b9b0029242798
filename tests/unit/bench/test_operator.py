"""What `make bench-operator` makes of what it reads and measures."""

import base64
import dataclasses
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bench.spread import Spread, spread
from tests.bench_operator import audit, findings, hub, latency, world
from tests.bench_operator.findings import Measured, Rates
from tests.bench_operator.laws import Laws
from tests.bench_operator.percentiles import percentile
from tests.bench_operator.steady import Steady
from tests.bench_operator.tightening import Round

QUIET = Steady(seconds=60.0, writes={"leases": 30}, requests={"get leases": 30}, cpu=1.0, resident=2**27)


def a_round(acked: float, *, is_tight: bool = True) -> Round:
    return Round(
        is_tight=is_tight,
        is_met=False,
        had=[0.1],
        acked=[acked],
        steps={"look": 0.2},
        cpu=0.5,
        server=0.4,
        settled=9.0,
    )


def measured(**changes: Any) -> Measured:
    whole = Measured(
        sites=3,
        routes=2,
        rounds=[a_round(1.0), a_round(5.0, is_tight=False), a_round(1.5)],
        steady=QUIET,
        rates=Rates(objects=10, ours=[70.0, 60.0], bare=[100.0, 100.0]),
        small=[0.5],
        full=[3.0],
        first=12.0,
    )
    return dataclasses.replace(whole, **changes)


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 1.0), (50, 50.0), (99, 99.0), (100, 100.0)], ids=["1", "50", "99", "100"]
)
def test_a_percentile_is_a_value_that_was_measured(percent: int, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], percent) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_so_many_percent_are_not_above_a_percentile(values: list[float], percent: int) -> None:
    found = percentile(values, percent)

    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["kept", "kept", "kept"]),
        ({"rounds": [a_round(1.9), a_round(2.1), a_round(2.2)]}, ["NOT kept", "kept", "kept"]),
        ({"rounds": [a_round(1.0, is_tight=False)]}, ["not measured", "kept", "kept"]),
        (
            {"steady": dataclasses.replace(QUIET, writes={"leases": 9, "configmaps": 1})},
            ["kept", "NOT kept", "kept"],
        ),
        ({"rates": Rates(objects=10, ours=[59.0], bare=[100.0])}, ["kept", "kept", "NOT kept"]),
    ],
    ids=["all are kept", "too late", "never tightened", "another write", "too slow"],
)
def test_verdicts_are_made_from_what_was_measured(changes: dict[str, Any], expected: list[str]) -> None:
    rows = findings.budgets(measured(**changes)).rows

    assert [row[-1] for row in rows] == expected


@pytest.mark.parametrize(
    ("found", "bounds", "expected"),
    [
        (None, {"most": 1.0}, "not measured"),
        (spread([1.0]), {"most": 1.0}, "NOT kept"),
        (spread([0.9]), {"most": 1.0}, "kept"),
        (spread([0.6]), {"least": 0.6}, "kept"),
    ],
    ids=["nothing", "at a bound from above", "below it", "at a bound from below"],
)
def test_a_bound_from_above_is_not_reached(found: Spread | None, bounds: dict[str, float], expected: str) -> None:
    assert findings.verdict(found, **bounds) == expected


def test_tables_say_all_that_was_measured() -> None:
    text = "\n".join(table.text() for table in findings.tables(measured()))

    for each in ("p99 of acks", "loosened (1 rounds)", "look", "memory of the operator, MiB", "3 more sites", "12.0 s"):
        assert each in text


def event(verb: str, resource: str, *, user: str = "hub-operator", code: int = 200, **more: Any) -> dict[str, Any]:
    return {
        "verb": verb,
        "user": {"username": user},
        "stage": "ResponseComplete",
        "objectRef": {"resource": resource},
        "responseStatus": {"code": code},
        **more,
    }


def test_writes_are_counted_by_resource() -> None:
    events = [
        event("patch", "configmaps"),
        event("patch", "configmaps", code=409),
        event("update", "leases"),
        event("get", "configmaps"),
        event("patch", "edgenodes", objectRef={"resource": "edgenodes", "subresource": "status"}),
    ]

    assert audit.writes(events) == {"configmaps": 1, "leases": 1, "edgenodes/status": 1}
    assert audit.requests(events)["patch configmaps"] == 2


def test_a_watch_counts_once_and_only_its_user_s() -> None:
    events = [
        event("watch", "configmaps", stage="ResponseStarted"),
        event("watch", "configmaps"),
        event("patch", "configmaps", user="sites"),
    ]

    assert audit.by_user(events, "hub-operator") == events[:1]


def test_a_log_is_read_from_where_it_was_and_in_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text('{"n": 1}\n')
    log = audit.Log(path)

    with path.open("a") as file:
        file.write('{"n": 2}\n{"n": ')
    assert [each["n"] for each in log.events()] == [2]
    with path.open("a") as file:
        file.write("3}\n")
    assert [each["n"] for each in log.events()] == [3]


METRICS = """
isochrone_operator_step_seconds_count{step="look"} 4.0
isochrone_operator_step_seconds_sum{step="look"} 2.0
isochrone_operator_step_seconds_count{step="hand out"} 4.0
isochrone_operator_step_seconds_sum{step="hand out"} 0.25
isochrone_operator_pass_seconds_sum 9.0
"""


def test_steps_are_read_from_metrics() -> None:
    steps = hub.read_steps(METRICS)

    assert steps == {"look": (2.0, 4), "hand out": (0.25, 4)}
    assert hub.between({"look": (1.0, 3), "hand out": (0.25, 4)}, steps) == {"look": 1.0}
    assert hub.between({}, steps) == {"look": 0.5, "hand out": 0.0625}


def shard(name: str, **document: Any) -> dict[str, Any]:
    blob = base64.b64encode(gzip.compress(json.dumps(document).encode())).decode()
    return {"kind": "ConfigMap", "metadata": {"name": name}, "binaryData": {"shard": blob}}


def test_the_generations_of_all_pieces_of_the_law() -> None:
    objects = [
        shard("law-1", policies=[{"name": "eu", "generation": 3}]),
        shard("law-2", policies=[{"name": "br", "generation": 1}]),
        shard("routes-1", policies=[{"name": "eu", "generation": 9}]),
        {"kind": "Service", "metadata": {"name": "law-3"}},
    ]

    assert Laws().generations(objects) == {"eu": 3, "br": 1}


def test_a_deployment_that_asks_for_so_many_cpus() -> None:
    containers = [{"name": "a"}, {"name": "b", "resources": {"requests": {"cpu": "7"}}}]
    deployment = {"spec": {"template": {"spec": {"containers": containers}}}}

    assert latency.asks_for(deployment, 7)
    assert not latency.asks_for(deployment, 8)


def test_the_network_as_objects_is_that_which_is_planned_for() -> None:
    objects = list(world.pulling(sites=3, routes=2))

    assert len(world.names(objects)) == 3
    assert sum(each["metadata"]["name"].startswith("isochrone-site-") for each in objects) == 3
    assert not any("uid" in each["metadata"] for each in objects)
    assert world.policy(is_tight=True)["spec"]["allow"] != world.policy(is_tight=False)["spec"]["allow"]
    assert world.policy(is_tight=False) in objects
