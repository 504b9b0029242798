"""When the source was last read, and how long ago that is.

Age is what makes a gateway that lost its source stricter (docs/decisions/0002-residency-law.md, section 5), so nothing
may make an old config look fresh:

* A clock that is set back doesn't: within one process only a monotonic clock counts.
* A suspended machine doesn't: the clock is CLOCK_BOOTTIME, which goes on while it sleeps (clock_gettime(2)).
* A restart doesn't: the last contact is kept on disk with the wall time, and with the boot that it happened in. In
  the same boot, the boot clock still tells; the wall clock tells too, and the larger age counts.
* A wall clock that is behind the last contact (no battery, not yet synchronised) tells nothing, so after a reboot
  the age is infinite until it has caught up.
"""

import math
import pathlib
import time
from collections.abc import Callable
from typing import Final

import msgspec

_BOOT_ID: Final = pathlib.Path("/proc/sys/kernel/random/boot_id")
_TOLERANCE: Final = 5.0
"""Seconds that a wall clock may be corrected by without being called wrong."""


class Clock(msgspec.Struct, frozen=True):
    """The three ways to tell time; a test passes its own."""

    running: Callable[[], float]
    """Seconds since the boot, sleep included. The same in all processes of a machine."""
    wall: Callable[[], float]
    """Seconds since 1970."""
    boot: str
    """Which boot this is."""


class Contact(msgspec.Struct, frozen=True, rename="camel"):
    """One successful reading of the source.

    `running` is None where it is from another boot; `wall` is None where it was made by this very process.
    """

    running: float | None = None
    wall: float | None = None


class Kept(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A contact as it is kept on disk."""

    boot: str
    running: float
    wall: float


def system_clock() -> Clock:
    """The clocks of this machine. Without Linux's boot clock and id, only the wall clock outlives a process."""
    running: Callable[[], float] = time.monotonic
    boot = ""
    if hasattr(time, "CLOCK_BOOTTIME") and _BOOT_ID.exists():
        running = _boot_time
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    return Clock(running=running, wall=time.time, boot=boot)


def _boot_time() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def made(clock: Clock) -> Contact:
    """The source was read just now."""
    return Contact(running=clock.running())


def keep(contact: Contact, clock: Clock) -> Kept:
    """Put a contact of this process into the form that may be read after a restart."""
    age = age_seconds(contact, clock)
    return Kept(boot=clock.boot, running=clock.running() - age, wall=clock.wall() - age)


def restore(kept: Kept, clock: Clock) -> Contact:
    """The contact that an earlier process kept."""
    same_boot = bool(clock.boot) and kept.boot == clock.boot
    return Contact(running=kept.running if same_boot else None, wall=kept.wall)


def age_seconds(contact: Contact | None, clock: Clock) -> float:
    """How long ago; infinite where it can't be known."""
    if contact is None:
        return math.inf
    ages = [0.0]
    if contact.running is not None:
        ages.append(clock.running() - contact.running)
    if contact.wall is not None:
        ages.append(clock.wall() - contact.wall)
        if contact.running is None and ages[-1] < -_TOLERANCE:
            return math.inf
    return max(ages) if len(ages) > 1 else math.inf
