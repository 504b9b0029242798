"""The command `isochrone-gateway`: from its first moment on it can be told to end.

As the first process of a container it has no default for signals, so whatever comes before somebody listens is lost.
To import all of a gateway takes a second or two, and a pod that is deleted meanwhile would be waited for until the end
of its grace period, which is minutes.
"""

import os
import signal


def main() -> int:
    """The exit code. Until the gateway listens for signals itself there is nothing to end in order."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    from isochrone_gateway.server.cli import main as run  # after somebody listens

    return run()
