"""Which slot each meter has, in the memory where workers show what they count: the same in all of them.

A meter that a config takes over from the one before keeps its slot, and with it what was used. A slot that no config
uses is given away again only when no worker runs a config that did: until then somebody may still count in it.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from isochrone_gateway.config import Config
from isochrone_gateway.config.rates import Rates


def key(name: str, rates: Rates) -> str:
    """What tells meters apart; one whose limits change is another one, and begins anew."""
    return f"{name} {rates.requests_per_minute} {rates.tokens_per_minute} {rates.concurrent_requests}"


def keys(config: Config) -> Iterator[str]:
    """All meters of a config that limit something."""
    for tenant in config.tenants.tenants:
        if tenant.limits != Rates():
            yield key(f"tenant {tenant.id}", tenant.limits)
    for provider in config.providers:
        if provider.limits != Rates():
            yield key(f"provider {provider.name}", provider.limits)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slots:
    """The slots of one config. `retired` says which config was the first without them; `size`, how many there are."""

    of: Mapping[str, int] = dataclasses.field(default_factory=dict)
    retired: Mapping[int, int] = dataclasses.field(default_factory=dict)
    size: int = 0

    def following(self, wanted: Iterable[str], *, number: int, oldest: int) -> "Slots":
        """The slots of the config with this number. `oldest` is the number of the oldest config that a worker runs."""
        free = [slot for slot, since in sorted(self.retired.items(), reverse=True) if since <= oldest]
        of, size = {}, self.size
        for each in wanted:
            if each in self.of:
                of[each] = self.of[each]
            elif free:
                of[each] = free.pop()
            else:
                of[each], size = size, size + 1
        used = set(of.values())
        dropped = dict.fromkeys(self.of.values(), number)
        retired = {slot: since for slot, since in (dropped | dict(self.retired)).items() if slot not in used}
        return Slots(of=of, retired=retired, size=size)
