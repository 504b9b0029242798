"""Settings of the operator from a file: what is taken, and what is said of what is not."""

import pytest

from isochrone.api.serving import EngineType
from isochrone.controller import settings
from isochrone.controller.settings import OperatorSettings, SettingsError
from isochrone.render.gateway_settings import PeerIssuer
from isochrone.render.settings import Accelerator
from isochrone.rollout.errors import Watch


def test_what_is_left_out_has_its_default() -> None:
    assert settings.read("") == OperatorSettings()
    assert settings.read("", installation="blue").installation == "blue"


def test_every_section_is_taken() -> None:
    text = """
    planning: {lostAfter: 5, unbound: Deny}
    pace: {busyLook: 0.5}
    election: {duration: 20}
    gateway: {parents: [{namespace: edge, name: front}]}
    rendering: {engineImages: {VLLM/NVIDIA: mine}, weightsNetworks: [{cidr: 10.0.0.0/8}]}
    waves: {seconds: 5, leastPercent: 2.5}
    clustersAtOnce: 3
    """
    found = settings.read(text)
    assert (found.planning.lost_after, found.planning.unbound) == (5, "Deny")
    assert (found.pace.busy_look, found.election.duration, found.clusters_at_once) == (0.5, 20.0, 3)
    assert found.waves == Watch(seconds=5.0, least_failures=10, least_percent=2.5)
    assert found.gateway.parents[0].name == "front"
    assert found.rendering.engine_images[EngineType.VLLM, Accelerator.NVIDIA] == "mine"
    assert found.rendering.engine_images[EngineType.SGLANG, Accelerator.NVIDIA].endswith("sglang:v0.5.18")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("a: [", "not YAML", id="no-yaml"),
        pytest.param("- a", "the settings are a map", id="no-map"),
        pytest.param("speed: 1", "speed is no section; there are .*pace", id="no-section"),
        pytest.param("pace: 1", "pace is a map", id="section-is-no-map"),
        pytest.param("pace: {speed: 1}", "pace.speed is no setting; there are .*busyLook", id="no-setting"),
        pytest.param("planning: {lostAfter: soon}", "planning.lostAfter: Expected `int`", id="wrong-type"),
        pytest.param("rendering: {engineImages: {VLLM: x}}", "VLLM is not ENGINE/ACCELERATOR", id="no-pair"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings.read(text)


def test_an_issuer_of_certificates_can_be_named() -> None:
    chosen = settings.read("gateway: {peerIssuer: {name: peers, kind: Issuer}}").gateway.peer_issuer
    assert chosen == PeerIssuer(name="peers", kind="Issuer", group="cert-manager.io")
    with pytest.raises(SettingsError, match="peerIssuer"):
        settings.read("gateway: {peerIssuer: {kind: Issuer}}")
