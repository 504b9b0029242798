"""Statuses as figures."""

from tests.unit.plan.small import NOW, chat, running
from tests.unit.status.network import calm, delivered, told
from tests.worlds.reports import report

from isochrone.model import SiteObservation
from isochrone.status import families


def test_figures_of_a_network() -> None:
    gone = report("iad", now=NOW, observation=SiteObservation(unreachable_since=0))
    crowded = report("cdg", now=NOW, observation=SiteObservation(taken={"gpu-cdg": (1,)}))
    unseen = report("ams", now=NOW, observation=SiteObservation(untold="nodes is forbidden"))
    snapshot = calm(chat(serving={"replicasPerSite": 1}, placement={"minSites": 2}), running=(running("fra"),))
    found = {each.name: each for each in families(told(snapshot, delivered(iad=gone, cdg=crowded, ams=unseen)))}
    plain = {name: dict(each.samples) for name, each in found.items() if name != "isochrone_condition"}
    assert plain == {
        "isochrone_sites": {(): 4},
        "isochrone_sites_reachable": {(): 3},
        "isochrone_site_devices": {("ams",): 1, ("cdg",): 1, ("fra",): 1, ("iad",): 1},
        "isochrone_site_devices_used": plain["isochrone_site_devices_used"],
        "isochrone_site_devices_of_others": {("cdg",): 1, ("fra",): 0, ("iad",): 0},
        "isochrone_placements": {("shop", "chat"): 2},
        "isochrone_placements_ready": {("shop", "chat"): 1},
        "isochrone_replicas_wanted": {("shop", "chat"): 2},
        "isochrone_replicas_ready": {("shop", "chat"): 1},
    }
    assert sum(plain["isochrone_site_devices_used"].values()) == 2


def test_a_condition_is_one_for_the_status_that_holds() -> None:
    (family,) = (each for each in families(told(calm())) if each.name == "isochrone_condition")
    assert family.labels == ("kind", "namespace", "name", "type", "status")
    of_one = {
        key: value for key, value in family.samples.items() if key[:4] == ("EdgeNode", "", "fra", "EgressEnforced")
    }
    assert of_one == {
        ("EdgeNode", "", "fra", "EgressEnforced", "True"): 0,
        ("EdgeNode", "", "fra", "EgressEnforced", "False"): 1,
        ("EdgeNode", "", "fra", "EgressEnforced", "Unknown"): 0,
    }


def test_every_sample_has_a_value_for_each_label() -> None:
    for each in families(told(calm())):
        assert each.help.endswith(".")
        assert all(len(key) == len(each.labels) for key in each.samples)
