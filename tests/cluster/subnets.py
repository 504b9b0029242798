"""Networks of pods on this machine: a cluster's pods are in 10.N.0.0/16, what really runs of them in 127.N.0.0/16."""

import contextlib
import random
import socket
from collections.abc import Iterator

_NUMBERS = range(64, 256)
_CLAIM_PORT = 29_999


@contextlib.contextmanager
def reserved(count: int) -> Iterator[list[int]]:
    """Numbers that no other test run on this machine has now. A bound socket is the claim, which ends with us."""
    with contextlib.ExitStack() as stack:
        numbers: list[int] = []
        for number in random.sample(_NUMBERS, len(_NUMBERS)):
            if len(numbers) < count:
                with contextlib.suppress(OSError):
                    stack.enter_context(_claimed(number))
                    numbers.append(number)
        if len(numbers) < count:
            raise OSError(f"only {len(numbers)} of {count} networks for pods are free on this machine")
        yield numbers


def on_this_machine(address: str) -> str:
    """Where the pod 10.x.y.z is."""
    return f"127.{address.split('.', 1)[1]}"


def _claimed(number: int) -> socket.socket:
    claim = socket.socket()
    try:
        claim.bind((f"127.{number}.0.1", _CLAIM_PORT))
    except OSError:
        claim.close()
        raise
    return claim
