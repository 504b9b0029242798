"""What providers say of where they process, and what is declared of their endpoints."""

import pathlib
from typing import Any

import pytest
from tests.unit.validate.sample import endpoint, findings, provider, said

from isochrone import validate
from isochrone.manifests import read

WHERE = "ModelProvider acme spec.endpoints[0].processesIn"
CONTRADICTED = [f"W RegionContradicted {WHERE}"]
NOT_PINNED = [f"W RegionNotPinned {WHERE}"]
EXAMPLES = sorted({path.parent for path in (pathlib.Path(__file__).parents[3] / "examples").glob("*/provider.yaml")})
CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"


def bedrock(name: str, host: str = "bedrock-runtime.eu-central-1.amazonaws.com") -> dict[str, Any]:
    return {"url": f"https://{host}/openai/v1", "models": [{"name": "large", "upstreamName": name}]}


def geo(value: str) -> dict[str, Any]:
    return {"url": "https://api.anthropic.com/v1", "requestBody": [{"name": "inference_geo", "value": value}]}


def at(host: str) -> dict[str, Any]:
    return {"url": f"https://{host}/v1"}


CASES = [
    pytest.param(at("eu.api.openai.com"), ["EEA", "CH"], [], id="OpenAI: the region"),
    pytest.param(at("eu.api.openai.com"), ["EEA", "CH", "US"], [], id="OpenAI: more than it"),
    pytest.param(at("eu.api.openai.com"), ["CH"], NOT_PINNED, id="OpenAI: a part of it"),
    pytest.param(at("eu.api.openai.com"), ["US"], CONTRADICTED, id="OpenAI: another"),
    pytest.param(at("us.api.openai.com"), ["US-CA"], [], id="OpenAI: a state, which isn't told apart"),
    pytest.param(at("us.api.openai.com"), ["EU"], CONTRADICTED, id="OpenAI: another one's"),
    pytest.param(at("us.api.openai.com"), ["World"], [], id="OpenAI: anywhere is never too little"),
    pytest.param(at("api.openai.com"), ["EU"], NOT_PINNED, id="OpenAI: no region's"),
    pytest.param(at("api.openai.com"), ["World"], [], id="OpenAI: no region's, and none is declared"),
    pytest.param(at("kr.api.openai.com"), ["KR"], NOT_PINNED, id="OpenAI: it only stores there"),
    pytest.param(at("api.openai.com:8443"), ["EU"], NOT_PINNED, id="a port says nothing"),
    pytest.param(at("xapi.openai.com"), ["EU"], [], id="a longer name is another's"),
    pytest.param(at("api.anthropic.com"), ["US"], NOT_PINNED, id="Anthropic: nothing is set"),
    pytest.param(geo("us"), ["US"], [], id="Anthropic: us"),
    pytest.param(geo("us"), ["EU"], CONTRADICTED, id="Anthropic: us, declared as EU"),
    pytest.param(geo("global"), ["US"], NOT_PINNED, id="Anthropic: global"),
    pytest.param(geo("mars"), ["US"], NOT_PINNED, id="Anthropic: a value that isn't known"),
    pytest.param(bedrock(CLAUDE), ["DE"], [], id="Bedrock: the region of the host"),
    pytest.param(bedrock(CLAUDE), ["FR"], CONTRADICTED, id="Bedrock: another region than the host's"),
    pytest.param(bedrock(f"eu.{CLAUDE}"), ["EU"], [], id="Bedrock: a profile"),
    pytest.param(bedrock(f"eu.{CLAUDE}"), ["DE"], NOT_PINNED, id="Bedrock: a profile leaves the region"),
    pytest.param(bedrock(f"us.{CLAUDE}"), ["DE"], CONTRADICTED, id="Bedrock: another geography's profile"),
    pytest.param(bedrock(f"global.{CLAUDE}"), ["DE"], NOT_PINNED, id="Bedrock: the global profile"),
    pytest.param(
        bedrock(f"arn:aws:bedrock:eu-central-1:1:inference-profile/us.{CLAUDE}"),
        ["EU"],
        CONTRADICTED,
        id="Bedrock: a profile by its ARN",
    ),
    pytest.param(
        bedrock("arn:aws:bedrock:eu-central-1:1:application-inference-profile/a1b2"),
        ["DE"],
        NOT_PINNED,
        id="Bedrock: a profile of one's own",
    ),
    pytest.param(bedrock(CLAUDE, "bedrock-mantle.us-east-1.api.aws"), ["US"], [], id="Bedrock: the other host"),
    pytest.param(
        bedrock(CLAUDE, "bedrock-runtime.xx-new-1.amazonaws.com"), ["DE"], NOT_PINNED, id="Bedrock: a new region"
    ),
    pytest.param(at("europe-west4-aiplatform.googleapis.com"), ["NL"], [], id="Vertex AI: a region"),
    pytest.param(at("europe-west4-aiplatform.googleapis.com"), ["DE"], CONTRADICTED, id="Vertex AI: another region"),
    pytest.param(at("aiplatform.eu.rep.googleapis.com"), ["EU"], [], id="Vertex AI: a multi-region"),
    pytest.param(at("aiplatform.googleapis.com"), ["EU"], NOT_PINNED, id="Vertex AI: global"),
    pytest.param(at("acme.openai.azure.com"), ["SE"], NOT_PINNED, id="Azure: the host doesn't tell"),
    pytest.param(at("api.mistral.ai"), ["FR"], NOT_PINNED, id="Mistral: no region's"),
    pytest.param(at("api.eu.mistral.ai"), ["EEA", "CH"], [], id="Mistral: Europe"),
    pytest.param(at("eu-west-1.api.x.ai"), ["IE"], [], id="xAI: a region"),
    pytest.param(at("llm.example.com"), ["EU"], [], id="nobody that is known"),
]


@pytest.mark.parametrize(("fields", "places", "expected"), CASES)
def test_what_is_declared_is_compared(fields: dict[str, Any], places: list[str], expected: list[str]) -> None:
    made = provider("acme", {**endpoint("main", *places), **fields})
    assert [each for each in said([made]) if " Region" in each] == expected


@pytest.mark.parametrize(
    ("host", "places", "expected"),
    [
        pytest.param("api.openai.com", ["EU"], [], id="a contract says more than a host"),
        pytest.param("us.api.openai.com", ["EU"], CONTRADICTED, id="it doesn't say the contrary"),
    ],
)
def test_evidence_counts_where_the_host_says_nothing(host: str, places: list[str], expected: list[str]) -> None:
    evidence = {"evidence": "Contracted", "evidenceRef": "order form of 2026-02-01"}
    made = provider("acme", {**endpoint("main", *places), **at(host), **evidence})
    assert [each for each in said([made]) if " Region" in each] == expected


def test_each_model_of_an_endpoint_counts() -> None:
    price = {"pricePerMillionTokens": {"input": "1", "output": "2"}}
    models = [{"name": name, **price} for name in (CLAUDE, f"us.{CLAUDE}", f"eu.{CLAUDE}", f"eu.{CLAUDE}-2")]
    made = provider("acme", {**endpoint("main", "DE"), "url": bedrock("x")["url"]}, models=models)
    assert [each for each in said([made]) if " Region" in each] == [*CONTRADICTED, *NOT_PINNED, *NOT_PINNED]


def test_the_way_out_is_the_providers() -> None:
    made = provider("acme", {**endpoint("main", "EU"), **at("eu.api.openai.com")})
    (found,) = (each for each in findings([made]) if each.rule == "RegionNotPinned")
    assert found.message == "EU, but eu.api.openai.com processes in EEA, CH, so also in CH, IS, LI, NO"
    assert found.way_out.startswith("declare these, too; or, if a contract")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)
def test_the_examples_declare_what_providers_say(example: pathlib.Path) -> None:
    found = validate.examine(read([str(example)]).manifests).findings
    assert [each.message for each in found if each.rule.startswith("Region")] == []


def test_a_name_for_no_model_is_an_error() -> None:
    made = provider("acme", endpoint(models=[{"name": "larg", "upstreamName": "eu.large"}]))
    assert "E RefNotFound ModelProvider acme spec.endpoints[0].models[0].name" in said([made])
