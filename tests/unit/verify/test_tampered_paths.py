"""Of a changed config, the way that data would take."""

from typing import Final

import pytest
from tests.unit.verify.tampering import Edit
from tests.unit.verify.test_tampered_configs import move_candidate, move_peer, move_region
from tests.unit.verify.test_tampered_law import flip, flip_entry, flip_provider, unbind_home, wide_state
from tests.worlds.verified import World

from isochrone.verify import Rule

PATHS: Final[list[tuple[str, Edit, tuple[str, ...], str | None]]] = [
    ("a flipped bit", flip, ("site fra1", "route shop/chat", "tenant shop/web", "peer iad1", "place US-VA"), "eu"),
    (
        "a peer in disguise",
        move_peer,
        ("site fra1", "route shop/chat", "tenant shop/", "peer nrt1", "place JP-12"),
        "eu",
    ),
    (
        "a region in disguise",
        move_region,
        (
            "site fra1",
            "route shop/chat",
            "tenant shop/",
            "provider acme, endpoint us (https://us.acme.example.com/v1)",
            "place US (Declared)",
        ),
        "eu",
    ),
    (
        "a flipped bit for an entry",
        flip_entry,
        ("site nrt1", "route shop/chat", "tenant shop/web", "comes in at its gateway", "place JP-12"),
        "eu",
    ),
    (
        "a flipped bit for a provider",
        flip_provider,
        ("site fra1", "route shop/chat", "tenant shop/web", "provider acme, endpoint us", "place US (Declared)"),
        "eu",
    ),
    (
        "a policy no longer binding past its age",
        unbind_home,
        ("site fra1", "route shop/chat", "tenant shop/", "engines shop/chat at fra1", "place DE-HE"),
        "eu",
    ),
]


@pytest.mark.parametrize(("edit", "path", "name"), [pytest.param(*rest, id=name) for name, *rest in PATHS])
def test_the_path_is_shown(world: World, edit: Edit, path: tuple[str, ...], name: str) -> None:
    report = world.verify(edit, sites=(path[0].removeprefix("site "),))
    paths = [(each.path, each.policy) for each in report.findings if each.rule is Rule.UNLAWFUL]
    assert any(policy == name and begins(shown, path) for shown, policy in paths), paths


def begins(shown: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Each step that is wanted is shown, in this order."""
    left = iter(shown)
    return all(any(step.startswith(each) for step in left) for each in wanted)


def test_state_has_a_path_of_its_own(world: World) -> None:
    report = world.verify(wide_state)
    shown = [each for each in report.findings if each.rule is Rule.UNLAWFUL]
    assert {each.path[-2] for each in shown} == {"keeps state"}
    assert all("in scope State: policy eu forbids it (PlaceNotAllowed)" in each.message for each in shown)


def test_a_config_that_is_not_run_shows_where_it_is_wrong(world: World) -> None:
    (each,) = world.verify(move_candidate, sites=("fra1",)).findings
    assert each.rule is Rule.BROKEN_CONFIG
    assert each.path == ("site fra1", "Routes section of its config", "shop/chat")
