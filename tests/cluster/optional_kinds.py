"""CRDs of others, as far as we write them: what isn't in these schemas is refused, as the real ones would.

Taken from the CRDs of Gateway API 1.4 (HTTPRoute, standard channel), prometheus-operator 0.85 (PodMonitor,
ServiceMonitor, PrometheusRule), Cilium 1.18 (CiliumNetworkPolicy), GKE (FQDNNetworkPolicy), the MCS API 0.2
(ServiceExport), the Cluster Inventory API 0.2 (ClusterProfile) and cert-manager 1.18 (Certificate): names, types and
required fields.
"""

from typing import Any, Final

Json = dict[str, Any]

_TEXT: Final[Json] = {"type": "string"}
_NUMBER: Final[Json] = {"type": "integer"}
_LABELS: Final[Json] = {"type": "object", "additionalProperties": _TEXT}
_ANY_PORT: Final[Json] = {"x-kubernetes-int-or-string": True}


def _object(*required: str, **properties: Json) -> Json:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


_SELECTOR = _object(matchLabels=_LABELS)
_DURATION: Final[Json] = {"type": "string", "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"}

_POD_MONITOR = _object(
    "selector",
    selector=_SELECTOR,
    podMetricsEndpoints=_list(_object(port=_TEXT, path=_TEXT)),
)
_CILIUM_PORTS = _list(
    _object(
        ports=_list(_object("port", port=_TEXT, protocol={"type": "string", "enum": ["TCP", "UDP", "ANY"]})),
        rules=_object(dns=_list(_object(matchName=_TEXT, matchPattern=_TEXT))),
    )
)
_CILIUM = _object(
    endpointSelector=_SELECTOR,
    egress=_list(
        _object(
            toEndpoints=_list(_SELECTOR),
            toEntities=_list({"type": "string", "enum": ["kube-apiserver", "world", "cluster", "host"]}),
            toFQDNs=_list(_object(matchName=_TEXT, matchPattern=_TEXT)),
            toPorts=_CILIUM_PORTS,
        )
    ),
)
_GKE = _object(
    "podSelector",
    podSelector=_SELECTOR,
    egress=_list(
        _object(matches=_list(_object(name=_TEXT, pattern=_TEXT)), ports=_list(_object(port=_ANY_PORT, protocol=_TEXT)))
    ),
)
_HTTP_ROUTE = _object(
    parentRefs=_list(_object("name", namespace=_TEXT, name=_TEXT, sectionName=_TEXT)),
    hostnames=_list(_TEXT),
    rules=_list(
        _object(
            matches=_list(_object(path=_object(type=_TEXT, value=_TEXT))),
            backendRefs=_list(_object("name", name=_TEXT, port=_NUMBER)),
            timeouts=_object(request=_DURATION, backendRequest=_DURATION),
        )
    ),
)

_CERTIFICATE = _object(
    "issuerRef",
    "secretName",
    secretName=_TEXT,
    secretTemplate=_object(labels=_LABELS),
    uris=_list(_TEXT),
    usages=_list({"type": "string", "enum": ["digital signature", "server auth", "client auth"]}),
    privateKey=_object(
        algorithm={"type": "string", "enum": ["RSA", "ECDSA", "Ed25519"]},
        size=_NUMBER,
        rotationPolicy={"type": "string", "enum": ["Never", "Always"]},
    ),
    duration={"type": "string"},
    renewBefore={"type": "string"},
    issuerRef=_object("name", name=_TEXT, kind=_TEXT, group=_TEXT),
)

_KINDS: Final = (
    ("Certificate", "cert-manager.io", "v1", _CERTIFICATE),
    ("PodMonitor", "monitoring.coreos.com", "v1", _POD_MONITOR),
    ("CiliumNetworkPolicy", "cilium.io", "v2", _CILIUM),
    ("FQDNNetworkPolicy", "networking.gke.io", "v1alpha1", _GKE),
    ("HTTPRoute", "gateway.networking.k8s.io", "v1", _HTTP_ROUTE),
    ("ServiceExport", "multicluster.x-k8s.io", "v1alpha1", None),
)


_CLUSTER = _object(
    "server",
    **{
        "server": _TEXT,
        "certificate-authority-data": {"type": "string", "format": "byte"},
        "tls-server-name": _TEXT,
        "insecure-skip-tls-verify": {"type": "boolean"},
        "proxy-url": _TEXT,
        "extensions": _list(
            _object(
                "name",
                "extension",
                name=_TEXT,
                extension={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            )
        ),
    },
)
_PROVIDERS = _list(_object("name", name=_TEXT, cluster=_CLUSTER))


def cluster_profile(version: str) -> Json:
    """ClusterProfile of the Cluster Inventory API 0.2, served in one of its versions."""
    fields = ("accessProviders",) if version == "v1alpha2" else ("accessProviders", "credentialProviders")
    schema = _object(
        "spec",
        spec=_object("clusterManager", clusterManager=_object("name", name=_TEXT), displayName=_TEXT),
        status=_object(**dict.fromkeys(fields, _PROVIDERS), version=_object(kubernetes=_TEXT)),
    )
    crd = _crd("ClusterProfile", "multicluster.x-k8s.io", version, None)
    (only,) = crd["spec"]["versions"]
    only["schema"] = {"openAPIV3Schema": schema}
    only["subresources"] = {"status": {}}
    return crd


_SERVICE_MONITOR = _object(
    "selector",
    "endpoints",
    selector=_SELECTOR,
    namespaceSelector=_object(matchNames=_list(_TEXT)),
    endpoints=_list(
        _object(
            port=_TEXT,
            path=_TEXT,
            honorLabels={"type": "boolean"},
            interval=_DURATION,
            scrapeTimeout=_DURATION,
        )
    ),
)
_ALERT = _object(
    "expr", alert=_TEXT, expr=_ANY_PORT, labels=_LABELS, annotations=_LABELS, **{"for": {**_DURATION, "minLength": 1}}
)
_PROMETHEUS_RULE = _object(groups=_list(_object("name", name=_TEXT, rules=_list(_ALERT))))


def monitoring() -> list[Json]:
    """What our charts write for Prometheus' operator."""
    group = ("monitoring.coreos.com", "v1")
    return [_crd("ServiceMonitor", *group, _SERVICE_MONITOR), _crd("PrometheusRule", *group, _PROMETHEUS_RULE)]


def crds() -> list[Json]:
    """All of them but ClusterProfile, which only hubs have."""
    return [_crd(*each) for each in _KINDS]


def _crd(kind: str, group: str, version: str, spec: Json | None) -> Json:
    schema = _object("spec", spec=spec) if spec else _object()
    plural = kind.lower() + "s" if not kind.endswith("y") else kind.lower()[:-1] + "ies"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a part of the real one for tests"},
        },
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "scope": "Namespaced",
            "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
