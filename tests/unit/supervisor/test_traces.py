"""A gateway with a collector: its spans arrive, and whatever the collector does, requests don't notice."""

import http.client
import json
import pathlib
import signal
import time

import pytest
from tests.unit.ledger import otlp_json
from tests.unit.ledger.collectors import Reply, ScriptedCollector, collecting
from tests.unit.supervisor.gateways import PATIENCE, Gateway, running, until

PLANE = "tests.unit.supervisor.traced_plane:TracedPlane"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture(autouse=True)
def _no_collector_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)


def ask(gateway: Gateway, path: str = "/", **headers: str) -> list[str]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.data, timeout=PATIENCE)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse().read().decode().splitlines()
    connection.close()
    return answer


def url(collector: ScriptedCollector) -> str:
    return f"http://127.0.0.1:{collector.port}"


def end(gateway: Gateway) -> None:
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0, gateway.log


def logged(folder: pathlib.Path) -> list[dict[str, object]]:
    """The lines of requests; not one that is being written."""
    whole, _, _ = (folder / "requests").read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def instances(collector: ScriptedCollector) -> set[str]:
    """The workers whose spans have come."""
    resources = [
        otlp_json.attributes(each.resource.attributes)
        for got in list(collector.got)
        for each in otlp_json.read(got.body).resource_spans
    ]
    assert {each["isochrone.site"] for each in resources} <= {"lab"}
    return {each["service.instance.id"].rpartition("/")[2] for each in resources}


def ask_until_both_tell(gateway: Gateway, collector: ScriptedCollector) -> list[list[str]]:
    """Ask until spans of both workers have come: on a busy machine one may take all connections for long."""
    told: list[list[str]] = []

    def both_have_told() -> bool:
        told.append(ask(gateway, f"/{len(told)}", traceparent=SAMPLED, tracestate="a=1"))
        return instances(collector) == {"0", "1"}

    until(both_have_told, log=lambda: gateway.log)
    return told


def test_spans_of_all_workers_arrive(tmp_path: pathlib.Path) -> None:
    with collecting() as collector, running(tmp_path, "--otlp", url(collector), plane=PLANE) as gateway:
        told = ask_until_both_tell(gateway, collector)
        assert ask(gateway, "/none") == ["nothing", "1"]
        assert ask(gateway, "/unsampled", traceparent=SAMPLED[:-1] + "0")[0].endswith("-00")
        until(lambda: gateway.metric("isochrone_spans_exported_total") == 2 * len(told))
        assert gateway.metric('isochrone_spans_dropped_total{why="unreachable"}') == 0
        assert gateway.metric("isochrone_span_exports_failed_total") == 0
        ask(gateway, "/last", traceparent=SAMPLED)
        end(gateway)
        servers = [span for span in collector.spans if span.kind == span.SPAN_KIND_SERVER]
        clients = [span for span in collector.spans if span.kind == span.SPAN_KIND_CLIENT]
        assert len(servers) == len(clients) == len(told) + 1, "those of the last moment, too"
        assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
        assert {span.parent_span_id.hex() for span in servers} == {PARENT}
        sent = {lines[0].split("-")[2] for lines in told}
        assert sent <= {span.span_id.hex() for span in clients}, "a backend's parent is the attempt's span"
        assert all(lines[1] == "tracestate: a=1" for lines in told)
    assert len(logged(tmp_path)) == len(told) + 3


def test_the_environment_says_where_and_credentials_stay_in_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url(collector))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a-secret")
        with running(tmp_path, workers=1, plane=PLANE) as gateway:
            ask(gateway, traceparent=SAMPLED)
            until(lambda: len(collector.got) > 0)
            arguments = [pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for pid in gateway.pids()]
            assert not any(b"a-secret" in each for each in arguments)
            assert collector.got[0].headers["api-key"] == "a-secret"


def test_without_a_collector_nothing_is_recorded(tmp_path: pathlib.Path) -> None:
    with running(tmp_path, workers=1, plane=PLANE) as gateway:
        assert ask(gateway, traceparent=SAMPLED) == [f"traceparent: {SAMPLED}", "0"]
        assert b"isochrone_span" not in gateway.admin_get("/metrics")[1]
        end(gateway)
    [line] = logged(tmp_path)
    assert line["trace"] == TRACE
    assert "traced" not in line


def test_settings_that_can_not_be_used_are_told_and_requests_are_answered(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with running(tmp_path, workers=1, plane=PLANE) as gateway:
        assert ask(gateway, traceparent=SAMPLED) == [f"traceparent: {SAMPLED}", "0"]
        until(lambda: "TracesNotExported" in gateway.log, log=lambda: gateway.log)
        assert "OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' is not spoken here" in gateway.log


def test_a_collector_that_hangs_holds_up_nothing(tmp_path: pathlib.Path) -> None:
    with (
        collecting(lambda _: Reply(hang=True)) as collector,
        running(tmp_path, "--otlp", url(collector), workers=1, plane=PLANE) as gateway,
    ):
        for number in range(50):
            ask(gateway, f"/{number}", traceparent=SAMPLED)
        until(lambda: len(collector.got) > 0)
        until(lambda: len(logged(tmp_path)) == 50)
        began = time.monotonic()
        end(gateway)
        assert time.monotonic() - began < 20
