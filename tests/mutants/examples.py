"""Fewer examples for properties, and none of them shrunk: a mutant that it takes thousands to notice needs a test."""

from collections.abc import Iterable
from typing import Final

import pytest
from hypothesis import Phase, settings

MOST: Final = 100
"""So many are tried, if there are as many. Properties of the soak take longer, so they may get fewer."""
_SETTINGS: Final = "_hypothesis_internal_use_settings"


def lighten(items: Iterable[pytest.Item], soaked: int) -> None:
    """Give each property among these tests fewer examples. Tests that share a function have it once."""
    functions = {id(function): (function, item) for item in items if (function := getattr(item, "obj", None))}
    for function, item in functions.values():
        target = getattr(function, "__func__", function)
        own = getattr(target, _SETTINGS, None)
        if isinstance(own, settings):
            setattr(target, _SETTINGS, _lighter(own, soaked if item.get_closest_marker("soak") else MOST))


def _lighter(own: settings, most: int) -> settings:
    phases = [phase for phase in own.phases if phase not in {Phase.shrink, Phase.explain}]
    return settings(own, max_examples=min(own.max_examples, most), phases=phases)
