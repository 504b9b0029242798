"""What the CRDs accept, the gateway's config accepts too: else a stored object could not be compiled for any site.

A scalar of the API and the field of the config that it becomes, side by side; texts are drawn from the API's pattern.
"""

import datetime as dt
import functools
import re
from typing import Any, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.contract.config_cases import example
from tests.corpus import cases, offline, rules

from isochrone.admission import admit, formats
from isochrone.api import scalars, selectors
from isochrone.api.object_storage import BucketName, Prefix, Region
from isochrone_gateway.config import find_problems, record
from isochrone_gateway.config import site as contract
from isochrone_gateway.config.providers import OWN_HEADERS, OWN_HEADERS_BEGIN, OWN_HEADERS_END, OWN_MEMBERS, Endpoint
from isochrone_gateway.config.site import ClientAddress, ClientAddressSource

STORAGE = get_type_hints(contract.ObjectStorage, include_extras=True)

PAIRS = [
    pytest.param(scalars.Money, record.Money, id="money"),
    pytest.param(scalars.Hostname, record.Hostname, id="hostname"),
    pytest.param(scalars.ObjectName, record.Name, id="object name"),
    pytest.param(scalars.Label, record.Name, id="label"),
    pytest.param(scalars.ModelName, record.ModelName, id="model name"),
    pytest.param(scalars.ModelName, record.UpstreamModel, id="upstream model name"),
    pytest.param(scalars.DataClass, record.DataClass, id="data class"),
    pytest.param(scalars.Jurisdiction, record.Jurisdiction, id="jurisdiction"),
    pytest.param(scalars.Area, record.Area, id="area"),
    pytest.param(scalars.Sha256, record.Sha256, id="sha256"),
    pytest.param(scalars.WebOrigin, record.WebOrigin, id="web origin"),
    pytest.param(BucketName, STORAGE["bucket"], id="bucket"),
    pytest.param(Prefix, STORAGE["prefix"], id="prefix of a bucket"),
    pytest.param(Region, STORAGE["region"], id="region of a bucket"),
]

LEAP_YEAR = dt.timedelta(days=366)
UNITS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def schema_of(scalar: Any) -> dict[str, Any]:
    return TypeAdapter(scalar).json_schema()


def texts(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    """Texts that the schema allows, as the API server reads it: `$` is the very end."""
    found = st.from_regex(re.compile(schema["pattern"], re.ASCII), fullmatch=True)
    return found.filter(lambda text: len(text) <= schema["maxLength"] and not text.endswith("\n"))


def fits(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize(("scalar", "field"), PAIRS)
@given(data=st.data())
def test_what_the_api_accepts_the_config_accepts(scalar: Any, field: Any, data: st.DataObject) -> None:
    assert fits(data.draw(texts(schema_of(scalar))), field)


@given(text=texts(schema_of(scalars.Duration)))
def test_a_duration_is_at_most_what_the_config_can_say(text: str) -> None:
    parts = re.findall("([0-9]+)(ms|h|m|s)", text)
    assert fits(sum(int(number) * UNITS[unit] for number, unit in parts), record.Milliseconds)


@pytest.mark.parametrize(
    ("text", "accepted"), [("8784h", True), ("8785h", False), ("9000h", False), ("99999h", False), ("720h", True)]
)
def test_the_longest_duration_is_a_leap_year(text: str, accepted: bool) -> None:
    assert bool(re.fullmatch(schema_of(scalars.Duration)["pattern"], text)) is accepted
    hours = dt.timedelta(hours=int(text.removesuffix("h")))
    assert (hours <= LEAP_YEAR) is accepted


@given(text=texts(schema_of(scalars.Cidr)).filter(lambda text: formats.valid("cidr", text)))
def test_a_network_of_the_api_is_one_of_the_config(text: str) -> None:
    assert fits(text, record.Cidr)
    address = ClientAddress(source=ClientAddressSource.X_FORWARDED_FOR, trusted_proxies=frozenset({text}))
    config = example()
    site = msgspec.structs.replace(config.site, client_address=address)
    assert find_problems(msgspec.structs.replace(config, site=site)) == ()


@given(key=texts(selectors.SecretKeyRef.model_json_schema()["properties"]["key"]))
def test_a_secrets_key_names_a_file(key: str) -> None:
    assert fits(f"provider/{key}", record.SecretFile)


def rule_pattern(kind: str, *steps: str) -> str:
    """The one pattern in the rules of a place."""
    (found,) = {
        match[1]
        for rule in rules.all_rules()
        if rule.kind == kind and rule.steps == steps
        for match in re.finditer(r"matches\(r?'(\^[^']*(?:https|\[0-9a-f\]\*)[^']*)'\)", rule.rule)
    }
    return found


@given(data=st.data())
def test_a_providers_url_is_a_base_url(data: st.DataObject) -> None:
    pattern = rule_pattern("ModelProvider", "spec", "endpoints", rules.ITEM)
    url = data.draw(texts({"pattern": pattern, "maxLength": 512}))
    assert fits({"name": "eu", "baseUrl": url, "place": 0}, Endpoint)


@functools.cache
def minimal() -> dict[str, Any]:
    """A provider that the API accepts."""
    return next(case.new for case in cases.load() if case.id == "modelprovider/minimal")


def refused_at(field: str, name: str) -> list[str]:
    """What the API says to an endpoint that sets this: the fields that it refuses."""
    endpoint = {**minimal()["spec"]["endpoints"][0], field: [{"name": name, "value": "x"}]}
    schema = offline.schemas()["ModelProvider"]
    return [each.path for each in admit(schema, {**minimal(), "spec": {**minimal()["spec"], "endpoints": [endpoint]}})]


def reported(field: str, name: str) -> bool:
    """Whether the config's check says something about the same."""
    config = example()
    (provider,) = config.providers
    endpoint = msgspec.structs.replace(provider.endpoints[0], **{field: {name: "x"}})
    providers = (msgspec.structs.replace(provider, endpoints=(endpoint,)),)
    return bool(find_problems(msgspec.structs.replace(config, providers=providers)))


@pytest.mark.parametrize("name", [*sorted(OWN_MEMBERS), "inference_geo", "service_tier"])
def test_a_member_is_the_gateways_own_for_both(name: str) -> None:
    expected = ["spec.endpoints[0].requestBody[0].name"] if name in OWN_MEMBERS else []
    assert refused_at("requestBody", name) == expected
    assert reported("body", name) == bool(expected)


@pytest.mark.parametrize(
    "name",
    [
        *sorted(OWN_HEADERS),
        *(f"{begin}any" for begin in OWN_HEADERS_BEGIN),
        *(f"any{end}" for end in OWN_HEADERS_END),
        "openai-project",
        "x-token-region",
    ],
)
def test_a_header_is_the_gateways_own_for_both(name: str) -> None:
    is_own = name not in {"openai-project", "x-token-region"}
    assert refused_at("requestHeaders", name) == (["spec.endpoints[0].requestHeaders[0].name"] if is_own else [])
    assert reported("headers", name) == is_own


@given(data=st.data())
def test_an_advertised_host_makes_an_address(data: st.DataObject) -> None:
    pattern = rule_pattern("EdgeNode", "spec", "gateway", "advertise")
    host = data.draw(texts({"pattern": pattern, "maxLength": 253}))
    assert fits(f"[{host}]:8443" if ":" in host else f"{host}:8443", record.Address)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://a..b/", id="empty label"),
        pytest.param("https://a:0/", id="port 0"),
        pytest.param("https://a:99999/", id="port beyond the last"),
        pytest.param("https://A/", id="capital"),
        pytest.param("https://a//b", id="empty segment"),
    ],
)
def test_a_url_that_no_client_can_use_is_refused_by_both(url: str) -> None:
    assert not re.fullmatch(rule_pattern("ModelProvider", "spec", "endpoints", rules.ITEM), url)
    assert not fits(url, record.BaseUrl)


def test_the_corpus_has_no_accepted_value_that_the_config_refuses() -> None:
    """The URLs and hosts that people write, from the manifests that a server accepted."""
    providers = [
        case.new["spec"]["endpoints"] for case in cases.load() if case.accepted and case.kind == "ModelProvider"
    ]
    urls = [endpoint["url"] for endpoints in providers for endpoint in endpoints]
    assert urls
    assert [url for url in urls if not fits(url, record.BaseUrl)] == []
