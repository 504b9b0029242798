"""A bucket of an S3-compatible store: where it is, and what opens it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from isochrone.api.evidence_level import SHOWN, Evidence
from isochrone.api.scalars import HOSTNAME, PORT, HttpUrl, Jurisdiction, ObjectName, Text
from isochrone.api.schema import Model, Rule
from isochrone.api.selectors import SecretKeyRef

_ENDPOINT = rf"^https?://({HOSTNAME}|\[[0-9a-f:.]+\])(:{PORT})?/?$"
_PART = "[A-Za-z0-9_-][A-Za-z0-9._-]*"

BucketName = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", max_length=63)]
Prefix = Annotated[str, Field(pattern=f"^{_PART}(/{_PART})*$", max_length=256)]
Region = Annotated[str, Field(pattern="^[a-z0-9-]+$", max_length=64)]


class ObjectStorage(Model):
    """A bucket that closed files are copied to, each once."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule=f"self.endpoint.matches(r'{_ENDPOINT}')",
            message="endpoint is the store's address, as in https://s3.eu-central-1.amazonaws.com: a host in lower"
            " case, then a port if need be; the bucket has a field of its own",
            field=".endpoint",
        ),
        Rule(
            rule="!self.endpoint.startsWith('http://') || self.plaintext == 'Allow'",
            message="the endpoint must be https; set plaintext to Allow for a service in a network of your own",
            field=".endpoint",
        ),
        SHOWN,
    )

    endpoint: HttpUrl
    """The store's address, as in `https://s3.eu-central-1.amazonaws.com`. The bucket is named in the path."""
    plaintext: Literal["Deny", "Allow"] = "Deny"
    """Whether the endpoint may be plain http."""
    bucket: BucketName
    """Its name. Versions, retention (object lock) and encryption are the bucket's own: Isochrone deletes nothing."""
    prefix: Prefix | None = None
    """What names begin with, as in `evidence/2026`. After it come the site and the gateway pod."""
    region: Region = "us-east-1"
    """The store's name for its region, which requests are signed with. Stores without regions take us-east-1."""
    jurisdiction: Jurisdiction
    """Where the bucket is. Nothing is copied unless policies that let logs be at the site let them be there, too."""
    evidence: Evidence = Evidence.DECLARED
    """How well that is known."""
    evidence_ref: Text | None = None
    """The contract or attestation that shows it."""
    secret_name: ObjectName
    """A Secret of isochrone-system in the site's cluster, with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
    It needs the right s3:PutObject, and no other."""
    ca_secret_ref: SecretKeyRef | None = None
    """CA certificates to trust instead of the system's, in a Secret of isochrone-system in the site's cluster."""
