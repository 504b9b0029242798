"""A bucket outside of the clusters: pods find it by a name, and trust it by an authority of its own."""

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.cluster import pki
from tests.unit.ledger.evidence.store import ACCESS, REGION, SECRET, FakeStore

Json = dict[str, Any]

_BUCKET, _PREFIX = "evidence", "of/frankfurt"
_KEY, _AUTHORITY = "evidence-bucket", "evidence-bucket-ca"
"""Secrets."""


class Bucket:
    """What is in it, and what a site has to be told of it."""

    def __init__(self, store: FakeStore, authority: pki.Authority) -> None:
        self._store, self._authority = store, authority

    @property
    def port(self) -> int:
        return self._store.port

    def names(self) -> set[str]:
        """Of what is there: paths, as in the folder of all evidence."""
        return {each.removeprefix(f"{_BUCKET}/{_PREFIX}/") for each in list(self._store.objects)}

    def download(self, folder: Path) -> None:
        self._store.download(folder, f"{_BUCKET}/{_PREFIX}/")

    def storage(self) -> Json:
        """`spec.gateway.evidence.objectStorage`: abroad, where the quickstart's policy lets logs be, too."""
        return {
            "endpoint": self._store.url,
            "bucket": _BUCKET,
            "prefix": _PREFIX,
            "region": REGION,
            "jurisdiction": "FR",
            "secretName": _KEY,
            "caSecretRef": {"name": _AUTHORITY, "key": "ca.crt"},
        }

    def secrets(self, namespace: str) -> list[Json]:
        key = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}
        return [
            _secret(_KEY, namespace, key),
            _secret(_AUTHORITY, namespace, {"ca.crt": self._authority.pair.certificate.decode()}),
        ]


@contextlib.contextmanager
def running(address: str, *, namespace: str, folder: Path) -> Iterator[Bucket]:
    """At this address, which a cluster's DNS tells whoever asks for the pod that might have it in this namespace."""
    name = f"{address.replace('.', '-')}.{namespace}.pod.cluster.local"
    authority = pki.new_authority()
    pair = authority.issue_server(names=[name])
    files = folder / "store.crt", folder / "store.key"
    for file, content in zip(files, (pair.certificate, pair.key), strict=True):
        file.write_bytes(content)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*files)
    with FakeStore(address, name=name, tls=tls).running() as store:
        yield Bucket(store, authority)


def _secret(name: str, namespace: str, data: dict[str, str]) -> Json:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
