"""What a pod has of the Kubernetes API: a service account, as an object in the cluster and as a folder of files."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from tests.cluster import kubeconfig
from tests.cluster.client import Client

from isochrone_gateway.source.credentials import ServiceAccount

_TOKEN_LASTS = 600


class Pod:
    """A pod in name only: its service account."""

    def __init__(self, api: Client, file: Path, namespace: str, folder: Path, *, name: str = "gateway") -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        access = kubeconfig.read(file)
        self._url = access.url
        url = urlsplit(access.url)
        assert access.authority is not None
        folder.mkdir(exist_ok=True)
        (folder / "ca.crt").write_bytes(access.authority)
        (folder / "namespace").write_text(namespace)
        self.account = ServiceAccount(folder=folder, host=url.hostname or "", port=url.port or 443)

    def create(self) -> None:
        """Make the service account and a token; it has no rights of its own."""
        metadata = {"name": self._name, "namespace": self._namespace}
        answer = self._api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        assert answer.ok, answer.message
        self.renew_token()

    def renew_token(self) -> None:
        path = f"/api/v1/namespaces/{self._namespace}/serviceaccounts/{self._name}/token"
        spec = {"expirationSeconds": _TOKEN_LASTS}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = self._api.request("POST", path, body)
        assert answer.ok, answer.message
        (self.account.folder / "token").write_text(answer.body["status"]["token"])

    def client(self) -> Client:
        """Ask the API server as this pod."""
        server = {"server": self._url, "certificate-authority": "ca.crt"}
        config = {
            "clusters": [{"name": "pod", "cluster": server}],
            "users": [{"name": "pod", "user": {"tokenFile": "token"}}],
            "contexts": [{"name": "pod", "context": {"cluster": "pod", "user": "pod"}}],
            "current-context": "pod",
        }
        file = self.account.folder / "kubeconfig"
        file.write_text(json.dumps(config))
        return Client(file)
