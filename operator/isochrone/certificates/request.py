"""What a site makes when it needs a certificate: a new key, and a request that shows its public half (RFC 2986)."""

import dataclasses

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from isochrone.certificates import pem


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A key that stays at the site, and the request that goes to the hub, both as PEM.

    Nothing is lost with it: a site that starts anew before it is answered asks again.
    """

    csr: str
    key: str = dataclasses.field(repr=False)


def new_request(identity: str) -> Request:
    """A request for a certificate that says this URI and nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=True)
    return Request(csr=pem.written(builder.sign(key, hashes.SHA256())), key=pem.written_key(key))
