"""Starts a program that ends with the process that wanted it, even if that one is killed.

    python -m isochrone.local.tether PARENT-PID PROGRAM ARGUMENTS...

On Linux the kernel sees to it (`prctl(2)`, PR_SET_PDEATHSIG); elsewhere the program is started, and that is all.
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main(arguments: list[str]) -> None:
    """Become the program."""
    parent, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != int(parent):  # It ended before it could be asked for.
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
