"""Kubeconfigs for tests, with credentials that are good, and in which each secret can be recognised."""

import base64
import dataclasses
from typing import Any, Final

import yaml
from tests.cluster import pki

AUTHORITY: Final = pki.new_authority()
CLIENT: Final = AUTHORITY.issue_client("hub")
SERVER: Final = "https://10.0.0.1:6443"
TOKEN: Final = "token-of-the-hub"


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


CLUSTER: Final[dict[str, Any]] = {
    "server": SERVER,
    "certificate-authority-data": encoded(AUTHORITY.pair.certificate),
}
USER: Final[dict[str, Any]] = {"token": TOKEN}
CERTIFIED: Final[dict[str, Any]] = {
    "client-certificate-data": encoded(CLIENT.certificate),
    "client-key-data": encoded(CLIENT.key),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parts:
    cluster: dict[str, Any] = dataclasses.field(default_factory=lambda: CLUSTER)
    user: dict[str, Any] = dataclasses.field(default_factory=lambda: USER)
    top: dict[str, Any] = dataclasses.field(default_factory=dict)


def config(parts: Parts | None = None, **changes: Any) -> bytes:
    """A kubeconfig of one context among others. Changes: `cluster`, `user` or `top`, put over what is good."""
    chosen = parts or Parts(
        cluster=CLUSTER | changes.get("cluster", {}),
        user=USER | changes.get("user", {}),
        top=changes.get("top", {}),
    )
    whole = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "other", "cluster": {"server": "http://x"}}, {"name": "fra1", "cluster": chosen.cluster}],
        "users": [{"name": "other", "user": {"exec": {}}}, {"name": "hub", "user": chosen.user}],
        "contexts": [{"name": "here", "context": {"cluster": "fra1", "user": "hub", "namespace": "x"}}],
        "current-context": "here",
    }
    return yaml.safe_dump(whole | chosen.top).encode()
