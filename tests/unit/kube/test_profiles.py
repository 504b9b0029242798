"""The way into a cluster that a ClusterProfile tells of, and what is refused with which way out."""

from typing import Any

import pytest
from tests.unit.kube.configs import AUTHORITY, CLUSTER, SERVER

from isochrone.api import EdgeNode
from isochrone.controller import reaching
from isochrone.kube import profiles
from isochrone.kube.errors import Unauthorized

Json = dict[str, Any]

TOKEN = b"token-of-the-fleet"


def profile(*providers: Json, field: str = "accessProviders") -> Json:
    metadata = {"name": "fra1", "namespace": "fleet", "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {}, "status": {field: list(providers), "version": {"kubernetes": "v1.34.1"}}}


def provider(name: str = "secretreader", cluster: Json | None = None, /, **more: str) -> Json:
    return {"name": name, "cluster": CLUSTER | (cluster or {}) | more}


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(profile(provider()), id="alone"),
        pytest.param(profile(provider("gke-fleet", server="https://other"), provider()), id="beside-a-program"),
        pytest.param(profile(provider(), field="credentialProviders"), id="under-the-older-name"),
    ],
)
def test_the_way_in(told: Json) -> None:
    found = profiles.access_of("fleet/fra1", told, TOKEN)
    assert (found.url, found.authority, found.token) == (SERVER, AUTHORITY.pair.certificate, TOKEN.decode())


def test_a_server_may_have_another_name() -> None:
    found = profiles.access_of(
        "fleet/fra1", profile(provider("secretreader", {"tls-server-name": "api.example.com"})), TOKEN
    )
    assert found.server_name == "api.example.com"


@pytest.mark.parametrize(
    ("told", "token", "said"),
    [
        pytest.param(None, TOKEN, "there is no ClusterProfile fleet/fra1", id="no-profile"),
        pytest.param(profile(), TOKEN, "lets in by nothing, and only secretreader is used", id="no-provider"),
        pytest.param(
            profile(provider("open-cluster-management"), provider("gke-fleet")),
            TOKEN,
            "lets in by gke-fleet, open-cluster-management, and only secretreader is used, since the others are"
            " programs and none is run: let the fleet's manager offer secretreader too, or set cluster.type to"
            " Kubeconfig",
            id="programs-only",
        ),
        pytest.param(
            profile(provider()),
            None,
            "there is no Secret isochrone-system/fra1 with the key token for ClusterProfile fleet/fra1: create it",
            id="no-token",
        ),
        pytest.param(
            profile(provider()), b"a b", "Secret isochrone-system/fra1: token has characters", id="no-token-at-all"
        ),
        pytest.param(profile(provider()), b"\xff", "Secret isochrone-system/fra1: token is no token", id="no-text"),
        pytest.param(
            profile(provider("secretreader", {"insecure-skip-tls-verify": True})),
            TOKEN,
            "provider secretreader of ClusterProfile fleet/fra1 has insecure-skip-tls-verify",
            id="no-check",
        ),
        pytest.param(
            profile(provider("secretreader", {"proxy-url": "http://p"})),
            TOKEN,
            "provider secretreader of ClusterProfile fleet/fra1 has proxy-url",
            id="a-proxy",
        ),
        pytest.param(
            profile(provider(server="http://a")), TOKEN, "server must be a URL with https", id="without-encryption"
        ),
        pytest.param(
            profile(provider("secretreader", {"certificate-authority-data": "eA=="})),
            TOKEN,
            "ClusterProfile fleet/fra1: the cluster's certificate authority is not a certificate",
            id="no-authority",
        ),
    ],
)
def test_what_is_refused(told: Json | None, token: bytes | None, said: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        profiles.access_of("fleet/fra1", told, token)
    assert said in str(refused.value)
    assert TOKEN.decode() not in str(refused.value)


def test_what_a_profile_tells_beside_the_way_in_makes_no_new_connection() -> None:
    told = profile(provider())
    newer = {**told, "status": {**told["status"], "version": {"kubernetes": "v1.35.0"}}}
    assert profiles.version(told) == profiles.version(newer)
    assert profiles.version(told) != profiles.version(profile(provider(server="https://moved:6443")))


EDGE = EdgeNode.model_validate(
    {
        "apiVersion": "isochrone.dev/v1alpha1",
        "kind": "EdgeNode",
        "metadata": {"name": "fra1"},
        "spec": {
            "place": {"iata": "FRA"},
            "cluster": {"type": "ClusterProfile", "clusterProfileRef": {"namespace": "fleet", "name": "fra1"}},
        },
    }
)


def test_another_token_is_another_way_in() -> None:
    inventory = {"fleet/fra1": profile(provider())}
    versions = {
        reaching.version_of(EDGE, {"fra1": {"metadata": {"resourceVersion": each}}}, inventory) for each in ("1", "2")
    }
    assert len(versions) == 2


def test_its_token_is_what_it_depends_on() -> None:
    assert reaching.secret_of(EDGE) == "fra1"
