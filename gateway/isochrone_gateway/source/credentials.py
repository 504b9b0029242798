"""The service account of a pod: how to reach the Kubernetes API, and how to be let in.

The kubelet replaces token and authority while we run (tokens live for an hour or so), so both are read again when
needed: the token for each request, the authority for each connection. See
https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/.
"""

import dataclasses
import os
import pathlib
import ssl
from collections.abc import Mapping
from typing import Final

SERVICE_ACCOUNT: Final = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")


class CredentialsError(Exception):
    """There is no usable service account; the message says what is missing."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServiceAccount:
    """The files of a service account, and the server that they are for."""

    folder: pathlib.Path
    host: str
    port: int

    def token(self) -> str:
        return self._read("token")

    def namespace(self) -> str:
        return self._read("namespace")

    def tls(self) -> ssl.SSLContext:
        """A context that trusts the cluster's authority and nobody else."""
        authority = self._read("ca.crt")
        try:
            context = ssl.create_default_context(cadata=authority)
        except ssl.SSLError as error:
            raise CredentialsError(f"{self.folder / 'ca.crt'} is not a certificate ({error})") from error
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _read(self, name: str) -> str:
        path = self.folder / name
        try:
            content = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialsError(f"{path} can't be read ({error})") from error
        if not content:
            raise CredentialsError(f"{path} is empty")
        return content


def in_cluster(folder: pathlib.Path, environment: Mapping[str, str] | None = None) -> ServiceAccount:
    """The service account of this pod. Raises CredentialsError outside of one."""
    variables = os.environ if environment is None else environment
    host, port = variables.get("KUBERNETES_SERVICE_HOST", ""), variables.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port.isdecimal():
        raise CredentialsError("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod")
    return ServiceAccount(folder=folder, host=host, port=int(port))
