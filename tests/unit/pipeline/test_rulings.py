"""What is kept of rulings."""

import pytest
from tests.unit.pipeline.harness import only_in

from isochrone_gateway.config.places import Place, Places
from isochrone_gateway.route.mask import Age, Lawbook
from isochrone_gateway.server.pipeline import rulings
from isochrone_gateway.server.pipeline.callers import ANYBODY
from isochrone_gateway.server.pipeline.rulings import Rulings, Standpoint


@pytest.mark.interpreted
def test_rulings_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulings, "_REMEMBERED", 10)
    places = Places(places=(Place(codes=frozenset({"DE"}), country="DE"),))
    kept = Rulings(Lawbook(only_in(0), places, site_country="DE"), 0)
    for number in range(100):
        standpoint = Standpoint(f"lab/team-{number}", frozenset({"DE"}), frozenset(), Age.FRESH)
        kept.entry(standpoint, ANYBODY, {})
        kept.of("lab/chat", standpoint, ())
        assert len(kept._entries) <= 10
        assert len(kept._rulings) <= 10
