"""What is read of a cluster for a proof: configs of ours, and of everybody what may add to ours."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from isochrone.kube import access
from isochrone.kube.api import Api, Listed
from isochrone.kube.deployed import deployed
from isochrone.kube.errors import ClusterError, Forbidden, NotFound
from isochrone.kube.reader import Reader

Json = Mapping[str, Any]
OURS = "app.kubernetes.io/managed-by=isochrone"


class Lists(Api):
    """An API server that has these lists, and knows no other kinds."""

    def __init__(self, lists: Mapping[str, list[Json]], *, forbidden: str = "") -> None:
        found = access.Access(url="https://lists.invalid", token="none")
        super().__init__(found.url, tls=found.tls())
        self._lists = lists
        self._forbidden = forbidden
        self.selectors: dict[str, str] = {}

    async def list(self, path: str, *, label_selector: str = "", field_selector: str = "") -> Listed:
        del field_selector
        self.selectors[path] = label_selector
        if path == self._forbidden:
            raise Forbidden("may not be listed", status=403)
        if path not in self._lists:
            raise NotFound(f"{path} is not there", status=404)
        return Listed(tuple(self._lists[path]), "1")


CORE: dict[str, list[Json]] = {
    "/api/v1/configmaps": [{"metadata": {"name": "config"}}],
    "/api/v1/services": [],
    "/apis/apps/v1/deployments": [{"metadata": {"name": "gateway"}}],
    "/apis/apps/v1/statefulsets": [{"metadata": {"name": "keeper"}}],
    "/apis/apps/v1/daemonsets": [],
    "/apis/discovery.k8s.io/v1/endpointslices": [{"metadata": {"name": "slice"}}],
    "/apis/networking.k8s.io/v1/networkpolicies": [{"metadata": {"name": "theirs"}}],
}


def test_kinds_that_lists_leave_out_are_there() -> None:
    api = Lists(CORE)
    found = asyncio.run(deployed(Reader(api)))
    assert [(each["kind"], each["metadata"]["name"]) for each in found] == [
        ("ConfigMap", "config"),
        ("EndpointSlice", "slice"),
        ("Deployment", "gateway"),
        ("StatefulSet", "keeper"),
        ("NetworkPolicy", "theirs"),
    ]


def test_what_is_of_others_is_read_too() -> None:
    """All but configs, and what Kubernetes itself writes of pods' addresses."""
    api = Lists(CORE)
    asyncio.run(deployed(Reader(api)))
    said = {path: selector for path, selector in api.selectors.items() if selector}
    assert said == {
        "/api/v1/configmaps": OURS,
        "/apis/discovery.k8s.io/v1/endpointslices": (
            "endpointslice.kubernetes.io/managed-by!=endpointslice-controller.k8s.io"
        ),
    }
    assert api.selectors.keys() >= CORE.keys()


def test_policies_by_name_where_the_cluster_has_them() -> None:
    path = "/apis/cilium.io/v2/ciliumnetworkpolicies"
    found = asyncio.run(deployed(Reader(Lists({**CORE, path: [{"metadata": {"name": "names"}}]}))))
    assert found[-1] == {"kind": "CiliumNetworkPolicy", "metadata": {"name": "names"}}


@pytest.mark.parametrize("path", ["/api/v1/configmaps", "/apis/cilium.io/v2/ciliumnetworkpolicies"])
def test_what_may_not_be_read_is_no_answer(path: str) -> None:
    with pytest.raises(ClusterError, match="may not be listed"):
        asyncio.run(deployed(Reader(Lists(CORE, forbidden=path))))
