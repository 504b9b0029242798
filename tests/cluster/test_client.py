from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from tests.cluster import kubeconfig, pki
from tests.cluster.choice import Cluster
from tests.cluster.client import Client, FieldValidation, Object, RequestError


def _config_map(namespace: str, name: str = "example", **fields: Any) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata} | fields


_WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.harness.isochrone.dev"},
    "spec": {
        "group": "harness.isochrone.dev",
        "scope": "Namespaced",
        "names": {"kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
                    }
                },
            }
        ],
    },
}


@pytest.mark.parametrize(
    ("validation", "status"),
    [
        pytest.param("Strict", 400, id="strict-refuses"),
        pytest.param("Warn", 201, id="warn-drops"),
        pytest.param("Ignore", 201, id="ignore-drops"),
    ],
)
def test_an_unknown_field(api: Client, namespace: str, validation: FieldValidation, status: int) -> None:
    answer = api.create(_config_map(namespace, dat={}), field_validation=validation)
    assert answer.status == status
    assert ('unknown field "dat"' in answer.message) == (status == 400)


def test_a_new_kind_can_be_used_once_established(
    api: Client, namespace: str, temporary: Callable[[Object], dict[str, Any]]
) -> None:
    temporary(_WIDGETS)
    api.wait_for_condition(_WIDGETS, "Established")
    widget = {
        "apiVersion": "harness.isochrone.dev/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": namespace},
    }
    assert api.apply(widget | {"spec": {"size": 3}}).body["spec"] == {"size": 3}
    other = widget | {"metadata": {"name": "other", "namespace": namespace}}
    assert api.create(other | {"spec": {"size": "3"}}).status == 422
    unknown = api.create(other | {"spec": {"sise": 3}})
    assert unknown.status == 400
    assert 'unknown field "spec.sise"' in unknown.message


def test_a_dry_run_stores_nothing(api: Client, namespace: str) -> None:
    item = _config_map(namespace)
    assert api.create(item, dry_run=True).status == 201
    assert api.apply(item, dry_run=True).status == 201
    assert api.get(item).status == 404


def test_two_managers_of_one_field_conflict_unless_forced(api: Client, namespace: str) -> None:
    assert api.apply(_config_map(namespace, data={"a": "1"}), manager="first").status == 201
    theirs = _config_map(namespace, data={"a": "2"})
    assert api.apply(theirs, manager="second", force=False).status == 409
    assert api.apply(theirs, manager="second").body["data"] == {"a": "2"}


def test_existing_deletes_what_it_made_and_only_that(api: Client, namespace: str) -> None:
    item = _config_map(namespace)
    with api.existing(item):
        assert api.get(item).ok
        with pytest.raises(RequestError, match="already exists"), api.existing(item):
            pass
        assert api.get(item).ok
    assert api.get(item).status == 404


def test_a_kind_that_is_not_served_is_named(api: Client) -> None:
    with pytest.raises(LookupError, match="no Pot in v1"):
        api.get({"apiVersion": "v1", "kind": "Pot", "metadata": {"name": "p"}})


def test_kubectl_sees_what_the_client_made(
    api: Client, namespace: str, kubectl: Callable[..., CompletedProcess[str]]
) -> None:
    api.create(_config_map(namespace, data={"a": "1"}))
    found = kubectl("get", "configmap", "example", "-n", namespace, "-o", "jsonpath={.data.a}")
    assert (found.returncode, found.stdout) == (0, "1")
    applied = kubectl("apply", "-n", namespace, "-f", "-", stdin='{"kind": "ConfigMap"}')
    assert applied.returncode != 0
    assert "apiVersion not set" in applied.stderr


def test_a_token_and_an_authority_file_let_in_too(
    api: Client, namespace: str, control_plane: Cluster, tmp_path: Path
) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bot", "namespace": namespace}}
    api.create(account)
    token = api.request("POST", f"{api.path(account)}/token", {}).body["status"]["token"]
    (tmp_path / "token").write_text(token + "\n")
    given = kubeconfig.read(control_plane.kubeconfig)
    (tmp_path / "ca.crt").write_bytes(given.authority or b"")
    path = tmp_path / "config"
    path.write_text(_config(server=given.url, cluster="certificate-authority: ca.crt", user="tokenFile: token"))
    with Client(path) as bot:
        answer = bot.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert answer.body["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:bot"


@pytest.mark.parametrize(
    ("cluster", "user", "named"),
    [
        pytest.param("proxy-url: http://p", "token: t", "'proxy-url'", id="proxy"),
        pytest.param("tls-server-name: n", "token: t", "'tls-server-name'", id="server-name"),
        pytest.param("{}", "exec: {command: aws}", "'exec'", id="exec"),
        pytest.param("{}", "auth-provider: {name: gcp}", "'auth-provider'", id="auth-provider"),
    ],
)
def test_what_is_not_supported_is_named(cluster: str, user: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(_config(server="https://127.0.0.1:1", cluster=cluster, user=user))
    with pytest.raises(kubeconfig.KubeconfigError, match=named):
        Client(path)


def test_another_authority_is_not_trusted(control_plane: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "config"
    stranger = pki.new_authority()
    path.write_text(
        kubeconfig.render(
            kubeconfig.read(control_plane.kubeconfig).url,
            authority=stranger.pair.certificate,
            client=stranger.issue_client("admin", ["system:masters"]),
        )
    )
    with Client(path) as client, pytest.raises(OSError, match="certificate verify failed"):
        client.request("GET", "/readyz")


def _config(*, server: str, cluster: str, user: str) -> str:
    inner = "" if cluster == "{}" else f", {cluster}"
    return f"""
clusters: [{{name: c, cluster: {{server: "{server}"{inner}}}}}]
users: [{{name: u, user: {{{user}}}}}]
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
current-context: x
"""
