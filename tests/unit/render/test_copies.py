"""The bucket that evidence is copied to: a gateway is given all that it takes, or nothing where the law forbids it."""

from typing import Any

import pytest
from tests.unit.render.test_gateway_evidence import config, pod
from tests.unit.render.test_gateway_objects import RELEASE, _summary, of_kind, policies, site
from tests.unit.validate.sample import endpoint, policy, provider, route, tiers, to_provider

from isochrone.model import Capability, SiteObservation
from isochrone.render.bundle import Bundle, index_object
from isochrone_gateway.config import Config, assemble, read_index
from isochrone_gateway.config.places import Evidence
from isochrone_gateway.config.site import ObjectStorage

Json = dict[str, Any]
BUCKET: Json = {
    "endpoint": "https://s3.eu-central-1.amazonaws.com",
    "bucket": "acme-evidence",
    "jurisdiction": "DE-HE",
    "secretName": "evidence-bucket",
}
EU_ONLY = policy("eu-only", "EU")
SEEN = SiteObservation(api_servers=("192.0.2.1:6443",))


def copying(*objects: Json, seen: SiteObservation = SEEN, **bucket: Any) -> Bundle:
    evidence = {"objectStorage": {**BUCKET, **bucket}}
    return site(*objects, gateway={"evidence": evidence}, seen=seen)


def whole(bundle: Bundle) -> Config:
    assert bundle.config is not None
    index = read_index(index_object(bundle, RELEASE)["data"]["index.json"].encode())
    return assemble(index, bundle.config.blobs).config


def asked(bundle: Bundle) -> ObjectStorage | None:
    found = config(bundle)
    assert found is not None
    return found.objects


def test_the_config_says_where_it_is_and_which_files_open_it() -> None:
    made = whole(copying(EU_ONLY, evidence="Contracted", evidenceRef="x"))
    assert made.site.evidence is not None
    assert made.site.evidence.objects == ObjectStorage(
        endpoint="https://s3.eu-central-1.amazonaws.com",
        bucket="acme-evidence",
        place=1,
        access_key="objects/AWS_ACCESS_KEY_ID",
        secret_key="objects/AWS_SECRET_ACCESS_KEY",
    )
    place = made.places.places[1]
    assert (place.codes, place.country, place.evidence) == (frozenset({"DE-HE"}), "DE", Evidence.CONTRACTED)


def test_a_store_of_ones_own() -> None:
    made = asked(
        copying(
            endpoint="http://minio.storage.svc:9000",
            plaintext="Allow",
            prefix="a/b",
            region="r-1",
            caSecretRef={"name": "ca", "key": "ca.crt"},
        )
    )
    assert made is not None
    said = (made.endpoint, made.plaintext, made.prefix, made.region, made.ca_bundle)
    assert said == ("http://minio.storage.svc:9000", True, "a/b", "r-1", "objects-ca/ca.crt")


def test_its_key_is_mounted_if_it_is_there_and_nobody_waits_for_it() -> None:
    bundle = copying(caSecretRef={"name": "ca", "key": "ca.crt"})
    needed = {each.folder: each for each in bundle.secrets}
    assert needed["objects"].keys == ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    assert [needed[each].is_optional for each in ("objects", "objects-ca")] == [True, True]
    (volume,) = (each for each in pod(bundle, "StatefulSet")["volumes"] if each["name"] == "secrets")
    paths = [item["path"] for each in volume["projected"]["sources"] for item in each["secret"]["items"]]
    assert {"objects/AWS_ACCESS_KEY_ID", "objects/AWS_SECRET_ACCESS_KEY", "objects-ca/ca.crt"} <= set(paths)


STORES = [
    pytest.param({}, "internet 443", "s3.eu-central-1.amazonaws.com", id="on the internet"),
    pytest.param({"endpoint": "https://s3.example.com:9000"}, "internet 9000", "s3.example.com", id="at another port"),
    pytest.param({"endpoint": "http://s3.corp", "plaintext": "Allow"}, "anywhere 80", "s3.corp", id="inside, by name"),
    pytest.param({"endpoint": "http://10.1.2.3:9000", "plaintext": "Allow"}, "10.1.2.3/32 9000", None, id="by address"),
    pytest.param({"endpoint": "http://s3.minio.svc", "plaintext": "Allow"}, "namespace minio", None, id="a Service"),
]


@pytest.mark.parametrize(("bucket", "by_port", "by_name"), STORES)
def test_the_gateway_may_reach_its_host_and_no_other(bucket: Json, by_port: str, by_name: str | None) -> None:
    with_it = [_summary(rule) for rule in policies(copying(**bucket))["egress"]]
    without = [_summary(rule) for rule in policies(site(gateway={"evidence": {}}, seen=SEEN))["egress"]]
    assert sorted([*without, by_port]) == sorted(with_it)
    cilium = copying(**bucket, seen=SiteObservation(capabilities=frozenset({Capability.CILIUM_NETWORK_POLICY})))
    named = [rule.get("toFQDNs") for rule in policies(cilium, "CiliumNetworkPolicy")["egress"]]
    assert [each for each in named if each] == ([[{"matchName": by_name}]] if by_name else [])


UNLAWFUL = [
    pytest.param([EU_ONLY], {"jurisdiction": "US-VA"}, id="outside"),
    pytest.param([EU_ONLY], {"jurisdiction": "QQ"}, id="nobody knows where"),
    pytest.param([], {"jurisdiction": "QQ"}, id="nobody knows where, and no policy asks"),
    pytest.param([policy("hessian", "DE-HE")], {"jurisdiction": "DE"}, id="known too coarsely"),
    pytest.param(
        [policy("some", "EU", binds={"routes": {"matchLabels": {"x": "y"}}})],
        {"jurisdiction": "US"},
        id="of some routes",
    ),
    pytest.param(
        [policy("some", "EU", binds={"origins": {"include": ["FR"]}})], {"jurisdiction": "US"}, id="of some origin"
    ),
    pytest.param(
        [
            policy(
                "shown",
                allow=[
                    {"scope": "Inference", "places": {"include": ["World"]}},
                    {"scope": "Logs", "places": {"include": ["DE"]}},
                ],
            )
        ],
        {"jurisdiction": "FR"},
        id="by an entry for Logs",
    ),
]


@pytest.mark.parametrize(("given", "bucket"), UNLAWFUL)
def test_where_it_may_not_be_copied_nothing_of_the_bucket_is_rendered(given: list[Json], bucket: Json) -> None:
    bundle = copying(*given, **bucket)
    assert asked(bundle) is None
    assert not any(each.folder.startswith("objects") for each in bundle.secrets)
    shown = str([each for each in bundle.objects if each["kind"] != "ConfigMap"])
    assert "amazonaws" not in shown
    assert "evidence-bucket" not in shown
    without = policies(site(*given, gateway={"evidence": {}}, seen=SEEN))
    assert policies(bundle) == without


LAWFUL = [
    pytest.param([EU_ONLY], {}, id="inside"),
    pytest.param([EU_ONLY], {"jurisdiction": "FR"}, id="inside, abroad"),
    pytest.param([policy("us-only", "US")], {"jurisdiction": "FR"}, id="nothing of it is logged here"),
    pytest.param([policy("eu-only", "EU", mode="Audit")], {"jurisdiction": "US"}, id="only audited"),
    pytest.param(
        [policy("home", allow=[{"scope": "Inference", "originCountry": "Allow"}])], {"jurisdiction": "DE"}, id="at home"
    ),
]


@pytest.mark.parametrize(("given", "bucket"), LAWFUL)
def test_where_it_may_it_is(given: list[Json], bucket: Json) -> None:
    assert asked(copying(*given, **bucket)) is not None


def test_a_law_that_changes_renumbers_no_places() -> None:
    calling = (provider("acme", endpoint("eu", "FR")), route(tiers=tiers(to_provider())))
    lawful, not_lawful = (
        whole(copying(*calling, policy("eu-only", *places), jurisdiction="US")).places for places in (["World"], ["EU"])
    )
    assert lawful == not_lawful


def test_the_workload_differs_by_its_secrets_alone() -> None:
    plain, with_it = (of_kind(each, "StatefulSet")["spec"] for each in (site(gateway={"evidence": {}}), copying()))
    for spec in (plain, with_it):
        (volume,) = (each for each in spec["template"]["spec"]["volumes"] if each["name"] == "secrets")
        volume["projected"]["sources"] = []
    assert plain == with_it
