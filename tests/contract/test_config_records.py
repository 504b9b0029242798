"""Each field by itself: what is refused, and that the message leads to it."""

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.config_cases import RELEASE, example, sha256
from tests.contract.config_example import EXAMPLE
from tests.contract.config_versions import maximal

from isochrone_gateway.config import ConfigError, assemble, issue, read_index
from isochrone_gateway.config.document import Kind
from isochrone_gateway.config.index import ShardEntry
from isochrone_gateway.config.law import Policy, decode_row, encode_row
from isochrone_gateway.config.publish import encode_index
from isochrone_gateway.config.shards import Pack, pack
from isochrone_gateway.config.storage import store


def load_with(kind: Kind, document: Any) -> None:
    """Load the example with one document replaced."""
    packed = pack(example())
    made = store(msgspec.json.encode(document), kind=kind)
    entries: tuple[ShardEntry, ...] = tuple(entry for entry in packed.entries if entry.kind != kind)
    changed = Pack(entries=(*entries, made.entry), blobs={**packed.blobs, made.entry.name: made.blob})
    assemble(read_index(encode_index(issue(changed, site="fra", release=RELEASE))), changed.blobs)


@pytest.mark.parametrize(
    ("file", "where", "value", "problem"),
    [
        pytest.param("site", "site.hostname", "FRA.example.com", "$.site.hostname: Expected `str` matching", id="case"),
        pytest.param("site", "site.name", "fra\n", "$.site.name: Expected `str` matching", id="newline"),
        pytest.param("site", "site.listeners.data.port", 0, "$.site.listeners.data.port: Expected", id="port"),
        pytest.param("site", "site.age.maxAgeMs", "15m", "$.site.age.maxAgeMs: Expected `int`, got `str`", id="unit"),
        pytest.param("site", "site.age.maxAgeMs", -1, "$.site.age.maxAgeMs: Expected `int` >= 0", id="negative"),
        pytest.param("site", "site.peerTrust.caBundle", "/etc/ca", "$.site.peerTrust.caBundle: ", id="absolute file"),
        pytest.param("site", "site.peerTrust.caBundle", "a/../b", "$.site.peerTrust.caBundle: ", id="dots in a file"),
        pytest.param(
            "places", "places.places.0.codes.0", "DEU", "$.places.places[0].codes[0]: ", id="three-letter code"
        ),
        pytest.param("places", "places.places.0.latitude", 91, "$.places.places[0].latitude: ", id="latitude"),
        pytest.param("law", "policies.0.mode", "Warn", "$.policies[0].mode: Invalid enum value 'Warn'", id="mode"),
        pytest.param("law", "policies.0.scopes.Inference", -1, "$.policies[0].scopes", id="table index"),
        pytest.param("law", "tables.0.unknown", "Allow", "$.tables[0].unknown: ", id="unknown"),
        pytest.param("law", "tables.0.otherwise", -2, "$.tables[0].otherwise: ", id="row index"),
        pytest.param("law", "rows.0", "0", "$.rows[0]: Expected `str` matching", id="odd row"),
        pytest.param("routes", "routes.0.id", "notes", "$.routes[0].id: Expected `str` matching", id="no namespace"),
        pytest.param("routes", "routes.0.shape", 1, "$.routes[0]: Object contains unknown field `shape`", id="unknown"),
        pytest.param("routes", "routes.1.tiers.0.candidates.0.price.input", 0.02, "price.input: ", id="float price"),
        pytest.param("routes", "routes.1.tiers.0.candidates.0.price.input", "-1", "price.input: ", id="negative price"),
        pytest.param("routes", "routes.1.tiers.0.candidates.0.price.input", "1e3", "price.input: ", id="exponent"),
        pytest.param("engines", "engines.0.healthPath", "health", "$.engines[0].healthPath: ", id="path"),
        pytest.param("providers", "providers.0.endpoints.0.baseUrl", "https://u@h/", "baseUrl: ", id="user in URL"),
        pytest.param("providers", "providers.0.endpoints.0.baseUrl", "https://h/?q=1", "baseUrl: ", id="query in URL"),
        pytest.param("providers", "providers.0.headers.0", "X-A", "$.providers[0].headers[0]: ", id="header case"),
        pytest.param("providers", "providers.0.headers.0", "a\r\nb", "$.providers[0].headers[0]: ", id="header split"),
        pytest.param(
            "tenants", "keys.sk-123", {"tenant": "shop/web"}, "$.keys (key): Expected `str` matching", id="key in clear"
        ),
        pytest.param("tenants", "tenants.1.limits.requestsPerMinute", 0, "requestsPerMinute: ", id="limit of none"),
        pytest.param("tenants", "tenants.1.budgets.0.currency", "EUR", "$.tenants[1].budgets[0].currency: ", id="EUR"),
        pytest.param("peers", "peers.0.address", "iad", "$.peers[0].address: Expected `str` matching", id="no port"),
    ],
)
def test_a_bad_value_is_refused_by_shard_and_path(file: str, where: str, value: object, problem: str) -> None:
    document = msgspec.json.decode((EXAMPLE / f"{file}.json").read_bytes())
    load_with(Kind(document["kind"]), document)
    _set(document, where.split("."), value)
    with pytest.raises(ConfigError) as caught:
        load_with(Kind(document["kind"]), document)
    (found,) = caught.value.problems
    assert found.source.startswith(f"{file}-")
    assert problem in str(found)


def _set(target: Any, steps: list[str], value: object) -> None:
    for step in steps[:-1]:
        target = target[int(step) if isinstance(target, list) else step]
    target[int(steps[-1]) if isinstance(target, list) else steps[-1]] = value


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="not an object"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"{}", id="nothing in it"),
        pytest.param(b"[" * 1_000_000, id="too long"),
        pytest.param(b'{"a":' + b"[" * 500_000, id="too deep"),
        pytest.param(b'{"apiVersion":"config.isochrone.dev/v1\xff"}', id="not UTF-8"),
        pytest.param(b'{"apiVersion":"config.isochrone.dev/v1"}', id="no version"),
    ],
)
def test_what_is_no_index_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match=r"^index: "):
        read_index(data)


@given(st.integers(0, 2**400))
def test_rows_round_trip(places: int) -> None:
    assert decode_row(encode_row(places)) == places


@pytest.mark.parametrize(
    ("places", "row"), [(0, ""), (1, "01"), (0b1011, "0b"), (1 << 8, "0001"), (1 << 15, "0080"), (0xABCDEF, "efcdab")]
)
def test_rows_are_little_endian(places: int, row: str) -> None:
    assert encode_row(places) == row


def test_a_scope_that_is_not_named_takes_the_table_of_inference() -> None:
    policy = Policy(name="p", generation=1, digest=sha256("p"), scopes={"Inference": 3, "Logs": 1})
    assert policy.table("Logs") == 1
    assert policy.table("Cache") == 3


def test_records_are_immutable_and_left_alone_by_the_garbage_collector() -> None:
    config = maximal()
    for record in (config, config.site, config.routes[0], config.tenants.tenants[0], config.law.policies[0]):
        settings = type(record).__struct_config__
        assert (settings.frozen, settings.gc, settings.forbid_unknown_fields) == (True, False, True)
        assert copy.deepcopy(record) == record
