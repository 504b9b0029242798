"""What can be wrong with certificates. Messages say what to do, and hold nothing of a key."""


class CertificateError(Exception):
    """What is stored or was received can't be used."""


class Refused(CertificateError):  # noqa: N818 - it is what the authority says
    """A request that is not signed. The message says why."""
