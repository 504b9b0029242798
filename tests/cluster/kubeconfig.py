"""Kubeconfig files: written for our own control planes, read for any cluster that the tests are given.

Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/. Written as JSON, which is YAML.
"""

import base64
import json
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.cluster.pki import KeyPair

# Fields that change how a cluster is reached or who we are, and that the tests' client has no code for.
_UNSUPPORTED = ("exec", "auth-provider", "username", "as", "proxy-url", "tls-server-name")


class KubeconfigError(Exception):
    """The kubeconfig asks for what the tests' client does not do; the message says what to use instead."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where a cluster's API is and how to be let in."""

    url: str
    authority: bytes | None
    verified: bool
    client: KeyPair | None
    token: str | None

    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority.decode() if self.authority else None)
        context.set_alpn_protocols(["http/1.1"])
        if not self.verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client:
            # The ssl module takes certificates from files only; this one is private to us and gone at once.
            with tempfile.NamedTemporaryFile(suffix=".pem") as file:
                file.write(self.client.certificate + b"\n" + self.client.key)
                file.flush()
                context.load_cert_chain(file.name)
        return context


def render(server: str, *, authority: bytes, client: KeyPair | None = None, token: str = "") -> str:
    """A kubeconfig with all certificates inside, so that it can be copied anywhere. Either `client` or `token`."""
    cluster = {"server": server, "certificate-authority-data": _encode(authority)}
    user = {"token": token}
    if client is not None:
        user = {"client-certificate-data": _encode(client.certificate), "client-key-data": _encode(client.key)}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        },
        indent=2,
    )


def read(path: Path) -> Access:
    """The access that the current context describes. Files named in it are relative to it."""
    config = yaml.safe_load(path.read_text())
    context = _named(config, "context", config.get("current-context"))
    cluster = _named(config, "cluster", context["cluster"])
    user = _named(config, "user", context["user"])
    if unsupported := [field for field in _UNSUPPORTED if field in cluster or field in user]:
        raise KubeconfigError(
            f"{path}: '{unsupported[0]}' is not supported here; use a client certificate or a token "
            "(kubectl create token) and the server's own address"
        )
    certificate, key = _data(user, "client-certificate", path), _data(user, "client-key", path)
    token_file = user.get("tokenFile")  # it wins over `token`, as in client-go
    return Access(
        url=cluster["server"],
        authority=_data(cluster, "certificate-authority", path),
        verified=not cluster.get("insecure-skip-tls-verify", False),
        client=KeyPair(certificate=certificate, key=key) if certificate and key else None,
        token=(path.parent / token_file).read_text().strip() if token_file else user.get("token"),
    )


def _named(config: Mapping[str, Any], kind: str, name: object) -> Mapping[str, Any]:
    for entry in config.get(f"{kind}s") or []:
        if entry["name"] == name:
            section: Mapping[str, Any] = entry[kind] or {}
            return section
    raise KubeconfigError(f"the kubeconfig has no {kind} named {name!r}")


def _data(section: Mapping[str, Any], field: str, path: Path) -> bytes | None:
    if encoded := section.get(f"{field}-data"):
        return base64.b64decode(encoded)
    if name := section.get(field):
        return (path.parent / str(name)).read_bytes()
    return None


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
