"""Who a gateway is: the authority of an installation's peers, the certificates that it signs, and how it is replaced.

    authority    a certificate that signs others, and its key
    request      made at a site: a key that never leaves it, and the request for its certificate
    signing      what an authority signs, and why not
    credentials  what a site holds: whom it trusts, its certificate, its key; when it has to ask for another
    rotation     one authority after another, so that at every moment all sites can verify each other
    stored       the state of that as a Secret
    index_key    the key that signs gateways' configs
    evidence_key a key that signs a site's evidence: made there, and its private half never leaves it
    ed25519      what such keys are as PEM

Pure but for keys and serial numbers, which the library draws. Keys are in no repr, no message and no log. What must not
be here: clusters, Secrets as objects, which site is which (`render` names identities and Secrets).
"""

from isochrone.certificates.authority import Authority, new_authority
from isochrone.certificates.credentials import Credentials, Due, bundle, due, installed
from isochrone.certificates.errors import CertificateError, Refused
from isochrone.certificates.evidence_key import EvidenceKey, evidence_key, key_id, new_evidence_key
from isochrone.certificates.index_key import IndexKey, new_index_key
from isochrone.certificates.request import Request, new_request
from isochrone.certificates.rotation import Decision, State, decide
from isochrone.certificates.signing import sign

__all__ = [
    "Authority",
    "CertificateError",
    "Credentials",
    "Decision",
    "Due",
    "EvidenceKey",
    "IndexKey",
    "Refused",
    "Request",
    "State",
    "bundle",
    "decide",
    "due",
    "evidence_key",
    "installed",
    "key_id",
    "new_authority",
    "new_evidence_key",
    "new_index_key",
    "new_request",
    "sign",
]
