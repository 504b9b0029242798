"""The configs of the subjects: ours load in the real gateway and ask of it what they say; the peers' are complete."""

import hashlib
import re
from pathlib import Path

import pytest
from tests.bench.subjects import envoy, isochrone, litellm, nginx, portkey, sglang
from tests.bench.subjects.isochrone import BARE, EVERYTHING, MANY_TENANTS, UNSIGNED, Features
from tests.bench.subjects.subject import Load, Setup, Subject

from isochrone_gateway.config import Config, assemble, read_index
from isochrone_gateway.config.law import Scope
from isochrone_gateway.route.mask import Age, Lawbook, Question
from isochrone_gateway.source import files


def setup(folder: Path, load: Load = Load.UNARY) -> Setup:
    return Setup(
        load=load,
        folder=folder,
        installed=Path("/installed"),
        upstream=9000,
        port=8001,
        admin=8002,
        certificate=folder / "bench.pem",
        key=folder / "bench.key",
    )


def loaded(folder: Path, features: Features, load: Load = Load.UNARY) -> Config:
    isochrone.launch(setup(folder, load), features)
    with files.opened(folder / "config") as opened:
        received = read_index(opened.index())
        return assemble(received, opened.shards([entry.name for entry in received.index.shards])).config


def test_all_features_are_on(tmp_path: Path) -> None:
    found = loaded(tmp_path, EVERYTHING)

    assert len(found.tenants.keys) == len(found.tenants.tenants) == 10_000
    assert len(found.law.policies) == 3
    assert found.site.logs.trace_percent == 1
    assert not found.site.anonymous_access
    limits = found.tenants.tenants[0].limits
    assert limits.requests_per_minute
    assert limits.concurrent_requests


def test_evidence_is_all_that_the_unsigned_one_lacks(tmp_path: Path) -> None:
    (tmp_path / "signed").mkdir()
    (tmp_path / "unsigned").mkdir()
    signed, unsigned = loaded(tmp_path / "signed", EVERYTHING), loaded(tmp_path / "unsigned", UNSIGNED)

    assert signed.site.evidence is not None
    assert unsigned.site.evidence is None
    assert "--evidence" in isochrone.launch(setup(tmp_path), EVERYTHING).command
    assert "--evidence" not in isochrone.launch(setup(tmp_path), UNSIGNED).command
    assert signed.tenants == unsigned.tenants
    assert signed.site.logs == unsigned.site.logs


def test_the_key_that_the_driver_shows_is_one_of_them(tmp_path: Path) -> None:
    launch = isochrone.launch(setup(tmp_path), MANY_TENANTS)

    found = isochrone.config(setup(tmp_path), MANY_TENANTS)

    assert hashlib.sha256(launch.api_key.encode()).hexdigest() in found.tenants.keys


@pytest.mark.parametrize("scope", ["Ingress", "Inference", "Logs", "State"])
def test_all_three_policies_bind_each_request_and_allow_it(tmp_path: Path, scope: Scope) -> None:
    found = loaded(tmp_path, MANY_TENANTS)
    tenant, route = found.tenants.tenants[7], found.routes[0]
    lawbook = Lawbook(found.law, found.places, site_country="DE", unbound=found.site.unbound_traffic)

    mask = lawbook.mask(Question(route.id, tenant.id, tenant.data_classes, tenant.origins, scope, Age.FRESH))

    assert len(mask.bound) == 3
    assert mask.permits(0)
    assert not mask.permits(2)


def test_bare_asks_for_nothing(tmp_path: Path) -> None:
    found = loaded(tmp_path, BARE)

    assert found.site.anonymous_access
    assert not found.law.policies
    assert not found.tenants.keys
    assert "--log-percent 0" in " ".join(isochrone.launch(setup(tmp_path), BARE).command)


def test_tls_is_on_for_its_row_only(tmp_path: Path) -> None:
    assert loaded(tmp_path, BARE).site.listeners.data.tls is None
    assert loaded(tmp_path, BARE, Load.TLS).site.listeners.data.tls is not None


PEERS = (nginx.SUBJECT, envoy.PLAIN, envoy.JSON, sglang.SUBJECT, portkey.SUBJECT, litellm.SUBJECT)


@pytest.mark.parametrize("peer", PEERS, ids=[peer.name for peer in PEERS])
@pytest.mark.parametrize("load", list(Load))
def test_peers_are_told_everything(tmp_path: Path, peer: Subject, load: Load) -> None:
    launch = peer.launch(setup(tmp_path, load))

    written = [path.read_text() for path in tmp_path.iterdir()]
    told = "\n".join([*written, *launch.command, *launch.headers.values()])
    assert not re.search(r"@[A-Z]+@", told.replace('"@type"', ""))
    assert "9000" in told
    assert "8001" in told
    assert launch.port == 8001


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (Load.UNARY, ["proxy_buffering on;"]),
        (Load.STREAMS, ["proxy_buffering off;"]),
        (Load.TLS, ["proxy_buffering on;", "127.0.0.1:8001 ssl "]),
    ],
)
def test_nginx_is_set_up_for_each_load(tmp_path: Path, load: Load, expected: list[str]) -> None:
    nginx.SUBJECT.launch(setup(tmp_path, load))

    text = (tmp_path / "nginx.conf").read_text()

    assert all(words in text for words in expected)
    assert (" ssl " in text) is (load is Load.TLS)
