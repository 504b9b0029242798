"""Names to addresses, remembered.

The event loop asks anew for each connection, and tries addresses one after the other. So we remember (the system's
resolver tells no TTL, hence one for all), keep the last good answer for when DNS fails, ask only once at a time for a
name, and put the families by turns (RFC 8305 section 4), those that failed lately last.
"""

import asyncio
import dataclasses
import ipaddress
import itertools
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

Lookup = Callable[[str], Awaitable[Sequence[str]]]
Clock = Callable[[], float]


class ResolveError(Exception):
    """The name has no address now."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ResolverSettings:
    """All in seconds."""

    ttl: float = 30.0
    stale: float = 3600.0
    """How long beyond `ttl` an answer is still used while asking fails."""
    negative: float = 1.0
    """For so long a failure is not asked about again."""
    patience: float = 5.0
    """A look-up that takes longer has failed."""
    avoid: float = 10.0
    """For so long an address that couldn't be connected to comes last."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Known:
    addresses: tuple[str, ...]
    asked: float


_DEFAULT: Final = ResolverSettings()
_AVOIDED_MAX: Final = 1024


class Resolver:
    """Remembers what names resolve to."""

    def __init__(self, lookup: Lookup, clock: Clock, settings: ResolverSettings = _DEFAULT) -> None:
        self._lookup = lookup
        self._clock = clock
        self._settings = settings
        self._known: dict[str, _Known] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._asking: dict[str, asyncio.Task[tuple[str, ...]]] = {}
        self._avoided: dict[str, float] = {}

    async def resolve(self, host: str) -> tuple[str, ...]:
        """Give at least one address, the most promising first, or raise ResolveError. A literal is its own answer."""
        if _is_literal(host):
            return (host.strip("[]"),)
        now = self._clock()
        known = self._known.get(host)
        if known is not None and now - known.asked < self._settings.ttl:
            return self._sorted(known.addresses, now)
        try:
            return self._sorted(await self._ask(host, now), self._clock())
        except ResolveError:
            if known is None or now - known.asked >= self._settings.ttl + self._settings.stale:
                raise
            return self._sorted(known.addresses, now)

    def avoid(self, address: str) -> None:
        """Try this address last for a while: it couldn't be connected to."""
        now = self._clock()
        if len(self._avoided) >= _AVOIDED_MAX:
            self._avoided = {known: until for known, until in self._avoided.items() if until > now}
        self._avoided[address] = now + self._settings.avoid

    async def close(self) -> None:
        """Stop asking."""
        tasks = tuple(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, host: str, now: float) -> tuple[str, ...]:
        failed = self._failed.get(host)
        if failed is not None and now - failed[0] < self._settings.negative:
            raise ResolveError(failed[1])
        task = self._asking.get(host)
        if task is None:
            task = self._asking[host] = asyncio.get_running_loop().create_task(self._find(host))
            task.add_done_callback(_retrieve)
        return await asyncio.shield(task)  # One that gives up waiting doesn't take the answer from the others.

    async def _find(self, host: str) -> tuple[str, ...]:
        problem = f"{host} has no address"
        addresses: tuple[str, ...] = ()
        try:
            async with asyncio.timeout(self._settings.patience):
                addresses = tuple(dict.fromkeys(await self._lookup(host)))
        except TimeoutError:
            problem = f"{host} could not be resolved within {self._settings.patience:g} s"
        except (OSError, UnicodeError) as error:  # UnicodeError: not a host name (RFC 3490)
            problem = f"{host} could not be resolved: {error}"
        finally:
            del self._asking[host]
        if not addresses:
            self._failed[host] = (self._clock(), problem)
            raise ResolveError(problem)
        self._failed.pop(host, None)
        self._known[host] = _Known(addresses, self._clock())
        return addresses

    def _sorted(self, addresses: tuple[str, ...], now: float) -> tuple[str, ...]:
        if len(addresses) == 1:
            return addresses
        return tuple(sorted(by_turns(addresses), key=lambda address: self._avoided.get(address, now) > now))


def by_turns(addresses: Sequence[str]) -> tuple[str, ...]:
    """Take the two families by turns, beginning with that of the first; within each, the order stays."""
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    second = [address for address in addresses if (":" in address) != (":" in addresses[0])]
    pairs = itertools.zip_longest(first, second)
    return tuple(address for pair in pairs for address in pair if address is not None)


async def system_lookup(host: str) -> tuple[str, ...]:
    """Ask the system (getaddrinfo, on another thread), which sorts by RFC 6724."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(str(entry[4][0]) for entry in found)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _retrieve(task: asyncio.Task[tuple[str, ...]]) -> None:
    """Look at the outcome, lest an answer that nobody waits for any more is reported as lost."""
    if not task.cancelled():
        task.exception()
