"""A compiled law that somebody has changed: the verifier finds it, and says what is wrong."""

from typing import Any, Final

import pytest
from tests.unit.verify.tampering import Edit, Json, errors, one
from tests.worlds.verified import World

from isochrone.verify import Rule
from isochrone_gateway.config.law import decode_row, encode_row


def table(config: Json, name: str, scope: str = "Inference") -> Json:
    """A table of its own for this policy and scope: others keep the one that they shared."""
    law = config["law"]
    scopes = one(law["policies"], name=name)["scopes"]
    own: Json = dict(law["tables"][scopes.get(scope, scopes["Inference"])])
    own["rows"] = dict(own.get("rows", {}))
    law["tables"].append(own)
    scopes[scope] = len(law["tables"]) - 1
    return own


def row(config: Json, places: int) -> int:
    config["law"]["rows"].append(encode_row(places))
    return len(config["law"]["rows"]) - 1


def with_place(config: Json, number: int, place: int) -> int:
    """A row like this one, with one bit more."""
    return row(config, decode_row(config["law"]["rows"][number]) | 1 << place)


def flip(config: Json) -> None:
    made = table(config, "eu")
    made["rows"]["DE"] = with_place(config, made["rows"]["DE"], 2)


def flip_provider(config: Json) -> None:
    made = table(config, "eu")
    made["rows"]["DE"] = with_place(config, made["rows"]["DE"], 5)


def flip_entry(config: Json) -> None:
    made = table(config, "eu")
    made["rows"]["DE"] = with_place(config, made["rows"]["DE"], 3)


def unbind_home(config: Json) -> None:
    """Where it stands it would be allowed; but an old config has to refuse what is bound."""
    for name in ("eu", "gold"):
        drop_policy(name)(config)


def unbind(config: Json) -> None:
    table(config, "eu")["rows"]["DE"] = -1


def lose_country(config: Json) -> None:
    del table(config, "eu")["rows"]["FR"]


def flip_otherwise(config: Json) -> None:
    made = table(config, "bank")
    made["otherwise"] = with_place(config, made.get("otherwise", -1), 3)


def ignore_unknown(config: Json) -> None:
    one(config["law"]["policies"], name="eu")["unknownOrigin"] = "Ignore"
    for scope in ("Inference", "State"):
        table(config, "eu", scope)["unknown"] = "Unbound"


def flip_unknown(config: Json) -> None:
    made = table(config, "eu")
    made["unknown"] = with_place(config, made["unknown"], 3)


def lose_scope(scope: str, name: str) -> Edit:
    return lambda config: one(config["law"]["policies"], name=name)["scopes"].pop(scope)


def audit(config: Json) -> None:
    one(config["law"]["policies"], name="eu")["mode"] = "Audit"


def drop_policy(name: str) -> Edit:
    def edit(config: Json) -> None:
        config["law"]["policies"].remove(one(config["law"]["policies"], name=name))

    return edit


def bind(name: str, **dimension: Any) -> Edit:
    return lambda config: one(config["law"]["policies"], name=name).setdefault("binds", {}).update(dimension)


def more_evidence(config: Json) -> None:
    """`known` wants Ingress at places that are Contracted: cdg1's is declared only."""
    made = table(config, "known", "Ingress")
    made["otherwise"] = with_place(config, made["otherwise"], 0)
    made["unknown"] = made["otherwise"]


def wide_state(config: Json) -> None:
    made = table(config, "eu", "State")
    everywhere = row(config, 0x3F)
    made["rows"] = dict.fromkeys(made["rows"], everywhere)
    made["unknown"] = everywhere


def own_code(config: Json) -> None:
    """No such part of Germany; but a client whose tenant is of DE may say so."""
    table(config, "eu")["rows"]["DE-ZZZ"] = row(config, 0x3F)


LAW: Final[list[tuple[str, Edit, Rule, str]]] = [
    (
        "a bit flipped in a row",
        flip,
        Rule.WRONG_LAW,
        "policy eu, scope Inference, data from DE: the table allows US-VA",
    ),
    ("an origin no longer bound", unbind, Rule.WRONG_LAW, "data from DE: the policy binds it, the table does not"),
    ("an origin left out of a table", lose_country, Rule.WRONG_LAW, "data from FR: the policy binds it"),
    ("a bit flipped for all other origins", flip_otherwise, Rule.WRONG_LAW, "the table allows JP-12"),
    ("an unknown origin ignored", ignore_unknown, Rule.WRONG_LAW, "an unknown origin: the policy binds it"),
    ("a bit flipped for an unknown origin", flip_unknown, Rule.WRONG_LAW, "an unknown origin: the table allows JP-12"),
    ("a scope's own table dropped", lose_scope("State", "eu"), Rule.WRONG_LAW, "policy eu, scope State"),
    ("state allowed everywhere", wide_state, Rule.WRONG_LAW, "policy eu, scope State"),
    ("evidence not asked for", more_evidence, Rule.WRONG_LAW, "(EvidenceTooLow)"),
    ("a row for a code that isn't one", own_code, Rule.WRONG_LAW, "the law has rows for DE-ZZZ"),
    ("a policy only audits", audit, Rule.WRONG_LAW, "policy eu is compiled as Audit, not Enforce"),
    ("a policy dropped", drop_policy("eu"), Rule.WRONG_LAW, "the law lacks the policy eu"),
    ("a policy for a data class dropped", drop_policy("health"), Rule.WRONG_LAW, "the law lacks the policy health"),
    (
        "a policy binds other classes",
        bind("health", dataClasses=["wealth"]),
        Rule.WRONG_LAW,
        "no longer binds by dataCl",
    ),
    ("a policy binds no namespace", bind("bank", namespaces=[]), Rule.WRONG_LAW, "no longer binds by namespaces: bank"),
    ("a policy binds no tenant", bind("gold", tenants=[]), Rule.WRONG_LAW, "no longer binds by tenants: shop/vip"),
    ("a policy binds few routes", bind("eu", routes=["shop/chat"]), Rule.WRONG_LAW, "no longer binds by routes: every"),
]


@pytest.mark.parametrize(("edit", "rule", "says"), [pytest.param(*rest, id=name) for name, *rest in LAW])
def test_a_changed_law_is_found(world: World, edit: Edit, rule: Rule, says: str) -> None:
    found = errors(world.verify(edit))
    assert any(rule is each and says in text for each, text in found), found
