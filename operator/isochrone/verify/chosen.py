"""Which network policies select a workload's pods, as far as anybody can know before the pods run.

Pods have the labels of their template, and get more on their way: from what makes them, from their node, from a mesh,
and from Cilium, which has labels of its own for them. What a policy asks of those may hold or not. So such a policy
only opens: what it lets pods do counts, and that it holds them doesn't.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.verify import workloads
from isochrone.verify.gathered import Found, selector_of
from isochrone.verify.kinds import CILIUM, POLICIES
from isochrone.verify.selecting import holds, requirements

Json = Mapping[str, Any]

_JOB: Final = frozenset({"Job"})
_STATEFUL: Final = frozenset({"StatefulSet", "LeaderWorkerSet"})
_OF_SOME: Final = {
    "job-name": _JOB,
    "controller-uid": _JOB,
    "batch.kubernetes.io": _JOB,
    "statefulset.kubernetes.io": _STATEFUL,
    "apps.kubernetes.io": _STATEFUL,
    "app.kubernetes.io": frozenset[str](),
}
"""Labels and domains of labels that pods of these kinds alone get. Kubernetes leaves app.kubernetes.io to users."""
_HASHES: Final = frozenset({"pod-template-hash", "pod-template-generation", "controller-revision-hash"})
"""As all above it: https://kubernetes.io/docs/reference/labels-annotations-taints/."""
_DOMAINS: Final = (".kubernetes.io", ".k8s.io", ".x-k8s.io", ".istio.io", ".linkerd.io", ".eks.amazonaws.com")
"""Of Kubernetes and its projects (pods get their node's topology.kubernetes.io), and of what labels pods as they are
made: Istio, Linkerd, Fargate."""
_CILIUMS: Final = ("io.kubernetes.", "io.cilium.")
"""Namespaces, service accounts, clusters: https://docs.cilium.io/en/stable/operations/performance/scalability/identity-relevant-labels/."""
_LABEL: Final = re.compile(r"[A-Za-z0-9._/-]+")
_SOURCE: Final = re.compile("^(k8s|any):")


def policies_of(workload: Json, objects: Iterable[Found]) -> Iterator[Found]:
    """The policies that may select the workload's pods; what may as well not select them only opens."""
    home = workloads.namespace_of(workload)
    for each in objects:
        if each.item["kind"] in POLICIES and workloads.namespace_of(each.item) == home:
            is_chosen = selects(each.item, workload)
            if is_chosen is not False:
                yield each if is_chosen else each._replace(only_opens=True)


def selects(policy: Json, workload: Json) -> bool | None:
    """Whether a policy of the same namespace selects the workload's pods. None: nobody knows before they run."""
    return chooses(selector_of(policy), workload, is_ciliums=policy["kind"] == CILIUM)


def chooses(selector: Json, workload: Json, *, is_ciliums: bool) -> bool | None:
    """Whether a selector, of whatever it is, asks for the workload's pods."""
    labels, kind = workloads.pod_labels(workload), workload["kind"]
    found: bool | None = True
    for said, operator, values in requirements(selector):
        key = label_of(said) if is_ciliums else said
        if key is None or _is_added(key, kind):
            found = None
        elif not holds(labels.get(key), operator, values):
            return False
    return found


def label_of(key: str) -> str | None:
    """The label that a key of Cilium's means, which may say where a label is from; None: it is none of Kubernetes'.

    Other sources are Cilium's own (`reserved:`, for short `$`). Of a key that Kubernetes would refuse it reads a part.
    """
    label = _SOURCE.sub("", key)
    return label if _LABEL.fullmatch(label) and not key.startswith("reserved.") else None


def _is_added(key: str, kind: str) -> bool:
    """Whether pods of a workload of this kind may get the label, or another value, beside what their template says."""
    domain, _, _ = key.rpartition("/")
    if (domain or key) in _OF_SOME:
        return kind in _OF_SOME[domain or key]
    return key in _HASHES or key.startswith(_CILIUMS) or f".{domain}".endswith(_DOMAINS)
