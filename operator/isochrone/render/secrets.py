"""Secrets that a site's gateway reads: which they are, and the files that they become below its secrets mount.

Values are never here. Whoever delivers a bundle copies what it names, and nothing else, to the site.

    tls/tls.crt, tls.key               the data port's certificate, if it has one
    peer/ca.crt, tls.crt, tls.key      mutual TLS with other sites
    providers/SECRET/KEY               keys and authorities of providers
    status/token                       what `/status` asks for
    evidence/private.pem               what signs evidence, where it is kept
    objects/AWS_ACCESS_KEY_ID,         the key to the bucket that evidence is copied to
            AWS_SECRET_ACCESS_KEY
    objects-ca/KEY                     authorities of that store, if they are not the system's
"""

import dataclasses
from collections.abc import Iterable
from typing import Final

from isochrone.api import EdgeNode, ModelProvider
from isochrone.api.selectors import SecretKeyRef
from isochrone.law.atlas import bucket_of
from isochrone.law.references import secrets_of
from isochrone.render.names import gateway_name

TLS: Final = "tls"
PEER: Final = "peer"
STATUS: Final = "status"
PROVIDERS: Final = "providers"
EVIDENCE: Final = "evidence"
OBJECTS: Final = "objects"
OBJECTS_CA: Final = "objects-ca"

CERTIFICATE: Final = "tls.crt"
PRIVATE_KEY: Final = "tls.key"
AUTHORITIES: Final = "ca.crt"
TOKEN: Final = "token"  # noqa: S105 - the name of a file
ACCESS_KEY: Final = "AWS_ACCESS_KEY_ID"
SECRET_KEY: Final = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 - the name of a file
SIGNING_KEY: Final = "private.pem"
VERIFYING_KEY: Final = "public.pem"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class NeededSecret:
    """A Secret in isochrone-system, its keys, and where they are below the secrets mount."""

    name: str
    folder: str
    keys: tuple[str, ...]
    why: str
    is_optional: bool = False
    """Whether the gateway starts without it: what needs it is then not available."""


def provider_file(ref: SecretKeyRef) -> str:
    """The file of one key of a provider's Secret."""
    return f"{PROVIDERS}/{ref.name}/{ref.key}"


def peer_secret(site: EdgeNode) -> str:
    """The Secret with which a site's gateway shows who it is, in the shape in which cert-manager writes one."""
    return f"{gateway_name(site)}-{PEER}"


def status_secret(site: EdgeNode) -> str:
    return f"{gateway_name(site)}-{STATUS}"


def evidence_secret(site: EdgeNode) -> str:
    """The Secret with the key that signs a site's evidence. It is made in the site's cluster, and stays there."""
    return f"{gateway_name(site)}-{EVIDENCE}"


def needed(site: EdgeNode, providers: Iterable[ModelProvider], *, has_peers: bool) -> tuple[NeededSecret, ...]:
    """All that a site's gateway mounts, sorted by folder."""
    tls = site.spec.gateway.tls
    found = [
        NeededSecret(
            name=status_secret(site),
            folder=STATUS,
            keys=(TOKEN,),
            why="the token that /status asks for, 16 characters or more",
            is_optional=True,
        ),
        *_of_providers(providers),
        *_of_bucket(site),
    ]
    if tls is not None:
        found.append(
            NeededSecret(
                name=tls.secret_name,
                folder=TLS,
                keys=(CERTIFICATE, PRIVATE_KEY),
                why="the certificate of the data port",
            )
        )
    if site.spec.gateway.evidence is not None:
        found.append(
            NeededSecret(
                name=evidence_secret(site),
                folder=EVIDENCE,
                keys=(SIGNING_KEY,),
                why="the Ed25519 key that signs evidence",
            )
        )
    if has_peers:
        found.append(
            NeededSecret(
                name=peer_secret(site),
                folder=PEER,
                keys=(AUTHORITIES, CERTIFICATE, PRIVATE_KEY),
                why="mutual TLS with the gateways of other sites",
                # Who isn't reached has no peer port, which wouldn't open without a certificate.
                is_optional=site.spec.gateway.advertise is None,
            )
        )
    return tuple(sorted(found, key=lambda each: each.folder))


def _of_bucket(site: EdgeNode) -> Iterable[NeededSecret]:
    """Of the site's own cluster: nobody copies them there."""
    bucket = bucket_of(site)
    if bucket is None:
        return
    why = f"the bucket {bucket.bucket} that evidence is copied to"
    yield NeededSecret(
        name=bucket.secret_name, folder=OBJECTS, keys=(ACCESS_KEY, SECRET_KEY), why=why, is_optional=True
    )
    if (authorities := bucket.ca_secret_ref) is not None:
        yield NeededSecret(name=authorities.name, folder=OBJECTS_CA, keys=(authorities.key,), why=why, is_optional=True)


def _of_providers(providers: Iterable[ModelProvider]) -> list[NeededSecret]:
    keys: dict[str, set[str]] = {}
    users: dict[str, set[str]] = {}
    for provider in providers:
        for _, ref in secrets_of(provider):
            keys.setdefault(ref.name, set()).add(ref.key)
            users.setdefault(ref.name, set()).add(provider.metadata.name)
    return [
        NeededSecret(
            name=name,
            folder=f"{PROVIDERS}/{name}",
            keys=tuple(sorted(keys[name])),
            why=f"ModelProvider {', '.join(sorted(users[name]))}",
            is_optional=True,
        )
        for name in keys
    ]
