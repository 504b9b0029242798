"""The gateway's config of a site: what each field of the API becomes, and what of a plan each site is told."""

import dataclasses
import datetime as dt
from typing import Any

import msgspec
import pytest
from tests.unit.validate.sample import (
    edge,
    endpoint,
    namespace,
    needs,
    policy,
    pool,
    provider,
    route,
    serving,
    tenant,
    tiers,
    to_provider,
)
from tests.worlds.build import snapshot
from tests.worlds.examples import example

from isochrone.geo import codes
from isochrone.law import Evidence, Place
from isochrone.model import Candidate, Plan, RouteKey, Routing, Snapshot, ToEngine, ToPeer, ToProvider
from isochrone.model.amounts import milliseconds
from isochrone.plan import plan, routing
from isochrone.render.config import Installation, site_config
from isochrone.render.config.places import place_of, within
from isochrone.render.gateway_settings import Ports
from isochrone_gateway.config import Config, find_problems
from isochrone_gateway.config import routes as contract
from isochrone_gateway.config.canonical import plain
from isochrone_gateway.config.engines import EngineKind, EnginePool, ServiceEndpoints
from isochrone_gateway.config.record import Record

Json = dict[str, Any]
CHAT = RouteKey("shop", "chat")
GATEWAY: Json = {"advertise": {"host": "fra.example.com"}}


def at(site: str, *objects: Json, routes: dict[RouteKey, Any] | None = None, **settings: Any) -> Config:
    """The config of a site: as planned, or with this routing."""
    world = snapshot(objects, **settings)
    planned = plan(world, now=0) if routes is None else Plan()
    told = routing(world, planned, now=0).at(site) if routes is None else Routing(site=site, routes=routes)
    made = site_config(world, planned, told)
    assert find_problems(made) == ()
    return made


def written(record: Record) -> Json:
    """As gateways read it."""
    found: Json = msgspec.json.decode(msgspec.json.encode(plain(record), order="deterministic"))
    return found


def only(items: tuple[Any, ...]) -> Any:
    (found,) = items
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1h30m", 5_400_000), ("250ms", 250), ("8784h", 31_622_400_000), ("0s", 0), ("1m1s1ms", 61_001)],
)
def test_durations(text: str, expected: int) -> None:
    assert milliseconds(text) == expected


# The site


def test_a_site_alone_has_no_peers_and_needs_no_certificate() -> None:
    site = at("fra", edge(gateway=GATEWAY)).site
    assert (site.listeners.peer, site.peer_trust, site.place) == (None, None, 0)
    assert (site.listeners.data.port, site.listeners.admin.port, site.listeners.data.tls) == (8080, 9090, None)


REMOTE: dict[str, Any] = {"cluster": {"type": "Remote"}, "delivery": "Pull"}


@pytest.mark.parametrize(
    ("others", "hub"),
    [
        pytest.param([edge("ber", "BER")], {1}, id="where its own site is"),
        pytest.param([edge("ber", "BER"), edge("dub", "DUB", **REMOTE)], {1}, id="whatever others are"),
        pytest.param([edge("ber", "BER"), edge("sxf", "BER")], {1}, id="two sites of one place"),
        pytest.param([edge("ber", "BER"), edge("dub", "DUB")], {1, 2}, id="at one of two"),
        pytest.param([], set(), id="nowhere that is known"),
    ],
)
def test_where_the_hub_is(others: list[Json], hub: set[int]) -> None:
    made = at("ams", edge("ams", "AMS", **REMOTE), *others)
    assert made.site.hub == hub


@pytest.mark.parametrize(
    ("here", "there", "listens", "trusts"),
    [
        pytest.param(True, True, True, True, id="both are reached"),
        pytest.param(True, False, True, True, id="only it is"),
        pytest.param(False, True, False, True, id="only the other is: it sends"),
        pytest.param(False, False, False, False, id="none is: nobody hops"),
    ],
)
def test_peers(here: bool, there: bool, listens: bool, trusts: bool) -> None:
    other = {"advertise": {"host": "ber.example.com", "port": 9443}} if there else {}
    made = at("fra", edge(gateway=GATEWAY if here else {}), edge("ber", "BER", gateway=other))
    assert (made.site.listeners.peer is not None, made.site.peer_trust is not None) == (listens, trusts)
    assert [peer.site for peer in made.peers] == (["ber"] if trusts else [])
    if trusts:
        peer = made.peers[0]
        address = "ber.example.com:9443" if there else "ber.invalid:8443"
        assert (peer.address, peer.uri, peer.place) == (address, "spiffe://isochrone/site/ber", 0)


def test_peers_that_are_disabled_are_none() -> None:
    assert at("fra", edge(gateway=GATEWAY), edge("ber", "BER", state="Disabled")).peers == ()


def test_an_address_of_the_sixth_version_stands_in_brackets() -> None:
    other = edge("ber", "BER", gateway={"advertise": {"host": "2001:db8::1"}})
    assert only(at("fra", edge(), other).peers).address == "[2001:db8::1]:8443"


def test_what_a_site_says_of_itself() -> None:
    spec = edge(
        gateway={
            "hostname": "fra.example.com",
            "tls": {"secretName": "front"},
            "clientAddress": {"source": "XForwardedFor", "trustedProxies": ["10.0.0.0/8"]},
            "corsOrigins": ["https://app.example.com"],
            "anonymousAccess": "Allow",
            "serviceType": "LoadBalancer",
        },
        staleness={"maxAge": "2h", "hardMaxAge": "3h"},
        egress={"pricePerGiB": "0.05"},
    )
    made = written(at("fra", spec, unbound="Deny").site)
    assert list(made.pop("jurisdictions").values()) == ["fra.example.com"]
    assert made == {
        "name": "fra",
        "place": 0,
        "hub": [0],
        "hostname": "fra.example.com",
        "listeners": {
            "data": {"port": 8080, "tls": {"certificate": "tls/tls.crt", "key": "tls/tls.key"}},
            "admin": {"port": 9090},
        },
        "age": {"maxAgeMs": 7_200_000, "hardMaxAgeMs": 10_800_000},
        "unboundTraffic": "Deny",
        "anonymousAccess": True,
        "drain": {"announceMs": 20_000},
        "clientAddress": {"source": "XForwardedFor", "trustedProxies": ["10.0.0.0/8"]},
        "egressPricePerGib": "0.05",
        "cors": {"origins": ["https://app.example.com"]},
    }


def test_the_front_door_of_a_jurisdiction_is_a_site_that_takes_part() -> None:
    def named(name: str, **spec: Any) -> Json:
        return edge(name, gateway={"hostname": f"{name}.example.com"}, **spec)

    made = at("fra", named("a", state="Draining"), named("b"), named("fra"))
    assert list(made.site.jurisdictions.values()) == ["b.example.com"]


def test_ports_of_several_gateways_on_one_machine() -> None:
    world = snapshot([edge()])
    made = site_config(world, Plan(), Routing(site="fra", routes={}), ports=Ports(data=1, admin=2, host="127.0.0.1"))
    assert (made.site.listeners.data.port, made.site.listeners.admin.host) == (1, "127.0.0.1")


# Places


@pytest.mark.parametrize(
    ("known", "expected", "country"),
    [
        pytest.param({"DE"}, {"DE"}, "DE", id="a country"),
        pytest.param({"US-CA", "US-NY"}, {"US-CA", "US-NY"}, "US", id="parts of one"),
        pytest.param({"DE", "FR"}, {"DE", "FR"}, None, id="two"),
        pytest.param({"FR-971"}, {"GP"}, "GP", id="a territory by its other code"),
        pytest.param({"MA-12"}, {"MA-12"}, None, id="partly in each of two"),
        pytest.param({"DE", "XK"}, set(), None, id="one that isn't known: none is said"),
        pytest.param(set(), set(), None, id="none"),
    ],
)
def test_places(known: set[str], expected: set[str], country: str | None) -> None:
    made = place_of(Place(frozenset(known), Evidence.ATTESTED))
    assert (set(made.codes), made.country, made.evidence.value) == (expected, country, "Attested")


def test_a_country_is_where_the_law_says_that_all_of_it_lies() -> None:
    for code in sorted({*codes.countries(), *codes.subdivisions()}):
        place = Place(frozenset({code}))
        lies_in = [country for country in codes.countries() if code in within() and place.lies_in(country)]
        assert code not in within() or place_of(place).country == next(iter(lies_in), None), code


# Routes


def test_all_of_a_route_arrives() -> None:
    spec = route(
        modelName="org/large",
        aliases=["big"],
        endpoints=["Embeddings"],
        dataClasses=["health"],
        serving=needs(devices=0),
        retries={"attempts": 2, "on": ["Timeout"], "backoff": "10ms", "maxBackoff": "1s", "budgetPercent": 5},
        timeouts={"firstByte": "5s", "idle": "6s", "total": "1m"},
        queue={"maxRequests": 3, "maxWait": "2s"},
        cache={"mode": "Exact", "ttl": "10m"},
        parameters={
            "defaults": {"temperature": "0.7", "topP": "1", "maxTokens": 5},
            "caps": {"maxTokens": 9, "choices": 2},
        },
    )
    made = only(at("fra", edge(), spec).routes)
    assert written(msgspec.structs.replace(made, tiers=())) == {
        "id": "shop/chat",
        "name": "org/large",
        "aliases": ["big"],
        "endpoints": ["Embeddings"],
        "dataClasses": ["health"],
        "parameters": {
            "defaults": {"temperature": 0.7, "top_p": 1.0, "max_tokens": 5},
            "caps": {"max_tokens": 9, "n": 2},
        },
        "timeouts": {"firstByteMs": 5000, "idleMs": 6000, "totalMs": 60000},
        "retry": {"attempts": 2, "backoffBaseMs": 10, "backoffMaxMs": 1000, "budgetPercent": 5, "on": ["Timeout"]},
        "queue": {"maxRequests": 3, "maxWaitMs": 2000},
        "cache": {"ttlMs": 600000},
    }


def test_what_a_route_leaves_out_is_what_the_gateway_takes_for_granted() -> None:
    made = only(at("fra", edge(), route(), routes={}).routes)
    assert made == contract.Route(id="shop/chat", name="chat")


def test_candidates() -> None:
    here, other = edge(gateway=GATEWAY), edge("ber", "BER", gateway={"advertise": {"host": "ber.example.com"}})
    outside = provider(
        models=[{"name": "large", "upstreamName": "gpt", "pricePerMillionTokens": {"input": "1", "output": "2"}}]
    )
    model = route(
        modelName="org/large", tiers=[{"backends": [{"serving": {}}]}, *tiers(to_provider())], serving=serving()
    )
    told = (
        (
            Candidate(target=ToEngine(CHAT), place=1),
            Candidate(target=ToPeer("ber", CHAT), place=0, rtt=12_001, weight=3),
        ),
        (Candidate(target=ToProvider("acme", "eu", "large"), place=2, rtt=12_000),),
    )
    made = at("fra", here, other, outside, model, routes={CHAT: told})
    assert [written(tier) for tier in only(made.routes).tiers] == [
        {
            "candidates": [
                {"target": {"type": "Engine", "pool": "shop/chat"}, "place": 1, "model": "org/large"},
                {
                    "target": {"type": "Peer", "site": "ber", "pool": "shop/chat"},
                    "place": 0,
                    "model": "org/large",
                    "weight": 3,
                    "rttMs": 13,
                },
            ]
        },
        {
            "candidates": [
                {
                    "target": {"type": "Provider", "provider": "acme", "endpoint": "eu"},
                    "place": 2,
                    "model": "gpt",
                    "rttMs": 12,
                    "price": {"input": "1", "output": "2"},
                }
            ]
        },
    ]


def test_a_tier_that_would_never_answer_is_left_out() -> None:
    told = ((Candidate(target=ToEngine(CHAT), place=0, weight=0),), (Candidate(target=ToEngine(CHAT), place=0),))
    assert len(only(at("fra", edge(), route(), routes={CHAT: told}).routes).tiers) == 1


def test_a_route_without_a_name_of_its_own_is_called_by_what_it_kept() -> None:
    old = route("old", modelName="x", creationTimestamp="2026-01-01T00:00:00Z") | {}
    old["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    del old["spec"]["creationTimestamp"]
    young, nameless = route("young", modelName="x", aliases=["y"]), route("zz", modelName="x")
    made = at("fra", edge(), old, young, nameless, tenant(), routes={})
    assert {each.id: (each.name, set(each.aliases)) for each in made.routes} == {
        "shop/old": ("x", set()),
        "shop/young": ("y", set()),
    }
    assert only(made.tenants.tenants).routes == {"shop/old", "shop/young"}


# Engines


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ({"type": "VLLM"}, {"kind": EngineKind.VLLM, "cache_salt": True}),
        ({"type": "SGLang"}, {"kind": EngineKind.SGLANG}),
        ({"type": "LlamaCpp"}, {"kind": EngineKind.LLAMA_CPP}),
        ({"type": "Custom", "image": "x:1", "port": 1}, {"kind": EngineKind.CUSTOM, "metrics_path": None}),
        (
            {"type": "Custom", "image": "x:1", "port": 1, "healthPath": "/ok", "metricsPath": "/m"},
            {"kind": EngineKind.CUSTOM, "health_path": "/ok", "metrics_path": "/m"},
        ),
    ],
    ids=["vLLM", "SGLang", "llama.cpp", "custom", "custom with paths"],
)
def test_engines(engine: Json, expected: Json) -> None:
    remote = edge(cluster={"type": "Remote"}, delivery="Pull")
    made = at("fra", remote, route(serving={**serving(), "engine": engine, "resources": {"devices": 0}}))
    discovery = ServiceEndpoints(namespace="shop", service="chat-engine", port_name="http")
    assert only(made.engines) == EnginePool(id="shop/chat", discovery=discovery, **expected)


def test_engines_are_found_where_they_stop_and_where_they_are_to_start() -> None:
    world = snapshot([edge(), edge("ber", "BER"), pool(), route()])
    placed = plan(world, now=0)
    installation = Installation(world, placed)
    assert [each.site for each in placed.placements] == ["fra"]
    started = installation.config(Routing(site="fra", routes={}))
    stopping = installation.config(Routing(site="ber", routes={CHAT: ((Candidate(target=ToEngine(CHAT), place=0),),)}))
    assert ([each.id for each in started.engines], [each.id for each in stopping.engines]) == (["shop/chat"],) * 2


# Providers


def test_providers_are_those_that_the_site_may_call_and_keys_are_files() -> None:
    keys = [{"name": "main", "secretRef": {"name": "acme-keys", "key": "key"}}]
    authority = {"caSecretRef": {"name": "acme-ca", "key": "ca.crt"}}
    used = provider(
        "acme", endpoint("eu", "EU", storesIn=["US"], **authority), keys=keys, limits={"requestsPerMinute": 6}
    )
    made = at("fra", edge(), used, provider("other"), route(tiers=tiers(to_provider())))
    assert written(only(made.providers)) == {
        "name": "acme",
        "dialect": "OpenAI",
        "endpoints": [
            {
                "name": "eu",
                "baseUrl": "https://api.example.com/v1",
                "place": 1,
                "statePlace": 2,
                "tls": {"caBundle": "providers/acme-ca/ca.crt"},
            }
        ],
        "credentials": [{"name": "main", "file": "providers/acme-keys/key"}],
        "models": [{"name": "large", "price": {"input": "1", "output": "2"}}],
        "limits": {"requestsPerMinute": 6},
    }


def test_an_endpoint_says_what_its_provider_is_told_there() -> None:
    price = {"pricePerMillionTokens": {"input": "1", "output": "2"}}
    eu = endpoint(
        "eu",
        "EU",
        models=[
            {"name": "large", "upstreamName": "eu.gpt"},
            {"name": "small", "upstreamName": "small"},
            {"name": "gone", "upstreamName": "eu.gone"},
        ],
        requestBody=[{"name": "inference_geo", "value": "eu"}],
        requestHeaders=[{"name": "openai-project", "value": "proj_eu"}],
    )
    used = provider("acme", eu, models=[{"name": "large", "upstreamName": "gpt", **price}, {"name": "small", **price}])
    made = at("fra", edge(), used, route(tiers=tiers(to_provider())))
    (found,) = written(only(made.providers))["endpoints"]
    assert {key: found[key] for key in ("models", "body", "headers")} == {
        "models": {"gpt": "eu.gpt"},
        "body": {"inference_geo": "eu"},
        "headers": {"openai-project": "proj_eu"},
    }
    assert find_problems(made) == ()


# Tenants


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, {"shop/chat", "shop/second"}, id="all of its namespace"),
        pytest.param({"allowedRoutes": []}, set(), id="none"),
        pytest.param({"allowedRoutes": [{"name": "chat"}]}, {"shop/chat"}, id="one"),
        pytest.param({"allowedRoutes": [{"name": "gone"}]}, set(), id="one that there isn't"),
        pytest.param(
            {"allowedRoutes": [{"namespace": "open", "name": "a"}]}, {"open/a"}, id="another's, which lets it in"
        ),
        pytest.param({"allowedRoutes": [{"namespace": "shut", "name": "b"}]}, set(), id="another's, which doesn't"),
    ],
)
def test_allowed_routes(spec: Json, expected: set[str]) -> None:
    letting_in = {"allowedNamespaces": {"selector": {"matchLabels": {"team": "ai"}}}}
    routes = (route(), route("second"), route("a", ns="open", **letting_in), route("b", ns="shut"))
    made = at("fra", edge(), *routes, tenant(**spec), namespace("shop", team="ai"), routes={})
    assert only(made.tenants.tenants).routes == expected


@pytest.mark.parametrize(
    ("origins", "expected", "elsewhere"),
    [
        pytest.param(None, set(), False, id="none: unknown"),
        pytest.param(["DE", "FR-971"], {"DE", "GP"}, False, id="codes"),
        pytest.param(["DE", "Atlantis"], {"DE"}, True, id="one that can't be read"),
        pytest.param(["Atlantis"], set(), True, id="only such"),
    ],
)
def test_origins(origins: list[str] | None, expected: set[str], elsewhere: bool) -> None:
    spec: Json = {"origins": origins} if origins else {}
    made = only(at("fra", edge(), tenant(**spec)).tenants.tenants)
    assert (made.origins, made.or_elsewhere) == (expected, elsewhere)


def test_a_bloc_of_origins_is_its_members() -> None:
    made = only(at("fra", edge(), tenant(origins=["EU"])).tenants.tenants)
    assert (len(made.origins), made.or_elsewhere) == (27, False)


def test_all_of_a_tenant_arrives() -> None:
    keys = [{"name": "k", "sha256": "b" * 64, "expires": "2027-01-01T00:00:00Z"}]
    spec = tenant(
        keys=keys,
        origins=["DE"],
        originHeader="Trust",
        dataClasses=["health"],
        dataClassHeader="Trust",
        limits={"tokensPerMinute": 9, "concurrentRequests": 2},
        budgets=[{"window": "Day", "amount": "1.5", "action": "Report"}],
        explainHeader="Allow",
        state="Suspended",
    )
    made = at("fra", edge(), spec).tenants
    key = only(tuple(made.keys.values()))
    assert (key.tenant, key.name, key.expires) == ("shop/web", "k", dt.datetime(2027, 1, 1, tzinfo=dt.UTC))
    assert written(only(made.tenants)) == {
        "id": "shop/web",
        "routes": [],
        "origins": ["DE"],
        "originHeader": True,
        "dataClasses": ["health"],
        "dataClassHeader": True,
        "limits": {"tokensPerMinute": 9, "concurrentRequests": 2},
        "budgets": [{"amount": "1.5", "window": "Day", "action": "Report"}],
        "explain": True,
        "suspended": True,
    }


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2027-01-01t00:00:00z", 2027),
        ("2027-01-01T00:00:00+02:00", 2026),
        ("2027-01-01T00:00:60Z", 1970),
        ("soon", 1970),
    ],
)
def test_a_key_whose_end_cannot_be_read_has_ended(text: str, year: int) -> None:
    made = at("fra", edge(), tenant(keys=[{"name": "k", "sha256": "b" * 64, "expires": text}])).tenants
    expires = only(tuple(made.keys.values())).expires
    assert expires.astimezone(dt.UTC).year == year


def test_a_key_that_two_tenants_claim_is_the_older_ones() -> None:
    young, old = tenant("a"), tenant("b")
    old["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    young["metadata"]["creationTimestamp"] = "2026-01-02T00:00:00Z"
    assert only(tuple(at("fra", edge(), young, old).tenants.keys.values())).tenant == "shop/b"


def test_what_is_being_deleted_is_gone() -> None:
    gone: list[Json] = [route("gone"), tenant("gone"), policy("gone"), edge("gone", "BER")]
    for each in gone:
        each["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    made = at("fra", edge(), *gone, routes={})
    assert (made.routes, made.tenants.tenants, made.law.policies, len(made.places.places)) == ((), (), (), 1)


# The law


def test_whom_a_policy_binds() -> None:
    gold = {"matchLabels": {"tier": "gold"}}
    binds = {"routes": gold, "tenants": gold, "namespaces": {"selector": {"matchLabels": {"team": "ai"}}}}
    objects = (
        edge(),
        route("a", labels={"tier": "gold"}),
        route("b"),
        tenant("c", ns="open", key="2", labels={"tier": "gold"}),
        tenant("d"),
        namespace("open", team="ai"),
        policy(binds=binds, wayOut="Ask."),
    )
    made = only(at("fra", *objects, routes={}).law.policies)
    assert (made.binds.routes, made.binds.tenants, made.binds.namespaces) == ({"shop/a"}, {"open/c"}, {"open"})
    assert made.refusal.way_out == "Ask."


def test_equal_tables_and_rows_are_there_once() -> None:
    made = at("fra", edge(), edge("iad", "IAD"), policy("a", "EU"), policy("b", "EU"), policy("c", "US")).law
    assert (len(made.policies), len(made.tables), len(made.rows)) == (3, 2, 2)


def test_a_refusal_names_sites_where_requests_may_come_in() -> None:
    def named(name: str, iata: str, **spec: Any) -> Json:
        return edge(name, iata, gateway={"hostname": f"{name}.example.com"}, **spec)

    sites = (named("fra", "FRA"), named("iad", "IAD"), named("ber", "BER", state="Draining"), edge("cdg", "CDG"))
    shut = [
        {"scope": "Inference", "places": {"include": ["World"]}},
        {"scope": "Ingress", "places": {"include": ["EU"]}},
    ]
    made = only(at("fra", *sites, policy(allow=shut)).law.policies)
    assert set(made.refusal.hostnames.values()) == {"fra.example.com"}


def test_the_digest_is_of_what_a_policy_says() -> None:
    def digest(*places: str, generation: int = 1) -> str:
        declared = policy("p", *places)
        declared["metadata"]["generation"] = generation
        made = only(at("fra", edge(), declared).law.policies)
        assert made.generation == generation
        return str(made.digest)

    assert digest("EU") == digest("EU", generation=2) != digest("US")


# All sites


def example_world() -> Snapshot:
    return example("quickstart-multicluster")


def test_what_sites_share_is_packed_once() -> None:
    world = example_world()
    placed = plan(world, now=0)
    installation, table = Installation(world, placed), routing(world, placed, now=0)
    packs = {site: installation.pack(installation.config(table.at(site))) for site in ("fra1", "ber1", "iad1")}
    blobs = [dict(pack.blobs) for pack in packs.values()]
    shared = set(blobs[0]) & set(blobs[1]) & set(blobs[2])
    assert {name.partition("-")[0] for name in shared} >= {"places", "law", "tenants"}
    assert all(one[name] is blobs[0][name] for one in blobs for name in shared if not name.startswith("engines"))


def test_the_order_of_declarations_does_not_matter() -> None:
    world = example_world()
    turned = dataclasses.replace(
        world,
        edge_nodes=world.edge_nodes[::-1],
        pools=world.pools[::-1],
        routes=world.routes[::-1],
        policies=world.policies[::-1],
        providers=world.providers[::-1],
        tenants=world.tenants[::-1],
    )
    digests = []
    for each in (world, turned):
        placed = plan(each, now=0)
        installation = Installation(each, placed)
        digests.append(installation.pack(installation.config(routing(each, placed, now=0).at("cdg1"))).digest)
    assert digests[0] == digests[1]
