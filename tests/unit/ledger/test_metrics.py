"""Metrics: what is counted, what the page looks like, how processes add up, and that memory stays bounded."""

import math
import re
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.ledger.records import record

from isochrone_gateway.ledger import exposition
from isochrone_gateway.ledger.meter import Meter
from isochrone_gateway.ledger.metrics import CAP, OTHER, Registry
from isochrone_gateway.ledger.record import Outcome, Times
from isochrone_gateway.ledger.snapshot import Snapshot
from isochrone_gateway.wire.schema import Usage


def page(*registries: Registry) -> list[str]:
    return exposition.render(exposition.merge(each.snapshot() for each in registries)).decode().splitlines()


def test_the_page() -> None:
    registry = Registry()
    registry.counter("b_total", "Counts\nb \\ well.", "x", "y").child('say "hi"\n', "\\").add(2)
    registry.gauge("a", "A gauge.").child().set(-1.5)
    sizes = registry.histogram("c_seconds", "Sizes.", "z", bounds=(0.5, 1.0))
    for value in (0.5, 0.75, 7.0):
        sizes.child("é").observe(value)
    assert page(registry) == [
        "# HELP a A gauge.",
        "# TYPE a gauge",
        "a -1.5",
        r"# HELP b_total Counts\nb \\ well.",
        "# TYPE b_total counter",
        r'b_total{x="say \"hi\"\n",y="\\"} 2',
        "# HELP c_seconds Sizes.",
        "# TYPE c_seconds histogram",
        'c_seconds_bucket{z="é",le="0.5"} 1',
        'c_seconds_bucket{z="é",le="1"} 2',
        'c_seconds_bucket{z="é",le="+Inf"} 3',
        'c_seconds_sum{z="é"} 8.25',
        'c_seconds_count{z="é"} 3',
    ]


def test_what_a_process_tells_of_its_metrics_is_what_another_reads() -> None:
    registry = Registry()
    registry.counter("a_total", "A.", "x").child("y").add(2)
    registry.histogram("b_seconds", "B.", bounds=(0.5,)).child().observe(0.25)
    told = msgspec.json.decode(msgspec.json.encode(registry.snapshot()), type=tuple[Snapshot, ...])
    assert exposition.merge([told, told]) == exposition.merge([registry.snapshot()] * 2)


def test_an_empty_registry_has_an_empty_page() -> None:
    assert page(Registry()) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1.0, "1"), (0.1, "0.1"), (1e-9, "1e-09"), (math.inf, "+Inf"), (2.0**60, "1.152921504606847e+18")],
)
def test_numbers(value: float, text: str) -> None:
    registry = Registry()
    registry.gauge("a", "A.").child().set(value)
    assert page(registry)[-1] == f"a {text}"


def filled(values: Sequence[tuple[str, float]]) -> Registry:
    registry = Registry()
    counter = registry.counter("n_total", "N.", "who")
    sizes = registry.histogram("s", "S.", "who", bounds=(1.0, 10.0))
    for who, value in values:
        counter.child(who).add()
        sizes.child(who).observe(value)
    return registry


observations = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 100).map(float)), max_size=20)


@given(st.lists(observations, max_size=4))
def test_processes_add_up_to_what_one_would_have_counted(parts: list[list[tuple[str, float]]]) -> None:
    together = filled([each for part in parts for each in part])
    assert not parts or page(*map(filled, parts)) == page(together)


def test_what_an_ended_process_counted_stays_and_its_gauges_go() -> None:
    registry = filled([("a", 5.0)])
    registry.gauge("open", "Open.").child().set(3)
    left = exposition.render(exposition.lasting(registry.snapshot())).decode()
    assert 'n_total{who="a"} 1' in left
    assert 's_count{who="a"} 1' in left
    assert "open" not in left


def test_invented_labels_share_one_child() -> None:
    registry = Registry()
    models = registry.counter("n_total", "N.", "model", "x")
    for number in range(3 * CAP):
        models.child(f"m{number}", "x").add()
    lines = page(registry)[2:]
    assert len(lines) == CAP + 1
    assert f'n_total{{model="{OTHER}",x="{OTHER}"}} {2 * CAP}' in lines
    models.child("m0", "x").add()
    assert 'n_total{model="m0",x="x"} 2' in page(registry)


def test_mistakes_are_told() -> None:
    registry = Registry()
    family = registry.counter("n_total", "N.", "a", "b")
    with pytest.raises(ValueError, match="has labels"):
        family.child("x")
    with pytest.raises(ValueError, match="twice"):
        registry.gauge("n_total", "N.")


def metered(*records: object) -> str:
    registry = Registry()
    meter = Meter(registry)
    for each in records:
        meter.count(each)  # type: ignore[arg-type]
    return "\n".join(page(registry))


def value(text: str, name: str, **labels: str) -> float:
    for line in text.splitlines():
        if line.startswith((f"{name}{{", f"{name} ")) and all(
            f'{key}="{each}"' in line for key, each in labels.items()
        ):
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"no {name} with {labels} in\n{text}")


def test_an_answered_stream() -> None:
    text = metered(record(), record())
    gen_ai = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "vllm", "gen_ai_request_model": "chat"}
    assert value(text, "isochrone_requests_total", route="shop/chat", outcome="Answered", jurisdiction="DE") == 2
    assert value(text, "isochrone_upstream_attempts_total", candidate="engine:shop/chat") == 4
    assert value(text, "isochrone_body_bytes_total", direction="in") == 2400
    assert value(text, "gen_ai_server_request_duration_seconds_sum", **gen_ai) == 4
    assert value(text, "gen_ai_server_time_to_first_token_seconds_sum", **gen_ai) == 1
    assert value(text, "gen_ai_server_time_per_output_token_seconds_sum", **gen_ai) == pytest.approx(0.1)
    for kind, tokens in {"input": 200, "output": 62, "cached_input": 128, "reasoning": 14}.items():
        assert value(text, "gen_ai_client_token_usage_sum", gen_ai_token_type=kind, **gen_ai) == tokens
    assert value(text, "isochrone_tenant_tokens_total", tenant="shop/web", gen_ai_token_type="output") == 62


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        pytest.param({"outcome": Outcome.REFUSED}, "request_duration_seconds_count", id="refusals take no time"),
        pytest.param({"usage": None}, "token_usage_count", id="unknown usage"),
        pytest.param({"times": Times(total=1.0)}, "time_to_first_token_seconds_count", id="not streamed"),
        pytest.param({"usage": Usage(5, 1)}, "time_per_output_token_seconds_count", id="one token has no pace"),
        pytest.param({"outcome": Outcome.PARTIAL}, "time_per_output_token_seconds_count", id="broken off"),
    ],
)
def test_what_did_not_happen_is_not_observed(changes: dict[str, object], absent: str) -> None:
    counts = re.findall(rf"{absent}\S* (\d+)", metered(record(**changes)))
    assert set(counts) <= {"0"}


def test_a_flood_of_names_keeps_memory_bounded() -> None:
    registry = Registry()
    meter = Meter(registry)
    for number in range(12_000):
        meter.count(record(model=f"m{number}", tenant=f"t{number}", route=f"r{number}"))
    assert len(page(registry)) < 80_000
    assert len(meter._children) <= 4096
    assert value("\n".join(page(registry)), "isochrone_requests_total", route=OTHER) == 11_000
