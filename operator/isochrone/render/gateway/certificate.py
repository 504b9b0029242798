"""The certificate by which a gateway's peers know it, where cert-manager issues it: its Secret is the one that the
operator would write otherwise, and holds the same.

https://cert-manager.io/docs/reference/api-docs/#cert-manager.io/v1.CertificateSpec
"""

from typing import Final

from isochrone.model import Capability
from isochrone.render.config.peers import identity_of
from isochrone.render.gateway.subject import Subject
from isochrone.render.manifest import Json
from isochrone.render.secrets import peer_secret

_LIFE: Final = "720h"
_RENEW_BEFORE: Final = "480h"
"""A third of its life is over then: as with the operator's own (docs/decisions/0018-peer-certificates.md)."""


def certificates(subject: Subject) -> list[Json]:
    """None where the gateway talks to no other, or the cluster has no cert-manager."""
    issuer = subject.gateway.peer_issuer
    if issuer is None or not subject.others or not subject.has(Capability.CERTIFICATE):
        return []
    name = peer_secret(subject.site)
    spec = {
        "secretName": name,
        "secretTemplate": {"labels": subject.labels},
        "uris": [identity_of(subject.site.metadata.name, subject.settings.installation)],
        "usages": ["digital signature", "server auth", "client auth"],
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        "duration": _LIFE,
        "renewBefore": _RENEW_BEFORE,
        "issuerRef": {"name": issuer.name, "kind": issuer.kind, "group": issuer.group},
    }
    return [subject.manifest("cert-manager.io/v1", "Certificate", name=name, spec=spec)]
