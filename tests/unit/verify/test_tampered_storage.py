"""Configs that are damaged, unsigned, or of other manifests."""

import dataclasses
from collections.abc import Callable
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.verify.installation import OBJECTS, obj, policy, site
from tests.unit.verify.tampering import Json, Objects, errors
from tests.worlds.verified import World, rendered

from isochrone.verify import Rule
from isochrone_gateway.config import Signer


def is_shard(item: Json, kind: str = "") -> bool:
    return item["kind"] == "ConfigMap" and "binaryData" in item and item["metadata"]["name"].startswith(kind)


def shards(edit: Callable[[Json], object]) -> Objects:
    def change(objects: list[Json]) -> None:
        for each in [each for each in objects if is_shard(each, "law")]:
            edit(each)

    return change


def damage(item: Json) -> None:
    text = item["binaryData"]["shard"]
    item["binaryData"]["shard"] = text[:40] + ("A" if text[40] != "A" else "B") + text[41:]


def index(edit: Callable[[str], str]) -> Objects:
    def change(objects: list[Json]) -> None:
        for each in objects:
            if each["kind"] == "ConfigMap" and "index.json" in each.get("data", {}):
                each["data"]["index.json"] = edit(each["data"]["index.json"])

    return change


def lose_shards(objects: list[Json]) -> None:
    objects[:] = [each for each in objects if not is_shard(each, "law")]


def twice(objects: list[Json]) -> None:
    objects += [each for each in objects if "index.json" in (each.get("data") or {})]


def lose_index(objects: list[Json]) -> None:
    objects[:] = [each for each in objects if "index.json" not in (each.get("data") or {})]


def move(is_chosen: Callable[[Json], bool]) -> Objects:
    """To where a gateway can't read it."""

    def change(objects: list[Json]) -> None:
        for each in objects:
            if is_chosen(each):
                each["metadata"]["namespace"] = "demo"

    return change


def copied(objects: list[Json]) -> None:
    """Others' shards of the same names, which nobody reads."""
    for each in [each for each in objects if is_shard(each)]:
        damaged = {**each, "metadata": {**each["metadata"], "namespace": "demo"}, "binaryData": {"shard": "?"}}
        objects += [damaged]
        objects.insert(0, damaged)


STORED: Final[list[tuple[str, Objects, Rule, str]]] = [
    ("a byte of a shard", shards(damage), Rule.BROKEN_CONFIG, "has sha256"),
    (
        "a shard that is no base64",
        shards(lambda item: item["binaryData"].update(shard="?")),
        Rule.BROKEN_CONFIG,
        "base64",
    ),
    ("a shard missing", lose_shards, Rule.BROKEN_CONFIG, "is missing, so the config is incomplete"),
    (
        "an index changed",
        index(lambda text: text.replace('"sequence":1', '"sequence":2')),
        Rule.BROKEN_CONFIG,
        "checksum",
    ),
    (
        "a shard in another namespace",
        move(lambda item: is_shard(item, "law")),
        Rule.BROKEN_CONFIG,
        "is in the namespace demo, but the index in isochrone-system: no gateway can read both",
    ),
    (
        "a config in another namespace",
        move(lambda item: item["kind"] == "ConfigMap"),
        Rule.WRONG_ADDRESS,
        "the gateway runs in the namespace isochrone-system, and can't read the config that was verified, which is in",
    ),
    (
        "an index in another namespace",
        move(lambda item: "index.json" in (item.get("data") or {})),
        Rule.BROKEN_CONFIG,
        "is in the namespace isochrone-system, but the index in demo: no gateway can read both",
    ),
    ("an index that is no JSON", index(lambda _: "{"), Rule.BROKEN_CONFIG, "is not a JSON object"),
    ("two configs of one site", twice, Rule.BROKEN_CONFIG, "is a second config of the site"),
    ("no config at all", lose_index, Rule.MISSING_CONFIG, "there is no config of this site"),
]


@pytest.mark.parametrize(("edit", "rule", "says"), [pytest.param(*rest, id=name) for name, *rest in STORED])
def test_what_is_damaged_is_found(world: World, edit: Objects, rule: Rule, says: str) -> None:
    found = errors(world.verify(objects=edit))
    assert any(rule is each and says in text for each, text in found), found


def test_what_is_in_other_namespaces_is_no_config(world: World) -> None:
    """It is told, since nobody knows who reads it, and takes nothing from the config."""
    assert {each.rule for each in world.verify(objects=copied).findings} == {Rule.NOT_READ}


KEY: Final = Ed25519PrivateKey.generate()


def trusted(key_id: str, message: bytes, signature: bytes) -> bool:
    return key_id == "hub" and KEY.sign(message) == signature


def test_a_config_that_nobody_signed_is_found(world: World) -> None:
    found = errors(world.verify(trusted=trusted))
    assert [(rule, "is not signed by a trusted key" in text) for rule, text in found] == [(Rule.NOT_SIGNED, True)] * 4


def test_a_signed_config_is_proved(world: World) -> None:
    report = world.verify(lambda _: None, signers=[Signer(key_id="hub", sign=KEY.sign)], trusted=trusted)
    assert errors(report) == []
    assert {each.signed_by for each in report.sites} == {("hub",)}


# What is declared, when the configs stay as they were


CHANGED: Final = [
    ("a site gone", [each for each in OBJECTS if each["metadata"]["name"] != "nrt1"], Rule.NOT_DECLARED, "nrt1"),
    ("a site more", [*OBJECTS, site("gru1", "GRU")], Rule.MISSING_CONFIG, "no config of this site"),
    ("a policy more", [*OBJECTS, policy("new", ["FR"])], Rule.WRONG_LAW, "the law lacks the policy new"),
    ("a policy gone", [each for each in OBJECTS if each["metadata"]["name"] != "eu"], None, ""),
    (
        "a site elsewhere",
        [*OBJECTS[1:], obj("EdgeNode", "fra1", {**OBJECTS[0]["spec"], "place": {"iata": "JFK"}})],
        Rule.WRONG_PLACE,
        "the site is in DE-HE",
    ),
]


@pytest.mark.parametrize(("objects", "rule", "says"), [pytest.param(*rest, id=name) for name, *rest in CHANGED])
def test_configs_of_other_manifests_are_found(world: World, objects: list[Json], rule: Rule | None, says: str) -> None:
    changed = dataclasses.replace(world, declared=rendered(objects).declared)
    report = changed.verify()
    if rule is None:
        assert errors(report) == [], "what is stricter than the law keeps it"
        assert any("has a policy eu, which nobody declared" in each.message for each in report.findings)
    else:
        assert any(rule is each and says in text for each, text in errors(report)), errors(report)


def test_what_nobody_changed_is_proved(world: World, strict: World) -> None:
    for each in (world, strict):
        report = each.verify()
        assert report.findings == ()
        assert report.holds
        assert report.combinations > 500
