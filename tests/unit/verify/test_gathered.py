"""Configs put together of what clusters hold, and what of that no gateway would run."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.verify.by_hand import DE, Json, config, law
from tests.unit.verify.clusters import EDGE_NODE, KNOWN, Cluster, both, cluster, of, prove, shard, stored
from tests.worlds.verified import RELEASE

from isochrone.render.gateway import config_maps
from isochrone.verify import MalformedError, Rule, verify
from isochrone.verify.finding import Finding
from isochrone.verify.gathered import Found, gather
from isochrone_gateway.config import Config, Kind, Signer, issue, pack
from isochrone_gateway.config.signing import checksum
from isochrone_gateway.config.storage import store

SYSTEM: Final = "isochrone-system"
KEY: Final = Ed25519PrivateKey.generate()


def trusts(key_id: str, message: bytes, signature: bytes) -> bool:
    return key_id == "hub" and KEY.sign(message) == signature


def test_what_is_found_is_to_be_applied_and_closes_as_it_says_unless_more_is_said() -> None:
    assert Found({}, "a.yaml") == Found({}, "a.yaml", only_opens=False, is_live=False)


def test_who_signed_is_told() -> None:
    signer = Signer(key_id="hub", sign=KEY.sign)
    report = prove(trusted=trusts, eu=cluster(config("fra1"), signer), us=cluster(config("iad1")))
    assert [each.signed_by for each in report.sites] == [("hub",)]
    (each,) = report.findings
    assert (each.rule, each.site, each.where) == (Rule.NOT_SIGNED, "iad1", "us/ConfigMap/iad1-config")


def edited(index: Callable[[str], str] = str, objects: Callable[[Cluster], Cluster] = list) -> Cluster:
    made = stored(config("iad1"))
    made[-1]["data"]["index.json"] = index(made[-1]["data"]["index.json"])
    return objects(made)


def reissued(**fields: Any) -> Cluster:
    """The config of iad1 under an index that says something else."""
    made = stored(config("iad1"))
    packed = pack(msgspec.convert(config("iad1"), Config))
    release = dataclasses.replace(RELEASE, installation=fields.get("installation", "isochrone"))
    index = issue(packed, site=fields.get("site", "iad1"), release=release, signers=())
    return [*made[:-1], config_maps.index_map(index, "iad1-config", {EDGE_NODE: "iad1"})]


def without_shard(kind: str) -> Callable[[Cluster], Cluster]:
    return lambda made: [each for each in made if not each["metadata"]["name"].startswith(kind)]


def no_data(field: str, value: Json) -> Callable[[Cluster], Cluster]:
    """The law's object as it is, but for what it holds."""
    return lambda made: [
        {**each, field: value} if each["metadata"]["name"].startswith("law") else each for each in made
    ]


def no_base64(made: Cluster) -> Cluster:
    for each in made:
        if each["metadata"]["name"].startswith("law"):
            each["binaryData"]["shard"] = "?"
    return made


@pytest.mark.parametrize(
    ("objects", "says"),
    [
        pytest.param(edited(index=lambda _: "{"), "is not a JSON object", id="an index that is none"),
        pytest.param(reissued(installation="lab"), "is of the installation 'lab', not of 'isochrone'", id="another's"),
        pytest.param(
            reissued(site="cdg1"), "site: $.site.name: is 'iad1', but the index is for 'cdg1'", id="another site's"
        ),
        pytest.param(
            edited(objects=without_shard("law")), "is missing, so the config is incomplete", id="a shard less"
        ),
        pytest.param(
            edited(objects=no_data("binaryData", {"other": ""})),
            "is missing, so the config is incomplete",
            id="a shard's object that holds none",
        ),
        pytest.param(edited(objects=no_base64), "is not base64", id="no base64"),
        pytest.param(
            stored(config("iad1", peers=[{**config("iad1")["peers"][0], "place": 99}])), "place", id="a bad reference"
        ),
    ],
)
def test_what_can_not_be_run_is_a_finding_and_no_config(objects: Cluster, says: str) -> None:
    found = gather(of({"us": objects}), installation="isochrone")
    assert found.configs == {}
    assert found.findings
    assert {(each.rule, each.site, each.where) for each in found.findings} == {
        (Rule.BROKEN_CONFIG, "iad1", "us/ConfigMap/iad1-config")
    }
    assert any(says in each.message for each in found.findings), found.findings


def test_the_first_eight_problems_of_a_config_are_told() -> None:
    routes = [{"id": f"shop/r{number}", "name": "same"} for number in range(12)]
    found = gather(of({"us": stored(config("iad1", routes=routes))}), installation="isochrone")
    assert len(found.findings) == 8


def test_a_shard_is_looked_at_wherever_it_is_stored() -> None:
    """Both sites name the same shard of the law; what one cluster has of it is damaged."""
    good, bad = stored(config("fra1")), edited(objects=no_data("binaryData", {"shard": "AAAA"}))
    found = gather(of({"eu": good, "us": bad}), installation="isochrone")
    assert list(found.configs) == ["fra1"]
    (each,) = found.findings
    assert (each.rule, each.site) == (Rule.BROKEN_CONFIG, "iad1")
    assert each.message.startswith(f"{shard('law')}: $: has 3 bytes, the index says ")


def test_a_shard_is_held_to_each_index_that_names_it() -> None:
    """A gateway refuses a shard that holds another document than its index says, if others' indexes are right."""
    made = stored(config("iad1"))
    raw = json.loads(made[-1]["data"]["index.json"])
    for each in raw["shards"]:
        if each["kind"] == "Law":
            each["documentBytes"] += 1
    raw["checksum"] = checksum(raw)
    made[-1]["data"]["index.json"] = json.dumps(raw)
    found = gather(of({"eu": stored(config("fra1")), "us": made}), installation="isochrone")
    assert list(found.configs) == ["fra1"]
    assert [each.message for each in found.findings] == [
        f"{shard('law')}: $: does not hold the document that the index describes; write it again"
    ]


def test_a_shard_that_says_more_than_is_known_is_refused() -> None:
    packed = pack(msgspec.convert(config("iad1"), Config))
    strange = store(b'{"kind":"Law","more":1}', kind=Kind.LAW)
    entries = [*(each for each in packed.entries if each.kind != "Law"), strange.entry]
    packed = dataclasses.replace(
        packed, entries=tuple(entries), blobs={**packed.blobs, strange.entry.name: strange.blob}
    )
    index = issue(packed, site="iad1", release=RELEASE, signers=())
    made = [*config_maps.shards(packed, "isochrone"), config_maps.index_map(index, "x", {EDGE_NODE: "iad1"})]
    found = gather(of({"us": made}), installation="isochrone")
    assert [each.message for each in found.findings] == [
        f"{strange.entry.name}: $: Object contains unknown field `more`; remove it, or use a gateway that knows it"
    ]


NO_TENANT: Final = f"$.tenants.keys[\"{1:064x}\"].tenant: is 'shop/web', which is no tenant"
NO_PLACE: Final = "$.law.rows[0]: has bit 9, but there are 4 places"


@pytest.mark.parametrize(
    ("first", "sections", "expected"),
    [
        pytest.param({}, {"tenants": {"keys": {f"{1:064x}": {"tenant": "shop/web"}}}}, [NO_TENANT], id="of tenants"),
        pytest.param({}, {"law": law(Inference={9})}, [NO_PLACE], id="of the law"),
        pytest.param(
            {},
            {"routes": []},
            ['$.tenants.tenants["shop/web"].routes: has shop/chat: no such route'],
            id="of tenants, for want of a route",
        ),
        pytest.param(
            {"law": law(Inference={9})}, {"law": law(Inference={9})}, [NO_PLACE, NO_PLACE], id="of both sites alike"
        ),
    ],
)
def test_each_problem_of_a_config_is_told_once_of_each_site(first: Json, sections: Json, expected: list[str]) -> None:
    """fra1 was looked at before, and iad1 has much in common with it."""
    given = of({"eu": stored(config("fra1", **first)), "us": stored(config("iad1", **sections))})
    assert [each.message for each in gather(given, installation="isochrone").findings] == expected


def test_what_is_wrong_with_a_route_is_told_with_the_way_to_it() -> None:
    made = config("iad1")
    made["routes"][0]["tiers"][0]["candidates"][0]["place"] = DE
    (each,) = gather(of({"us": stored(made)}), installation="isochrone").findings
    assert each.path == ("site iad1", "Routes section of its config", "shop/chat")
    (each,) = gather(of({"us": edited(index=lambda _: "{")}), installation="isochrone").findings
    assert each.path == ()


def test_a_shard_in_another_namespace_is_none() -> None:
    """Of several namespaces that have it, the first in order is named."""
    law_shard = shard("law")

    def moved(made: Cluster) -> Cluster:
        (found,) = [each for each in made if each["metadata"]["name"] == law_shard]
        copies = [{**found, "metadata": {**found["metadata"], "namespace": namespace}} for namespace in ("b", "a", "c")]
        return [*copies, *(each for each in made if each is not found)]

    found = gather(of({"us": edited(objects=moved)}), installation="isochrone").findings
    (each,) = (each for each in found if each.rule is not Rule.NOT_READ)
    assert (each.rule, each.site) == (Rule.BROKEN_CONFIG, "iad1")
    assert each.message == (
        f"{law_shard}: $: is in the namespace a, but the index in isochrone-system: no gateway can read both"
    )


def test_all_shards_that_are_missing_are_told() -> None:
    objects = edited(objects=lambda made: made[-1:])
    found = gather(of({"us": objects}), installation="isochrone")
    kinds = [each.message.partition("-")[0] for each in found.findings]
    assert len(set(kinds)) == len(kinds) == 8


def test_what_says_more_than_can_be_verified_is_refused() -> None:
    """A newer writer's index, with a field that isn't known here."""
    made = stored(config("iad1"))
    raw = json.loads(made[-1]["data"]["index.json"])
    raw |= {"version": "1.9", "more": 1}
    raw["checksum"] = checksum(raw)
    made[-1]["data"]["index.json"] = json.dumps(raw)
    found = gather(of({"us": made}), installation="isochrone")
    assert [each.message for each in found.findings] == ["index: $: says more than can be verified: index: $.more"]


def test_a_second_config_of_a_site_is_none() -> None:
    one, other = stored(config("iad1")), stored(config("iad1", law=law(Logs={0, 1})))
    other[-1]["metadata"] = {**other[-1]["metadata"], "name": "other", "labels": {}}
    found = gather(of({"us": [*one, *other]}), installation="isochrone")
    assert found.configs["iad1"].index_name == "iad1-config"
    (each,) = found.findings
    assert (each.rule, each.site, each.where) == (Rule.BROKEN_CONFIG, "iad1", "us/ConfigMap/other")
    assert each.message == (
        "us/ConfigMap/other: $: is a second config of the site, beside that of us/ConfigMap/iad1-config"
    )


def test_a_broken_config_of_nobody_is_told_too() -> None:
    made = edited(index=lambda _: "{")
    made[-1]["metadata"]["labels"] = None
    (each,) = gather(of({"us": made}), installation="isochrone").findings
    assert (each.site, each.where) == ("", "us/ConfigMap/iad1-config")


def test_shards_may_be_written_in_lines() -> None:
    made = stored(config("iad1"))
    for each in made[:-1]:
        text = each["binaryData"]["shard"]
        each["binaryData"]["shard"] = f"{text[:10]}\n  {text[10:]}\n"
    assert gather(of({"us": made}), installation="isochrone").findings == ()


def test_what_is_known_of_a_config() -> None:
    found = gather(of({"us": cluster(config("iad1"))}), installation="isochrone").configs["iad1"]
    assert (found.site, found.cluster, found.where) == ("iad1", "us", "us/ConfigMap/iad1-config")
    assert (found.index_name, found.signed_by) == ("iad1-config", ())
    assert found.config == msgspec.convert(config("iad1"), Config)
    assert found.shard_names["Law"] == shard("law")
    by_name = {each.name: each for each in found.index.shards}
    assert found.sections["Law"] == {by_name[shard("law")].document_sha256}
    assert list(found.sections) == ["Site", "Places", "Law", "Routes", "Engines", "Providers", "Tenants", "Peers"]


def test_what_is_not_read_is_told_and_counts_for_nothing() -> None:
    """Calico's policies have the name of Kubernetes' own: they would close what is open."""
    made = both()
    made["eu"] = [
        {**each, "apiVersion": "projectcalico.org/v3"} if each["kind"] == "NetworkPolicy" else each
        for each in made["eu"]
    ]
    report = prove(**made)
    assert [each for each in report.findings if each.rule is Rule.NOT_READ] == [
        Finding(
            rule=Rule.NOT_READ,
            site="",
            where=f"eu/NetworkPolicy/{name}",
            message=f"NetworkPolicy {name} (projectcalico.org/v3) may let pods talk to others, start some, or lead"
            " requests, and is of a kind that isn't read here",
        )
        for name in ("chat-engine", "gateway")
    ]
    assert {each.rule for each in report.findings} == {Rule.NOT_READ, Rule.EGRESS_OPEN, Rule.INGRESS_OPEN}


def test_what_says_no_version_is_told_without_one() -> None:
    item = {"kind": "Service", "metadata": {"name": "x", "namespace": "shop", "generateName": "y"}}
    (each,) = gather(of({"us": [item]}), installation="isochrone").findings
    assert (each.rule, each.where) == (Rule.NOT_READ, "us/Service/x")
    assert each.message.startswith("Service x has generateName in its metadata")


def test_what_no_api_server_would_take_is_refused() -> None:
    made = both()
    made["us"].append({"kind": "NetworkPolicy", "metadata": {"name": "x"}, "spec": "all"})
    with pytest.raises(MalformedError, match=r"^us/NetworkPolicy/x: spec must be a map, not text$"):
        prove(**made)


def test_maps_that_are_no_configs_are_passed_over() -> None:
    strange: Cluster = [
        {"kind": "ConfigMap", "metadata": {"name": "a", "namespace": SYSTEM}},
        {"kind": "ConfigMap", "metadata": {"name": "b", "namespace": SYSTEM}, "data": {"x": "y"}, "binaryData": None},
        {"kind": "Secret", "metadata": {"name": "c"}, "data": {"index.json": "{"}},
    ]
    found = gather(of({"us": [*strange, *stored(config("iad1"))]}), installation="isochrone")
    assert found.findings == ()
    assert list(found.configs) == ["iad1"]


def hooked(**metadata: Any) -> dict[str, Cluster]:
    """Both sites, with more metadata on the policy of a gateway."""
    made = both()
    for each in made["eu"]:
        if (each["kind"], each["metadata"]["name"]) == ("NetworkPolicy", "gateway"):
            each["apiVersion"] = "networking.k8s.io/v1"
            each["metadata"] |= metadata
    return made


HOOK: Final = {"argocd.argoproj.io/hook": "Skip"}


def test_metadata_by_which_an_object_may_not_be_there_is_told() -> None:
    (each,) = prove(**hooked(annotations=HOOK)).findings
    assert (each.rule, each.site, each.where) == (Rule.NOT_READ, "", "eu/NetworkPolicy/gateway")
    assert each.message == (
        "NetworkPolicy gateway (networking.k8s.io/v1) has the annotation argocd.argoproj.io/hook, by which it may be"
        " left out, or removed again: take it out"
    )


def test_what_is_in_a_cluster_was_applied() -> None:
    made = of(hooked(annotations=HOOK, ownerReferences=[{"name": "x"}], uid="1", finalizers=["a"]))
    live = {name: [each._replace(is_live=True) for each in found] for name, found in made.items()}
    assert verify(KNOWN, live).findings == ()


def test_a_policy_that_is_going_closes_nothing() -> None:
    made = of(hooked(deletionTimestamp="2026-01-01T00:00:00Z"))
    live = {name: [each._replace(is_live=True) for each in found] for name, found in made.items()}
    assert {(each.rule, each.site) for each in verify(KNOWN, live).findings} == {(Rule.EGRESS_OPEN, "fra1")}


def test_metadata_of_what_is_left_unread_is_no_matter() -> None:
    made = both()
    made["eu"].append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "annotations": HOOK}})
    assert prove(**made).findings == ()
