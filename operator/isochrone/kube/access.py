"""Placeholder until the vetted one is merged."""

import base64
import dataclasses
import ssl
import tempfile

import yaml

from isochrone.kube.errors import Unauthorized


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    url: str
    authority: bytes | None
    client_certificate: bytes | None = None
    client_key: bytes | None = dataclasses.field(default=None, repr=False)
    token: str | None = dataclasses.field(default=None, repr=False)

    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority.decode() if self.authority else None)
        if self.client_certificate and self.client_key:
            with tempfile.NamedTemporaryFile(suffix=".pem") as file:
                file.write(self.client_certificate + b"\n" + self.client_key)
                file.flush()
                context.load_cert_chain(file.name)
        return context


def parse(data: bytes) -> Access:
    try:
        config = yaml.safe_load(data)
        cluster = config["clusters"][0]["cluster"]
        user = config["users"][0]["user"]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise Unauthorized(f"not a kubeconfig: {error}") from error

    def decoded(section: dict[str, str], key: str) -> bytes | None:
        return base64.b64decode(section[key]) if key in section else None

    return Access(
        url=cluster["server"],
        authority=decoded(cluster, "certificate-authority-data"),
        client_certificate=decoded(user, "client-certificate-data"),
        client_key=decoded(user, "client-key-data"),
        token=user.get("token"),
    )
