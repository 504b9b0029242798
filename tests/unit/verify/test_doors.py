"""What refusals tell clients, beside what is declared."""

from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import Json, config, edge, law, read, site
from tests.unit.verify.installation import obj, policy, route, tenant
from tests.unit.verify.tampering import errors, one
from tests.worlds.verified import World, rendered

from isochrone.verify import Rule, Severity, doors
from isochrone.verify.tables import Said

ERROR, WARNING = Severity.ERROR, Severity.WARNING


def named(name: str, jurisdiction: str, hostname: str | None = None, **spec: Any) -> Json:
    """A site with a public name, of its own if none is given."""
    return edge(name, jurisdiction, gateway={"hostname": hostname or f"{name}.example.net"}, **spec)


FRA, IAD = named("fra1", "DE-HE"), named("iad1", "US-VA")


def said(message: str, severity: Severity = ERROR, cases: int = 1, policy: str | None = None) -> Said:
    return Said(Rule.WRONG_ADDRESS, message, policy, severity, cases)


# A site


def of_site(declared: list[Json], **fields: Any) -> list[Said]:
    made = config("fra1")
    made["site"].update(fields)
    return list(doors.of_site(read(declared), site(made)))


OF_SITE: Final = [
    pytest.param([], {}, [], id="no names at all"),
    pytest.param(
        [FRA, IAD],
        {
            "hostname": "fra1.example.net",
            "jurisdictions": {"DE-HE": "fra1.example.net", "US-VA": "iad1.example.net"},
        },
        [],
        id="all as declared",
    ),
    pytest.param(
        [FRA],
        {"hostname": "mal.example.com", "jurisdictions": {"DE-HE": "fra1.example.net"}},
        [said("the site is known to clients as mal.example.com, but fra1.example.net was declared")],
        id="another name",
    ),
    pytest.param(
        [],
        {"hostname": "mal.example.com"},
        [said("the site is known to clients as mal.example.com, but no hostname was declared")],
        id="a name that nobody gave it",
    ),
    pytest.param(
        [FRA],
        {"jurisdictions": {"DE-HE": "fra1.example.net"}},
        [said("the site is known to clients as nothing, but fra1.example.net was declared", WARNING)],
        id="its name lost",
    ),
    pytest.param(
        [IAD],
        {"jurisdictions": {"US-VA": "mal.example.com"}},
        [said("the site sends whom it refuses to mal.example.com for US-VA; declared there is iad1.example.net")],
        id="another's door",
    ),
    pytest.param(
        [IAD],
        {"jurisdictions": {"US-VA": "iad1.example.net", "FR": "mal.example.com", "DE": "iad1.example.net"}},
        [said("the site sends whom it refuses to iad1.example.net for DE; declared there is no hostname", cases=2)],
        id="doors in jurisdictions that have none",
    ),
    pytest.param(
        [IAD, named("gru1", "BR")],
        {},
        [said("the site doesn't tell whom it refuses of gru1.example.net, in BR", WARNING, 2)],
        id="doors lost",
    ),
    pytest.param(
        [named("iad2", "US-VA"), IAD],
        {"jurisdictions": {"US-VA": "iad1.example.net"}},
        [],
        id="the first by name",
    ),
    pytest.param(
        [IAD, named("iad2", "US-VA")],
        {"jurisdictions": {"US-VA": "iad2.example.net"}},
        [said("the site sends whom it refuses to iad2.example.net for US-VA; declared there is iad1.example.net")],
        id="the second by name",
    ),
    pytest.param(
        [named("iad1", "US-VA", state="Draining"), named("iad2", "US-VA")],
        {"jurisdictions": {"US-VA": "iad2.example.net"}},
        [],
        id="one that takes no new requests has no door",
    ),
    pytest.param([named("iad1", "QQ")], {}, [], id="nor has one of which nobody knows where it is"),
]


@pytest.mark.parametrize(("declared", "fields", "expected"), OF_SITE)
def test_what_a_site_tells(declared: list[Json], fields: Json, expected: list[Said]) -> None:
    assert of_site(declared, **fields) == expected


def test_no_door_is_too_many() -> None:
    """In a policy's refusal there are some alone, in what a site tells there are all."""
    countries = ("AT", "BE", "BG", "CY", "CZ", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU")
    sites = [named(f"s{number}", code) for number, code in enumerate(countries)]
    lost = "doesn't tell whom it refuses of s0.example.net, in AT"
    assert of_site(sites) == [said(f"the site {lost}", WARNING, len(countries))]
    open_to_all = policy("eu", ["World"], {"origins": {"include": ["DE"]}})
    assert of_law([open_to_all, *sites]) == [said(f"policy eu {lost}", WARNING, 16, "eu")]
    last = {code: f"s{number}.example.net" for number, code in enumerate(countries) if number > 0}
    assert of_law([open_to_all, *sites], hostnames=last) == [said(f"policy eu {lost}", WARNING, 1, "eu")]


# Policies


def of_law(declared: list[Json], *, name: str = "eu", way_out: str = "", hostnames: Json | None = None) -> list[Said]:
    made = law()
    made["policies"][0] |= {"name": name, "refusal": {"wayOut": way_out, "hostnames": hostnames or {}}}
    return list(doors.of_law(read(declared), site(config("fra1", law=made)).config))


OF_LAW: Final = [
    pytest.param([FRA, IAD], {"hostnames": {"DE-HE": "fra1.example.net"}}, [], id="where it lets data come in"),
    pytest.param(
        [FRA, IAD],
        {"hostnames": {"DE-HE": "fra1.example.net", "US-VA": "iad1.example.net"}},
        [said("policy eu sends whom it refuses to iad1.example.net for US-VA; declared there is no hostname")],
        id="where it doesn't",
    ),
    pytest.param(
        [FRA],
        {"hostnames": {"DE-HE": "mal.example.com"}},
        [said("policy eu sends whom it refuses to mal.example.com for DE-HE; declared there is fra1.example.net")],
        id="somewhere else",
    ),
    pytest.param(
        [FRA],
        {},
        [said("policy eu doesn't tell whom it refuses of fra1.example.net, in DE-HE", WARNING)],
        id="nowhere",
    ),
    pytest.param(
        [
            FRA,
            IAD,
            policy(
                "eu",
                ["World"],
                {"origins": {"include": ["DE"]}},
                {"scope": "Ingress", "places": {"include": ["US"]}, "originCountry": "Allow"},
            ),
        ],
        {"hostnames": {"US-VA": "iad1.example.net"}},
        [],
        id="by Ingress, whatever the origin",
    ),
    pytest.param(
        [policy("eu", ["DE"], {"origins": {"include": ["DE"]}}, wayOut="ask us")], {"way_out": "ask us"}, [], id="words"
    ),
    pytest.param(
        [policy("eu", ["DE"], {"origins": {"include": ["DE"]}}, wayOut="ask us")],
        {"way_out": "ask mal.example.com"},
        [said("policy eu tells whom it refuses 'ask mal.example.com'; declared is 'ask us'")],
        id="other words",
    ),
    pytest.param(
        [],
        {"way_out": "ask mal.example.com"},
        [said("policy eu tells whom it refuses 'ask mal.example.com'; declared is ''")],
        id="words that nobody said",
    ),
    pytest.param([FRA], {"name": "old", "hostnames": {"DE": "fra1.example.net"}}, [], id="a policy that is gone"),
    pytest.param(
        [FRA],
        {"name": "old", "hostnames": {"DE": "fra1.example.net", "FR": "nil.example.com", "IT": "mal.example.com"}},
        [said("policy old sends whom it refuses to mal.example.com, which is no site's host name", cases=2)],
        id="a policy that there never was",
    ),
]


@pytest.mark.parametrize(("declared", "fields", "expected"), OF_LAW)
def test_what_a_policy_tells(declared: list[Json], fields: Json, expected: list[Said]) -> None:
    name = fields.get("name", "eu")
    assert of_law(declared, **fields) == [each._replace(policy=name) for each in expected]


# What is rendered


@pytest.fixture(scope="module")
def installation() -> World:
    def at(name: str, iata: str, state: str = "Active") -> Json:
        gateway = {"hostname": f"{name}.example.net", "advertise": {"host": f"{name}.edge.example.com"}}
        return obj("EdgeNode", name, {"place": {"iata": iata}, "gateway": gateway, "state": state})

    return rendered(
        [
            *[
                at("fra1", "FRA"),
                at("fra2", "FRA"),
                at("cdg1", "CDG"),
                at("iad1", "IAD"),
                at("nrt1", "NRT", "Draining"),
            ],
            policy("eu", ["EU"], {"origins": {"include": ["EU"]}}, wayOut="ask us"),
            policy("all", ["World"], unknownOrigin="Ignore"),
            route("chat", "shop", provider=False),
            tenant("web", "shop", 1, origins=["DE"]),
        ]
    )


def test_what_is_rendered_is_proved(installation: World) -> None:
    assert installation.verify().findings == ()
    (first, *_) = installation.configs.values()
    assert {each.name: sorted(each.refusal.hostnames) for each in first.law.policies} == {
        "all": ["DE-HE", "FR-IDF", "US-VA"],
        "eu": ["DE-HE", "FR-IDF"],
    }


MAL: Final = "mal.example.com"
TAMPERED: Final[list[tuple[str, Any]]] = [
    (
        "a policy's host name",
        lambda made: one(made["law"]["policies"], name="eu")["refusal"]["hostnames"].update(FR=MAL),
    ),
    ("a policy's way out", lambda made: one(made["law"]["policies"], name="eu")["refusal"].update(wayOut=MAL)),
    ("a site's name", lambda made: made["site"].update(hostname=MAL)),
    ("an area's name", lambda made: made["site"]["jurisdictions"].update({"DE-HE": MAL})),
    ("a peer's name", lambda made: made["peers"][0].update(hostname=MAL)),
]


@pytest.mark.parametrize("edit", [pytest.param(edit, id=name) for name, edit in TAMPERED])
def test_what_was_changed_is_found(installation: World, edit: Any) -> None:
    found = errors(installation.verify(edit, sites=("fra1",)))
    assert [(rule, MAL in text) for rule, text in found] == [(Rule.WRONG_ADDRESS, True)]
