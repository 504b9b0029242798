"""Config and gateways of neighbouring minor versions: what loads, what is left out, what is refused."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.contract.config_cases import FILES, RELEASE, example, sha256
from tests.contract.config_example import blobs_of, read
from tests.contract.config_versions import maximal, minimal

from isochrone_gateway.config import Config, ConfigError, Loaded, assemble, read_index, shard
from isochrone_gateway.config.canonical import canonical
from isochrone_gateway.config.index import ShardEntry
from isochrone_gateway.config.shards import content_digest
from isochrone_gateway.config.signing import checksum
from isochrone_gateway.config.version import CURRENT, Version, parse_version

Documents = dict[str, Any]


def of_1_0() -> Config:
    """The maximal config without what came later."""
    config = maximal()
    (provider,) = config.providers
    endpoints = tuple(replace(each, models={}, body={}, headers={}) for each in provider.endpoints)
    return replace(
        config,
        site=replace(config.site, hub=frozenset(), evidence=None),
        providers=(replace(provider, endpoints=endpoints),),
    )


FROZEN = [
    pytest.param("1.0", "minimal", minimal(), id="1.0, minimal"),
    pytest.param("1.0", "maximal", of_1_0(), id="1.0, maximal"),
    pytest.param("1.1", "maximal", maximal(), id="1.1, maximal"),
]


@pytest.mark.parametrize(("version", "name", "config"), FROZEN)
def test_the_config_of_each_version_stays_loadable(version: str, name: str, config: Config) -> None:
    """These files are never written again. `config` is what they meant when they were."""
    index, files = read(FILES / f"v{version}" / name)
    received = read_index(index)
    assert received.index.version == version
    assert assemble(received, blobs_of(received.index, files)).config == canonical(config)


def reissued(change: Callable[[Documents, Documents], None], *, version: str, min_reader: str) -> Loaded:
    """Load the example as another writer might have written it: changed documents (by kind) and index."""
    index, blobs = shard(example(), RELEASE, readable=True)
    value = msgspec.to_builtins(index)
    documents = {entry["kind"]: msgspec.json.decode(blobs[entry["name"]]) for entry in value["shards"]}
    value |= {"version": version, "minReader": min_reader}
    change(value, documents)
    stored = {kind: msgspec.json.encode(document) for kind, document in documents.items()}
    value["shards"] = [{**_entry(kind, blob), **value.get("entries", {})} for kind, blob in sorted(stored.items())]
    value.pop("entries", None)
    value["revision"]["digest"] = content_digest(
        msgspec.convert([_known(entry) for entry in value["shards"]], list[ShardEntry])
    )
    value["checksum"] = checksum(value)
    return assemble(
        read_index(msgspec.json.encode(value)),
        {entry["name"]: stored[entry["kind"]] for entry in value["shards"]},
    )


def _entry(kind: str, blob: bytes) -> Documents:
    digest = hashlib.sha256(blob).hexdigest()
    return {
        "name": f"{kind.lower()}-{digest[:32]}",
        "kind": kind,
        "sha256": digest,
        "bytes": len(blob),
        "documentSha256": digest,
        "documentBytes": len(blob),
        "encoding": "Identity",
    }


def _known(entry: Documents) -> Documents:
    return {name: value for name, value in entry.items() if name in _entry("", b"")}


def add_optional_fields(index: Documents, documents: Documents) -> None:
    """What a 1.2 might add at every depth, and a section that 1.1 doesn't have."""
    index["region"] = "eu"
    index["revision"]["parent"] = "x"
    index["entries"] = {"priority": 1}
    documents["Site"]["site"]["motd"] = "hello"
    documents["Law"]["policies"][0]["binds"]["users"] = ["someone"]
    documents["Law"]["policies"][0]["severity"] = "High"
    documents["Routes"]["routes"][0]["tiers"][0]["candidates"][1]["target"]["zone"] = "a"
    documents["Routes"]["routes"][1]["cache"]["semantic"] = {"threshold": 0.8}
    documents["Tenants"]["tenants"][1]["budgets"][0]["label"] = "x"
    documents["Tenants"]["keys"][sha256("a key of the clinic")]["scopes"] = ["read"]
    documents["Guardrails"] = {"kind": "Guardrails", "rules": []}


IGNORED = {
    "$.region",
    "$.revision.parent",
    *(f"$.shards[{i}].priority" for i in range(9)),
    "$.site.motd",
    "$.policies[0].binds.users",
    "$.policies[0].severity",
    "$.routes[0].tiers[0].candidates[1].target.zone",
    "$.routes[1].cache.semantic",
    "$.tenants[1].budgets[0].label",
    f"$.keys[{sha256('a key of the clinic')}].scopes",
    "$",
}


def test_a_newer_config_that_only_adds_loads_and_says_what_is_left_out() -> None:
    loaded = reissued(add_optional_fields, version="1.2", min_reader="1.0")
    assert loaded.config == canonical(example())
    assert {each.partition(": ")[2] for each in loaded.ignored} == IGNORED
    assert [each for each in loaded.ignored if each.startswith("guardrails-")]


def test_a_newer_config_that_needs_its_additions_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        reissued(add_optional_fields, version="1.2", min_reader="1.2")
    assert str(caught.value) == (
        "index: $.minReader: needs a gateway that reads config 1.2; this one reads 1.1, update it first"
    )


def nothing(_: Documents, __: Documents) -> None:
    pass


def add_to_index(index: Documents, _: Documents) -> None:
    index["region"] = "eu"


def add_to_route(_: Documents, documents: Documents) -> None:
    documents["Routes"]["routes"][0]["shape"] = "round"


def add_kind(_: Documents, documents: Documents) -> None:
    documents["Guardrails"] = {"kind": "Guardrails"}


def add_engine_kind(_: Documents, documents: Documents) -> None:
    documents["Engines"]["engines"][0]["kind"] = "Mojo"


def add_target_type(_: Documents, documents: Documents) -> None:
    documents["Routes"]["routes"][0]["tiers"][0]["candidates"][0]["target"] = {"type": "Batch"}


def add_scope(_: Documents, documents: Documents) -> None:
    documents["Law"]["policies"][0]["scopes"]["Training"] = 0


def drop_required(_: Documents, documents: Documents) -> None:
    del documents["Routes"]["routes"][0]["name"]


def change_type(_: Documents, documents: Documents) -> None:
    documents["Routes"]["routes"][0]["name"] = 5


def change_api_version(index: Documents, _: Documents) -> None:
    index["apiVersion"] = "config.isochrone.dev/v2"


def unknown_dialect(_: Documents, documents: Documents) -> None:
    documents["Providers"]["providers"][0]["dialect"] = "Gemini"


@pytest.mark.parametrize(
    ("change", "version", "problem"),
    [
        pytest.param(add_to_index, "1.1", "unknown field `region`", id="unknown field in the index, same version"),
        pytest.param(add_to_route, "1.1", "unknown field `shape`", id="unknown field, same version"),
        pytest.param(add_kind, "1.1", "unknown kind Guardrails", id="unknown kind, same version"),
        pytest.param(add_engine_kind, "1.2", "Invalid enum value 'Mojo'", id="closed enum"),
        pytest.param(add_target_type, "1.2", "Invalid value 'Batch'", id="type of target"),
        pytest.param(add_scope, "1.2", "Invalid enum value 'Training'", id="scope of the law"),
        pytest.param(drop_required, "1.2", "missing required field `name`", id="required field gone"),
        pytest.param(change_type, "1.2", "Expected `str`, got `int`", id="another type"),
        pytest.param(change_api_version, "1.2", "this gateway reads config.isochrone.dev/v1", id="another major"),
    ],
)
def test_what_is_not_an_addition_is_refused(
    change: Callable[[Documents, Documents], None], version: str, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        reissued(change, version=version, min_reader="1.0")


def test_advice_for_a_value_from_the_future() -> None:
    with pytest.raises(ConfigError, match=r"\$\.engines\[0\]\.kind: .*; correct it, or use a gateway that knows it$"):
        reissued(add_engine_kind, version="1.2", min_reader="1.0")


@pytest.mark.parametrize("version", ["1.0", "1.2"])
def test_dialects_are_open(version: str) -> None:
    loaded = reissued(unknown_dialect, version=version, min_reader="1.0")
    assert loaded.config.providers[0].dialect == "Gemini"


@pytest.mark.parametrize("version", ["2.0", "1", "1.00", "1.0.0", "01.0", "", "1.0\n"])
def test_odd_versions_are_refused(version: str) -> None:
    with pytest.raises(ConfigError, match=r"^index: \$\.version: "):
        reissued(nothing, version=version, min_reader="1.0")


def test_versions_compare_as_numbers() -> None:
    assert Version(1, 9) < parse_version("1.10")
    assert str(CURRENT) == "1.1"


@pytest.mark.parametrize(
    ("told", "reader"),
    [
        pytest.param({}, "1.0", id="nothing"),
        pytest.param({"models": {"gpt-4o-mini": "eu.gpt-4o-mini"}}, "1.1", id="a model's name"),
        pytest.param({"body": {"inference_geo": "us"}}, "1.1", id="a member of the body"),
        pytest.param({"headers": {"openai-project": "proj_eu"}}, "1.1", id="a header"),
    ],
)
def test_a_gateway_that_would_leave_the_region_out_refuses_the_config(told: Documents, reader: str) -> None:
    config = example()
    (provider,) = config.providers
    endpoint = replace(provider.endpoints[0], **told)
    index, _ = shard(replace(config, providers=(replace(provider, endpoints=(endpoint,)),)), RELEASE)
    assert index.min_reader == reader
