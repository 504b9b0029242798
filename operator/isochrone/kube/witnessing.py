"""The key that signs the evidence of a site's gateway: made here, in the process that delivers to the site's cluster.

It goes nowhere but into the cluster's Secret, once, and is never replaced: who deletes the Secret has another one made.
A Secret of that name that isn't ours is left alone and used as it is. Only the public half is told.
"""

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final

from isochrone.api.conditions import Reason
from isochrone.certificates import CertificateError, EvidenceKey, evidence_key, new_evidence_key
from isochrone.kube.api import Api
from isochrone.kube.applying import fault_of
from isochrone.kube.errors import ApiError
from isochrone.kube.found import secret_of_system
from isochrone.kube.hub import secret_value
from isochrone.model import Fault, Parcel
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels
from isochrone.render.manifest import manifest
from isochrone.render.secrets import SIGNING_KEY, VERIFYING_KEY
from isochrone.rollout.actions import Identity

Json = Mapping[str, Any]

COMPONENT: Final = "evidence-key"


def secret_of(parcel: Parcel) -> Identity | None:
    """The Secret of the site's key, where it keeps evidence."""
    return ("v1", "Secret", SYSTEM_NAMESPACE, parcel.evidence_key) if parcel.evidence_key else None


def seen(ours: Iterable[Json]) -> str:
    """The public key of a site by what it has of ours, before anything is done about it; empty if there is none."""
    for item in ours:
        if item["kind"] == "Secret" and item["metadata"].get("labels", {}).get(labels.COMPONENT) == COMPONENT:
            return _decoded(item, VERIFYING_KEY)
    return ""


async def ensure(api: Api, parcel: Parcel, children: Mapping[Identity, Json]) -> tuple[str, Fault | None]:
    """The public key that the site's evidence is signed with, as PEM, and what could not be done about it."""
    key = secret_of(parcel)
    if key is None:
        return "", None
    subject = f"Secret {SYSTEM_NAMESPACE}/{parcel.evidence_key}"
    try:
        there = children.get(key) or await secret_of_system(api, parcel.evidence_key)
        if there is None:
            made = new_evidence_key()
            await api.apply(_secret(parcel, made))
            return made.public, None
        return evidence_key(_decoded(there, SIGNING_KEY)).public, None
    except ApiError as error:
        return "", fault_of(error, subject)
    except CertificateError as error:
        message = (
            f"{SIGNING_KEY}: {error}. Restore it; or delete the Secret to have another key made, and restart the pods"
        )
        return "", Fault(reason=Reason.DELIVERY_FAILED, subject=subject, message=message)


def _decoded(secret: Json, name: str) -> str:
    return (secret_value(secret, name) or b"").decode("ascii", errors="replace")


def _secret(parcel: Parcel, key: EvidenceKey) -> Json:
    marks = {
        **labels.shared_labels(parcel.installation),
        labels.EDGE_NODE: parcel.site,
        labels.COMPONENT: COMPONENT,
    }
    data = {
        name: base64.b64encode(text.encode()).decode()
        for name, text in ((SIGNING_KEY, key.private), (VERIFYING_KEY, key.public))
    }
    return manifest(
        "v1", "Secret", parcel.evidence_key, namespace=SYSTEM_NAMESPACE, labels=marks, type="Opaque", data=data
    )
