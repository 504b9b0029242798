"""Tells all sites that pull of a changed law, and remembers for a while that they were told."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from isochrone.kube import announcing
from isochrone.kube.errors import ApiError
from isochrone.kube.hub import Hub
from isochrone.model import Parcel, Revision
from isochrone.render.announced import announcement

Json = Mapping[str, Any]

_LOG = logging.getLogger("isochrone.delivery")
_PATIENCE: Final = 10.0
"""Seconds until what was announced is left in the parcels too: those who did not hear of it have it from there."""


class Announcer:
    """What was announced last."""

    def __init__(self, hub: Hub, clock: Callable[[], float]) -> None:
        self._hub = hub
        self._clock = clock
        self._item: Json | None = None
        self._revisions: dict[str, Revision] = {}
        self._at = 0.0

    async def announce(self, parcels: Iterable[Parcel]) -> None:
        """In these parcels nothing is new but the law. If it can't be said, they go the way that all parcels go."""
        told = {parcel.site: parcel for parcel in parcels}
        if not told:
            return
        data = announcing.written(announcement(told.values()))
        if data is None:
            _LOG.info("the law is too long to be announced: it goes to %d sites in their parcels", len(told))
            return
        before, self._item = self._item, None
        try:
            before = before or await self._hub.kept(announcing.NAME)
            self._item = await self._hub.keep(announcing.NAME, data, before)
        except ApiError as error:
            _LOG.warning("the law can't be announced: %s", error)
            return
        self._revisions = {site: parcel.revision for site, parcel in told.items()}
        self._at = self._clock()

    def is_telling(self, parcel: Parcel) -> bool:
        """Whether the site is about to hear of it, so that its parcel can wait."""
        return self._clock() - self._at < _PATIENCE and self._revisions.get(parcel.site) == parcel.revision
