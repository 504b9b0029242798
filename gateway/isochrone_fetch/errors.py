"""What ends a run. The text is all that users see of it, as the pod's termination message."""


class FetchError(Exception):
    """It can't go on, and trying again now would not help."""


class BrokenOffError(Exception):
    """A connection failed or a server was busy: the same again may do."""
