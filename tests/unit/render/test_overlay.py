"""What an overlay changes, and what it can't."""

from typing import Any

import pytest
from tests.unit.render.sample import CLAIM, NVIDIA, S3, Case, Json, case, container


def overlaid(spec: Json, **more: Any) -> Case:
    return case("VLLM", S3, NVIDIA, overlay={"spec": spec}, **more)


def engine(**said: Any) -> Json:
    return {"containers": [{"name": "engine", **said}]}


def test_an_empty_overlay_changes_nothing() -> None:
    assert overlaid({}).objects() == case("VLLM", S3, NVIDIA).objects()


def test_environment_is_merged_by_name() -> None:
    source = {"secretKeyRef": {"name": "s", "key": "k"}}
    env = overlaid(engine(env=[{"name": "USER", "valueFrom": source}, {"name": "MORE", "value": "1"}])).engine["env"]
    assert {"name": "USER", "valueFrom": source} in env, "not both a value and where it comes from"
    assert {"name": "MORE", "value": "1"} in env
    assert {"name": "HOME", "value": "/home/engine"} in env
    assert len({each["name"] for each in env}) == len(env)


def test_the_timing_of_a_probe() -> None:
    before, after = case("VLLM", S3, NVIDIA).engine, overlaid(engine(readinessProbe={"periodSeconds": 99})).engine
    assert after["readinessProbe"] == {**before["readinessProbe"], "periodSeconds": 99}


def test_another_way_to_ask_replaces_ours() -> None:
    after = overlaid(engine(livenessProbe={"tcpSocket": {"port": 1}}, lifecycle={"preStop": {"exec": {"command": []}}}))
    assert "httpGet" not in after.engine["livenessProbe"]
    assert after.engine["lifecycle"] == {"preStop": {"exec": {"command": []}}}


def test_tolerations_are_added() -> None:
    ours = {"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}
    theirs = {"key": "spot", "operator": "Exists"}
    pod = overlaid({"tolerations": [theirs, ours]}, pool={"tolerations": [ours]}).pod
    assert pod["tolerations"] == [ours, theirs]


def test_spread_over_the_same_key_is_replaced() -> None:
    said = {"topologyKey": "kubernetes.io/hostname", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"}
    other = {"topologyKey": "topology.kubernetes.io/zone", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}
    constraints = overlaid({"topologySpreadConstraints": [said, other]}).pod["topologySpreadConstraints"]
    assert [(each["topologyKey"], each["maxSkew"]) for each in constraints] == [
        ("kubernetes.io/hostname", 2),
        ("topology.kubernetes.io/zone", 1),
    ]


def test_pull_secrets_are_added_to_the_site_s() -> None:
    more = [{"name": "team"}, {"name": "mirror"}]
    pod = overlaid({"imagePullSecrets": more}, site={"images": {"pullSecrets": ["mirror", "hub"]}}).pod
    assert [each["name"] for each in pod["imagePullSecrets"]] == ["mirror", "hub", "team"]


def test_nothing_of_a_list_is_lost() -> None:
    """Of lists that the API takes as a whole, several items may have the same key."""
    hard = {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}
    soft = {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}
    pod = overlaid({"topologySpreadConstraints": [hard, soft]}).pod
    assert pod["topologySpreadConstraints"][1:] == [hard, soft]


def test_sidecars_come_after_ours() -> None:
    more = {"containers": [{"name": "logs", "image": "a"}], "initContainers": [{"name": "warm", "image": "b"}]}
    pod = overlaid(more).pod
    assert [each["name"] for each in pod["containers"]] == ["engine", "logs"]
    assert [each["name"] for each in pod["initContainers"]] == ["isochrone-weights", "warm"]


def test_labels_and_annotations_are_added() -> None:
    metadata = {"labels": {"team": "a"}, "annotations": {"owner": "a"}}
    template = case("VLLM", S3, overlay={"metadata": metadata}).one("Deployment")["spec"]["template"]["metadata"]
    assert template["labels"]["team"] == "a"
    assert template["labels"]["isochrone.dev/model-route"] == "chat"
    assert template["annotations"]["owner"] == "a"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"runAsUser": 2000, "runAsGroup": 2000}, id="another user"),
        pytest.param({"readOnlyRootFilesystem": True}, id="a read-only root"),
    ],
)
def test_security_can_be_tightened(said: Json) -> None:
    assert said.items() <= overlaid(engine(securityContext=said)).engine["securityContext"].items()


@pytest.mark.parametrize(
    "mount_path",
    ["/models", "/models/", "/models/a.gguf", "/models/../models", "/", "//", "/./models"],
)
def test_nothing_hides_the_weights(mount_path: str) -> None:
    volumes = [{"name": "other", "emptyDir": {}}]
    rendered = overlaid({**engine(volumeMounts=[{"name": "other", "mountPath": mount_path}]), "volumes": volumes})
    assert "other" not in [each["name"] for each in rendered.engine["volumeMounts"]]
    assert container(rendered.pod, "isochrone-weights")["volumeMounts"] == [
        {"name": "isochrone-weights", "mountPath": "/models"}
    ]


def test_folders_beside_the_weights_are_free() -> None:
    volumes = [{"name": "other", "emptyDir": {}}]
    mounts = [{"name": "other", "mountPath": "/models-of-mine"}]
    rendered = overlaid({**engine(volumeMounts=mounts), "volumes": volumes})
    assert mounts[0] in rendered.engine["volumeMounts"]


@pytest.mark.parametrize("kind", ["containers", "initContainers"])
def test_neighbours_can_read_weights_only(kind: str) -> None:
    mounts = [{"name": "isochrone-weights", "mountPath": "/w", "readOnly": False}]
    rendered = overlaid({kind: [{"name": "patch", "image": "a", "volumeMounts": mounts}]})
    assert container(rendered.pod, "patch")["volumeMounts"][0]["readOnly"] is True


def test_the_engine_s_port_is_ours() -> None:
    ports = [{"name": "http", "containerPort": 1}, {"name": "own", "containerPort": 8000}, {"containerPort": 9}]
    rendered = overlaid(engine(ports=ports))
    assert rendered.engine["ports"] == [{"name": "http", "containerPort": 8000}, {"containerPort": 9}]


HOSTILE = {
    "metadata": {"labels": {"isochrone.dev/edge-node": "iad1", "app.kubernetes.io/component": "gateway"}},
    "spec": {
        "containers": [
            {
                "name": "engine",
                "image": "evil",
                "command": ["evil"],
                "args": ["--model=/evil"],
                "resources": {"limits": {"memory": "1Ti"}},
                "securityContext": {"capabilities": {"drop": ["KILL"]}},
            },
            {"name": "isochrone-shell", "image": "evil"},
        ],
        "initContainers": [{"name": "isochrone-weights", "image": "evil", "command": ["evil"]}],
        "volumes": [{"name": "isochrone-weights", "configMap": {"name": "evil"}}],
        "nodeSelector": {"site": "elsewhere"},
    },
}
"""What the API's rules refuse. An object from before a rule may still have it."""


def test_what_the_api_refuses_does_nothing_either() -> None:
    site = {"nodeSelector": {"site": "fra1"}}
    plain, hostile = (case("VLLM", S3, NVIDIA, site=site, overlay=each) for each in (None, HOSTILE))
    assert container(hostile.pod, "isochrone-weights") == container(plain.pod, "isochrone-weights")
    assert [each["name"] for each in hostile.pod["containers"]] == ["engine"]
    assert hostile.pod["volumes"] == plain.pod["volumes"]
    assert hostile.pod["nodeSelector"] == {"site": "fra1"}
    for key in ("image", "command", "args", "resources"):
        assert hostile.engine[key] == plain.engine[key]
    assert hostile.engine["securityContext"]["capabilities"] == {"drop": ["ALL", "KILL"]}
    labels = [each.one("Deployment")["spec"]["template"]["metadata"]["labels"] for each in (plain, hostile)]
    assert labels[0] == labels[1]


def test_a_volume_of_the_cluster_is_not_made_writable() -> None:
    assert case("VLLM", CLAIM).pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": "models", "readOnly": True}
