"""Keeps anchors of sites' evidence in the hub, where whoever runs a site can't change them.

They are read and written once in a while, all in one ConfigMap: so evidence costs the hub two requests in five minutes,
however many sites there are, and none where nobody keeps any.
"""

import dataclasses
import logging
from collections.abc import Callable, Collection
from typing import Final

from isochrone.kube.election import NotLeadingError
from isochrone.kube.errors import ApiError, Conflict
from isochrone.kube.hub import Hub
from isochrone.model import Anchoring, SiteReport
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import rights
from isochrone.rollout import anchors

NAME: Final = rights.ANCHORS
_LOG: Final = logging.getLogger("isochrone.evidence")


class Anchors:
    """What is kept, as far as this replica knows."""

    def __init__(self, hub: Hub, clock: Callable[[], float], *, every: float) -> None:
        """`clock` and `every` are in seconds."""
        self._hub = hub
        self._clock = clock
        self._every = every
        self._due = clock()
        self._known = Anchoring()

    async def keep(self, reports: Collection[SiteReport]) -> Anchoring:
        """Take what sites say, if it is time to. What can't be done is part of the answer. Raises NotLeadingError."""
        if not anchors.is_kept(reports) or self._clock() < self._due:
            return self._known
        self._due = self._clock() + self._every
        try:
            self._known = await self._once(reports)
        except NotLeadingError:
            raise
        except Conflict:
            self._due = self._clock()  # Somebody has changed it meanwhile: it is read again.
        except (ApiError, ValueError) as error:
            self._known = dataclasses.replace(self._known, problem=f"ConfigMap {SYSTEM_NAMESPACE}/{NAME}: {error}")
            _LOG.warning("anchors of evidence can't be kept: %s", error)
        return self._known

    async def _once(self, reports: Collection[SiteReport]) -> Anchoring:
        """It is read each time: people remove from it what they have looked at."""
        item = await self._hub.kept(NAME)
        before = anchors.read((item or {}).get("data") or {})
        kept = anchors.taken(before, reports)
        if (data := anchors.data_of(kept)) != anchors.data_of(before):
            await self._hub.keep(NAME, data, item)
        return anchors.told(kept)
