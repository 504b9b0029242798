"""A config travels in shards and comes back whole or not at all."""

from collections.abc import Mapping
from typing import Literal, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.contract.config_cases import RELEASE, example, sha256, sign_as
from tests.contract.config_strategies import configs, shuffled
from tests.contract.config_versions import minimal

from isochrone_gateway.config import (
    Config,
    ConfigError,
    Index,
    Kind,
    Loaded,
    assemble,
    encode_index,
    issue,
    pack,
    read_index,
    shard,
)
from isochrone_gateway.config.canonical import canonical, canonical_law
from isochrone_gateway.config.index import MAX_DOCUMENT_BYTES, MAX_INDEX_BYTES, MAX_STORED_BYTES
from isochrone_gateway.config.law import Law, Policy, Table, encode_row
from isochrone_gateway.config.record import Record
from isochrone_gateway.config.shards import SPLIT_DOCUMENT_BYTES, SPLIT_STORED_BYTES, Pack, hash_name
from isochrone_gateway.config.signing import seal
from isochrone_gateway.config.site import Cors
from isochrone_gateway.config.tenants import Key, Tenant, Tenants

SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def load(index: Index, blobs: Mapping[str, bytes]) -> Loaded:
    return assemble(read_index(encode_index(index)), blobs)


@SLOW
@given(config=configs(), readable=st.booleans())
def test_what_is_sharded_is_assembled(*, config: Config, readable: bool) -> None:
    index, blobs = shard(config, RELEASE, readable=readable)
    assert load(index, blobs).config == canonical(config)


@SLOW
@given(st.data())
def test_the_order_of_inputs_changes_nothing(data: st.DataObject) -> None:
    config = data.draw(configs())
    index, blobs = shard(config, RELEASE)
    assert shard(data.draw(shuffled(config)), RELEASE) == (index, blobs)


@SLOW
@given(configs())
def test_equal_configs_have_equal_shards(config: Config) -> None:
    """Also where one holds a default and the other only its equal, which msgspec writes out."""
    index, blobs = shard(config, RELEASE)
    spelt_out = msgspec.json.decode(msgspec.json.encode(_spelt_out(config)), type=Config)
    assert spelt_out == config
    assert shard(spelt_out, RELEASE) == (index, blobs)


def _spelt_out(value: object) -> object:
    if isinstance(value, Record):
        tag = type(value).__struct_config__.tag
        fields = {
            field.encode_name: _spelt_out(getattr(value, field.name)) for field in msgspec.structs.fields(type(value))
        }
        return fields if tag is None else {"type": tag, **fields}
    if isinstance(value, tuple):
        return [_spelt_out(item) for item in value]
    if isinstance(value, dict):
        return {name: _spelt_out(item) for name, item in value.items()}
    return value


@SLOW
@given(configs())
def test_canonical_form_keeps_the_law(config: Config) -> None:
    before, after = config.law, canonical(config).law
    for policy in after.policies:
        (original,) = [each for each in before.policies if each.name == policy.name]
        for scope, table in policy.scopes.items():
            assert _meaning(after, table) == _meaning(before, original.scopes[scope])


def _meaning(law: Law, index: int) -> object:
    def row(number: int) -> str | None:
        return None if number < 0 else law.rows[number]

    table = law.tables[index]
    unknown = row(table.unknown) if isinstance(table.unknown, int) else table.unknown
    return ({origin: row(number) for origin, number in table.rows.items()}, row(table.otherwise), unknown)


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@settings(max_examples=400, deadline=None)
@given(position=st.integers(0, 2**31), flip=st.integers(1, 255))
def test_one_flipped_byte_in_the_index_is_refused(*, signed: bool, position: int, flip: int) -> None:
    """Even where no key is trusted, so that only the checksum stands guard."""
    index, _ = SIGNED if signed else UNSIGNED
    data = bytearray(encode_index(index))
    data[position % len(data)] ^= flip
    with pytest.raises(ConfigError):
        read_index(bytes(data))


@settings(max_examples=400, deadline=None)
@given(name=st.integers(0, 2**31), position=st.integers(0, 2**31), flip=st.integers(1, 255))
def test_one_flipped_byte_in_a_shard_is_refused(name: int, position: int, flip: int) -> None:
    index, blobs = UNSIGNED
    chosen = sorted(blobs)[name % len(blobs)]
    blob = bytearray(blobs[chosen])
    blob[position % len(blob)] ^= flip
    with pytest.raises(ConfigError, match=f"^{chosen}: "):
        load(index, {**blobs, chosen: bytes(blob)})


UNSIGNED = shard(example(), RELEASE)
SIGNED = shard(example(), RELEASE, signers=[sign_as("k1")])


@pytest.mark.parametrize("name", sorted(UNSIGNED[1]))
def test_an_incomplete_set_is_refused(name: str) -> None:
    index, blobs = UNSIGNED
    with pytest.raises(ConfigError, match=rf"^{name}: \$: is missing; fetch it$"):
        load(index, {other: blob for other, blob in blobs.items() if other != name})


@pytest.mark.parametrize("kind", list(Kind))
def test_an_index_without_one_kind_is_refused(kind: Kind) -> None:
    packed = pack(example())
    less = Pack(entries=tuple(entry for entry in packed.entries if entry.kind != kind), blobs=packed.blobs)
    with pytest.raises(ConfigError, match=f"no shard of kind {kind}"):
        load(issue(less, site="fra", release=RELEASE), less.blobs)


def test_blobs_of_other_revisions_are_not_looked_at() -> None:
    index, blobs = UNSIGNED
    assert load(index, {**blobs, "routes-0": b"rubbish"}).config == canonical(example())


def many_tenants(count: int) -> Tenants:
    return Tenants(
        keys={sha256(f"key {i}"): Key(tenant=f"team-{i % 97}/tenant-{i}") for i in range(count)},
        tenants=tuple(Tenant(id=f"team-{i % 97}/tenant-{i}") for i in range(count)),
    )


def test_tenants_split_by_prefix_and_one_change_rewrites_one_shard() -> None:
    config = replace(minimal(), tenants=many_tenants(8_000))
    before, blobs = shard(config, RELEASE)
    names = {entry.name for entry in before.shards if entry.kind == Kind.TENANTS}
    assert len(names) == 16
    assert all(len(blob) <= SPLIT_STORED_BYTES for blob in blobs.values())
    assert load(before, blobs).config == canonical(config)

    newcomer = {sha256("one more key"): Key(tenant="team-0/tenant-0")}
    after = pack(replace(config, tenants=replace(config.tenants, keys={**config.tenants.keys, **newcomer})))
    changed = {entry.name for entry in after.entries} - {entry.name for entry in before.shards}
    assert len(changed) == 1
    assert changed.pop().startswith(f"tenants-{next(iter(newcomer))[0]}-")


def test_a_large_law_splits_into_runs() -> None:
    rows = tuple(encode_row(1 << i) for i in range(1, 1000))
    law = Law(
        policies=tuple(
            Policy(name=f"p-{i}", generation=1, digest=sha256(str(i)), scopes={"Inference": i}) for i in range(400)
        ),
        tables=tuple(
            Table(rows={f"{a}{b}": (i * 31 + j) % 999 for j, (a, b) in enumerate(PAIRS)}, otherwise=i)
            for i in range(400)
        ),
        rows=rows,
    )
    config = replace(minimal(), law=law, places=replace(minimal().places, places=minimal().places.places * 1000))
    index, blobs = shard(config, RELEASE)
    sizes = [entry.document_size for entry in index.shards if entry.kind == Kind.LAW]
    assert len(sizes) > 1
    assert max(sizes) <= SPLIT_DOCUMENT_BYTES
    assert load(index, blobs).config == canonical(config)


PAIRS = [(a, b) for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for b in "ABCDEFGHIJ"]


def test_what_can_not_be_split_nor_stored_is_refused() -> None:
    origins = frozenset(f"https://{sha256(str(i))}" for i in range(30_000))
    assert MAX_STORED_BYTES < 30_000 * 32  # a hash is 32 bytes of noise, which nothing compresses
    site = replace(minimal().site, cors=Cors(origins=origins))
    with pytest.raises(ConfigError, match=r"Site needs .* can't be split; make it smaller"):
        shard(replace(minimal(), site=site), RELEASE)


def test_an_index_for_another_site_than_its_shards_is_refused() -> None:
    packed = pack(example())
    with pytest.raises(ConfigError, match=r"^site-[0-9a-f]+: \$.site.name: is 'fra', but the index is for 'par'$"):
        load(issue(packed, site="par", release=RELEASE), packed.blobs)


def test_content_has_one_digest_and_each_revision_its_own_index() -> None:
    first, _ = shard(example(), RELEASE)
    again, _ = shard(example(), RELEASE, signers=[sign_as("k1")])
    assert first.revision == again.revision
    assert first.checksum != again.checksum
    assert pack(example()).digest == first.revision.digest
    assert pack(minimal()).digest != first.revision.digest


def test_equal_tables_are_shared_however_they_were_made() -> None:
    """One holds the default of `unknown` itself, the other an equal text."""
    equal = Table(unknown=cast("Literal['Deny']", str(b"Deny", "ascii")))
    policies = tuple(
        Policy(name=f"p-{i}", generation=1, digest=sha256(str(i)), scopes={"Inference": i}) for i in range(2)
    )
    assert len(canonical_law(Law(policies=policies, tables=(equal, Table()))).tables) == 1


def test_an_index_whose_digest_is_not_that_of_its_shards_is_refused() -> None:
    revision = replace(UNSIGNED[0].revision, digest=sha256("something else"))
    with pytest.raises(ConfigError, match=r"^index: \$\.revision\.digest: is not the digest of the shards"):
        read_index(encode_index(seal(replace(UNSIGNED[0], revision=revision), [])))


def test_an_index_that_names_a_shard_twice_is_refused() -> None:
    packed = pack(example())
    doubled = Pack(entries=(*packed.entries, packed.entries[0]), blobs=packed.blobs)
    with pytest.raises(ConfigError, match="names a shard twice"):
        read_index(encode_index(issue(doubled, site="fra", release=RELEASE)))


def test_an_index_of_more_than_fits_into_memory_is_refused() -> None:
    packed = pack(example())
    extra = tuple(replace(packed.entries[0], name=f"engines-{i}", document_size=MAX_DOCUMENT_BYTES) for i in range(33))
    large = Pack(entries=(*packed.entries, *extra), blobs=packed.blobs)
    with pytest.raises(ConfigError, match="describes more than 268435456 bytes"):
        read_index(encode_index(issue(large, site="fra", release=RELEASE)))


def test_an_index_that_is_too_long_is_not_even_parsed() -> None:
    data = encode_index(UNSIGNED[0])
    assert read_index(data + b" " * (MAX_INDEX_BYTES - len(data))).index == UNSIGNED[0]
    with pytest.raises(ConfigError, match=f"has {MAX_INDEX_BYTES + 1} bytes, at most {MAX_INDEX_BYTES} are read"):
        read_index(data + b" " * (MAX_INDEX_BYTES + 1 - len(data)))


def test_a_problem_with_a_key_names_the_shard_of_the_key() -> None:
    tenants = many_tenants(8_000)
    lost = sha256("lost")
    keys = {**tenants.keys, lost: Key(tenant="no/body")}
    packed = pack(replace(minimal(), tenants=replace(tenants, keys=keys)))
    with pytest.raises(ConfigError) as caught:
        load(issue(packed, site="lab", release=RELEASE), packed.blobs)
    (problem,) = caught.value.problems
    assert problem.source.startswith(f"tenants-{lost[0]}-")
    assert hash_name(lost)[0] != lost[0]


def test_nothing_is_published_that_a_gateway_would_refuse() -> None:
    """Records don't check their own fields when they are made; what was written is read back."""
    careless = replace(example(), site=replace(example().site, hostname="NOT A HOST"))
    with pytest.raises(ConfigError, match=r"^site-[0-9a-f]+: \$\.site\.hostname: "):
        shard(careless, RELEASE)
