"""What users declare, read from its JSON: what is left out, what is gone, and what can't be read."""

from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import Json, edge
from tests.unit.verify.installation import obj, policy, route, tenant

from isochrone.verify import declared
from isochrone.verify.declared import Declared, Endpoint, Origins, Provider, Route, Site, Tenant
from isochrone.verify.evidence import Bucket, Evidence
from isochrone.verify.meaning import Place
from isochrone.verify.selecting import Labelled, Namespace, NamespacesOf

HOUR: Final = 3_600_000


def read(*objects: Json, **settings: Any) -> Declared:
    return declared.read(objects, **settings)


def site(**spec: Any) -> Site:
    return read(obj("EdgeNode", "fra1", {"place": {"iata": "FRA"}, **spec})).sites["fra1"]


# All of it


def test_each_kind_is_read_and_others_are_passed_over() -> None:
    found = read(
        edge("fra1", "DE"),
        route("chat", "shop"),
        tenant("web", "shop", 1),
        policy("eu", ["DE"]),
        obj("ModelProvider", "acme", {"endpoints": [], "models": []}),
        obj("GPUPool", "l4", {}),
        {"kind": "Deployment", "metadata": {"name": "x"}},
        installation="lab",
        unbound="Deny",
        stores={"hf": "https://models.example.com"},
    )
    assert [each.name for each in found.policies] == ["eu"]
    assert (list(found.sites), list(found.providers)) == (["fra1"], ["acme"])
    assert (list(found.routes), list(found.tenants)) == (["shop/chat"], ["shop/web"])
    assert (found.installation, found.unbound) == ("lab", "Deny")
    assert found.stores == {"hf": "https://models.example.com"}


def test_what_nobody_says() -> None:
    found = read()
    assert (found.installation, found.unbound, found.stores) == ("isochrone", "Allow", {})
    assert (found.policies, found.sites, found.providers, found.routes, found.tenants, found.keys) == ((),) + ({},) * 5
    assert (found.names, found.generations) == ({}, {})


def named(spec: Json, **metadata: Any) -> Json:
    made = edge("fra1", str(spec["jurisdiction"]))
    return {**made, "metadata": {**made["metadata"], **metadata}}


OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


@pytest.mark.parametrize(
    ("objects", "place"),
    [
        pytest.param([named({"jurisdiction": "DE"})], "DE", id="alone"),
        pytest.param([named({"jurisdiction": "DE"}, deletionTimestamp=NEW)], None, id="being deleted"),
        pytest.param(
            [
                named({"jurisdiction": "DE"}, creationTimestamp=NEW),
                named({"jurisdiction": "FR"}, creationTimestamp=OLD),
            ],
            "FR",
            id="the older of two",
        ),
        pytest.param(
            [named({"jurisdiction": "DE"}), named({"jurisdiction": "FR"}, creationTimestamp=NEW)],
            "FR",
            id="one that has no age",
        ),
        pytest.param(
            [
                named({"jurisdiction": "DE"}, creationTimestamp=OLD, deletionTimestamp=NEW),
                named({"jurisdiction": "FR"}, creationTimestamp=NEW),
            ],
            "FR",
            id="the older is being deleted",
        ),
    ],
)
def test_which_of_two_is_there(objects: list[Json], place: str | None) -> None:
    for given in (objects, list(reversed(objects))):
        found = read(*given).sites
        assert [sorted(each.place.codes) for each in found.values()] == ([[place]] if place else [])


def test_they_come_by_namespace_and_name() -> None:
    objects = [route(name, ns) for name, ns in (("b", "y"), ("a", "y"), ("z", "x"))]
    assert list(read(*objects).routes) == ["x/z", "y/a", "y/b"]
    ages = {"c": {"creationTimestamp": OLD}, "a": {}, "b": {"creationTimestamp": NEW}}
    objects = [
        {**made, "metadata": {**made["metadata"], **ages[name]}} for name in "cab" for made in [policy(name, [])]
    ]
    assert [each.name for each in read(*objects).policies] == ["a", "b", "c"]


def test_what_has_no_namespace_is_in_the_default_one() -> None:
    assert list(read(route("chat", "")).routes) == ["default/chat"]


def aged(made: Json, created: str, **metadata: Any) -> Json:
    return {**made, "metadata": {**made["metadata"], "creationTimestamp": created, **metadata}}


def test_whose_a_key_is() -> None:
    one, two, other = tenant("a", "shop", 1), tenant("b", "shop", 1), tenant("c", "bank", 2)
    assert read(one, two, other).keys == {f"{1:064x}": "shop/a", f"{2:064x}": "bank/c"}
    assert read(aged(one, NEW), aged(two, OLD)).keys == {f"{1:064x}": "shop/b"}, "the older one's"
    assert read(aged(one, OLD, deletionTimestamp=NEW), two).keys == {f"{1:064x}": "shop/b"}


def test_how_often_policies_have_changed() -> None:
    made = {name: policy(name, []) for name in "ab"}
    made["a"]["metadata"] = {**made["a"]["metadata"], "generation": 3}
    assert read(*made.values()).generations == {"a": 3}


def test_what_policies_tell_those_whom_they_refuse() -> None:
    told = [policy("a", ["DE"], wayOut="ask us"), policy("b", ["DE"])]
    assert read(*told).ways_out == {"a": "ask us", "b": ""}


# Sites


def test_what_a_site_is_if_it_says_little() -> None:
    assert site() == Site(
        name="fra1",
        place=Place(frozenset({"DE-HE"}), "Declared"),
        state="Active",
        advertise=None,
        is_open=False,
        max_age_ms=24 * HOUR,
        hard_max_age_ms=720 * HOUR,
        nodes={},
    )


def test_what_a_site_says() -> None:
    found = site(
        place={"jurisdiction": "FR-971", "evidence": "Attested"},
        state="Draining",
        gateway={"advertise": {"host": "a.example.com", "port": 9}, "anonymousAccess": "Allow"},
        staleness={"maxAge": "1h30m", "hardMaxAge": "2h5s20ms"},
        nodeSelector={"a": "b"},
    )
    assert found == Site(
        name="fra1",
        place=Place(frozenset({"GP"}), "Attested"),
        state="Draining",
        advertise=("a.example.com", 9),
        is_open=True,
        max_age_ms=HOUR * 3 // 2,
        hard_max_age_ms=2 * HOUR + 5_020,
        nodes={"a": "b"},
    )
    assert site(gateway={"advertise": {"host": "a.example.com"}}).advertise == ("a.example.com", 8443)
    assert not site(gateway={"anonymousAccess": "Deny"}).is_open


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        pytest.param({}, "https://s3.example.com/acme", id="of its own"),
        pytest.param({"prefix": "logs/eu"}, "https://s3.example.com/acme/logs/eu", id="shared"),
        pytest.param({"prefix": ""}, "https://s3.example.com/acme", id="an empty prefix"),
        pytest.param({"endpoint": "https://s3.example.com/"}, "https://s3.example.com/acme", id="a slash more"),
    ],
)
def test_the_bucket_of_a_sites_evidence(fields: Json, address: str) -> None:
    said = {
        "endpoint": "https://s3.example.com",
        "bucket": "acme",
        "secretName": "acme-keys",
        "jurisdiction": "FR-971",
        "evidence": "Contracted",
        **fields,
    }
    assert site(gateway={"evidence": {"objectStorage": said}}).bucket == Bucket(
        endpoint=said["endpoint"], address=address, place=Place(frozenset({"GP"}), "Contracted"), secret="acme-keys"
    )


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        pytest.param(None, None, id="none"),
        pytest.param({}, Evidence(on_failure="Refuse", retention_s=None), id="of the defaults"),
        pytest.param(
            {"onFailure": "Count", "retentionDays": 2}, Evidence(on_failure="Count", retention_s=172_800), id="all"
        ),
    ],
)
def test_the_evidence_that_a_site_keeps(said: Json | None, evidence: Evidence | None) -> None:
    assert site(gateway={"evidence": said}).evidence == evidence
    assert site().evidence is None


def test_what_opens_a_bucket() -> None:
    said = {"endpoint": "https://s3.example.com", "bucket": "acme", "secretName": "keys", "jurisdiction": "DE"}
    found = site(gateway={"evidence": {"objectStorage": said}}).bucket
    assert found is not None
    assert (found.region, found.authorities) == ("us-east-1", None)
    more = {**said, "region": "eu-1", "caSecretRef": {"name": "store", "key": "ca.crt"}}
    found = site(gateway={"evidence": {"objectStorage": more}}).bucket
    assert found is not None
    assert (found.region, found.authorities) == ("eu-1", ("store", "ca.crt"))


def test_evidence_that_is_not_copied_has_no_bucket() -> None:
    assert site().bucket is None
    assert site(gateway={"evidence": {"retention": "24h"}}).bucket is None
    assert site(gateway={"evidence": None}).bucket is None


@pytest.mark.parametrize(
    ("place", "codes"),
    [
        pytest.param({"iata": "CDG"}, {"FR-IDF"}, id="an airport"),
        pytest.param({"iata": "QQQ"}, set(), id="an airport that there isn't"),
        pytest.param({"iata": "CDG", "jurisdiction": "BE"}, {"BE"}, id="a jurisdiction beside it"),
        pytest.param({"jurisdiction": "XX"}, set(), id="a jurisdiction that there isn't"),
    ],
)
def test_where_a_site_is(place: Json, codes: set[str]) -> None:
    assert site(place=place).place == Place(frozenset(codes), "Declared")


# Providers


def provider(*ends: Json, **spec: Any) -> Provider:
    return read(obj("ModelProvider", "acme", {"endpoints": list(ends), "models": [], **spec})).providers["acme"]


def end(**fields: Any) -> Endpoint:
    made = {"name": "eu", "url": "https://eu.example.com", "processesIn": ["DE"], **fields}
    return provider(made).endpoints["eu"]


def test_what_an_endpoint_is() -> None:
    here, quiet = Place(frozenset({"DE"}), "Declared"), end()
    assert (quiet.url, quiet.place, quiet.store, quiet.is_inside) == ("https://eu.example.com", here, here, False)
    found = end(storesIn=["FR", "BE"], evidence="Contracted")
    assert found.place == Place(frozenset({"DE"}), "Contracted")
    assert found.store == Place(frozenset({"FR", "BE"}), "Contracted")
    assert end(storesIn=[]).store == here


@pytest.mark.parametrize(
    ("fields", "is_inside"),
    [
        pytest.param({"plaintext": "Allow"}, True, id="plain text"),
        pytest.param({"plaintext": "Deny"}, False, id="no plain text"),
        pytest.param({"caSecretRef": {"name": "ca", "key": "ca.crt"}}, True, id="an authority of one's own"),
    ],
)
def test_which_endpoints_may_be_in_a_network_of_ones_own(fields: Json, *, is_inside: bool) -> None:
    assert end(**fields).is_inside is is_inside


@pytest.mark.parametrize(
    ("areas", "codes"),
    [
        pytest.param(["DE", "FR-971"], {"DE", "GP"}, id="codes"),
        pytest.param(["Benelux"], {"BE", "NL", "LU"}, id="a bloc"),
        pytest.param(["DE", "Atlantis"], set(), id="one that can't be told"),
        pytest.param(["World"], set(), id="all the world"),
        pytest.param(["World", "DE"], set(), id="all the world, and more"),
    ],
)
def test_where_a_provider_processes(areas: list[str], codes: set[str]) -> None:
    assert end(processesIn=areas).place == Place(frozenset(codes), "Declared")


def test_a_bloc_is_all_its_members() -> None:
    found = end(processesIn=["EU"]).place.codes
    assert len(found) >= 27
    assert {"DE", "FR"} < found
    assert "EU" not in found


def test_models_and_headers_of_a_provider() -> None:
    models = [{"name": "large"}, {"name": "small", "upstreamName": "eu.small"}]
    found = provider(models=models, headers=["x-a"])
    assert found.name == "acme"
    assert found.models == {"large", "eu.small"}
    assert found.headers == {"x-a"}
    assert provider().headers == frozenset()


def test_how_an_endpoint_is_told_its_region() -> None:
    made = {
        "name": "us",
        "url": "https://us.example.com",
        "processesIn": ["US"],
        "requestBody": [{"name": "inference_geo", "value": "us"}],
        "requestHeaders": [{"name": "acme-project", "value": "us-1"}],
        "models": [
            {"name": "small", "upstreamName": "us.small"},
            {"name": "large", "upstreamName": "large"},
            {"name": "ghost", "upstreamName": "us.ghost"},
        ],
    }
    models = [{"name": "large"}, {"name": "small", "upstreamName": "eu.small"}]
    found = provider(made, models=models).endpoints["us"]
    assert found.body == {"inference_geo": "us"}
    assert found.headers == {"acme-project": "us-1"}
    assert found.models == {"eu.small": "us.small"}, "only what differs, of models that there are"
    assert (end().body, end().headers, end().models) == ({}, {}, {})


# Routes and tenants


def test_what_a_route_is() -> None:
    made = {**route("chat", "shop", dataClasses=["health"], allowedNamespaces={"names": ["bank"]})}
    made["metadata"] = {**made["metadata"], "labels": {"app": "chat"}}
    home = {"kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "a"}}}
    namespace = Namespace("shop", {"team": "a", "kubernetes.io/metadata.name": "shop"})
    assert read(made, home).routes["shop/chat"] == Route(
        who=Labelled("chat", {"app": "chat"}, namespace),
        classes=frozenset({"health"}),
        allows=NamespacesOf(frozenset({"bank"}), None),
        weights="https://models.example.com/one",
        is_served=True,
    )


def test_which_route_a_name_is_of() -> None:
    """Of several that claim one the oldest has it; of the same age, the first by namespace and name."""
    b = route("b", "shop", modelName="large", aliases=["big", "both"])
    c = aged(route("c", "shop", aliases=["old", "both"]), OLD)
    a = aged(route("a", "shop", modelName="old"), NEW)
    z = aged(route("a", "bank", aliases=["big"]), NEW)
    gone = aged(route("d", "shop", aliases=["big"]), OLD, deletionTimestamp=NEW)
    expected = {"large": "shop/b", "both": "shop/c", "c": "shop/c", "old": "shop/c", "a": "bank/a", "big": "bank/a"}
    for given in ([a, b, c, z, gone], [gone, z, c, b, a]):
        assert read(*given).names == expected
    assert read(route("b", "y", modelName="it"), route("b", "x", modelName="it")).names == {"it": "x/b"}


def test_what_a_route_is_that_says_little() -> None:
    found = read(obj("ModelRoute", "chat", {}, ns="shop")).routes["shop/chat"]
    assert found == Route(
        who=Labelled("chat", {}, Namespace("shop", {"kubernetes.io/metadata.name": "shop"})),
        classes=frozenset(),
        allows=None,
        weights=None,
        is_served=False,
    )
    bare = read(obj("ModelRoute", "chat", {"serving": {}}, ns="shop")).routes["shop/chat"]
    assert (bare.is_served, bare.weights) == (True, None)


def test_a_namespace_without_labels_has_its_name() -> None:
    home = {"kind": "Namespace", "metadata": {"name": "shop"}}
    found = read(route("chat", "shop"), home).routes["shop/chat"]
    assert found.who.namespace.labels == {"kubernetes.io/metadata.name": "shop"}


def owner(**spec: Any) -> Tenant:
    return read(tenant("web", "shop", 1, **spec)).tenants["shop/web"]


def test_what_a_tenant_is() -> None:
    found = owner(
        dataClasses=["health"],
        origins=["DE"],
        originHeader="Trust",
        dataClassHeader="Trust",
        allowedRoutes=[{"name": "chat"}, {"name": "score", "namespace": "bank"}],
    )
    assert (found.who.id, found.origins) == ("shop/web", Origins(codes=frozenset({"DE"}), elsewhere=False))
    assert found.classes == {"health"}
    assert (found.trusts_origin, found.trusts_classes) == (True, True)
    assert found.routes == frozenset({"shop/chat", "bank/score"})


def test_what_a_tenant_is_that_says_little() -> None:
    found = owner()
    assert (found.classes, found.origins) == (frozenset(), Origins(codes=frozenset(), elsewhere=False))
    assert (found.trusts_origin, found.trusts_classes, found.routes) == (False, False, None)
    ignoring = owner(originHeader="Ignore", dataClassHeader="Ignore")
    assert (ignoring.trusts_origin, ignoring.trusts_classes) == (False, False)


@pytest.mark.parametrize(
    ("names", "codes", "elsewhere"),
    [
        pytest.param([], set(), False, id="nothing"),
        pytest.param(["FR-971", "DE-BY"], {"GP", "DE-BY"}, False, id="codes"),
        pytest.param(["Atlantis"], set(), True, id="what can't be read"),
        pytest.param(["Atlantis", "DE", "FR"], {"DE", "FR"}, True, id="one can't be read"),
        pytest.param(["World"], set(), True, id="all the world"),
        pytest.param(["World", "DE"], {"DE"}, True, id="all the world, and one"),
    ],
)
def test_which_origins_are_declared(names: list[str], codes: set[str], *, elsewhere: bool) -> None:
    assert declared.origins_of(names) == Origins(codes=frozenset(codes), elsewhere=elsewhere)


@pytest.mark.parametrize(
    ("codes", "elsewhere", "each", "shown"),
    [
        pytest.param(set(), False, (None,), "unknown", id="nothing"),
        pytest.param({"FR", "DE"}, False, ("DE", "FR"), "DE, FR", id="two"),
        pytest.param({"FR", "DE"}, True, ("DE", "FR", None), "DE, FR, elsewhere", id="two, or elsewhere"),
        pytest.param(set(), True, (None,), "elsewhere", id="elsewhere"),
        pytest.param(
            {"BE", "DK", "AT", "FR", "DE", "CH"},
            False,
            ("AT", "BE", "CH", "DE", "DK", "FR"),
            "AT, BE, CH, DE, DK, FR",
            id="many",
        ),
    ],
)
def test_jurisdictions_of_origins(codes: set[str], elsewhere: bool, each: tuple[str | None, ...], shown: str) -> None:
    found = Origins(codes=frozenset(codes), elsewhere=elsewhere)
    assert (found.each, str(found)) == (each, shown)


# Who may call what


@pytest.mark.parametrize(
    ("of_tenant", "of_route", "may_call"),
    [
        pytest.param({}, {}, True, id="its own namespace"),
        pytest.param({"allowedRoutes": [{"name": "chat"}]}, {}, True, id="named"),
        pytest.param({"allowedRoutes": [{"name": "notes"}]}, {}, False, id="another named"),
        pytest.param({"allowedRoutes": []}, {}, False, id="none named"),
        pytest.param({}, {"ns": "bank"}, False, id="another namespace"),
        pytest.param({}, {"ns": "bank", "allowedNamespaces": {"names": ["shop"]}}, False, id="allowed, not named"),
        pytest.param(
            {"allowedRoutes": [{"name": "chat", "namespace": "bank"}]}, {"ns": "bank"}, False, id="named, not allowed"
        ),
        pytest.param(
            {"allowedRoutes": [{"name": "chat", "namespace": "bank"}]},
            {"ns": "bank", "allowedNamespaces": {"names": ["x"]}},
            False,
            id="named, and others allowed",
        ),
        pytest.param(
            {"allowedRoutes": [{"name": "chat", "namespace": "bank"}]},
            {"ns": "bank", "allowedNamespaces": {"names": ["shop"]}},
            True,
            id="named and allowed",
        ),
        pytest.param(
            {"allowedRoutes": [{"name": "x"}]},
            {"ns": "bank", "allowedNamespaces": {"names": ["shop"]}},
            False,
            id="allowed, another named",
        ),
    ],
)
def test_who_may_call_a_route(of_tenant: Json, of_route: Json, *, may_call: bool) -> None:
    found = read(route("chat", **{"ns": "shop", **of_route}), tenant("web", "shop", 1, **of_tenant))
    (of_it,) = found.routes.values()
    assert found.tenants["shop/web"].may_call(of_it) is may_call
    assert [each.who.id for each in declared.callers(found, of_it)] == (["shop/web"] if may_call else [])
