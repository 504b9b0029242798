"""What one record can't prove of itself. Each case breaks the example once; the message says where and what to do."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec.structs import replace
from tests.contract.config_cases import RELEASE, example, sha256
from tests.contract.config_strategies import configs
from tests.contract.config_versions import maximal, minimal

from isochrone_gateway.config import Config, ConfigError, assemble, find_problems, issue, pack, read_index, shard
from isochrone_gateway.config.engines import StaticEndpoints
from isochrone_gateway.config.law import Binds, UnknownOrigin
from isochrone_gateway.config.places import Places
from isochrone_gateway.config.publish import encode_index
from isochrone_gateway.config.routes import EngineTarget, PeerTarget, ProviderTarget, Retry, Tier, Timeouts
from isochrone_gateway.config.site import Age, ClientAddress, ClientAddressSource, EvidenceKeeping, ObjectStorage
from isochrone_gateway.config.tenants import Budget, BudgetWindow, Key, Tenant, Tenants

Change = Callable[[Config], Config]


def site(**changes: Any) -> Change:
    return lambda config: replace(config, site=replace(config.site, **changes))


def place(index: int, **changes: Any) -> Change:
    def change(config: Config) -> Config:
        places = list(config.places.places)
        places[index] = replace(places[index], **changes)
        return replace(config, places=replace(config.places, places=tuple(places)))

    return change


def policy(**changes: Any) -> Change:
    return lambda config: replace(
        config, law=replace(config.law, policies=(replace(config.law.policies[0], **changes),))
    )


def table(**changes: Any) -> Change:
    return lambda config: replace(config, law=replace(config.law, tables=(replace(config.law.tables[0], **changes),)))


def rows(*rows: str) -> Change:
    return lambda config: replace(config, law=replace(config.law, rows=rows))


def item(section: str, index: int, **changes: Any) -> Change:
    """Change one route, engine pool, provider or peer."""

    def change(config: Config) -> Config:
        items = list(getattr(config, section))
        items[index] = replace(items[index], **changes)
        return replace(config, **{section: tuple(items)})

    return change


def bucket(**changes: Any) -> Change:
    said = {"endpoint": "https://s3.example.com", "bucket": "evidence", "place": 0, **changes}
    storage = ObjectStorage(access_key="objects/a", secret_key="objects/s", **said)
    return site(evidence=EvidenceKeeping(objects=storage))


def again(section: str) -> Change:
    """Say the first item of a section twice."""
    return lambda config: replace(config, **{section: (*getattr(config, section), getattr(config, section)[0])})


def candidate(route: int, tier: int, index: int, **changes: Any) -> Change:
    def change(config: Config) -> Config:
        tiers = list(config.routes[route].tiers)
        candidates = list(tiers[tier].candidates)
        candidates[index] = replace(candidates[index], **changes)
        tiers[tier] = Tier(candidates=tuple(candidates))
        return item("routes", route, tiers=tuple(tiers))(config)

    return change


def provider(**changes: Any) -> Change:
    return item("providers", 0, **changes)


def tenant(index: int, **changes: Any) -> Change:
    def change(config: Config) -> Config:
        tenants = list(config.tenants.tenants)
        tenants[index] = replace(tenants[index], **changes)
        return replace(config, tenants=replace(config.tenants, tenants=tuple(tenants)))

    return change


def weightless(config: Config) -> Config:
    changed = candidate(0, 0, 0, weight=0)(config)
    return candidate(0, 0, 1, weight=0)(changed)


def one_name_twice(config: Config) -> Config:
    return item("routes", 0, aliases=frozenset({"chat"}))(config)


def alias_is_name(config: Config) -> Config:
    return item("routes", 1, aliases=frozenset({"chat"}))(config)


def unknown_key(config: Config) -> Config:
    keys = {**config.tenants.keys, sha256("lost"): Key(tenant="gone/tenant")}
    return replace(config, tenants=replace(config.tenants, keys=keys))


def tenant_twice(config: Config) -> Config:
    tenants = (*config.tenants.tenants, Tenant(id="shop/web"))
    return replace(config, tenants=replace(config.tenants, tenants=tenants))


def alias_of_alias(config: Config) -> Config:
    return replace(config, places=replace(config.places, aliases={"FR-971": "FR-972", "FR-972": "GP"}))


def within(**above: set[str]) -> Change:
    """Geography, with `_` for the hyphen of codes."""
    lies = {code.replace("_", "-"): frozenset(each) for code, each in above.items()}
    return lambda config: replace(config, places=replace(config.places, within=lies))


def same_port(config: Config) -> Config:
    listeners = replace(config.site.listeners, peer=replace(config.site.listeners.data, tls=None))
    return site(listeners=listeners)(config)


def policy_twice(config: Config) -> Config:
    return replace(config, law=replace(config.law, policies=config.law.policies * 2))


def endpoint(**changes: Any) -> Change:
    return lambda config: provider(endpoints=(replace(config.providers[0].endpoints[0], **changes),))(config)


def twice(field: str) -> Change:
    return lambda config: provider(**{field: getattr(config.providers[0], field) * 2})(config)


NOTES = '$.routes["clinic/notes"]'
CHAT = '$.routes["shop/chat"]'
POLICY = '$.law.policies["health-data-stays-in-europe"]'
OPENAI = '$.providers["openai"]'

CASES = [
    pytest.param(
        site(place=4),
        [
            "$.site.place: is 4, but there are 4 places; point at one of them",
            f"{NOTES}.tiers[0].candidates[0].place: is 0, but the target is at place 4",
        ],
        id="site place",
    ),
    pytest.param(
        site(hub=frozenset({1, 4})), ["$.site.hub: is 4, but there are 4 places; point at one of them"], id="hub"
    ),
    pytest.param(
        bucket(place=4),
        ["$.site.evidence.objects.place: is 4, but there are 4 places; point at one of them"],
        id="place of a bucket",
    ),
    pytest.param(
        bucket(endpoint="http://s3.example.com"),
        ["$.site.evidence.objects.endpoint: is not https; use https, or set plaintext"],
        id="bucket by plain http",
    ),
    pytest.param(
        site(age=Age(max_age_ms=2, hard_max_age_ms=1)), ["$.site.age: has hardMaxAgeMs below maxAgeMs"], id="ages"
    ),
    pytest.param(same_port, ["$.site.listeners: use one port twice; give each its own"], id="ports"),
    pytest.param(
        site(client_address=ClientAddress(trusted_proxies=frozenset({"10.0.0.0/33"}))),
        ["$.site.clientAddress.trustedProxies: has '10.0.0.0/33', which is no network"],
        id="network",
    ),
    pytest.param(
        site(client_address=ClientAddress(source=ClientAddressSource.X_FORWARDED_FOR)),
        ["$.site.clientAddress.trustedProxies: is empty, so anybody could forge XForwardedFor"],
        id="no proxies",
    ),
    pytest.param(
        site(peer_trust=None),
        ['$.peers["iad"]: is reached without mutual TLS', '$.peers["par"]: is reached without mutual TLS'],
        id="no peer trust",
    ),
    pytest.param(place(0, country="FR"), ["$.places.places[0].country: is FR, but the codes say DE"], id="country"),
    pytest.param(
        place(3, country="IE"), ["$.places.places[3].country: is IE, but the codes say None"], id="two countries"
    ),
    pytest.param(place(3, country="IE", codes=frozenset()), ["$.places.places[3].country: is IE"], id="unknown place"),
    pytest.param(
        place(2, longitude=None), ["$.places.places[2]: has one coordinate; give both or none"], id="coordinate"
    ),
    pytest.param(
        lambda config: within(DE={"FR"})(place(0, country="DE")(config)),
        ["$.places.places[0].country: is DE, but the codes say FR"],
        id="country of a part of another",
    ),
    pytest.param(
        within(US_VA={"US", "CA"}), ["$.places.places[2].country: is US, but the codes say None"], id="in two countries"
    ),
    pytest.param(within(GB_LND=set()), ["$.places.within.GB-LND: is empty; leave it out"], id="within nothing"),
    pytest.param(
        within(GB_LND={"GB-ENG"}, GB_ENG={"GB-LND"}),
        ["$.places.within.GB-ENG: goes in a circle", "$.places.within.GB-LND: goes in a circle"],
        id="within itself",
    ),
    pytest.param(within(MA_12={"MA", "MA-12"}), ["$.places.within.MA-12: goes in a circle"], id="partly within itself"),
    pytest.param(alias_of_alias, ["$.places.aliases.FR-971: leads to FR-972, which is an alias itself"], id="alias"),
    pytest.param(policy(scopes={"Cache": 0}), [f"{POLICY}.scopes: lacks Inference"], id="no Inference"),
    pytest.param(
        policy(scopes={"Inference": 0, "Logs": 1}),
        [f"{POLICY}.scopes.Logs: is 1, but there are 1 tables"],
        id="table",
    ),
    pytest.param(
        policy(binds=Binds(routes=frozenset({"shop/chta"}))),
        [f"{POLICY}.binds.routes: has shop/chta: no such route; the policy would not bind"],
        id="bound route",
    ),
    pytest.param(
        policy(binds=Binds(tenants=frozenset({"shop/wbe", "shop/web"}))),
        [f"{POLICY}.binds.tenants: has shop/wbe: no such tenant; the policy would not bind"],
        id="bound tenant",
    ),
    pytest.param(policy_twice, [f"{POLICY}: is there twice; keep one"], id="policy twice"),
    pytest.param(
        table(unknown="Unbound"),
        [f"{POLICY}.scopes.Inference: leads to tables[0], whose unknown is Unbound, but unknownOrigin is Deny"],
        id="unknown origin let through",
    ),
    pytest.param(
        policy(unknown_origin=UnknownOrigin.BIND),
        [f"{POLICY}.scopes.Inference: leads to tables[0], whose unknown is Deny, but unknownOrigin is Bind"],
        id="unknown origin refused",
    ),
    pytest.param(table(rows={"DE": 1}), ["$.law.tables[0].rows.DE: is 1, but there are 1 rows"], id="row"),
    pytest.param(table(otherwise=9), ["$.law.tables[0].otherwise: is 9, but there are 1 rows"], id="otherwise"),
    pytest.param(
        table(unknown=1),
        ["$.law.tables[0].unknown: is 1, but there are 1 rows"],
        id="unknown",
    ),
    pytest.param(rows("1b"), ["$.law.rows[0]: has bit 4, but there are 4 places"], id="bit"),
    pytest.param(rows("0b00"), ["$.law.rows[0]: is not the shortest form; write '0b'"], id="long row"),
    pytest.param(
        again("routes"), [f"{NOTES}: is there twice", f"{NOTES}: claims", f"{NOTES}: claims"], id="route twice"
    ),
    pytest.param(
        one_name_twice,
        [
            f"{NOTES}: claims the name 'chat', which is claimed by clinic/notes and shop/chat; a name has one owner",
            f"{CHAT}: claims the name 'chat', which is claimed by clinic/notes and shop/chat; a name has one owner",
        ],
        id="name claimed twice",
    ),
    pytest.param(alias_is_name, [f"{CHAT}: claims the name 'chat'", f"{CHAT}: claims"], id="own name as alias"),
    pytest.param(
        item("routes", 0, retry=Retry(backoff_base_ms=9, backoff_max_ms=1)), [f"{NOTES}.retry: has"], id="backoff"
    ),
    pytest.param(
        item("routes", 0, timeouts=Timeouts(first_byte_ms=9, total_ms=1)), [f"{NOTES}.timeouts: has"], id="timeouts"
    ),
    pytest.param(item("routes", 0, timeouts=Timeouts(idle_ms=900_001)), [f"{NOTES}.timeouts: has"], id="idle timeout"),
    pytest.param(
        item("routes", 0, tiers=(Tier(candidates=()),)),
        [f"{NOTES}.tiers[0]: has no candidates; leave the tier out"],
        id="empty tier",
    ),
    pytest.param(weightless, [f"{NOTES}.tiers[0]: has weight 0 on every candidate"], id="weights"),
    pytest.param(
        candidate(0, 0, 0, target=EngineTarget(pool="a/b")),
        [f"{NOTES}.tiers[0].candidates[0].target.pool: is 'a/b', which is no engine pool of this site"],
        id="pool",
    ),
    pytest.param(
        candidate(0, 0, 1, target=PeerTarget(site="lhr", pool="a/b")),
        [f"{NOTES}.tiers[0].candidates[1].target.site: is 'lhr', which is no peer"],
        id="peer",
    ),
    pytest.param(
        candidate(1, 1, 0, target=ProviderTarget(provider="nobody", endpoint="europe")),
        [f"{CHAT}.tiers[1].candidates[0].target.provider: is 'nobody', which is no provider"],
        id="provider",
    ),
    pytest.param(
        candidate(1, 1, 0, target=ProviderTarget(provider="openai", endpoint="mars")),
        [f"{CHAT}.tiers[1].candidates[0].target.endpoint: is 'mars', which is no endpoint of openai"],
        id="endpoint",
    ),
    pytest.param(
        candidate(1, 1, 0, model="gpt-9"),
        [f"{CHAT}.tiers[1].candidates[0].model: is 'gpt-9', which openai doesn't list; list it"],
        id="model",
    ),
    pytest.param(
        candidate(0, 0, 0, place=9),
        [
            f"{NOTES}.tiers[0].candidates[0].place: is 9, but there are 4 places",
            f"{NOTES}.tiers[0].candidates[0].place: is 9, but the target is at place 0",
        ],
        id="candidate place",
    ),
    pytest.param(
        candidate(0, 0, 1, place=0),
        [f"{NOTES}.tiers[0].candidates[1].place: is 0, but the target is at place 1"],
        id="peer under a false flag",
    ),
    pytest.param(
        candidate(1, 1, 0, place=0),
        [f"{CHAT}.tiers[1].candidates[0].place: is 0, but the target is at place 3"],
        id="provider under a false flag",
    ),
    pytest.param(again("engines"), ['$.engines["clinic/notes"]: is there twice'], id="pool twice"),
    pytest.param(
        item("engines", 0, discovery=StaticEndpoints(addresses=frozenset())),
        ['$.engines["clinic/notes"].discovery.addresses: is empty'],
        id="no engines",
    ),
    pytest.param(
        item("engines", 0, discovery=StaticEndpoints(addresses=frozenset({"a:0"}))),
        ["$.engines[\"clinic/notes\"].discovery.addresses: has 'a:0'; ports go from 1 to 65535"],
        id="engine port",
    ),
    pytest.param(again("providers"), [f"{OPENAI}: is there twice"], id="provider twice"),
    pytest.param(twice("endpoints"), [f"{OPENAI}.endpoints: have 'europe' twice; keep one"], id="endpoint twice"),
    pytest.param(twice("credentials"), [f"{OPENAI}.credentials: have 'primary' twice"], id="credential twice"),
    pytest.param(twice("models"), [f"{OPENAI}.models: have 'gpt-4o-mini' twice"], id="model twice"),
    pytest.param(
        endpoint(place=7),
        [
            f"{CHAT}.tiers[1].candidates[0].place: is 3, but the target is at place 7",
            f"{OPENAI}.endpoints[0].place: is 7, but there are 4 places",
        ],
        id="endpoint place",
    ),
    pytest.param(
        endpoint(state_place=4), [f"{OPENAI}.endpoints[0].statePlace: is 4, but there are 4 places"], id="state place"
    ),
    pytest.param(
        endpoint(base_url="http://eu.api.openai.com/v1"),
        [f"{OPENAI}.endpoints[0].baseUrl: is not https; use https, or set plaintext"],
        id="plain http",
    ),
    pytest.param(
        endpoint(models={"gpt-4o-mini": "eu.gpt-4o-mini", "gpt-9": "eu.gpt-9"}),
        [f"{OPENAI}.endpoints[0].models: have 'gpt-9', which the provider doesn't list; list it"],
        id="another name of no model",
    ),
    pytest.param(
        endpoint(body={"inference_geo": "us", "store": "false", "model": "gpt-9"}),
        [
            f"{OPENAI}.endpoints[0].body: sets 'model', which the gateway decides by; leave it out",
            f"{OPENAI}.endpoints[0].body: sets 'store', which the gateway decides by",
        ],
        id="members that are decided by",
    ),
    pytest.param(
        endpoint(headers={"openai-project": "p", "host": "elsewhere", "x-isochrone-origin": "DE", "x-auth-token": "t"}),
        [
            f"{OPENAI}.endpoints[0].headers: set 'host', which is the gateway's own; leave it out",
            f"{OPENAI}.endpoints[0].headers: set 'x-auth-token'",
            f"{OPENAI}.endpoints[0].headers: set 'x-isochrone-origin'",
        ],
        id="headers that are the gateway's own",
    ),
    pytest.param(
        unknown_key,
        [f"$.tenants.keys[\"{sha256('lost')}\"].tenant: is 'gone/tenant', which is no tenant"],
        id="key of no tenant",
    ),
    pytest.param(tenant_twice, ['$.tenants.tenants["shop/web"]: is there twice'], id="tenant twice"),
    pytest.param(
        tenant(0, routes=frozenset({"clinic/notes", "x/y"})),
        ['$.tenants.tenants["clinic/ward"].routes: has x/y: no such route'],
        id="tenant's route",
    ),
    pytest.param(
        tenant(1, budgets=(Budget(amount="1", window=BudgetWindow.DAY), Budget(amount="2", window=BudgetWindow.DAY))),
        ['$.tenants.tenants["shop/web"].budgets: has Day twice'],
        id="budget twice",
    ),
    pytest.param(again("peers"), ['$.peers["iad"]: is there twice'], id="peer twice"),
    pytest.param(
        item("peers", 1, server_name="iad.ai.example.com"),
        ['$.peers["par"]: shows all that iad must show; give each a uri or serverName of its own'],
        id="peers that can't be told apart",
    ),
    pytest.param(
        item("peers", 1, server_name="iad.ai.example.com", uri="spiffe://ai.example.com/par"),
        ['$.peers["par"]: shows all that iad must show'],
        id="a peer that could be taken for another",
    ),
    pytest.param(
        item("peers", 0, place=5),
        [f"{CHAT}.tiers[0].candidates[0].place: is 2", '$.peers["iad"].place: is 5, but there are 4 places'],
        id="peer place",
    ),
    pytest.param(item("peers", 0, server_name=None), ['$.peers["iad"]: is reached without mutual TLS'], id="nameless"),
    pytest.param(
        item("peers", 0, address="iad.ai.example.com:70000"),
        ["$.peers[\"iad\"].address: is 'iad.ai.example.com:70000'; ports go from 1"],
        id="peer port",
    ),
]


@pytest.mark.parametrize(("change", "expected"), CASES)
def test_a_broken_reference_is_reported(change: Change, expected: list[str]) -> None:
    problems = [str(problem) for problem in find_problems(change(example()))]
    assert len(problems) == len(expected)
    assert all(problem.startswith(start) for problem, start in zip(problems, expected, strict=True))


@pytest.mark.parametrize("config", [example(), minimal(), maximal()], ids=["example", "minimal", "maximal"])
def test_what_is_sound_has_no_problems(config: Config) -> None:
    assert find_problems(config) == ()


@settings(max_examples=60, deadline=None)
@given(configs())
def test_arbitrary_sound_configs_have_no_problems(config: Config) -> None:
    assert find_problems(config) == ()


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1"], ids=lambda address: address
)
def test_peers_on_the_same_machine_need_no_tls(address: str) -> None:
    config = site(peer_trust=None)(replace(example(), peers=()))
    config = replace(config, routes=(), tenants=Tenants(), law=replace(config.law, policies=()))
    local = replace(example().peers[0], address=address, server_name=None)
    assert find_problems(replace(config, peers=(local,))) == ()
    far = replace(local, address="127.0.0.1.example.com:1")
    assert len(find_problems(replace(config, peers=(far,)))) == 1


def test_all_problems_are_reported_at_once_with_their_shards() -> None:
    config = candidate(0, 0, 1, place=0)(site(place=4)(unknown_key(example())))
    config = item("peers", 1, server_name=None)(config)
    with pytest.raises(ConfigError) as written:
        shard(config, RELEASE)
    assert len(written.value.problems) == 5
    packed = pack(config)
    with pytest.raises(ConfigError) as caught:
        assemble(read_index(encode_index(issue(packed, site="fra", release=RELEASE))), packed.blobs)
    names = {entry.kind: entry.name for entry in packed.entries}
    assert [problem.source for problem in caught.value.problems] == [
        names[kind] for kind in ("Site", "Routes", "Routes", "Tenants", "Peers")
    ]


def test_a_long_list_of_problems_is_cut_when_shown_not_when_kept() -> None:
    config = replace(example(), places=Places(), law=replace(example().law, rows=tuple("01" for _ in range(50))))
    with pytest.raises(ConfigError, match=r"and \d+ more$") as caught:
        shard(config, RELEASE)
    assert len(caught.value.problems) > 50
    assert len(str(caught.value).splitlines()) == 21
