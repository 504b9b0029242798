"""What charts are installed with in these tests, and what comes out."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from tests.cluster.charts.conftest import Run

CHARTS: Final = Path(__file__).parents[3] / "charts"
GOLDEN: Final = Path(__file__).parents[2] / "golden" / "charts"
SYSTEM: Final = "isochrone-system"

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Release:
    """A chart with values."""

    chart: str
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def arguments(self) -> list[str]:
        """Name, chart and values, as Helm wants them."""
        sets = [word for key, value in self.values.items() for word in ("--set-json", f"{key}={json.dumps(value)}")]
        return [self.chart, str(CHARTS / self.chart), "--namespace", SYSTEM, *sets]

    def text(self, helm: Run) -> str:
        made = helm("template", *self.arguments)
        assert made.returncode == 0, made.stderr
        return made.stdout

    def objects(self, helm: Run) -> list[Json]:
        return [each for each in yaml.load_all(self.text(helm), Loader=yaml.CSafeLoader) if each]

    def notes(self, helm: Run) -> str:
        made = helm("install", *self.arguments, "--dry-run=client")
        assert made.returncode == 0, made.stderr
        return made.stdout.partition("NOTES:\n")[2]


_EVERYTHING: Final = {
    "replicas": 3,
    "global": {"imageRegistry": "registry.example:5000"},
    "image": {"digest": f"sha256:{'a' * 64}", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "serviceAccount": {"annotations": {"example.com/a": "b"}},
    "logging": {"level": "debug"},
    "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "control", "operator": "Exists"}],
    "affinity": {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}
            ]
        }
    },
    "priorityClassName": "system-cluster-critical",
    "commonLabels": {"team": "platform"},
    "annotations": {"example.com/of": "deployment"},
    "podAnnotations": {"example.com/of": "pod"},
    "podLabels": {"example.com/logs": "yes"},
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
    "extraObjects": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}, "data": {"a": "b"}},
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: even-more}\n",
    ],
    "networkPolicy": {
        "monitoringNamespaces": [],
        "egress": {"enabled": True, "apiServerPorts": [6443], "extra": [{"ports": [{"port": 3128}]}]},
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "interval": "30s"},
    "prometheusRule": {"enabled": True, "alertLabels": {"team": "platform"}, "disabled": ["IsochronePeerUnready"]},
    "dashboards": {"enabled": True, "annotations": {"grafana_folder": "Isochrone"}},
}
_WITHOUT: Final = {"crds": {"install": False}}
"""They are long, and have a test of their own."""

RELEASES: Final[Mapping[str, Release]] = {
    "hub": Release("isochrone", _WITHOUT),
    "hub-of-members-only": Release("isochrone", {**_WITHOUT, "replicas": 1, "rbac": {"localSites": False}}),
    "hub-with-everything": Release(
        "isochrone",
        {
            **_WITHOUT,
            **_EVERYTHING,
            "gatewayImage": {"tag": "0.1.0-rc.1"},
            "settings": {
                "planning": {"unbound": "Deny"},
                "rendering": {"engineImages": {"VLLM/NVIDIA": "registry.example/vllm:1"}},
                "gateway": {"workers": 4},
            },
        },
    ),
    "site-pull": Release("isochrone-site", {"site": "iad1"}),
    "site-pull-with-everything": Release(
        "isochrone-site",
        {**_EVERYTHING, "site": "iad1", "hub": {"kubeconfigSecret": {"name": "to-the-hub", "key": "config"}}},
    ),
    "site-push": Release(
        "isochrone-site",
        {"site": "cdg1", "delivery": "Push", "serviceMonitor": {"enabled": True}},  # there is nothing to monitor
    ),
}
