"""Where spans go, by OpenTelemetry's variables."""

import pathlib
from typing import Any

import pytest

from isochrone_gateway.ledger.collector import Collector, CollectorError, find_collector

PREFIX = "OTEL_EXPORTER_OTLP_"
URL = "http://collector:4318"


def found(environ: dict[str, str], url: str | None = None) -> Collector:
    collector = find_collector(environ, url)
    assert collector is not None
    return collector


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="nothing is said"),
        pytest.param({f"{PREFIX}ENDPOINT": ""}, id="an empty variable is none"),
        pytest.param({f"{PREFIX}HEADERS": "a=b"}, id="all but where"),
        pytest.param({f"{PREFIX}ENDPOINT": URL, "OTEL_SDK_DISABLED": "TRUE"}, id="disabled"),
        pytest.param({f"{PREFIX}ENDPOINT": URL, "OTEL_TRACES_EXPORTER": "none"}, id="no exporter"),
    ],
)
def test_spans_go_nowhere(environ: dict[str, str]) -> None:
    assert find_collector(environ) is None


def test_the_defaults() -> None:
    assert found({f"{PREFIX}ENDPOINT": URL}) == Collector(
        is_secure=False,
        host="collector",
        port=4318,
        path="/v1/traces",
        headers={},
        timeout=10.0,
        zips=True,
        certificate=None,
        resource={"service.name": "isochrone-gateway"},
    )


@pytest.mark.parametrize(
    ("environ", "url", "expected"),
    [
        pytest.param({"ENDPOINT": "https://c"}, None, (True, "c", 443, "/v1/traces"), id="https"),
        pytest.param({"ENDPOINT": "http://c/"}, None, (False, "c", 80, "/v1/traces"), id="a slash at the end"),
        pytest.param({"ENDPOINT": "http://c/otlp"}, None, (False, "c", 80, "/otlp/v1/traces"), id="below a path"),
        pytest.param({"ENDPOINT": "http://[::1]:4318"}, None, (False, "::1", 4318, "/v1/traces"), id="an IPv6 address"),
        pytest.param({"TRACES_ENDPOINT": "http://c:1/x?y=z"}, None, (False, "c", 1, "/x?y=z"), id="as it is"),
        pytest.param({"TRACES_ENDPOINT": "http://c:1"}, None, (False, "c", 1, "/"), id="as it is, without a path"),
        pytest.param(
            {"ENDPOINT": "http://a", "TRACES_ENDPOINT": "http://b/t"}, None, (False, "b", 80, "/t"), id="the closer one"
        ),
        pytest.param({}, "http://o:1", (False, "o", 1, "/v1/traces"), id="the option"),
        pytest.param(
            {"ENDPOINT": "http://a", "TRACES_ENDPOINT": "http://b"},
            "http://o:1",
            (False, "o", 1, "/v1/traces"),
            id="the option wins",
        ),
    ],
)
def test_where(environ: dict[str, str], url: str | None, expected: tuple[bool, str, int, str]) -> None:
    collector = found({PREFIX + key: value for key, value in environ.items()}, url)
    assert (collector.is_secure, collector.host, collector.port, collector.path) == expected


@pytest.mark.parametrize(
    ("environ", "field", "expected"),
    [
        pytest.param(
            {f"{PREFIX}HEADERS": "api-key=a%3Db, x=1,,"}, "headers", {"api-key": "a=b", "x": "1"}, id="headers"
        ),
        pytest.param(
            {f"{PREFIX}HEADERS": "a=1", f"{PREFIX}TRACES_HEADERS": "b=2"}, "headers", {"b": "2"}, id="headers of traces"
        ),
        pytest.param({f"{PREFIX}TIMEOUT": "1500"}, "timeout", 1.5, id="milliseconds"),
        pytest.param({f"{PREFIX}TIMEOUT": "1", f"{PREFIX}TRACES_TIMEOUT": "2000"}, "timeout", 2.0, id="of traces"),
        pytest.param({f"{PREFIX}COMPRESSION": "none"}, "zips", False, id="not compressed"),
        pytest.param({f"{PREFIX}COMPRESSION": "gzip"}, "zips", True, id="compressed"),
        pytest.param({f"{PREFIX}PROTOCOL": "http/json"}, "path", "/v1/traces", id="http/json"),
        pytest.param({f"{PREFIX}PROTOCOL": "http/protobuf"}, "path", "/v1/traces", id="who takes this takes JSON"),
        pytest.param({f"{PREFIX}CERTIFICATE": __file__}, "certificate", __file__, id="whom to trust"),
        pytest.param({"OTEL_SERVICE_NAME": "edge"}, "resource", {"service.name": "edge"}, id="a name"),
        pytest.param(
            {"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,deployment.environment.name=pr%20od"},
            "resource",
            {"service.name": "a", "deployment.environment.name": "pr od"},
            id="attributes",
        ),
        pytest.param(
            {"OTEL_RESOURCE_ATTRIBUTES": "service.name=a", "OTEL_SERVICE_NAME": "b"},
            "resource",
            {"service.name": "b"},
            id="the name wins",
        ),
    ],
)
def test_how(environ: dict[str, str], field: str, expected: Any) -> None:
    assert getattr(found({f"{PREFIX}ENDPOINT": URL, **environ}), field) == expected


@pytest.mark.parametrize(
    ("environ", "advice"),
    [
        pytest.param({f"{PREFIX}ENDPOINT": "collector:4318"}, f"{PREFIX}ENDPOINT: .* no http://", id="no scheme"),
        pytest.param({f"{PREFIX}ENDPOINT": "ftp://c"}, "no http:// or https://", id="another scheme"),
        pytest.param({f"{PREFIX}ENDPOINT": "http://"}, "no http:// or https://", id="no host"),
        pytest.param({f"{PREFIX}ENDPOINT": "http://c:99999"}, f"{PREFIX}ENDPOINT: .*[Pp]ort", id="no such port"),
        pytest.param({f"{PREFIX}ENDPOINT": "http://[::1"}, f"{PREFIX}ENDPOINT: ", id="half an address"),
        pytest.param({f"{PREFIX}ENDPOINT": "http://c/a b"}, "no http:// or https://", id="a space"),
        pytest.param({f"{PREFIX}TRACES_ENDPOINT": "x"}, "TRACES_ENDPOINT: ", id="the closer one is named"),
        pytest.param({f"{PREFIX}PROTOCOL": "grpc"}, "PROTOCOL: 'grpc' is not spoken here", id="gRPC"),
        pytest.param({f"{PREFIX}COMPRESSION": "zstd"}, "COMPRESSION: 'zstd' is neither", id="another compression"),
        pytest.param({f"{PREFIX}TIMEOUT": "10s"}, "TIMEOUT: '10s'", id="no number"),
        pytest.param({f"{PREFIX}TIMEOUT": "0"}, "TIMEOUT: '0'", id="no time"),
        pytest.param({f"{PREFIX}HEADERS": "secret"}, "HEADERS: has a part", id="a header without a value"),
        pytest.param({f"{PREFIX}HEADERS": "a b=secret"}, "HEADERS: a header's name", id="a space in a name"),
        pytest.param({f"{PREFIX}HEADERS": "a=secret%0D%0Ab: c"}, "HEADERS: a header's name", id="a header in a header"),
        pytest.param({f"{PREFIX}HEADERS": "a=secret%E2%82%AC"}, "HEADERS: a header's name", id="what HTTP can't carry"),
        pytest.param({f"{PREFIX}CERTIFICATE": "/nowhere.pem"}, "CERTIFICATE: there is no file", id="no such file"),
        pytest.param({"OTEL_RESOURCE_ATTRIBUTES": "=x"}, "OTEL_RESOURCE_ATTRIBUTES: ", id="an attribute, no name"),
    ],
)
def test_mistakes_are_told_by_the_name_of_the_variable(environ: dict[str, str], advice: str) -> None:
    with pytest.raises(CollectorError, match=advice) as caught:
        find_collector({f"{PREFIX}ENDPOINT": URL, **environ})
    assert "secret" not in str(caught.value)


def test_credentials_in_the_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(CollectorError, match="--otlp: has a user name") as caught:
        find_collector({}, "http://me:secret@c:4318")
    assert "secret" not in str(caught.value)


def test_the_documentation_names_every_variable() -> None:
    page = (pathlib.Path(__file__).parents[3] / "docs/reference/gateway.md").read_text()
    for name in ("ENDPOINT", "TRACES_ENDPOINT", "HEADERS", "TIMEOUT", "COMPRESSION", "CERTIFICATE", "PROTOCOL"):
        assert f"`{PREFIX}{name}`" in page
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
        assert f"`{name}" in page
